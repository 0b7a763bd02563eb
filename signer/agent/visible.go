package agent

import (
	"cmp"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer"
)

// Visible places the signature's picture; the text in it follows from the act.
type Visible struct {
	Page  int
	Pages signer.Pages // when given, in place of Page
	Rect  [4]float64   // x, y, width, height in points from the page's lower left
	Image []byte       // PNG
}

// facts are what the text in the box and the signature dictionary tell.
type facts struct {
	job    Job
	signer string
	school string
	at     time.Time
	page   string // address at which anybody can ask about the signature
}

// isoVietnam is the form of the time of signing in the picture (ISO 8601 with
// Vietnam's offset: Decree 30/2020/NĐ-CP Annex I part II, 13).
const isoVietnam = "2006-01-02T15:04:05-07:00"

// boxText is the text of the visible signature by the act (Decree 30/2020/NĐ-CP
// Annex I part II, 12-13): an approval and the seal show their image alone, if
// there is one; attachments show number, symbol and time; copies the form of copy,
// organisation and time. The document's language is Vietnamese whatever the
// person's is.
func boxText(f facts, image bool) []string {
	vietnamese := NewCatalogue(Vietnamese)
	at := f.at.In(signer.Vietnam).Format(isoVietnam)
	switch f.job.Act {
	case wire.ActAttachment:
		if symbol := numberAndSymbol(f.job.Document); symbol != "" {
			return []string{symbol, at}
		}
		return []string{at}
	case wire.ActCopy:
		lines := []string{vietnamese.Sentence("box.copy")}
		if f.school != "" {
			lines = append(lines, f.school)
		}
		return append(lines, at)
	}
	if image {
		return nil
	}
	by, name := "box.signed_by", f.signer
	if f.job.Act == wire.ActIssue { // the school's signature, whoever holds the token
		by, name = "box.organization", cmp.Or(f.school, f.signer)
	}
	return []string{vietnamese.Sentence(by, "name", name), vietnamese.Sentence("box.signed_at") + " " + at}
}

func numberAndSymbol(d wire.DocumentFacts) string {
	if d.Number == "" || d.Symbol == "" {
		return d.Number + d.Symbol
	}
	return d.Number + "/" + d.Symbol
}

// signerOptions are the options of one signature.
func (b *Batch) signerOptions(f facts) signer.Options {
	options := signer.Options{
		Level: b.Level, Scheme: b.Scheme, Hash: b.Hash, Certify: b.Certify, TSA: b.TSA, Stamping: b.Stamping, Field: b.Field,
		Name: f.signer, Location: f.school,
		Now: func() time.Time { return f.at.In(signer.Vietnam) },
	}
	if b.Reason != "" {
		options.Reason = b.Reason
	} else if f.job.Act != "" {
		options.Reason = NewCatalogue(Vietnamese).Sentence("act." + f.job.Act)
		if f.job.Capacity != "" {
			options.Reason += " (" + f.job.Capacity + ".)"
		}
	}
	if b.Roots != nil {
		options.Roots, options.Intermediates = b.Roots.Pool, b.Roots.Intermediates
	}
	if f.job.Field != "" {
		options.Field = f.job.Field
	}
	options.Entries = f.job.Entries
	visible := f.job.Visible
	if visible == nil {
		visible = b.Visible
	}
	if visible != nil {
		options.Visible = &signer.Visible{Page: visible.Page, Pages: visible.Pages, Rect: visible.Rect, Image: visible.Image,
			Lines: boxText(f, len(visible.Image) > 0)}
		if b.Code {
			options.Visible.Code = f.page
		}
	}
	return options
}
