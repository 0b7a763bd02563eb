package appearance

import (
	"bytes"
	"fmt"
	"image/color"
	"math"

	"github.com/boombuler/barcode/qr"
)

// minCode is the smallest side in points of a QR code, with the free margin around it
// (ISO/IEC 18004 §9.1: four modules): an address of 80 bytes then has modules of 0.3 mm,
// which a phone still reads off paper.
const minCode = 42.0

const quietZone = 4 // modules

// drawCode draws the code at the right end of the area and answers what is left of it. The
// modules are filled rectangles, a run of a row in one: sharp at any size.
func drawCode(content *bytes.Buffer, area rect, text, fill string) (rect, error) {
	side := math.Min(area.h, area.w*0.45)
	if side < minCode {
		return area, fmt.Errorf("QR code of %.0f points, at least %.0f are needed: %w", side, minCode, ErrTooSmall)
	}
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return area, fmt.Errorf("QR code of %.60q: %w", text, err)
	}
	modules := code.Bounds().Dx()
	unit := side / float64(modules+2*quietZone)
	left, top := area.x+area.w-side+quietZone*unit, area.y+(area.h+side)/2-quietZone*unit
	fmt.Fprintf(content, "q %s\n", fill)
	for y := range modules {
		for x := 0; x < modules; x++ {
			begin := x
			for x < modules && code.At(x, y) == color.Black {
				x++
			}
			if x > begin {
				fmt.Fprintf(content, "%s %s %s %s re\n", number(left+float64(begin)*unit), number(top-float64(y+1)*unit), number(float64(x-begin)*unit), number(unit))
			}
		}
	}
	content.WriteString("f Q\n")
	area.w -= side + padding
	return area, nil
}
