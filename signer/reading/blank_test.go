package reading_test

import (
	"strings"
	"testing"

	"sokyso/signer/preview"
	"sokyso/signer/reading"
)

// TestBlanks: the rooms for number, day, month and year, left open with spaces or dots, have the place for digits, stand
// on the line's base and cover nothing but dots.
func TestBlanks(t *testing.T) {
	v := newViewer(t)
	space, wide := strings.Repeat("\u00a0", 5), strings.Repeat("\u00a0", 9)
	for name, test := range map[string]struct {
		number, date string
		want         string // which there are: number, day, month, year
	}{
		"spaces":          {"Số:" + space + "/TB-MNMT", "Minh Thuận, ngày" + space + "tháng" + space + "năm 2026", "ndm"},
		"dots":            {"Số: ....../TB-MNMT", "Minh Thuận, ngày ..... tháng ..... năm 2026", "ndm"},
		"ellipses":        {"Số: ……/TB-MNMT", "Minh Thuận, ngày …… tháng …… năm ……", "ndmy"},
		"dots close by":   {"Số:......../TB-MNMT", "Minh Thuận, ngày.......tháng.......năm 2026", "ndm"},
		"year at the end": {"Số: 07/TB-MNMT", "Minh Thuận, ngày" + space + "tháng" + space + "năm", "dmy"},
		"month known":     {"Số: 07/TB-MNMT", "Minh Thuận, ngày" + space + "tháng 11 năm 2026", "d"},
		"wide, wrapped":   {"Số:" + wide + "/TB-MNMT", "Minh Thuận, ngày" + wide + "tháng" + wide + "năm 2026", "ndm"},
		"nothing open":    {"Số: 07/TB-MNMT", "Minh Thuận, ngày 05 tháng 11 năm 2026", ""},
	} {
		t.Run(name, func(t *testing.T) {
			pages := wordsOf(t, v, letter{"UBND XÃ MINH THUẬN", "TRƯỜNG MẦM NON MINH THUẬN", test.number, "", test.date, "THÔNG BÁO", "Lịch nghỉ", "",
				[]string{"Nhà trường thông báo."}, []string{"- Lưu: VT."}, [][]string{{"HIỆU TRƯỞNG", "", "Nguyễn Thị Mẫu"}}}.printed(t))
			b := reading.Read(pages).Blanks
			got := ""
			for _, blank := range []struct {
				letter string
				reading.Blank
				digits int
			}{{"n", b.Number, 2}, {"d", b.Day, 2}, {"m", b.Month, 2}, {"y", b.Year, 4}} {
				if !blank.Given() {
					continue
				}
				got += blank.letter
				if blank.Room() < blank.digits || blank.Size < 12 || blank.Size > 14 {
					t.Errorf("%s: room for %d digits in %+v", blank.letter, blank.Room(), blank)
				}
				checkBlank(t, pages[0], blank.Blank)
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// checkBlank: nothing but dots lies under it, and a word stands on its base close by.
func checkBlank(t *testing.T, page preview.Words, b reading.Blank) {
	t.Helper()
	inner := b.Box
	inner.Left, inner.Right = inner.Left+0.5, inner.Right-0.5
	for _, w := range reading.Covered(page, inner) {
		if strings.Trim(w.Text, ".…/_") != "" && !strings.ContainsAny(w.Text, ".…") {
			t.Errorf("it covers %q", w.Text)
		}
	}
	for _, w := range page.Words {
		if d := w.Base - b.Base; d > -0.5 && d < 0.5 && w.Right > b.Box.Left-60 && w.Left < b.Box.Right+60 {
			return
		}
	}
	t.Errorf("no word stands on %.1f", b.Base)
}
