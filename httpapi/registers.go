package httpapi

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/store"
)

// registerTable is a register as a table: official, so in Vietnamese only.
type registerTable struct {
	title   string
	header  []string
	widths  []float64 // of columns, in characters
	columns func(number int, l store.SignedLine) []string
}

// registerTables are the registers that are given out as tables. That of outgoing
// documents has the ten columns of Decree 30/2020/NĐ-CP, Annex IV; what only the clerk
// knows is left empty, and the entry of the log stands among the remarks.
var registerTables = map[string]registerTable{
	"signatures": {"SỔ THEO DÕI KÝ SỐ",
		[]string{"STT", "Mục nhật ký", "Thời gian ký", "Số, ký hiệu", "Tên loại", "Trích yếu", "Người ký", "Tư cách ký", "Loại chữ ký", "Số hiệu chứng thư", "Ghi chú"},
		[]float64{6, 9, 17, 16, 10, 50, 24, 11, 16, 36, 22},
		func(n int, l store.SignedLine) []string {
			return []string{fmt.Sprint(n), fmt.Sprint(l.Entry), localTime(l.At), l.Number, l.Kind, l.Summary, l.Signer, forms.CapacityName(l.Capacity), forms.ActName(custody.Act(l.Act)), l.Serial, l.Remark}
		}},
	"outgoing": {"SỔ ĐĂNG KÝ VĂN BẢN ĐI",
		[]string{"Số, ký hiệu văn bản", "Ngày tháng văn bản", "Tên loại và trích yếu nội dung văn bản", "Người ký", "Nơi nhận văn bản", "Đơn vị, người nhận bản lưu", "Số lượng bản", "Ngày chuyển", "Ký nhận", "Ghi chú"},
		[]float64{18, 14, 60, 24, 24, 20, 10, 12, 10, 26},
		func(_ int, l store.SignedLine) []string {
			return []string{l.Number, custody.DateOf(l.At).Written(), strings.TrimSpace(l.Kind + " " + l.Summary), l.Signer, "", "", "", "", "", strings.TrimPrefix(l.Remark+"; mục nhật ký "+fmt.Sprint(l.Entry), "; ")}
		}},
}

// registerWriter writes the lines of a table.
type registerWriter interface {
	row(values []string) error
	close() error
}

// writeRegister streams a register. Of outgoing documents a line is written for each
// that was issued with the seal.
func (s *server) writeRegister(w io.Writer, format string, table registerTable, from, until custody.Date, read func(begin func(store.SignedRegister) error, line func(store.SignedLine) error) error) error {
	var out registerWriter
	number := 0
	err := read(func(head store.SignedRegister) error {
		above := [][]string{{strings.ToUpper(head.School.Name)}, {table.title}, {"Từ ngày " + from.Written() + " đến ngày " + until.Written()},
			{fmt.Sprintf("Lập từ nhật ký %s: %d mục, mã gốc %s", head.Checkpoint.Origin, head.Checkpoint.Size, head.Checkpoint.Root)}, {}}
		var err error
		if out, err = newRegisterWriter(w, format, table.widths); err != nil {
			return err
		}
		for _, row := range append(above, table.header) {
			if err := out.row(row); err != nil {
				return err
			}
		}
		return nil
	}, func(l store.SignedLine) error {
		if table.title == registerTables["outgoing"].title && custody.Act(l.Act) != custody.Issue {
			return nil
		}
		number++
		return out.row(table.columns(number, l))
	})
	if err != nil {
		return err
	}
	return out.close()
}

// reportWidths are those of the columns of a report, of which the first holds its parts' names.
var reportWidths = []float64{46, 34, 22, 22, 34, 22, 34, 24, 14, 14}

// WriteReport writes the report of a period: pdf, or its tables one below the other as xlsx
// or csv.
func WriteReport(w io.Writer, format string, report *forms.Report) error {
	if format == "pdf" {
		return forms.Write(w, report)
	}
	out, err := newRegisterWriter(w, format, reportWidths)
	if err != nil {
		return err
	}
	for _, row := range report.Rows() {
		if err := out.row(row); err != nil {
			return err
		}
	}
	return out.close()
}

func newRegisterWriter(w io.Writer, format string, widths []float64) (registerWriter, error) {
	if format == "csv" {
		if _, err := io.WriteString(w, "\ufeff"); err != nil { // by which spreadsheets know UTF-8
			return nil, err
		}
		c := csv.NewWriter(w)
		c.UseCRLF = true
		return &csvRegister{c}, nil
	}
	file := excelize.NewFile()
	const sheet = "Sổ"
	if err := file.SetSheetName("Sheet1", sheet); err != nil {
		return nil, err
	}
	stream, err := file.NewStreamWriter(sheet)
	if err != nil {
		return nil, err
	}
	for i, width := range widths {
		if err := stream.SetColWidth(i+1, i+1, width); err != nil {
			return nil, err
		}
	}
	return &xlsxRegister{file: file, stream: stream, to: w}, nil
}

// csvRegister is RFC 4180. What a spreadsheet could take for a formula gets an
// apostrophe.
type csvRegister struct{ w *csv.Writer }

func (c *csvRegister) row(values []string) error {
	for i, value := range values {
		if bare := strings.TrimLeft(value, " \t\r\n\u00a0\ufeff"); bare != "" && strings.ContainsRune("=+-@", rune(bare[0])) {
			values[i] = "'" + value
		}
	}
	return c.w.Write(values)
}

func (c *csvRegister) close() error {
	c.w.Flush()
	return c.w.Error()
}

// xlsxRegister writes text cells only: none is a formula.
type xlsxRegister struct {
	file   *excelize.File
	stream *excelize.StreamWriter
	to     io.Writer
	rows   int
}

func (x *xlsxRegister) row(values []string) error {
	x.rows++
	cells := make([]any, len(values))
	for i, value := range values {
		cells[i] = value
	}
	return x.stream.SetRow(fmt.Sprintf("A%d", x.rows), cells)
}

func (x *xlsxRegister) close() error {
	if err := x.stream.Flush(); err != nil {
		return err
	}
	if err := x.file.Write(x.to); err != nil {
		return err
	}
	return x.file.Close()
}
