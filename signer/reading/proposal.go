package reading

import "sokyso/signer/preview"

// Guess is something read, with the place that it came from. Text is "" when nothing was found.
type Guess struct {
	Text string `json:"text"`
	Page int    `json:"page,omitempty"` // 1 is the first
	Box  Box    `json:"box,omitzero"`
	// Doubtful says that the file's text is spoilt there: it shows letters that it does not tell.
	Doubtful bool `json:"doubtful,omitempty"`
}

// Proposal is what a document says of itself.
type Proposal struct {
	// Superior and Organization are the two names at the upper left (box 2).
	Superior     Guess `json:"superior"`
	Organization Guess `json:"organization"`
	// Number is without the leading "Số:", "" where it is still to be filled in; NumberBlank is then the place.
	Number      Guess `json:"number"`
	NumberBlank Guess `json:"number_blank"`
	Symbol      Guess `json:"symbol"` // box 3, such as "TB-MNMT"
	// Kind is an abbreviation of Annex III, "" for a letter (công văn) and for what is none of the kinds.
	Kind Guess `json:"kind"`
	// Date is ISO 8601, "" where day or month are still to be filled in; DateBlank is then the place.
	Date      Guess `json:"date"` // box 4
	DateBlank Guess `json:"date_blank"`
	// MonthRead and YearRead are what is printed of a date whose day is left open: "11", "2026".
	MonthRead string `json:"-"`
	YearRead  string `json:"-"`
	// Blanks are the rooms that are to be filled in, as fields would stand there.
	Blanks  Blanks `json:"blanks,omitzero"`
	Place   Guess  `json:"place"`   // địa danh, box 4
	Summary Guess  `json:"summary"` // trích yếu, box 5
	// Recipients are the lines of "Nơi nhận", box 9.
	Recipients []Guess `json:"recipients"`
	// Blocks are the signature blocks (boxes 7a to 7c), the likeliest first: the last of the document, a leader's
	// before others.
	Blocks []Block `json:"blocks"`
	// Text says that the pages hold text at all; a scan does not.
	Text bool `json:"text"`
}

// Block is a signature block: capacity, title, a gap for the signature, name.
type Block struct {
	Page     int    `json:"page"`
	Capacity string `json:"capacity"` // KT, TM, TL, TUQ, Q or ""
	// Title is the signer's own, the last line over the gap: "PHÓ HIỆU TRƯỞNG" under "KT. HIỆU TRƯỞNG".
	Title Guess `json:"title"`
	Name  Guess `json:"name"` // without an academic title
	// Picture is where the image of the handwritten signature goes: centred between title and name (Annex I part II,
	// 12). Gap is all the free space there.
	Picture Box `json:"picture"`
	Gap     Box `json:"gap"`
	// Leader says that the title is one that a school's documents are approved under.
	Leader bool `json:"leader"`
}

// Read reads the pages that it is given: at least the first and the last of the document, in their order.
func Read(pages []preview.Words) Proposal {
	var p Proposal
	known := vocabularyOf(pages)
	laid := make([]page, len(pages))
	for i, words := range pages {
		laid[i] = layOut(words, known)
		p.Text = p.Text || len(words.Words) > 0
	}
	for i := range laid {
		if laid[i].number == 1 {
			p.readHead(&laid[i])
			break
		}
	}
	p.Blocks = blocksOf(laid)
	p.Recipients = recipientsOf(laid)
	return p
}

// guess is a Guess at a place of the upright page.
func (p *page) guess(text string, b Box) Guess {
	if text == "" {
		return Guess{}
	}
	text, doubtful := p.known.mend(text)
	return Guess{Text: text, Page: p.number, Box: p.shown(b), Doubtful: doubtful}
}
