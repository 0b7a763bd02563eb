package desk

import (
	"cmp"
	"context"
	"strings"
	"time"

	"sokyso/signer"
	"sokyso/signer/agent"
	"sokyso/signer/preview"
	"sokyso/signer/reading"
)

// The fields that a draft is prepared with before its leader signs: what the office puts in afterwards. Numbers and dates
// of issue are called so by the tool that many offices know (docs/issuing.md).
const (
	FieldNumber = "DocNumber"
	FieldDay    = "IssuedDay"
	FieldMonth  = "IssuedMonth"
	FieldYear   = "IssuedYear"
	FieldSeal   = "Seal"
)

// leastDigits is what there must be room for in a blank.
const (
	leastDigits  = 2
	leastYear    = 4
	blankPadding = 1 // points that stay free at each side
)

// Draft is a document as the office gets it before it is signed.
type Draft struct {
	Viewer *preview.Viewer
	// SealMM is the seal's diameter; 0 = the usual. WithoutSeal leaves its field out.
	SealMM      float64
	WithoutSeal bool
}

// Fields are those that the draft needs, at the blanks of its head and where the seal will be. Errors are *agent.Error:
// no_blanks where nothing is left open, narrow_blanks where there is no room for two digits.
func (d Draft) Fields(ctx context.Context, file preview.File) ([]signer.BlankField, error) {
	doc, err := readAll(ctx, d.Viewer, file)
	if err != nil {
		return nil, err
	}
	return doc.blankFields(file.Path, d.SealMM, d.WithoutSeal)
}

// readAll reads what a document says, without a desk.
func readAll(ctx context.Context, viewer *preview.Viewer, file preview.File) (*document, error) {
	count, err := viewer.Pages(ctx, file)
	if err != nil {
		return nil, unreadable(ctx, file, err)
	}
	doc := &document{text: map[int]preview.Words{}}
	var words []preview.Words
	for _, number := range pagesToRead(count) {
		page, err := viewer.Words(ctx, file, number)
		if err != nil {
			return nil, unreadable(ctx, file, err)
		}
		doc.text[number], words = page, append(words, page)
	}
	doc.proposal = reading.Read(words)
	return doc, nil
}

func (doc *document) blankFields(path string, sealMM float64, withoutSeal bool) ([]signer.BlankField, error) {
	blanks := doc.proposal.Blanks
	vietnamese := agent.NewCatalogue(agent.Vietnamese) // the document's language, whatever the person's is
	var fields []signer.BlankField
	var narrow []string
	for _, b := range []struct {
		name, label string
		blank       reading.Blank
		digits      int
	}{
		{FieldNumber, "field.number", blanks.Number, leastDigits}, {FieldDay, "field.day", blanks.Day, leastDigits},
		{FieldMonth, "field.month", blanks.Month, leastDigits}, {FieldYear, "field.year", blanks.Year, leastYear},
	} {
		if !b.blank.Given() {
			continue
		}
		if b.blank.Room() < b.digits {
			narrow = append(narrow, vietnamese.Sentence(b.label))
			continue
		}
		left, right := b.blank.Box.Left+blankPadding, b.blank.Box.Right-blankPadding
		fields = append(fields, signer.BlankField{
			Name: b.name, Label: vietnamese.Sentence(b.label), Page: b.blank.Page, Size: b.blank.Size,
			Rect: signer.TextRect(left, right, b.blank.Base, b.blank.Size),
		})
	}
	if len(narrow) > 0 {
		return nil, &agent.Error{Code: "narrow_blanks", Params: map[string]string{"file": path, "blanks": strings.Join(narrow, ", ")}}
	}
	if len(fields) == 0 {
		return nil, &agent.Error{Code: "no_blanks", Params: map[string]string{"file": path}}
	}
	if !withoutSeal && len(doc.proposal.Blocks) > 0 {
		block := doc.proposal.Blocks[0]
		fields = append(fields, signer.BlankField{Name: FieldSeal, Label: vietnamese.Sentence("field.seal"), Signature: true, Page: block.Page,
			Rect: reading.Seal(block.Picture, cmp.Or(sealMM, reading.DefaultSeal), doc.text[block.Page].Page).Rect()})
	}
	return fields, nil
}

// Prepare writes the draft with its fields to a new file, before anybody signs it.
func (d Draft) Prepare(ctx context.Context, path string, password signer.Password, output string) ([]signer.BlankField, error) {
	fields, err := d.Fields(ctx, preview.File{Path: path, Password: string(password)})
	if err != nil {
		return nil, err
	}
	source, err := signer.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	prepared, err := signer.PrepareWithPassword(ctx, source, password)
	if err != nil {
		return nil, err
	}
	defer prepared.Close()
	added, err := prepared.AddFields(ctx, fields)
	if err != nil {
		return nil, err
	}
	return fields, added.Save(output)
}

// formFields are the text and signature fields of a file.
func formFields(ctx context.Context, path string, password signer.Password) ([]signer.FormField, error) {
	source, err := signer.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	prepared, err := signer.PrepareWithPassword(ctx, source, password)
	if err != nil {
		return nil, err
	}
	defer prepared.Close()
	return prepared.FormFields()
}

// filledIn adds to what the text says what its fields say: a viewer shows them on the page, its text lacks them.
func filledIn(p *reading.Proposal, fields []signer.FormField) {
	parts := map[string]signer.FormField{}
	for _, f := range fields {
		if entryParts[f.Name] != "" && f.Value != "" {
			parts[entryParts[f.Name]] = f
		}
	}
	guess := func(text string, f signer.FormField) reading.Guess {
		return reading.Guess{Text: text, Page: f.Page, Box: boxOf(f.Rect)}
	}
	if f, ok := parts["number"]; ok && p.Number.Text == "" {
		p.Number, p.NumberBlank, p.Blanks.Number = guess(f.Value, f), reading.Guess{}, reading.Blank{}
	}
	day, ok := parts["day"]
	if !ok || p.Date.Text != "" {
		return
	}
	p.Blanks.Day = reading.Blank{}
	year := p.YearRead
	if f, ok := parts["year"]; ok {
		year, p.Blanks.Year = f.Value, reading.Blank{}
	}
	month := p.MonthRead
	if f, ok := parts["month"]; ok {
		month, p.Blanks.Month = f.Value, reading.Blank{}
	}
	if at, err := time.Parse("2006-1-2", year+"-"+month+"-"+day.Value); err == nil {
		p.Date, p.DateBlank = guess(at.Format(time.DateOnly), day), reading.Guess{}
	}
}

func boxOf(rect [4]float64) reading.Box {
	return reading.Box{Left: rect[0], Bottom: rect[1], Right: rect[0] + rect[2], Top: rect[1] + rect[3]}
}
