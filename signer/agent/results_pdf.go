package agent

import (
	"bytes"
	"fmt"
	"path/filepath"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationserifbold"
	"github.com/go-fonts/liberation/liberationserifregular"

	"sokyso/signer"
)

// Widths of the table's columns on A4 across, in mm: 297 less two margins of 10.
var columnWidths = []float64{10, 70, 20, 28, 18, 36, 95}

const (
	pageMargin = 10.0 // mm
	lineHeight = 5.0  // mm
)

// resultsPDF lays the table out on A4 across. The output's name and the message
// share a column.
func (c *Catalogue) resultsPDF(results []Result) ([]byte, error) {
	doc := fpdf.New("L", "mm", "A4", "")
	doc.AddUTF8FontFromBytes("serif", "", liberationserifregular.TTF)
	doc.AddUTF8FontFromBytes("serif", "B", liberationserifbold.TTF)
	doc.SetMargins(pageMargin, pageMargin, pageMargin)
	doc.SetAutoPageBreak(false, pageMargin)
	doc.SetFooterFunc(func() {
		doc.SetY(-pageMargin)
		doc.SetFont("serif", "", 9)
		doc.CellFormat(0, lineHeight, decimal(int64(doc.PageNo())), "", 0, "C", false, 0, "")
	})
	doc.AddPage()
	doc.SetFont("serif", "B", 14)
	doc.CellFormat(0, 9, c.Sentence("table.title"), "", 1, "C", false, 0, "")
	signed, made := 0, ""
	for _, r := range results {
		if r.Status == StatusSigned {
			signed++
		}
		if !r.SignedAt.IsZero() {
			made = r.SignedAt.In(signer.Vietnam).Format("02/01/2006")
		}
	}
	doc.SetFont("serif", "", 11)
	doc.CellFormat(0, 7, c.Sentence("table.counts", "signed", decimal(int64(signed)), "count", decimal(int64(len(results))), "date", made), "", 1, "C", false, 0, "")
	head := c.tableHead()
	tableRow(doc, "B", append(head[:6:6], head[6]+" / "+head[7]))
	for i, r := range results {
		row := c.resultRow(r)
		last := row[5]
		if last != "" {
			last = filepath.Base(last)
		}
		if row[6] != "" && last != "" {
			last += ". "
		}
		tableRow(doc, "", append([]string{decimal(int64(i + 1))}, row[0], row[1], row[2], row[3], row[4], last+row[6]))
	}
	var out bytes.Buffer
	if err := doc.Output(&out); err != nil {
		return nil, fmt.Errorf("lay out table: %w", err)
	}
	return out.Bytes(), nil
}

// tableRow draws a row whose height is that of its longest part, on a new page
// when it does not fit.
func tableRow(doc *fpdf.Fpdf, style string, parts []string) {
	doc.SetFont("serif", style, 9)
	lines := 1
	for i, part := range parts {
		lines = max(lines, len(doc.SplitText(part, columnWidths[i]-2)))
	}
	height := float64(lines)*lineHeight + 1
	_, page := doc.GetPageSize()
	if doc.GetY()+height > page-2*pageMargin {
		doc.AddPage()
	}
	x, y := pageMargin, doc.GetY()
	for i, part := range parts {
		doc.Rect(x, y, columnWidths[i], height, "D")
		doc.SetXY(x, y+0.5)
		doc.MultiCell(columnWidths[i], lineHeight, part, "", "L", false)
		x += columnWidths[i]
	}
	doc.SetXY(pageMargin, y+height)
}
