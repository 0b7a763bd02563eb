package agent

import (
	"bytes"
	"encoding/csv"
	"path/filepath"
	"strings"

	"sokyso/signer"
)

// resultRow is a file's row of the table that can be saved.
func (c *Catalogue) resultRow(r Result) []string {
	entry := ""
	if r.EntryIndex != nil {
		entry = decimal(*r.EntryIndex)
	}
	signedAt := ""
	if !r.SignedAt.IsZero() {
		signedAt = r.SignedAt.In(signer.Vietnam).Format("02/01/2006 15:04:05")
	}
	return []string{Printable(r.Input), c.Sentence("table.status." + r.Status), Printable(numberAndSymbol(r.Document)), entry, signedAt, Printable(r.Output), r.Message}
}

// tableColumns are the headings of a row's parts.
var tableColumns = []string{"input", "status", "number", "entry", "signed_at", "output", "message"}

func (c *Catalogue) tableHead() []string {
	head := []string{c.Sentence("table.row")}
	for _, name := range tableColumns {
		head = append(head, c.Sentence("table."+name))
	}
	return head
}

// SaveResults writes the table of a batch's results as CSV or PDF, as the
// file's name says; it never overwrites a file. The paper has the name of the
// school that the state folder is paired with.
func (c Config) SaveResults(path string, results []Result) error {
	c = c.withDefaults()
	catalogue := c.Catalogue
	var content []byte
	var err error
	if strings.EqualFold(filepath.Ext(path), ".pdf") {
		school := ""
		if pairing, err := ReadPairing(c.Home); err == nil && pairing != nil {
			school = pairing.School
		}
		content, err = catalogue.resultsPDF(school, c.Now(), results)
	} else {
		content, err = catalogue.resultsCSV(results)
	}
	if err == nil {
		err = createFile(path, content, 0o644)
	}
	if err != nil {
		return fail("report_write", outputError(err, path), "file", path)
	}
	return nil
}

// resultsCSV is RFC 4180 with a byte order mark, by which spreadsheets know
// UTF-8. A value that a spreadsheet could take for a formula gets an apostrophe.
func (c *Catalogue) resultsCSV(results []Result) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("\ufeff")
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	rows := [][]string{c.tableHead()}
	for i, result := range results {
		rows = append(rows, append([]string{decimal(int64(i + 1))}, c.resultRow(result)...))
	}
	for _, row := range rows {
		for i, value := range row {
			if startsFormula(value) {
				row[i] = "'" + value
			}
		}
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// startsFormula looks behind what some programs take off a value.
func startsFormula(value string) bool {
	bare := strings.TrimLeft(value, " \t\r\n\u00a0\ufeff")
	return bare != "" && strings.ContainsRune("=+-@", rune(bare[0]))
}
