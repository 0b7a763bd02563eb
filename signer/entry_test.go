package signer_test

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// blanks are the fields that a draft is prepared with: number and day on page 1, the seal on page 2.
func blanks() []signer.BlankField {
	return []signer.BlankField{
		{Name: "DocNumber", Label: "Số văn bản", Page: 1, Rect: signer.TextRect(100, 130, 600, 13), Size: 13},
		{Name: "IssuedDay", Label: "Ngày ban hành", Page: 1, Rect: signer.TextRect(300, 325, 600, 13), Size: 13},
		{Name: "Seal", Signature: true, Page: 2, Rect: [4]float64{280, 200, 102, 102}},
	}
}

// prepared is a draft with fields.
func prepared(t testing.TB, draft []byte) []byte {
	t.Helper()
	p, err := signer.Prepare(t.Context(), bytes.NewReader(draft))
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.AddFields(t.Context(), blanks())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := d.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out.Bytes(), draft) {
		t.Error("the draft's bytes were changed")
	}
	return out.Bytes()
}

var drafts = map[string]func() []byte{
	"no form": func() []byte { return build(document(nil)) },
	"turned": func() []byte {
		return build(document(map[int]string{3: "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Rotate 90 /MediaBox [0 0 842 842] >>"}))
	},
	"form with resources": func() []byte {
		return build(document(map[int]string{
			1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm 40 0 R >>",
			40: "<< /Fields [] /DR 41 0 R /DA (/Helv 0 Tf 0 g) >>",
			41: "<< /Font 42 0 R >>", 42: "<< /Helv 7 0 R >>",
		}))
	},
}

// TestIssueInOnePass: a prepared draft is signed by the leader; then number and day are filled in and the seal is put on
// by one update, and the leader's signature takes it for a permitted change: an approval, and a certification that allows
// filling in.
func TestIssueInOnePass(t *testing.T) {
	w := newWorld(t)
	seal := sealPicture(t, false)
	for name, draft := range drafts {
		for certify := range 4 {
			t.Run(fmt.Sprintf("%s/%d", name, certify), func(t *testing.T) {
				dir := t.TempDir()
				in := prepared(t, draft())
				signed, _ := w.sign(t, in, w.principal, signer.Options{Certify: certify})
				key := &countingKey{Signer: w.seal.key}
				issue := signer.Options{
					Roots: w.roots, Field: "Seal", Visible: &signer.Visible{Image: seal},
					Entries: []signer.Entry{{Field: "DocNumber", Text: "07"}, {Field: "IssuedDay", Text: "26"}},
				}
				d, err := signer.Sign(t.Context(), bytes.NewReader(signed), key, w.seal.chain, issue)
				if certify == 1 {
					if signer.CodeOf(err) != signer.CodeSigningForbidden || key.calls > 0 {
						t.Fatalf("%v, the key was used %d times", err, key.calls)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if _, err := d.WriteTo(&out); err != nil {
					t.Fatal(err)
				}
				if key.calls != 1 || !bytes.HasPrefix(out.Bytes(), signed) {
					t.Errorf("%d uses of the key", key.calls)
				}
				r := w.validate(t, out.Bytes())
				if len(r.Signatures) != 2 || r.Indication() != validation.TotalPassed || r.Signatures[0].LaterChanges != validation.ChangesPermitted ||
					r.Signatures[1].LaterChanges != validation.ChangesNone {
					t.Errorf("%+v", r)
				}
				f := open(t, out.Bytes())
				if n := len(f.Revisions()); n != len(open(t, signed).Revisions())+1 {
					t.Errorf("%d revisions", n)
				}
				for _, field := range mustFields(t, f) {
					if field.Type == "Tx" && field.Flags&1 == 0 {
						t.Errorf("%s can be changed", field.Name)
					}
				}
				path := writeFile(t, filepath.Join(dir, "issued.pdf"), out.Bytes())
				keepLook(t, path)
				// The seal's field stands before the leader's in the form: pdfsig tells of it first.
				sigs := mustRun(t, "pdfsig", "-no-ocsp", "-nssdir", "sql:"+w.nss, path)
				if strings.Count(sigs, "Signature is Valid.") != 2 || strings.Count(sigs, "Certificate is Trusted.") != 2 || strings.Count(sigs, "Total document signed") != 1 {
					t.Errorf("pdfsig:\n%s", sigs)
				}
				checkMutool(t, path, 2)
				checkQPDF(t, writeFile(t, filepath.Join(dir, "draft.pdf"), draft()), path)
				if text := mustRun(t, "pdftotext", "-layout", path, "-"); !strings.Contains(text, "07") || !strings.Contains(text, "26") {
					t.Errorf("the page says %q", text)
				}
				if fonts := mustRun(t, "pdffonts", path); strings.Count(fonts, "LiberationSerif") != 1 || !strings.Contains(fonts, "WinAnsi          yes yes") {
					t.Errorf("fonts:\n%s", fonts)
				}
				checkInk(t, path)
			})
		}
	}
}

// checkInk: number and day are black and stand where the fields are, the seal is red.
func checkInk(t *testing.T, path string) {
	t.Helper()
	dark := func(page, x, y, width, height int, test func(r, g, b uint32) bool) bool {
		m, err := png.Decode(bytes.NewReader(render(t, path, page)))
		if err != nil {
			t.Fatal(err)
		}
		top := m.Bounds().Dy() - y - height
		for py := top; py < top+height; py++ {
			for px := x; px < x+width; px++ {
				if r, g, b, _ := m.At(px, py).RGBA(); test(r>>8, g>>8, b>>8) {
					return true
				}
			}
		}
		return false
	}
	black := func(r, g, b uint32) bool { return r < 100 && g < 100 && b < 100 }
	for _, x := range []int{100, 300} {
		if !dark(1, x, 600, 30, 9, black) {
			t.Errorf("nothing is written at %d", x)
		}
		if dark(1, x, 612, 30, 20, black) || dark(1, x, 570, 30, 25, black) {
			t.Errorf("something is written beside the line at %d", x)
		}
	}
	if !dark(2, 280, 200, 100, 100, func(r, g, b uint32) bool { return r > 180 && g < 120 && b < 120 }) {
		t.Error("there is no seal")
	}
}

// keepLook keeps a file to look at where SOKYSO_LOOK names a folder.
func keepLook(t *testing.T, path string) {
	if folder := os.Getenv("SOKYSO_LOOK"); folder != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(folder, strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())+".pdf"), b)
	}
}

