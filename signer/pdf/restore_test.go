package pdf

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// broken is a file whose startxref leads nowhere: catalog 1, page tree 2, page 3, content 4 and what else is given,
// in the order of writing.
func broken(objects ...string) []byte {
	b := []byte("%PDF-1.4\n")
	for _, o := range objects {
		b = fmt.Appendf(b, "%s\n", o)
	}
	return append(b, "trailer\n<</Root 1 0 R/Size 9>>\nstartxref\n7\n%%EOF\n"...)
}

// Objects of a document with one page.
const (
	brokenCatalog = "1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj"
	brokenPages   = "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj"
	brokenPage    = "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R>>\nendobj"
	brokenContent = "4 0 obj\n<</Length 3>>\nstream\nq Q\nendstream\nendobj"
)

// TestRestoreRefuses: files of which readers that make the cross-reference anew each in their own way see different
// documents.
func TestRestoreRefuses(t *testing.T) {
	whole := broken(brokenCatalog, brokenPages, brokenPage, brokenContent)
	for name, test := range map[string]struct {
		file []byte
		want string // "" = it is restored
	}{
		"one way to read it":                           {whole, ""},
		"an older page, replaced by the same number":   {broken(brokenCatalog, brokenPages, strings.Replace(brokenPage, "99 99", "10 10", 1), brokenPage, brokenContent), ""},
		"an object that nothing leads to stands twice": {broken(brokenCatalog, brokenPages, brokenPage, brokenContent, "8 0 obj\n1\nendobj", "8 0 obj\n2\nendobj"), ""},
		"two trailers with different catalogs": {
			append(bytes.Clone(broken(brokenCatalog, brokenPages, brokenPage, brokenContent, strings.Replace(brokenCatalog, "1 0 obj", "7 0 obj", 1))),
				"trailer\n<</Root 7 0 R/Size 9>>\nstartxref\n7\n%%EOF\n"...), "catalogs"},
		"no trailer and two catalogs": {
			bytes.Replace(broken(brokenCatalog, brokenPages, brokenPage, brokenContent, strings.Replace(brokenCatalog, "1 0 obj", "7 0 obj", 1)),
				[]byte("/Root 1 0 R"), nil, 1), "catalogs"},
		"a page in a stream that some readers look into": {
			broken(brokenCatalog, brokenPages, brokenPage, "4 0 obj\n<</Length "+fmt.Sprint(len(brokenPage))+">>\nstream\n"+brokenPage+"\nendstream\nendobj"), "3 0: it also begins elsewhere"},
		"an earlier one with a higher generation": {
			broken(brokenCatalog, brokenPages, strings.Replace(brokenPage, "3 0 obj", "3 1 obj", 1), brokenPage, brokenContent), "higher generation"},
	} {
		t.Run(name, func(t *testing.T) { restores(t, test.file, test.want) })
	}
}

func restores(t *testing.T, file []byte, want string) {
	t.Helper()
	f, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Rebuilt(); !ok {
		t.Fatal("the cross-reference is not broken")
	}
	v, err := f.Restore(context.Background(), "")
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && err == nil:
		t.Error("restored")
	case want != "" && (KindOf(err) != KindDamaged || !strings.Contains(err.Error(), want)):
		t.Errorf("%v, want %q", err, want)
	case err == nil && len(v.Revisions()) != 1:
		t.Errorf("%d revisions", len(v.Revisions()))
	}
}

// TestRestoreVectors: an update of a restored file brings a whole cross-reference.
func TestRestoreVectors(t *testing.T) {
	for name, want := range readExpectations(t) {
		if name == "encrypted-trailers-differ.pdf" || !strings.Contains(want, "rebuilt") && !strings.Contains(want, "misplaced") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pdf", name))
			if err != nil {
				t.Fatal(err)
			}
			f, err := Open(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			v, err := f.Restore(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			u := NewUpdate(v)
			u.Add(Dict{"Note": String("x")})
			tail, err := u.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			out := append(bytes.Clone(file), tail...)
			g, err := Open(bytes.NewReader(out), int64(len(out)))
			if err != nil {
				t.Fatal(err)
			}
			if reason, rebuilt := g.Rebuilt(); rebuilt {
				t.Error(reason)
			}
			if at, found, err := g.Misplaced(t.Context(), 0); err != nil || found {
				t.Errorf("misplaced %v: %v", at, err)
			}
		})
	}
}

// TestRestoreEncrypted: all trailers must lead to the same key, and a stray one may say that there is one.
func TestRestoreEncrypted(t *testing.T) {
	vector := func(name string) []byte {
		file, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pdf", name))
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	restores(t, vector("encrypted-trailers-differ.pdf"), "what the key is made of")
	whole := vector("encrypted-startxref-wrong.pdf")
	restores(t, whole, "")
	restores(t, bytes.Replace(whole, []byte("1 0 obj"), []byte("trailer\n<</Root 1 0 R>>\n1 0 obj"), 1), "take the file for encrypted")
	restores(t, bytes.Replace(whole, []byte("1 0 obj"), []byte("3 9 obj\n<</Type/Page>>\nendobj\n1 0 obj"), 1), "3 0: an earlier one")

	stray := append(vector("one-offset-wrong.pdf"), "trailer\n<</Root 1 0 R/Encrypt<</Filter/Standard/V 1/R 2/P -4>>>>\n"...)
	f, err := Open(bytes.NewReader(stray), int64(len(stray)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Restore(t.Context(), ""); KindOf(err) != KindDamaged || !strings.Contains(err.Error(), "encrypted") {
		t.Errorf("stray trailer: %v", err)
	}
}
