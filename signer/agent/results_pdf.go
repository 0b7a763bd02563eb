package agent

import (
	"bytes"
	"path/filepath"
	"strings"
	"time"

	"sokyso/custody/paper"
	"sokyso/signer"
)

// resultWidths are those of the table's columns on paper: file, result, number and
// symbol, entry, time, and output with message together, after the row's number.
var resultWidths = []float64{1.2, 4.6, 1.8, 2.4, 1.6, 2.9, 5.5}

// resultsPDF puts the table on paper. School may be "": a line to write on.
func (c *Catalogue) resultsPDF(school string, at time.Time, results []Result) ([]byte, error) {
	signed := 0
	table := paper.Table{Widths: resultWidths}
	head := c.tableHead()
	table.Header = append(head[:6:6], head[6]+" / "+head[7])
	for i, r := range results {
		if r.Status == StatusSigned {
			signed++
		}
		row := c.resultRow(r)
		var last []string
		if r.Output != "" {
			last = append(last, filepath.Base(r.Output))
		}
		if r.Message != "" {
			last = append(last, r.Message)
		}
		table.Rows = append(table.Rows, []string{decimal(int64(i + 1)), row[0], row[1], row[2], row[3], row[4], strings.Join(last, ". ")})
	}
	at = at.In(signer.Vietnam)
	p := paper.Paper{Language: c.Language, Name: c.Sentence("table.title"), At: at, Sheets: []paper.Sheet{{
		Head:   paper.Head{Issuer: strings.ToUpper(school), Nation: c.Sentence("report.nation"), Motto: c.Sentence("report.motto"), Place: at.Format(c.Sentence("report.date"))},
		Title:  c.Sentence("table.title"),
		About:  c.Sentence("table.counts", "signed", decimal(int64(signed)), "count", decimal(int64(len(results))), "date", at.Format("02/01/2006")),
		Blocks: []paper.Block{table},
	}}}
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