// TestEntriesRefused: before the key is used.
func TestEntriesRefused(t *testing.T) {
	w := newWorld(t)
	in := prepared(t, build(document(nil)))
	locked := build(document(map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [40 0 R 41 0 R] >> >>",
		3:  "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [40 0 R 41 0 R] >>",
		40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect [0 0 0 0] /P 3 0 R /Lock << /Type /SigFieldLock /Action /Include /Fields [(DocNumber)] >> >>",
		41: "<< /Type /Annot /Subtype /Widget /FT /Tx /T (DocNumber) /Rect [100 600 130 615] /P 3 0 R >>",
	}))
	locked, _ = w.sign(t, locked, w.principal, signer.Options{Field: "B"})
	issued, _ := w.sign(t, in, w.seal, signer.Options{Entries: []signer.Entry{{Field: "DocNumber", Text: "07"}}})
	narrow := build(document(map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [41 0 R] >> >>",
		3:  "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [41 0 R] >>",
		41: "<< /Type /Annot /Subtype /Widget /FT /Tx /T (DocNumber) /Rect [100 600 103 615] /P 3 0 R >>",
	}))
	for name, test := range map[string]struct {
		in      []byte
		entries []signer.Entry
		want    string
	}{
		"no such field":    {in, []signer.Entry{{Field: "Nothing", Text: "07"}}, signer.CodeEntryNotFound},
		"a signature's":    {in, []signer.Entry{{Field: "Seal", Text: "07"}}, signer.CodeEntryNotFound},
		"twice":            {in, []signer.Entry{{Field: "DocNumber", Text: "07"}, {Field: "DocNumber", Text: "08"}}, signer.CodeEntryTaken},
		"filled in":        {issued, []signer.Entry{{Field: "DocNumber", Text: "08"}}, signer.CodeEntryTaken},
		"locked":           {locked, []signer.Entry{{Field: "DocNumber", Text: "07"}}, signer.CodeFieldLocked},
		"no room":          {narrow, []signer.Entry{{Field: "DocNumber", Text: "1234"}}, signer.CodeEntryTooSmall},
		"not of this font": {in, []signer.Entry{{Field: "DocNumber", Text: "số"}}, signer.CodeBadText},
	} {
		key := &countingKey{Signer: w.seal.key}
		_, err := signer.Sign(t.Context(), bytes.NewReader(test.in), key, w.seal.chain, signer.Options{Entries: test.entries})
		if signer.CodeOf(err) != test.want || key.calls > 0 {
			t.Errorf("%s: %v, want %s; the key was used %d times", name, err, test.want, key.calls)
		}
	}
}

