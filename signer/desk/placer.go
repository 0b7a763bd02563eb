package desk

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"sokyso/httpapi/wire"
	"sokyso/signer/agent"
	"sokyso/signer/preview"
	"sokyso/signer/reading"
)

// Picture is the image that is to be placed, by its proportions and its real width on paper.
type Picture struct {
	Width, Height int     // pixels; 0 = there is none, the box holds text
	WidthMM       float64 // 0 = the usual: 45 mm for a signature, 36 mm for a seal
}

const (
	usualSignature      = 45 // mm
	pointsPerMillimetre = 72 / 25.4
)

// Placer finds places for the command line, as the page proposes them: by what the document says.
type Placer struct {
	Viewer *preview.Viewer
	// Person signs; of several signature blocks the one with this name is taken. "" = the likeliest.
	Person string
}

// Preset is where Decree 30/2020/NĐ-CP (Annex I part II, 12 and 13) has the picture of an act. Errors are *agent.Error:
// place_unknown where the document does not tell, not_shown where it can't be read.
func (p Placer) Preset(ctx context.Context, file preview.File, act string, picture Picture) (*agent.Visible, error) {
	doc, err := readAll(ctx, p.Viewer, file)
	if err != nil {
		return nil, err
	}
	places := doc.places(act, picture.WidthMM, p.Person)
	if len(places) == 0 {
		return nil, &agent.Error{Code: "place_unknown", Params: map[string]string{"file": file.Path}}
	}
	first := places[0]
	if first.Why == "block" {
		first.Rect = picture.fitted(first.Box, act, true).Rect()
	}
	return &agent.Visible{Page: first.Page, Rect: first.Rect}, nil
}

// Anchor is the place over a text, centred on it, or under it where something stands over it. Of several the last counts,
// from the last page backwards, since documents are signed at their end; page bounds it to one page, 0 to none. The
// error code is anchor_missing where the text does not occur.
func (p Placer) Anchor(ctx context.Context, file preview.File, text string, page int, act string, picture Picture) (*agent.Visible, error) {
	count, err := p.Viewer.Pages(ctx, file)
	if err != nil {
		return nil, unreadable(ctx, file, err)
	}
	first, last := 1, count
	if page > 0 {
		first, last = page, page
	}
	for number := last; number >= first; number-- {
		words, err := p.Viewer.Words(ctx, file, number)
		if err != nil {
			return nil, unreadable(ctx, file, err)
		}
		found := reading.Find(words, text)
		if len(found) == 0 {
			continue
		}
		at := found[len(found)-1]
		x, _ := at.Center()
		box := picture.fitted(reading.Box{Left: x - 75, Right: x + 75, Bottom: at.Top + 6, Top: at.Top + 66}, act, false)
		if box.Top > words.Page.Height || len(reading.Covered(words, box)) > 0 {
			under := box
			under.Top, under.Bottom = at.Bottom-6, at.Bottom-6-box.Height()
			if under.Bottom > 0 && len(reading.Covered(words, under)) == 0 {
				box = under
			}
		}
		return &agent.Visible{Page: number, Rect: box.Rect()}, nil
	}
	return nil, &agent.Error{Code: "anchor_missing", Params: map[string]string{"file": file.Path, "text": text, "page": strconv.Itoa(page)}}
}

// fitted is a box of the picture's proportions and real width about the middle of a place, or on its lower edge. Within
// keeps it in the place's height.
func (p Picture) fitted(place reading.Box, act string, within bool) reading.Box {
	if p.Width <= 0 || p.Height <= 0 {
		return place
	}
	mm := p.WidthMM
	switch {
	case mm > 0:
	case act == wire.ActIssue:
		mm = reading.DefaultSeal
	default:
		mm = usualSignature
	}
	width := mm * pointsPerMillimetre
	height := width * float64(p.Height) / float64(p.Width)
	if within && height > place.Height() {
		width, height = width*place.Height()/height, place.Height()
	}
	x, y := place.Center()
	if !within {
		y = place.Bottom + height/2
	}
	return reading.Box{Left: x - width/2, Right: x + width/2, Bottom: y - height/2, Top: y + height/2}
}

// unreadable is why a document gave no place.
func unreadable(ctx context.Context, file preview.File, err error) error {
	if ctx.Err() != nil {
		return &agent.Error{Code: "cancelled", Err: err}
	}
	code := "not_shown"
	if errors.Is(err, preview.ErrPassword) {
		code = "place_password"
	}
	return &agent.Error{Code: code, Err: fmt.Errorf("find a place: %w", err), Params: map[string]string{"file": file.Path}}
}
