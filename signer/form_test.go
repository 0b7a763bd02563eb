package signer_test

import (
	"bytes"
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// forms are the ways in which files keep their form and their annotations.
var forms = map[string]map[int]string{
	"no form":          {},
	"form direct":      {1: "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [10 0 R] /DA (/Helv 0 Tf) /DR << /Font << /Helv 7 0 R >> >> /NeedAppearances false >> >>"},
	"form indirect":    {1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R >>", 11: "<< /Fields [10 0 R] /XFA 12 0 R /SigFlags 1 >>", 12: "[(a) 13 0 R]", 13: "<< /Length 3 >>\nstream\n<a>\nendstream"},
	"fields indirect":  {1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 11 0 R >>", 11: "<< /Fields 12 0 R /SigFlags 3 >>", 12: "[10 0 R]"},
	"form null":        {1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 50 0 R >>"},
	"form of form":     {1: "<< /Type /Catalog /Pages 2 0 R /AcroForm 14 0 R >>", 14: "11 0 R", 11: "<< /Fields 15 0 R >>", 15: "12 0 R", 12: "[10 0 R]"},
	"no fields":        {1: "<< /Type /Catalog /Pages 2 0 R /AcroForm << >> >>"},
	"annots direct":    {3: "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [10 0 R] >>"},
	"annots indirect":  {3: "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots 16 0 R >>", 16: "[10 0 R]"},
	"annots null":      {3: "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots 60 0 R >>"},
	"annots shared":    {3: "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots 16 0 R >>", 4: "<< /Type /Page /Parent 2 0 R /Contents 6 0 R /Annots 16 0 R >>", 16: "[10 0 R]"},
	"annots and links": {3: "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] >> 10 0 R] >>"},
}

const textField = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (Signature1) /V (chu) /Rect [10 10 90 30] /P 3 0 R >>"

func TestFormIsKept(t *testing.T) {
	w := newWorld(t)
	for name, objects := range forms {
		t.Run(name, func(t *testing.T) {
			all := document(objects)
			all[10] = textField
			in := build(all)
			before := open(t, in)
			fields := mustFields(t, before)
			out := in
			for _, who := range []identity{w.deputy, w.principal} {
				out, _ = w.sign(t, out, who, signer.Options{})
			}
			after := open(t, out)
			compareDict(t, "catalog", catalog(t, before), catalog(t, after), "AcroForm")
			for n := 1; n <= 2; n++ {
				compareDict(t, "page", page(t, before, n).Dict, page(t, after, n).Dict, "Annots")
				was, _ := before.Array(page(t, before, n).Dict["Annots"])
				now, _ := after.Array(page(t, after, n).Dict["Annots"])
				want := len(was)
				if n == 1 {
					want += 2
				}
				if len(now) != want || len(was) > 0 && !reflect.DeepEqual(was, now[:len(was)]) {
					t.Errorf("page %d: annotations were %v, are %v", n, was, now)
				}
			}
			wasForm, _ := before.Dict(catalog(t, before)["AcroForm"])
			nowForm, _ := after.Dict(catalog(t, after)["AcroForm"])
			compareDict(t, "form", wasForm, nowForm, "Fields", "SigFlags")
			if flags, _ := after.Integer(nowForm["SigFlags"]); flags != 3 {
				t.Errorf("SigFlags %d", flags)
			}
			now := mustFields(t, after)
			if len(now) != len(fields)+2 {
				t.Fatalf("fields were %v, are %v", fields, now)
			}
			names := map[string]bool{}
			for _, f := range now {
				if names[f.Name] {
					t.Errorf("two fields are named %s", f.Name)
				}
				names[f.Name] = true
			}
			if r := w.validate(t, out); r.Indication() != validation.TotalPassed || len(r.Signatures) != 2 {
				t.Errorf("%+v", r)
			}
			dir := t.TempDir()
			path := writeFile(t, filepath.Join(dir, "out.pdf"), out)
			checkPDFSig(t, w, path, 2)
			checkQPDF(t, writeFile(t, filepath.Join(dir, "in.pdf"), in), path)
		})
	}
}

// nested is a form with an empty signature field below a group, its widget a kid on page 2.
var nested = map[int]string{
	1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [20 0 R 10 0 R] >> >>",
	4:  "<< /Type /Page /Parent 2 0 R /Contents 6 0 R /Annots [22 0 R] /Rotate 90 >>",
	10: textField,
	20: "<< /T (BanGiamHieu) /Kids [21 0 R] >>",
	21: "<< /Parent 20 0 R /FT /Sig /T <FEFF0048006900EA0323> /Kids [22 0 R] >>",
	22: "<< /Type /Annot /Subtype /Widget /Parent 21 0 R /Rect [300 100 360 300] /P 4 0 R /F 4 >>",
}

func TestExistingField(t *testing.T) {
	w := newWorld(t)
	in := build(document(nested))
	name := mustFields(t, open(t, in))[0].Name
	if !strings.HasPrefix(name, "BanGiamHieu.") {
		t.Fatalf("field is called %q", name)
	}
	out, d := w.sign(t, in, w.principal, signer.Options{Field: name, Visible: &signer.Visible{Lines: []string{"Đã ký"}, Border: true}})
	if d.Field() != name {
		t.Errorf("signed in %q", d.Field())
	}
	f := open(t, out)
	if n := len(mustFields(t, f)); n != 2 {
		t.Errorf("%d fields", n)
	}
	widget, _ := f.Dict(pdf.Ref{Number: 22})
	if widget["AP"] == nil {
		t.Error("the widget has no appearance")
	}
	out2, _ := w.sign(t, out, w.deputy, signer.Options{})
	for _, b := range [][]byte{out, out2} {
		if r := w.validate(t, b); r.Indication() != validation.TotalPassed {
			t.Errorf("%+v", r)
		}
	}
	for field, code := range map[string]string{
		name: signer.CodeFieldTaken, "Signature1": signer.CodeFieldTaken, "Không có": signer.CodeFieldNotFound,
	} {
		_, err := signer.Sign(context.Background(), bytes.NewReader(out), w.deputy.key, w.deputy.chain, signer.Options{Field: field})
		if signer.CodeOf(err) != code {
			t.Errorf("field %q: %v, want %s", field, err, code)
		}
	}
	_, err := signer.Sign(context.Background(), bytes.NewReader(in), w.deputy.key, w.deputy.chain,
		signer.Options{Field: name, Visible: &signer.Visible{Page: 1, Rect: [4]float64{1, 1, 50, 50}}})
	if signer.CodeOf(err) != signer.CodeBadBox {
		t.Errorf("box for a field with a place: %v", err)
	}
}

// TestForbidden signs what an earlier signature forbids to sign. The signatures are forms only: what they forbid is
// read before any of them is judged.
func TestForbidden(t *testing.T) {
	w := newWorld(t)
	signature := func(extra string) map[int]string {
		return document(map[int]string{
			1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [30 0 R 40 0 R] /SigFlags 3 >> >>",
			3:  "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [30 0 R 40 0 R] >>",
			30: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (A) /V 31 0 R /Rect [0 0 0 0] /P 3 0 R " + extra + " >>",
			31: "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 1 2 3] /Contents <00> /Reference 32 0 R >>",
			32: "[]",
			40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect [0 0 0 0] /P 3 0 R >>",
		})
	}
	with := func(reference string) map[int]string {
		all := signature("")
		all[32] = "[" + reference + "]"
		return all
	}
	mdp := func(params string) string {
		return "<< /Type /SigRef /TransformMethod /DocMDP /TransformParams << /Type /TransformParams " + params + " >> >>"
	}
	lock := func(params string) string {
		return "<< /Type /SigRef /TransformMethod /FieldMDP /TransformParams << /Type /TransformParams " + params + " >> >>"
	}
	perms := signature("")
	perms[1] = "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [40 0 R] >> /Perms << /DocMDP 31 0 R >> >>"
	perms[32] = "[" + mdp("/P 1") + "]"
	seed := signature("")
	seed[40] = "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect [0 0 0 0] /SV << /Ff 2 /SubFilter [/adbe.pkcs7.sha1] >> >>"
	for _, test := range []struct {
		name    string
		objects map[int]string
		field   string
		code    string
	}{
		{"P=1", with(mdp("/P 1")), "", signer.CodeSigningForbidden},
		{"P=1 in permissions", perms, "", signer.CodeSigningForbidden},
		{"P=2", with(mdp("/P 2")), "", ""},
		{"no P", with(mdp("")), "", ""},
		{"lock with P=1", signature("/Lock << /Action /Include /Fields [(X)] /P 1 >>"), "", signer.CodeSigningForbidden},
		{"lock all, new field", with(lock("/Action /All")), "", signer.CodeFieldLocked},
		{"lock named, that field", with(lock("/Action /Include /Fields [(B)]")), "B", signer.CodeFieldLocked},
		{"lock named, another field", with(lock("/Action /Include /Fields [(C)]")), "B", ""},
		{"lock all but named, that field", with(lock("/Action /Exclude /Fields [(B)]")), "B", ""},
		{"lock all but named, new field", with(lock("/Action /Exclude /Fields [(B)]")), "", signer.CodeFieldLocked},
		{"seed value", seed, "B", signer.CodeFieldDemands},
		{"seed value of another field", seed, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			key := &countingKey{Signer: w.deputy.key}
			_, err := signer.Sign(context.Background(), bytes.NewReader(build(test.objects)), key, w.deputy.chain, signer.Options{Field: test.field})
			// The signatures that are there are none, so that without a refusal ours only fails later.
			if code := signer.CodeOf(err); code != test.code && (test.code != "" || code != signer.CodeSelfCheckFailed) {
				t.Errorf("%v", err)
			}
			if test.code != "" && key.calls != 0 {
				t.Error("the key was used")
			}
		})
	}
}

// TestLockIsEnforced: a field with a lock makes a signature that says so.
func TestLockIsEnforced(t *testing.T) {
	w := newWorld(t)
	in := build(document(map[int]string{
		1:  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [40 0 R] >> >>",
		3:  "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Annots [40 0 R] >>",
		40: "<< /Type /Annot /Subtype /Widget /FT /Sig /T (B) /Rect [0 0 0 0] /P 3 0 R /Lock << /Type /SigFieldLock /Action /All >> >>",
	}))
	out, _ := w.sign(t, in, w.deputy, signer.Options{Field: "B"})
	_, err := signer.Sign(context.Background(), bytes.NewReader(out), w.deputy.key, w.deputy.chain, signer.Options{})
	if signer.CodeOf(err) != signer.CodeFieldLocked {
		t.Errorf("signing after a lock of all fields: %v", err)
	}
}

func mustFields(t testing.TB, f *pdf.File) []pdf.Field {
	t.Helper()
	fields, err := f.Fields()
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

func catalog(t testing.TB, f *pdf.File) pdf.Dict {
	t.Helper()
	_, d, err := f.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func page(t testing.TB, f *pdf.File, n int) pdf.Page {
	t.Helper()
	p, err := f.Page(n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// compareDict wants every key of was in now, and no others but the named.
func compareDict(t testing.TB, what string, was, now pdf.Dict, except ...pdf.Name) {
	t.Helper()
	was, now = was.Clone(), now.Clone()
	for _, k := range except {
		delete(was, k)
		delete(now, k)
	}
	if !reflect.DeepEqual(was, now) {
		t.Errorf("%s was %v, is %v", what, was, now)
	}
}