// TestNoFieldsAfterwards: fields are added before the first signature, and once.
func TestNoFieldsAfterwards(t *testing.T) {
	w := newWorld(t)
	signed, _ := w.sign(t, build(document(nil)), w.principal, signer.Options{})
	for want, in := range map[string][]byte{signer.CodeFieldsTooLate: signed, signer.CodeFieldsPresent: prepared(t, build(document(nil)))} {
		p, err := signer.Prepare(t.Context(), bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.AddFields(t.Context(), blanks()); signer.CodeOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestFormFields: what can still be filled in or signed, where it is seen, on pages turned each way.
func TestFormFields(t *testing.T) {
	w := newWorld(t)
	for _, rotate := range []int{0, 90, 180, 270} {
		in := prepared(t, build(document(map[int]string{
			3: fmt.Sprintf("<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Rotate %d /MediaBox [10 20 842 862] >>", rotate),
		})))
		p, err := signer.Prepare(t.Context(), bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		found, err := p.FormFields()
		if err != nil || len(found) != 3 {
			t.Fatalf("%v, %v", found, err)
		}
		for i, want := range blanks() {
			got := found[i]
			for n := range want.Rect {
				if d := got.Rect[n] - want.Rect[n]; d < -0.01 || d > 0.01 {
					t.Errorf("turned by %d, %s: %v, want %v", rotate, want.Name, got.Rect, want.Rect)
					break
				}
			}
			if got.Name != want.Name || got.Label != want.Label || got.Signature != want.Signature || !got.Empty || got.Page != want.Page {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		issued, _ := w.sign(t, in, w.seal, signer.Options{Field: "Seal", Entries: []signer.Entry{{Field: "IssuedDay", Text: "05"}}})
		if p, err = signer.Prepare(t.Context(), bytes.NewReader(issued)); err != nil {
			t.Fatal(err)
		}
		if found, err = p.FormFields(); err != nil || len(found) != 3 || !found[0].Empty || found[1].Empty || found[1].Value != "05" || found[2].Empty {
			t.Errorf("afterwards %v, %v", found, err)
		}
	}
}

// TestLyingEntryFont: a font of our font's name that is another is not written with.
func TestLyingEntryFont(t *testing.T) {
	w := newWorld(t)
	in := build(document(map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [41 0 R] /DR << /Font << /SokysoSerif 7 0 R >> >> >> >>",
		3:  "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [41 0 R] >>",
		41: "<< /Type /Annot /Subtype /Widget /FT /Tx /T (DocNumber) /Rect [100 600 140 615] /P 3 0 R /DA (/SokysoSerif 12 Tf) >>",
	}))
	out, _ := w.sign(t, in, w.seal, signer.Options{Entries: []signer.Entry{{Field: "DocNumber", Text: "07"}}})
	f := open(t, out)
	for _, field := range mustFields(t, f) {
		if field.Name != "DocNumber" {
			continue
		}
		ap, err := f.Dict(field.Dict["AP"])
		if err != nil {
			t.Fatal(err)
		}
		o, err := f.Resolve(ap["N"])
		if err != nil {
			t.Fatal(err)
		}
		resources, err := f.Dict(o.(*pdf.Stream).Dict["Resources"])
		if err != nil {
			t.Fatal(err)
		}
		fonts, err := f.Dict(resources["Font"])
		if err != nil || fonts["SokysoSerif"] == pdf.Object(pdf.Ref{Number: 7}) {
			t.Errorf("written with the font that was there: %v, %v", fonts, err)
		}
	}
}
