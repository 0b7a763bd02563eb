package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
)

// The pictures of Decree 30/2020/NĐ-CP Annex I: a handwritten signature in blue
// and a seal in red, both PNG with a transparent background. They are drawn, so
// that no real person's signature and no real seal lies in the repository.

var (
	inkBlue = color.NRGBA{R: 20, G: 60, B: 190, A: 255}
	sealRed = color.NRGBA{R: 214, G: 24, B: 32, A: 255}
)

// dab paints a round spot with a soft edge.
func dab(img *image.NRGBA, x, y, radius float64, ink color.NRGBA) {
	for py := int(y - radius - 1); py <= int(y+radius+1); py++ {
		for px := int(x - radius - 1); px <= int(x+radius+1); px++ {
			if !(image.Point{X: px, Y: py}).In(img.Rect) {
				continue
			}
			cover := math.Min(1, math.Max(0, radius-math.Hypot(float64(px)-x, float64(py)-y)+0.5))
			if alpha := uint8(cover * 255); alpha > img.NRGBAAt(px, py).A {
				spot := ink
				spot.A = alpha
				img.SetNRGBA(px, py, spot)
			}
		}
	}
}

// handwriting draws a flourish of 450 x 240 pixels; seed makes each person's own.
func handwriting(seed float64) ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, 450, 240))
	for step := 0; step <= 6000; step++ {
		t := float64(step) / 6000
		swing := math.Sin(t*(17+3*seed)+seed) * (70 - 45*t)
		x := 30 + 340*t + 26*math.Sin(t*(29+2*seed))
		y := 125 - swing - 18*math.Sin(t*5+seed)
		dab(img, x, y, 2.2+1.4*math.Abs(math.Cos(t*21+seed)), inkBlue)
	}
	for step := 0; step <= 1500; step++ { // the stroke below it
		t := float64(step) / 1500
		dab(img, 70+330*t, 205-26*t+9*math.Sin(t*6+seed), 2.8-1.6*t, inkBlue)
	}
	return encodePNG(img)
}

// seal draws a round seal of 425 pixels (36 mm at 300 dpi): two rings and a star.
func seal() ([]byte, error) {
	const size, centre = 425, 212.0
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	ring := func(radius, width float64) {
		for step := 0; step < 4000; step++ {
			angle := 2 * math.Pi * float64(step) / 4000
			dab(img, centre+radius*math.Cos(angle), centre+radius*math.Sin(angle), width, sealRed)
		}
	}
	ring(203, 4)
	ring(150, 2)
	for step := 0; step < 44; step++ { // marks where the name stands on a real seal
		angle := 2 * math.Pi * float64(step) / 44
		for r := 166.0; r <= 186; r++ {
			dab(img, centre+r*math.Cos(angle), centre+r*math.Sin(angle), 1.6, sealRed)
		}
	}
	corner := func(i int) (float64, float64) {
		radius := 95.0
		if i%2 == 1 {
			radius = 38
		}
		angle := -math.Pi/2 + math.Pi*float64(i)/5
		return centre + radius*math.Cos(angle), centre + radius*math.Sin(angle)
	}
	for i := range 10 { // a five-pointed star, filled by fans from the centre
		x1, y1 := corner(i)
		x2, y2 := corner(i + 1)
		for u := 0.0; u <= 1; u += 0.01 {
			for v := 0.0; v <= 1; v += 0.01 {
				dab(img, centre+v*(x1+(x2-x1)*u-centre), centre+v*(y1+(y2-y1)*u-centre), 1.5, sealRed)
			}
		}
	}
	return encodePNG(img)
}

func encodePNG(img image.Image) ([]byte, error) {
	var buf bytes.Buffer
	err := png.Encode(&buf, img)
	return buf.Bytes(), err
}
