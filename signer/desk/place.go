package desk

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"sokyso/httpapi/wire"
	"sokyso/plaintext"
	"sokyso/signer/agent"
	"sokyso/signer/reading"
)

// place is where a picture can go.
type place struct {
	Page int         `json:"page"`
	Rect [4]float64  `json:"rect"` // x, y, width, height in points from the lower left, as the page is shown
	Box  reading.Box `json:"-"`
	// Field is the empty signature field that is signed in; "" = a new one.
	Field string `json:"field,omitempty"`
	// Why says where it comes from: block, seal, stamp, field or ink.
	Why   string `json:"why"`
	Title string `json:"title,omitempty"`
	Name  string `json:"name,omitempty"`
}

// getPlaces proposes places for an act, the likeliest first; none is an answer too. The seal's diameter is asked with
// it, in millimetres.
func (d *Desk) getPlaces(r *http.Request) (any, error) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d.view(r.Context(), doc, true)
	seal, _ := strconv.ParseFloat(r.URL.Query().Get("seal"), 64)
	t, err := d.template()
	if err != nil {
		return nil, err
	}
	places := doc.places(r.URL.Query().Get("act"), seal, d.person())
	for i := range places {
		if places[i].Why == "seal" {
			places[i].Rect[0] += t.ShiftMM[0] * pointsPerMillimetre
			places[i].Rect[1] += t.ShiftMM[1] * pointsPerMillimetre
		}
	}
	return map[string]any{"places": places}, nil
}

// person is whose desk it is, "" when it is not paired.
func (d *Desk) person() string {
	pairing, err := agent.ReadPairing(d.cfg.Agent.Home)
	if err != nil || pairing == nil {
		return ""
	}
	return pairing.Person
}

// places are those for an act; of several blocks the one with the person's own name comes first.
func (doc *document) places(act string, seal float64, person string) []place {
	doc.mu.Lock()
	defer doc.mu.Unlock()
	places := doc.fieldPlaces(act)
	switch act {
	case wire.ActAttachment, wire.ActCopy:
		if first, ok := doc.text[1]; ok {
			places = append(places, placeAt(1, reading.Stamp(first), "stamp"))
		}
	default:
		for _, b := range doc.proposal.Blocks {
			p := placeAt(b.Page, b.Picture, "block")
			if act == wire.ActIssue {
				p = placeAt(b.Page, reading.Seal(b.Picture, seal, doc.text[b.Page].Page), "seal")
			}
			p.Title, p.Name = b.Title.Text, b.Name.Text
			if b.Capacity != "" {
				p.Title = b.Capacity + ". " + p.Title
			}
			places = append(places, p)
		}
	}
	if doc.scanned != nil && len(places) == 0 && act != wire.ActAttachment && act != wire.ActCopy {
		p := *doc.scanned
		if act == wire.ActIssue {
			p = placeAt(p.Page, reading.Seal(p.Box, seal, doc.text[p.Page].Page), "ink")
		}
		places = append(places, p)
	}
	own := func(p place) int {
		if p.Why == "field" {
			return 0 // the document's author wants it there
		}
		if act != wire.ActIssue && person != "" && plaintext.Of(p.Name) == plaintext.Of(person) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(own(a), own(b)) })
	return places
}

// fieldPlaces are the empty signature fields that can be meant for an act: the seal's for the seal, others for persons.
// The caller has doc.mu.
func (doc *document) fieldPlaces(act string) []place {
	places := []place{}
	if act != wire.ActApprove && act != wire.ActInitial && act != wire.ActIssue {
		return places // their place is fixed by Decree 30
	}
	for _, f := range doc.fields {
		if !f.Signature || !f.Empty || f.Page == 0 || f.Rect == [4]float64{} || ofSeal(f) != (act == wire.ActIssue) {
			continue
		}
		p := placeAt(f.Page, boxOf(f.Rect), "field")
		p.Field, p.Title = f.Name, cmp.Or(f.Label, f.Name)
		places = append(places, p)
	}
	return places
}

func placeAt(page int, box reading.Box, why string) place {
	return place{Page: page, Rect: box.Rect(), Box: box, Why: why}
}

// getCovered tells the words that a box would lie over, so that a person moves it before it is signed.
func (d *Desk) getCovered(r *http.Request) (any, error) {
	doc, err := d.document(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	var rect [4]float64
	for i, text := range strings.SplitN(query.Get("rect"), ",", len(rect)) {
		if rect[i], err = strconv.ParseFloat(text, 64); err != nil {
			return nil, refusal(http.StatusBadRequest, "request")
		}
	}
	words, err := d.words(r.Context(), doc, number(query.Get("page")))
	if err != nil {
		return nil, err
	}
	covered := []string{}
	for _, w := range reading.Covered(words, reading.Box{Left: rect[0], Bottom: rect[1], Right: rect[0] + rect[2], Top: rect[1] + rect[3]}) {
		covered = append(covered, w.Text)
	}
	return map[string]any{"words": covered}, nil
}

// number is a whole number of an address, 0 for what is none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
