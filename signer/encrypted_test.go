package signer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// sealed is an encrypted document and a password that opens it; "" is the empty one.
type sealed struct {
	name     string
	password pdf.Password
	owner    bool
	unread   string // programs that can't read the input either
}

const owner = "chu-so-huu"

// sealedFiles are made of office.pdf by each method.
var sealedFiles = []sealed{
	{"rc4-40", "", false, ""}, {"rc4-128", "", false, ""}, {"rc4-128-v4", "", false, ""},
	{"aes-128", "", false, ""}, {"aes-128-clear-metadata", "", false, ""}, {"aes-128-object-streams", "", false, ""},
	{"aes-256", "", false, ""}, {"aes-256-clear-metadata", "", false, ""}, {"aes-256-linearized", "", false, ""},
	{"aes-256-r5", "", false, ""}, {"aes-256-no-owner", "", false, ""},
	{"rc4-40-password", "mat-khau", false, ""}, {"aes-128-password", "mat-khau", false, ""},
	{"aes-128-password", owner, true, ""}, {"aes-256-r5-password", "mat-khau", false, ""},
	{"aes-256-password", "mật khẩu Nghĩa", false, ""}, {"aes-256-password", "chủ sở hữu", true, ""},
	{"aes-128-restricted", "", false, ""}, {"aes-128-restricted", owner, true, ""}, {"rc4-40-no-changes", "", false, ""},
	{"rc4-80", "", false, ""}, {"direct", "", false, ""}, {"no-id", "", false, "qpdf"},
	{"length-in-bytes", "", false, "pdfsig pdftoppm"}, {"length-40-means-128", "", false, "pdfsig pdftoppm mutool"},
	{"identity-streams", "", false, "pdftoppm"}, {"identity-strings", "", false, "pdftoppm"}, {"crypt-filters", "", false, ""},
	{"startxref-wrong", "", false, ""}, {"aes-256-startxref-wrong", "", false, ""},
	{"aes-128-object-streams-startxref-wrong", "", false, "pdftoppm"}, {"aes-128-object-streams-startxref-wrong", owner, true, "pdftoppm"},
	{"attachments-only", "mat-khau", false, ""}, {"attachments-only", "", false, "pdfsig pdftoppm qpdf mutool"},
}

func (s sealed) String() string { return fmt.Sprintf("%s, password %q", s.name, string(s.password)) }

// args are a program's arguments for the password, before the file.
func (s sealed) args(program string) []string {
	if s.password == "" {
		return nil
	}
	flag := map[string]string{"pdfsig": "-upw", "pdftoppm": "-upw", "qpdf": "--password=", "mutool": "-p"}[program]
	if s.owner && flag == "-upw" {
		flag = "-opw"
	}
	if strings.HasSuffix(flag, "=") {
		return []string{flag + string(s.password)}
	}
	return []string{flag, string(s.password)}
}

// reads tells whether one of the programs opens the file.
func (s sealed) reads(programs string) bool {
	return slices.ContainsFunc(strings.Fields(programs), func(p string) bool { return !strings.Contains(s.unread, p) })
}

// TestEncryptedFiles signs each twice, unseen and seen, in a new field and in the one that is there, and shows the
// result to the programs that people have.
func TestEncryptedFiles(t *testing.T) {
	w := newWorld(t)
	for _, s := range sealedFiles {
		if testing.Short() && s.name != "aes-256" && s.name != "rc4-128" {
			continue
		}
		t.Run(s.String(), func(t *testing.T) {
			dir := t.TempDir()
			in := sample(t, "encrypted-"+s.name+".pdf")
			original := writeFile(t, filepath.Join(dir, "in.pdf"), in)
			opt := signer.Options{Password: s.password, Name: "Nguyễn Văn Nghĩa", Reason: "Ký duyệt", Location: "Hà Nội"}
			once, _ := w.sign(t, in, w.principal, opt)
			first := writeFile(t, filepath.Join(dir, "once.pdf"), once)
			checkSealedPDFSig(t, w, s, first, 1)
			before := renderSealed(t, s, original)
			if !bytes.Equal(before, renderSealed(t, s, first)) {
				t.Error("page 1 looks different")
			}
			opt.Field, opt.Visible = "hieu_truong", &signer.Visible{Lines: []string{"Ký bởi: Nguyễn Văn Nghĩa", "Chức vụ: Hiệu trưởng"}, Border: true}
			twice, _ := w.sign(t, once, w.seal, opt)
			second := writeFile(t, filepath.Join(dir, "twice.pdf"), twice)
			checkSealedPDFSig(t, w, s, second, 2)
			checkSealed(t, s, second, 2)
			if s.reads("pdftoppm mutool") && bytes.Equal(before, renderSealed(t, s, second)) {
				t.Error("the visible signature can't be seen")
			}
			if !bytes.HasPrefix(twice, once) || !bytes.HasPrefix(once, in) {
				t.Error("the input was changed")
			}
			checkSecret(t, s, twice[len(in):])
			validateSealed(t, w, s, twice, validation.ChangesPermitted, validation.ChangesNone)
		})
	}
}

