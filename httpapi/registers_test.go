package httpapi_test

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"sokyso/httpapi/wire"
)

// The registers as tables: each signature of the period with its entry, headed by the
// log's checkpoint, for who makes papers; no cell is a formula.
func TestRegistersAsTables(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		paper := newDocument("KH")
		_, _, approved := s.principal.sign(t, s, paper, wire.ActApprove, "")
		_, _, issued := s.officeHead.sign(t, s, paper, wire.ActIssue, "")
		v := s.visitor(t)
		v.signIn(s.officeHead)
		address := func(register, format string) string {
			return "/papers/register?" + url.Values{"register": {register}, "format": {format}, "from": {"01/10/2026"}, "until": {"31/10/2026"}}.Encode()
		}
		status, text := v.get(address("signatures", "csv"))
		if status != http.StatusOK || !strings.HasPrefix(text, "\ufeff") {
			t.Fatalf("csv: %d\n%s", status, text)
		}
		reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		reader.FieldsPerRecord = -1
		rows, err := reader.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		head := slices.IndexFunc(rows, func(row []string) bool { return row[0] == "STT" })
		if head < 0 || len(rows) != head+3 || rows[head+1][1] != strconv.FormatInt(approved.Index, 10) || rows[head+2][1] != strconv.FormatInt(issued.Index, 10) || rows[head+1][6] != s.principal.name {
			t.Fatalf("lines: %q", rows)
		}
		checkpoint, err := s.Checkpoint(ctx, s.School.ID)
		if err != nil {
			t.Fatal(err)
		}
		if root := strings.Split(string(checkpoint), "\n")[2]; !strings.Contains(text, root) {
			t.Errorf("the head lacks the root %s of the log:\n%s", root, text)
		}

		status, file := v.get(address("outgoing", "xlsx"))
		if status != http.StatusOK {
			t.Fatalf("xlsx: %d", status)
		}
		book, err := excelize.OpenReader(bytes.NewReader([]byte(file)))
		if err != nil {
			t.Fatal(err)
		}
		defer book.Close()
		cells, err := book.GetRows(book.GetSheetName(0))
		if err != nil || len(cells[len(cells)-1]) != 10 || !strings.Contains(cells[len(cells)-1][9], "mục nhật ký "+strconv.FormatInt(issued.Index, 10)) {
			t.Errorf("outgoing documents: %q, %v", cells, err)
		}
		if n := slices.IndexFunc(cells, func(row []string) bool { return len(row) > 0 && row[0] == "Số, ký hiệu văn bản" }); n < 0 || len(cells[n]) != 10 || len(cells) != n+2 {
			t.Errorf("%d lines after the head in %d, want the one that was issued", len(cells), n)
		}

		status, text = v.get(address("report", "csv"))
		if status != http.StatusOK || !strings.Contains(text, "từ ngày 01/10/2026 đến ngày 31/10/2026") || !strings.Contains(text, "\r\n10/2026,1,0,1,0,0,2\r\n") {
			t.Errorf("the report's tables: %d\n%s", status, text)
		}
		if status, text = v.get(address("report", "pdf")); status != http.StatusOK || !strings.HasPrefix(text, "%PDF-") {
			t.Errorf("the report: %d", status)
		}
		if status, text = v.get(address("report", "xlsx")); status != http.StatusOK || !strings.HasPrefix(text, "PK") {
			t.Errorf("the report as a spreadsheet: %d", status)
		}

		for _, bad := range []string{address("nothing", "csv"), address("signatures", "pdf"), "/papers/register?register=signatures&format=csv&from=01/10/2026", "/papers/register?register=signatures&format=csv&from=31/10/2026&until=01/10/2026"} {
			if status, _ := v.get(bad); status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", bad, status)
			}
		}
		other := s.visitor(t)
		other.signIn(s.deputy)
		if status, _ := other.get(address("signatures", "csv")); status != http.StatusForbidden {
			t.Errorf("for a custodian: %d", status)
		}
	})
}
