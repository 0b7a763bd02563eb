package reading

import (
	"image"

	"sokyso/signer/preview"
)

// ScanWidth is the width in pixels that a page's picture should have for ScanPlace: some 40 dots an inch are enough to
// tell lines from gaps.
const ScanWidth = 330

// Of a scan's layout, in parts of the page's size or in points.
const (
	dark          = 0x9000 // of 0xFFFF; paper is brighter
	scanRight     = 0.95
	scanTop       = 0.42 // below the head
	scanLeastGap  = 30   // points between title and name
	scanMostGap   = 220
	scanInkedRow  = 0.02 // of the width looked at: a line of text, no speck
	scanNameWidth = 0.85 // of that width at most: a name is no line of a paragraph
	scanClose     = 30   // points from the title's middle to the name's
)

// ScanPlace guesses where the signature goes on a page of which there is only a picture: in the lowest gap of the right
// half that has a short line over it and one under it, as between title and name. It is a weak guess: lines are seen,
// not read. False when there is no such gap.
func ScanPlace(picture image.Image, page preview.Page) (Box, bool) {
	bounds := picture.Bounds()
	width, height := bounds.Dx(), bounds.Dy()
	if width < 50 || height < 50 || page.Width <= 0 || page.Height <= 0 {
		return Box{}, false
	}
	for _, from := range scanLefts {
		if box, ok := scanColumn(picture, page, int(from*float64(width)), int(scanRight*float64(width))); ok {
			return box, true
		}
	}
	return Box{}, false
}

// scanLefts are where the column of the signature block may begin, in parts of the width: the right half (Annex I part
// II, 7), or further left where nothing stands beside it.
var scanLefts = []float64{0.5, 0.38}

// scanColumn looks for the gap between two columns of pixels.
func scanColumn(picture image.Image, page preview.Page, left, right int) (Box, bool) {
	bounds := picture.Bounds()
	height := bounds.Dy()
	scale := page.Width / float64(bounds.Dx()) // points in a pixel
	rows := make([]inkRow, height)
	for y := range rows {
		rows[y] = inkRowOf(picture, bounds.Min.Add(image.Pt(left, y)), right-left)
	}
	bands := bandsOf(rows, right-left)
	top := int(scanTop * float64(height))
	for i := len(bands) - 1; i > 0; i-- {
		over, under := bands[i-1], bands[i]
		gap := float64(under.first-over.last-1) * scale
		if under.first < top || gap < scanLeastGap || gap > scanMostGap || under.wide() > scanNameWidth*float64(right-left) || over.wide() > scanNameWidth*float64(right-left) {
			continue
		}
		if over.left == 0 || under.left == 0 {
			continue // it goes on at the left
		}
		if d := (over.middle() - under.middle()) * scale; d > scanClose || d < -scanClose {
			continue
		}
		x := (float64(left) + (over.middle()+under.middle())/2) * scale
		y := page.Height - (float64(over.last+1)+float64(under.first-over.last-1)/2)*scale
		return around(x, y, pictureWidth, min(pictureHeight, gap-6)).within(page.Width, page.Height), true
	}
	return Box{}, false
}

// inkRow is a row of pixels: how many are dark, and between where.
type inkRow struct{ count, first, last int }

func inkRowOf(picture image.Image, from image.Point, width int) inkRow {
	row := inkRow{first: -1}
	for x := range width {
		r, g, b, _ := picture.At(from.X+x, from.Y).RGBA()
		if (r+g+b)/3 >= dark {
			continue
		}
		if row.first < 0 {
			row.first = x
		}
		row.count, row.last = row.count+1, x
	}
	return row
}

// band is rows with ink that follow each other: a line of text.
type band struct{ first, last, left, right int }

func (b band) wide() float64   { return float64(b.right - b.left + 1) }
func (b band) middle() float64 { return float64(b.left+b.right) / 2 }

func bandsOf(rows []inkRow, width int) []band {
	var bands []band
	open := false
	for y, row := range rows {
		if float64(row.count) < scanInkedRow*float64(width) {
			open = false
			continue
		}
		if !open {
			bands = append(bands, band{first: y, left: width, right: 0})
			open = true
		}
		b := &bands[len(bands)-1]
		b.last, b.left, b.right = y, min(b.left, row.first), max(b.right, row.last)
	}
	return bands
}
