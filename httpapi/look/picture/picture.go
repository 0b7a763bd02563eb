// Package picture writes the pictures of the guides: a part of what a browser shows, in so few
// colours that a page of pictures loads at once. Tests of both programs' pages use it, and no program.
package picture

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// Max is how large a picture may be, in bytes.
const Max = 120 << 10

// Folder is where the pictures of the guides lie below a folder of screenshots.
const Folder = "huong-dan"

// Keep writes a part of a screenshot (a PNG) below the folder of screenshots.
func Keep(screenshots, name string, screenshot []byte, part image.Rectangle) error {
	shown, err := png.Decode(bytes.NewReader(screenshot))
	if err != nil {
		return fmt.Errorf("picture %s: %w", name, err)
	}
	part = part.Intersect(shown.Bounds())
	if part.Empty() {
		return fmt.Errorf("picture %s shows nothing", name)
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, fewColours(shown, part)); err != nil {
		return fmt.Errorf("picture %s: %w", name, err)
	}
	if b.Len() > Max {
		return fmt.Errorf("picture %s has %d KB", name, b.Len()>>10)
	}
	folder := filepath.Join(screenshots, Folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+".png"), b.Bytes(), 0o644)
}

// fewColours copies a part of a picture with 256 colours; the others, on the edges of
// letters, take the nearest.
func fewColours(shown image.Image, part image.Rectangle) *image.Paletted {
	counts := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(shown.At(x, y)).(color.RGBA) }
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			counts[at(x, y)]++
		}
	}
	var colours []color.RGBA
	for c := range counts {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := paletteOf(colours, counts)
	index := map[color.RGBA]uint8{}
	for _, c := range colours {
		index[c] = uint8(palette.Index(c))
	}
	few := image.NewPaletted(image.Rect(0, 0, part.Dx(), part.Dy()), palette)
	for y := range part.Dy() {
		for x := range part.Dx() {
			few.SetColorIndex(x, y, index[at(part.Min.X+x, part.Min.Y+y)])
		}
	}
	return few
}

// paletteOf chooses 256 colours: first the most frequent, then each time the one whose pixels would
// be farthest off with what is chosen so far. A mark of few pixels keeps its colour that way.
func paletteOf(colours []color.RGBA, counts map[color.RGBA]int) color.Palette {
	if len(colours) == 0 {
		return nil
	}
	off := make([]int, len(colours)) // square of the distance to the nearest that is chosen
	for i := range off {
		off[i] = math.MaxInt32
	}
	var palette color.Palette
	next := 0
	for len(palette) < min(len(colours), 256) {
		chosen := colours[next]
		palette = append(palette, chosen)
		worst := -1
		for i, c := range colours {
			r, g, b := int(c.R)-int(chosen.R), int(c.G)-int(chosen.G), int(c.B)-int(chosen.B)
			off[i] = min(off[i], r*r+g*g+b*b)
			if far := off[i] * counts[c]; far > worst {
				worst, next = far, i
			}
		}
	}
	return palette
}
