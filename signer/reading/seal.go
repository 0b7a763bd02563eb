package reading

import "sokyso/signer/preview"

const (
	pointsPerMillimetre = 72 / 25.4
	// DefaultSeal is the diameter of many schools' seals, in millimetres; a school sets its own, measured from the
	// seal.
	DefaultSeal = 36
)

// Seal is where the seal's image goes at its real size: over about a third of the signature's image, at its left
// (Decree 30/2020/NĐ-CP Annex I part II, 13). The diameter is in millimetres.
func Seal(picture Box, diameter float64, page preview.Page) Box {
	if diameter <= 0 {
		diameter = DefaultSeal
	}
	size := diameter * pointsPerMillimetre
	_, y := picture.Center()
	right := picture.Left + picture.Width()/3
	return around(right-size/2, y, size, size).within(page.Width, page.Height)
}

// The text block of an attachment or a copy, in points on A4 (Decree 30/2020/NĐ-CP Annex I part II, 13 and part III):
// two lines of size 10.
const (
	stampWidth  = 170
	stampHeight = 30
	stampMargin = 15 * pointsPerMillimetre
	a4Width     = 595.28
)

// Stamp is the place at the upper right of page 1 for the text of an attachment or a copy. It is moved up and made no
// smaller where text is near; on larger paper it grows with it.
func Stamp(first preview.Words) Box {
	scale := max(1, min(first.Page.Width, first.Page.Height)/a4Width)
	width, height := stampWidth*scale, stampHeight*scale
	right := first.Page.Width - stampMargin*scale
	top := first.Page.Height - 8*pointsPerMillimetre*scale
	box := Box{right - width, top - height, right, top}
	for range 8 { // into the margin above, a millimetre at a time
		if len(Covered(first, box)) == 0 {
			break
		}
		box.Top, box.Bottom = box.Top+pointsPerMillimetre, box.Bottom+pointsPerMillimetre
	}
	return box.within(first.Page.Width, first.Page.Height)
}

// Covered are the words that a box lies over.
func Covered(page preview.Words, box Box) []preview.Word {
	var covered []preview.Word
	for _, w := range page.Words {
		if wordBox(w).Overlaps(box) {
			covered = append(covered, w)
		}
	}
	return covered
}

// Find is where a text stands on a page, without regard to case and runs of spaces, each place once, in reading order.
func Find(page preview.Words, text string) []Box {
	want := fieldsFolded(text)
	if len(want) == 0 {
		return nil
	}
	var boxes []Box
	words := page.Words
	for i := 0; i+len(want) <= len(words); i++ {
		box, ok := Box{}, true
		for j, w := range want {
			if foldWord(words[i+j].Text) != w {
				ok = false
				break
			}
			box = box.Union(wordBox(words[i+j]))
		}
		if ok {
			boxes = append(boxes, box)
		}
	}
	return boxes
}
