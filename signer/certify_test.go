package signer_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// TestCertify certifies documents with each of the permissions and signs them once more: 1 forbids that, 2 and 3 allow
// it, and the certification stays valid.
func TestCertify(t *testing.T) {
	w := newWorld(t)
	usageRights := document(map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /Perms 50 0 R >>",
		50: "<< /UR3 51 0 R >>",
		51: "<< /Type /Sig /Filter /Adobe.PPKLite >>",
	})
	for name, in := range map[string][]byte{
		"plain": sample(t, "ke-hoach.pdf"), "no form": build(document(nil)), "form": build(document(forms["form direct"])),
		"usage rights": build(usageRights), "field": inField("", nil),
	} {
		for level := 1; level <= 3; level++ {
			t.Run(fmt.Sprintf("%s/%d", name, level), func(t *testing.T) {
				opt := signer.Options{Certify: level}
				if name == "field" {
					opt.Field, opt.Visible = "B", &signer.Visible{Lines: []string{"Chứng nhận"}}
				}
				out, d := w.sign(t, in, w.principal, opt)
				f := open(t, out)
				perms, err := f.Dict(catalog(t, f)["Perms"])
				if err != nil || perms["DocMDP"] == nil {
					t.Fatalf("permissions %v: %v", perms, err)
				}
				if name == "usage rights" && perms["UR3"] != pdf.Object(pdf.Ref{Number: 51}) {
					t.Errorf("permissions %v", perms)
				}
				for _, at := range mustFields(t, f) {
					if at.Name == d.Field() && at.Value != perms["DocMDP"] {
						t.Errorf("the certification is %v, the field has %v", perms["DocMDP"], at.Value)
					}
				}
				want := fmt.Sprintf("[<< /TransformMethod /DocMDP /TransformParams << /P %d /Type /TransformParams /V /1.2 >> /Type /SigRef >>]", level)
				if got := show(signatureOf(t, f, d.Field())["Reference"]); got != want {
					t.Errorf("reference %s", got)
				}
				if locks := len(d.Notes()) > 0; locks != (level == 1) {
					t.Errorf("notes %v", d.Notes())
				}
				path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out)
				checkPDFSig(t, w, path, 1)
				checkMutool(t, path, 1)
				checkQPDF(t, writeFile(t, filepath.Join(t.TempDir(), "in.pdf"), in), path)

				key := &countingKey{Signer: w.seal.key}
				next, err := signer.Sign(t.Context(), bytes.NewReader(out), key, w.seal.chain, signer.Options{Roots: w.roots})
				if level == 1 {
					if signer.CodeOf(err) != signer.CodeSigningForbidden || key.calls > 0 {
						t.Errorf("signed after P = 1: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				box := &signer.Visible{Page: 1, Rect: [4]float64{50, 50, 100, 40}, Lines: []string{"Dấu"}}
				_, err = signer.Sign(t.Context(), bytes.NewReader(out), key, w.seal.chain, signer.Options{Visible: box})
				if signer.CodeOf(err) != signer.CodeVisibleForbidden || key.calls > 1 {
					t.Errorf("new visible field after a certification: %v", err)
				}
				var twice bytes.Buffer
				if _, err := next.WriteTo(&twice); err != nil {
					t.Fatal(err)
				}
				if r := w.validate(t, twice.Bytes()); r.Indication() != validation.TotalPassed || r.Signatures[0].LaterChanges != validation.ChangesPermitted {
					t.Errorf("%+v", r)
				}
				checkPDFSig(t, w, writeFile(t, path, twice.Bytes()), 2)
			})
		}
	}
}

// TestCertifyLate: only the first signature can be a certification, and only one.
func TestCertifyLate(t *testing.T) {
	w := newWorld(t)
	signed, _ := w.sign(t, sample(t, "ke-hoach.pdf"), w.principal, signer.Options{})
	certified, _ := w.sign(t, sample(t, "ke-hoach.pdf"), w.principal, signer.Options{Certify: 3})
	orphan := build(document(map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /Perms << /DocMDP 51 0 R >> >>",
		51: "<< /Type /Sig /Filter /Adobe.PPKLite >>",
	}))
	for name, test := range map[string]struct {
		in      []byte
		certify int
	}{
		"signed": {signed, 2}, "certified": {certified, 3}, "a certification without a field": {orphan, 2},
		"no such permission": {sample(t, "ke-hoach.pdf"), 4}, "negative": {sample(t, "ke-hoach.pdf"), -1},
	} {
		key := &countingKey{Signer: w.deputy.key}
		_, err := signer.Sign(t.Context(), bytes.NewReader(test.in), key, w.deputy.chain, signer.Options{Certify: test.certify})
		if signer.CodeOf(err) != signer.CodeCertifyForbidden || key.calls > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A field that only looks signed is no signature.
	empty := inField("/V 60 0 R", nil)
	if _, d := w.sign(t, empty, w.deputy, signer.Options{Certify: 2}); d.Field() == "" {
		t.Error("no field")
	}
}

// TestCertifyInLockedField: a certification in a field with a lock says both.
func TestCertifyInLockedField(t *testing.T) {
	w := newWorld(t)
	in := inField("/Lock << /Action /Include /Fields [(SoTien)] >>", nil)
	out, _ := w.sign(t, in, w.principal, signer.Options{Field: "B", Certify: 2})
	references, err := open(t, out).Array(signatureOf(t, open(t, out), "B")["Reference"])
	if err != nil || len(references) != 2 {
		t.Fatalf("%v, %v", references, err)
	}
	for i, method := range []pdf.Name{"DocMDP", "FieldMDP"} {
		if d, _ := references[i].(pdf.Dict); d["TransformMethod"] != pdf.Object(method) {
			t.Errorf("reference %d is %v", i, d)
		}
	}
	out, _ = w.sign(t, out, w.seal, signer.Options{})
	path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out)
	checkPDFSig(t, w, path, 2)
	checkMutool(t, path, 2)
	if r := w.validate(t, out); r.Indication() != validation.TotalPassed {
		t.Errorf("%+v", r)
	}
}