// checkSealedPDFSig: all signatures are valid.
func checkSealedPDFSig(t *testing.T, w *world, s sealed, path string, n int) {
	t.Helper()
	if !s.reads("pdfsig") {
		return
	}
	out := mustRun(t, "pdfsig", slices.Concat([]string{"-no-ocsp", "-nssdir", "sql:" + w.nss}, s.args("pdfsig"), []string{path})...)
	for text, want := range map[string]int{
		"Signature is Valid.": n, "Certificate is Trusted.": n, "ETSI.CAdES.detached": n, "Total document signed": 1,
	} {
		if got := strings.Count(out, text); got != want {
			t.Errorf("pdfsig %s: %q %d times, want %d\n%s", path, text, got, want, out)
		}
	}
}

// checkSealed: the file is whole in qpdf, form and strings too, and the signatures valid in mutool.
func checkSealed(t *testing.T, s sealed, path string, n int) {
	t.Helper()
	if s.reads("qpdf") {
		if out, err := run(t, "qpdf", append(s.args("qpdf"), "--check", path)...); err != nil || strings.Contains(out, "WARNING") {
			t.Errorf("qpdf --check %s: %v\n%s", path, err, out)
		}
		form := mustRun(t, "qpdf", append(s.args("qpdf"), "--json", path)...)
		for text, want := range map[string]int{`"fullname": "hieu_truong"`: 1, `"fullname": "lop"`: 1, `"fullname": "Signature1"`: 1, `"value": "u:La 1"`: 1} {
			if got := strings.Count(form, text); got != want {
				t.Errorf("qpdf: %s %d times\n%s", text, got, form)
			}
		}
		var values []string // of the signatures, decrypted
		for _, line := range strings.Split(form, "\n") {
			if strings.Contains(line, `"/Reason": `) {
				values = append(values, strings.TrimSpace(line))
			}
		}
		if len(values) != n || !strings.Contains(values[0], "Ký duyệt") {
			t.Errorf("qpdf: reasons %q", values)
		}
	}
	if s.reads("mutool") {
		out := mustRun(t, "mutool", slices.Concat([]string{"sign", "-v"}, s.args("mutool"), []string{path})...)
		intact := strings.Count(out, "The document is unchanged since signing.") + strings.Count(out, "The signature is valid but")
		if intact != n || strings.Contains(out, "not signed") {
			t.Errorf("mutool sign -v %s: want %d signatures\n%s", path, n, out)
		}
	}
}

func renderSealed(t *testing.T, s sealed, path string) []byte {
	t.Helper()
	base := filepath.Join(t.TempDir(), "page")
	switch {
	case !s.reads("pdftoppm mutool"):
		return nil
	case !s.reads("pdftoppm"):
		mustRun(t, "mutool", slices.Concat([]string{"draw", "-o", base + ".png", "-r", "72"}, s.args("mutool"), []string{path, "1"})...)
	default:
		mustRun(t, "pdftoppm", slices.Concat([]string{"-png", "-r", "72", "-singlefile"}, s.args("pdftoppm"), []string{path, base})...)
	}
	b, err := os.ReadFile(base + ".png")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkSecret: what was added is not in the clear, but for what must be.
func checkSecret(t *testing.T, s sealed, added []byte) {
	t.Helper()
	if s.name == "identity-strings" || s.name == "attachments-only" {
		return
	}
	for _, text := range []string{"Nguyễn Văn Nghĩa", "Ký duyệt", "Hà Nội"} {
		if bytes.Contains(bytes.ToLower(added), fmt.Appendf(nil, "%x", pdf.TextString(text))) {
			t.Errorf("%q is not encrypted", text)
		}
	}
	if bytes.Contains(added, []byte("(Signature1)")) || bytes.Contains(added, []byte("(D:20")) {
		t.Error("a string is not encrypted")
	}
}

func validateSealed(t *testing.T, w *world, s sealed, b []byte, changes ...string) {
	t.Helper()
	r, err := validation.Validate(context.Background(), bytes.NewReader(b), int64(len(b)),
		validation.Options{Roots: w.roots, Offline: true, Password: s.password})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Signatures) != len(changes) {
		t.Fatalf("%d signatures", len(r.Signatures))
	}
	for i, sig := range r.Signatures {
		if sig.Indication != validation.TotalPassed || sig.LaterChanges != changes[i] || sig.Reason != "Ký duyệt" || sig.Location != "Hà Nội" ||
			sig.Name != "Nguyễn Văn Nghĩa" || sig.ClaimedTime.IsZero() {
			t.Errorf("signature %d: %s %s, changes %s, %q %q %q %v", i+1, sig.Indication, sig.SubIndication, sig.LaterChanges, sig.Name, sig.Reason, sig.Location, sig.Details)
		}
	}
}

