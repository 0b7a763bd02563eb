package agent

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"sokyso/httpapi/wire"
)

// TestNoValueIsAFormula: what a file or a document is called can't make a
// spreadsheet calculate or fetch, and stays legible.
func TestNoValueIsAFormula(t *testing.T) {
	c := NewCatalogue(Vietnamese)
	var results []Result
	hostile := []string{"=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\ufeff=1", " =1"}
	for _, name := range hostile {
		results = append(results, Result{Input: name, Output: name, Status: StatusSigned, Message: name, Document: wire.DocumentFacts{Number: name}})
	}
	content, err := c.resultsCSV(results)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := bytes.CutPrefix(content, []byte("\ufeff"))
	if !ok || !bytes.Contains(text, []byte("\r\n")) {
		t.Error("not as spreadsheets like it")
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(results)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows {
		for _, value := range row {
			bare := strings.TrimLeft(value, "\ufeff \t\r\n")
			if bare != "" && strings.ContainsRune("=+-@", rune(bare[0])) {
				t.Errorf("row %d: %q", i, value)
			}
		}
	}
	if !strings.Contains(rows[1][1], "=HYPERLINK(\"http://x\")") {
		t.Errorf("%q is not legible", rows[1][1])
	}
}
