package signer_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sokyso/signer"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// archives are documents that claim a part of PDF/A: with an output intent, and without one.
func archives(t testing.TB) map[string][]byte {
	xmp := `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"><pdfaid:part>3</pdfaid:part></rdf:Description></rdf:RDF></x:xmpmeta>`
	return map[string][]byte{
		"1": sample(t, "luu-tru-a1.pdf"), "2": sample(t, "luu-tru-a2.pdf"),
		"3": build(document(map[int]string{
			1: "<< /Type /Catalog /Pages 2 0 R /Metadata 30 0 R >>", 3: "<< /Type /Page /Parent 2 0 R /Contents 20 0 R >>", 4: "<< /Type /Page /Parent 2 0 R /Contents 20 0 R >>",
			20: "<< /Length 0 >>\nstream\n\nendstream", 30: fmt.Sprintf("<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%s\nendstream", len(xmp), xmp),
		})),
	}
}

// TestArchivesStayArchives: what a signature, its picture, fields and entries add to a document that claims PDF/A keeps
// to what can be checked here: no transparency in part 1, nor where the colours are not known; no colours of a device
// that is not named;
// fonts embedded and listed; annotations that print, with one appearance.
func TestArchivesStayArchives(t *testing.T) {
	w := newWorld(t)
	for part, in := range archives(t) {
		t.Run(part, func(t *testing.T) {
			p, err := signer.Prepare(t.Context(), bytes.NewReader(in))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.ArchivePart(); fmt.Sprint(got) != part {
				t.Fatalf("part %d", got)
			}
			fields := blanks()
			fields[0].Rect, fields[1].Rect = signer.TextRect(60, 90, 420, 13), signer.TextRect(260, 285, 420, 13)
			fields[2].Page, fields[2].Rect = 1, [4]float64{280, 100, 102, 102}
			d, err := p.AddFields(t.Context(), fields)
			if err != nil {
				t.Fatal(err)
			}
			var prepared bytes.Buffer
			if _, err := d.WriteTo(&prepared); err != nil {
				t.Fatal(err)
			}
			box := &signer.Visible{Page: 1, Rect: [4]float64{340, 120, 160, 60}, Lines: []string{"Nguyễn Văn Nghĩa"}, Border: true, Image: sealPicture(t, false)}
			signed, _ := w.sign(t, prepared.Bytes(), w.principal, signer.Options{Visible: box})
			out, _ := w.sign(t, signed, w.seal, signer.Options{
				Field: "Seal", Visible: &signer.Visible{Image: sealPicture(t, false)},
				Entries: []signer.Entry{{Field: "DocNumber", Text: "07"}, {Field: "IssuedDay", Text: "26"}},
			})
			if r := w.validate(t, out); r.Indication() != validation.TotalPassed || r.Signatures[0].LaterChanges != validation.ChangesPermitted {
				t.Errorf("%+v", r)
			}
			path := writeFile(t, filepath.Join(t.TempDir(), "out.pdf"), out)
			keepLook(t, path)
			checkQPDF(t, writeFile(t, filepath.Join(t.TempDir(), "in.pdf"), in), path)
			checkArchive(t, open(t, in), open(t, out), part)
			if fonts := mustRun(t, "pdffonts", path); strings.Count(fonts, "LiberationSerif") < 2 || regexp.MustCompile(`LiberationSerif.* no +(yes|no) +(yes|no) `).MatchString(fonts) {
				t.Errorf("fonts:\n%s", fonts)
			}
		})
	}
}

var deviceColour = regexp.MustCompile(`(?m)(^|\s)(g|G|rg|RG|k|K)(\s|$)`)

// checkArchive goes through the objects that the document has and the input had not.
func checkArchive(t *testing.T, before, after *pdf.File, part string) {
	t.Helper()
	seen := map[pdf.Ref]bool{}
	images, fonts, masks := 0, 0, 0
	var walk func(o pdf.Object)
	check := func(ref pdf.Ref, o pdf.Object) {
		if old, err := before.Object(ref); err == nil && old != nil {
			return
		}
		d, _ := o.(pdf.Dict)
		stream, _ := o.(*pdf.Stream)
		if stream != nil {
			d = stream.Dict
		}
		switch d["Subtype"] {
		case pdf.Name("Image"):
			images++
			if masked := d["SMask"] != nil || d["Mask"] != nil; masked && part == "3" && strings.Contains(show(d["ColorSpace"]), "Device") || d["SMask"] != nil && part != "2" {
				t.Errorf("image %v: %v", ref, d)
			}
			if d["SMask"] != nil || d["Mask"] != nil {
				masks++
			}
		case pdf.Name("Form"):
			data, err := after.DataUpTo(stream, 1<<20)
			if err != nil || part == "3" && deviceColour.Match(data) {
				t.Errorf("appearance %v: %s, %v", ref, data, err)
			}
		case pdf.Name("Widget"), pdf.Name("Stamp"):
			flags, err := after.Integer(d["F"])
			ap, aerr := after.Dict(d["AP"])
			if err != nil || aerr != nil || flags&4 == 0 || flags&(1|2|32) != 0 || len(ap) != 1 || ap["N"] == nil || d["AA"] != nil || d["A"] != nil {
				t.Errorf("annotation %v: %v", ref, d)
			}
		case pdf.Name("CIDFontType2"), pdf.Name("TrueType"):
			fonts++
			descriptor, err := after.Dict(d["FontDescriptor"])
			if err != nil || descriptor["FontFile2"] == nil || part == "1" && d["Subtype"] == pdf.Name("CIDFontType2") && descriptor["CIDSet"] == nil {
				t.Errorf("font %v: %v", ref, descriptor)
			}
		}
	}
	walk = func(o pdf.Object) {
		switch o := o.(type) {
		case pdf.Ref:
			if seen[o] {
				return
			}
			seen[o] = true
			v, err := after.Object(o)
			if err != nil {
				t.Fatal(err)
			}
			check(o, v)
			walk(v)
		case pdf.Array:
			for _, v := range o {
				walk(v)
			}
		case pdf.Dict:
			for _, v := range o {
				walk(v)
			}
		case *pdf.Stream:
			walk(o.Dict)
		}
	}
	walk(after.Trailer()["Root"])
	if images < 2 || masks < 2 || fonts < 2 {
		t.Errorf("%d images, %d with masks, %d fonts: not all that was added was seen", images, masks, fonts)
	}
	form, err := after.Dict(catalog(t, after)["AcroForm"])
	if err != nil || form["NeedAppearances"] != nil || form["XFA"] != nil {
		t.Errorf("form %v, %v", form, err)
	}
}