// TestRestrictedFiles: what permissions leave out is told, but not to the owner; what can't be opened is refused.
func TestRestrictedFiles(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		name     string
		password pdf.Password
		code     string
		told     bool
	}{
		{"aes-128-restricted", "", "", true},
		{"aes-128-restricted", "sai-roi", "", true},
		{"aes-128-restricted", owner, "", false},
		{"aes-256-no-owner", "", "", false},
		{"rc4-128", "", "", false}, // form filling is left
		{"aes-128-password", "", signer.CodePasswordNeeded, false},
		{"aes-128-password", "sai-roi", signer.CodeWrongPassword, false},
		{"aes-256-password", "sai-roi", signer.CodeWrongPassword, false},
		{"for-recipients", "sai-roi", signer.CodeEncryptedForRecipients, false},
		{"unknown-handler", "sai-roi", signer.CodeEncryptionUnsupported, false},
	} {
		in := bytes.NewReader(sample(t, "encrypted-"+test.name+".pdf"))
		d, err := signer.Sign(context.Background(), in, w.deputy.key, w.deputy.chain, signer.Options{Password: test.password})
		if signer.CodeOf(err) != test.code {
			t.Errorf("%s, %q: %v, want %q", test.name, string(test.password), err, test.code)
		}
		if err == nil && slices.Contains(d.Notes(), signer.NoteRestricted) != test.told {
			t.Errorf("%s, %q: notes %v", test.name, string(test.password), d.Notes())
		}
		var failure *signer.Error
		if errors.As(err, &failure) && strings.Contains(fmt.Sprintf("%v %+v %#v", err, failure, failure.Params), "sai-roi") {
			t.Errorf("the password is in %v", err)
		}
	}
	if shown := fmt.Sprintf("%+v %#v", signer.Options{Password: "bi-mat"}, validation.Options{Password: "bi-mat"}); strings.Contains(shown, "bi-mat") {
		t.Errorf("the password is in %s", shown)
	}
}

// TestChangesInEncryptedFiles: later changes are judged by what objects mean, not by their bytes, which differ each
// time; and what was encrypted can't be altered unseen.
func TestChangesInEncryptedFiles(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"aes-256", "aes-128-object-streams", "rc4-128"} {
		signed, _ := w.sign(t, sample(t, "encrypted-"+name+".pdf"), w.principal, signer.Options{Name: "Nguyễn Văn Nghĩa", Reason: "Ký duyệt", Location: "Hà Nội"})
		for change, want := range map[string]string{
			"nothing":    validation.ChangesPermitted,
			"content":    validation.ChangesForbidden,
			"annotation": validation.ChangesSuspicious,
		} {
			f, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)))
			if err != nil {
				t.Fatal(err)
			}
			u := pdf.NewUpdate(f)
			page, err := f.Page(1)
			if err != nil {
				t.Fatal(err)
			}
			content := page.Dict["Contents"].(pdf.Ref)
			stream, err := f.Stream(content)
			if err != nil {
				t.Fatal(err)
			}
			annotations, err := f.Array(page.Dict["Annots"])
			if err != nil {
				t.Fatal(err)
			}
			note := annotations[2].(pdf.Ref)
			d, err := f.Dict(note)
			if err != nil || d["Contents"].(pdf.String).Text() != "xem lai" {
				t.Fatalf("annotation %v: %v", d, err)
			}
			switch change {
			case "content":
				data, err := f.RawData(stream)
				if err != nil {
					t.Fatal(err)
				}
				data[len(data)/2] ^= 1
				stream = &pdf.Stream{Dict: stream.Dict, Data: data}
			case "annotation":
				d["Contents"] = pdf.String("xem xet")
			}
			u.Set(content, stream) // encrypted anew
			u.Set(note, d)
			tail, err := u.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			b := slices.Concat(signed, tail)
			r, err := validation.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), validation.Options{Roots: w.roots, Offline: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Signatures[0].LaterChanges; got != want {
				t.Errorf("%s, %s changed: %s, want %s: %v", name, change, got, want, r.Signatures[0].Details)
			}
		}
	}
}

// TestEncryptionAddedLater: a signed document does not become an encrypted one.
func TestEncryptionAddedLater(t *testing.T) {
	w := newWorld(t)
	signed, _ := w.sign(t, sample(t, "office.pdf"), w.principal, signer.Options{})
	f, err := pdf.Open(bytes.NewReader(signed), int64(len(signed)))
	if err != nil {
		t.Fatal(err)
	}
	dict := fmt.Sprintf("<</Filter/Standard/V 4/R 4/P -4/O<%x>/U<%x>>>", make([]byte, 32), make([]byte, 32)) // all Identity
	last := f.Revisions()[len(f.Revisions())-1]
	at := len(signed)
	update := fmt.Sprintf("xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size %d/Prev %d/Root 1 0 R/Info 13 0 R/Encrypt%s>>\nstartxref\n%d\n%%%%EOF\n", 40, last.StartXRef, dict, at)
	b := slices.Concat(signed, []byte(update))
	r, err := validation.Validate(context.Background(), bytes.NewReader(b), int64(len(b)), validation.Options{Roots: w.roots, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Signatures[0]; s.LaterChanges != validation.ChangesForbidden || s.Indication != validation.TotalFailed {
		t.Errorf("%s, changes %s: %v", s.Indication, s.LaterChanges, s.Details)
	}
}
