package signer_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"

	"sokyso/signer"
	"sokyso/signer/validation"
)

// sealPicture is a red ring and five spokes on nothing, as the seals of schools are: strokes of a millimetre. Or a disc.
func sealPicture(t testing.TB, disc bool) []byte {
	t.Helper()
	const size = 360
	m := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			dx, dy := float64(x)-size/2, float64(y)-size/2
			r, angle := math.Hypot(dx, dy), math.Atan2(dy, dx)+math.Pi
			ring := r > 165 && r < 176
			spoke := r < 165 && math.Abs(math.Remainder(angle, 2*math.Pi/5))*r < 5
			if ring || spoke || disc && r < 165 {
				m.SetNRGBA(x, y, color.NRGBA{R: 200, A: 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSealOverSignature: the seal covers a third of the signature and what is printed there (Decree 30/2020/NĐ-CP
// Annex I); that harms the signature before it no more than ink does. A disc over the text of the page does.
func TestSealOverSignature(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"quy-che.pdf", "thong-bao.pdf", "ke-hoach.pdf", "ke-hoach-xoay.pdf"} {
		for _, at := range [][4]float64{{200, 200, 102, 102}, {230, 420, 102, 102}, {60, 400, 102, 102}} {
			box := [4]float64{at[0] + 68, at[1] + 20, 130, 60}
			signed, _ := w.sign(t, sample(t, name), w.principal, signer.Options{Visible: &signer.Visible{
				Page: 1, Rect: box, Lines: []string{"Nguyễn Văn Nghĩa", "Ký lúc 2026-10-07T09:15:30+07:00"}}})
			d, err := signer.Sign(t.Context(), bytes.NewReader(signed), w.seal.key, w.seal.chain, signer.Options{
				Roots: w.roots, Visible: &signer.Visible{Page: 1, Rect: at, Image: sealPicture(t, false)}})
			if err != nil {
				t.Errorf("%s, seal at %v: %v", name, at, err)
				continue
			}
			var out bytes.Buffer
			if _, err := d.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			if r := w.validate(t, out.Bytes()); r.Indication() != validation.TotalPassed || r.Signatures[0].LaterChanges != validation.ChangesPermitted {
				t.Errorf("%s, seal at %v: %s %v", name, at, r.Indication(), r.Signatures[0].Details)
			}
		}
	}
	signed, _ := w.sign(t, sample(t, "thong-bao.pdf"), w.principal, signer.Options{})
	opt := signer.Options{Roots: w.roots, Visible: &signer.Visible{Page: 1, Rect: [4]float64{230, 420, 102, 102}, Image: sealPicture(t, true)}}
	key := &countingKey{Signer: w.seal.key}
	if _, err := signer.Sign(t.Context(), bytes.NewReader(signed), key, w.seal.chain, opt); signer.CodeOf(err) != signer.CodeBoxHides || key.calls > 0 {
		t.Errorf("a disc over the text: %v, key used %d times", err, key.calls)
	}
	p, err := signer.Prepare(t.Context(), bytes.NewReader(signed))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(opt); signer.CodeOf(err) != signer.CodeBoxHides {
		t.Errorf("checked, a disc over the text: %v", err)
	}
	opt.Visible.Image = sealPicture(t, false)
	if err := p.Check(opt); err != nil {
		t.Errorf("checked, a seal over the text: %v", err)
	}
}
