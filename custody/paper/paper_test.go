package paper_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sokyso/custody/paper"
)

func head() paper.Head {
	return paper.Head{Superior: "UBND XÃ HOA SEN", Issuer: "TRƯỜNG MẦM NON HOA SEN", Nation: "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", Motto: "Độc lập - Tự do - Hạnh phúc",
		Place: "ngày 07 tháng 10 năm 2026"}
}

func write(t *testing.T, sheets ...paper.Sheet) []byte {
	t.Helper()
	var b bytes.Buffer
	p := paper.Paper{Language: "vi", Name: "Phiếu", At: time.Date(2026, 10, 7, 2, 15, 0, 0, time.UTC), Sheets: sheets}
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// run has one of poppler's or qpdf's programs look at the file.
func run(t *testing.T, pdf []byte, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paper.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, arg := range args {
		if arg == "FILE" {
			args[i] = path
		}
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// words are the words of the paper with their places in points, by page.
var word = regexp.MustCompile(`<word xMin="([0-9.]+)" yMin="([0-9.]+)" xMax="([0-9.]+)" yMax="([0-9.]+)">`)

// withinMargins checks the place of each word, and counts the pages.
func withinMargins(t *testing.T, pdf []byte) int {
	t.Helper()
	layout := run(t, pdf, "pdftotext", "-bbox", "FILE", "-")
	pages := strings.Split(layout, "<page ")[1:]
	const mm = 72 / 25.4
	for i, page := range pages {
		found := word.FindAllStringSubmatch(page, -1)
		for _, w := range found {
			var x0, y0, x1, y1 float64
			if _, err := fmt.Sscan(strings.Join(w[1:], " "), &x0, &y0, &x1, &y1); err != nil {
				t.Fatal(err)
			}
			number := y1 < 20*mm // the page's, above the text
			if x0 < 30*mm-0.5 || x1 > (210-15)*mm+0.5 || y1 > (297-20)*mm+2 || number && (y0 < 8*mm || x0 < 100*mm || x1 > 110*mm) {
				t.Errorf("page %d: %v lies outside the margins", i+1, w[1:])
			}
		}
	}
	return len(pages)
}

// TestEverythingStandsWithinTheMargins: also what has no spaces, what is far too long,
// and what is meant to do harm.
func TestEverythingStandsWithinTheMargins(t *testing.T) {
	long := strings.Repeat("Chữ ký số của cơ quan ", 300)
	rows := make([][]string, 120)
	for i := range rows {
		rows[i] = []string{fmt.Sprintf("Dòng %d", i+1), strings.Repeat("ab12", 40), "Không có dấu thời gian: thời gian ký là do người ký tự nêu."}
	}
	rows[60][2] = long
	sheet := paper.Sheet{Head: head(), Title: "PHIẾU KIỂM TRA CHỮ KÝ SỐ", About: "Tệp: " + strings.Repeat("x", 400) + ".pdf", Blocks: []paper.Block{
		paper.Notice{Word: "TIẾP NHẬN ĐƯỢC", Text: strings.Repeat("Mọi chữ ký đều hợp lệ. ", 20)},
		paper.Notice{Word: "HỎI LẠI", Text: long},
		paper.Heading("1. Văn bản"),
		paper.Facts{{Name: "SHA-256", Value: strings.Repeat("0123456789abcdef", 4)}, {Name: "Không có", Value: ""}, {Name: strings.Repeat("W", 200), Value: long}},
		paper.Table{Widths: []float64{2, 2, 5}, Header: []string{"Bước", "Kết quả", "Căn cứ"}, Rows: rows},
		paper.Text(long),
		paper.Signing{Role: "NGƯỜI KIỂM TRA", Hint: "(Ký, ghi rõ họ tên)"},
	}}
	pdf := write(t, sheet, sheet)
	run(t, pdf, "qpdf", "--check", "FILE")
	if pages := withinMargins(t, pdf); pages < 8 {
		t.Fatalf("%d pages", pages)
	}
	text := run(t, pdf, "pdftotext", "-layout", "FILE", "-")
	for _, want := range []string{"Dòng 1 ", "Dòng 120 ", "NGƯỜI KIỂM TRA", "Độc lập - Tự do - Hạnh phúc"} {
		if strings.Count(text, want) != 2 { // once on each of the two papers
			t.Errorf("%q stands %d times", want, strings.Count(text, want))
		}
	}
	if headers := strings.Count(text, "Căn cứ"); headers < 6 {
		t.Errorf("the table's header stands on %d pages", headers)
	}
	if strings.Contains(text, "Không có  ") {
		t.Error("a fact without a value is printed")
	}
}

func TestHostileText(t *testing.T) {
	for name, text := range map[string]string{
		"control characters":  "a\x00\x1b[2K\x07b\rc",
		"right to left":       "exe.\u202efdp.gnaot\u2066x",
		"not UTF-8":           "a\xff\xfe\xc3",
		"beyond the font":     "\U0001F600 漢字 \uFFFF \U0010FFFF \U00010000",
		"one endless word":    strings.Repeat("W", 1<<20),
		"nothing but spaces":  strings.Repeat(" \u00a0\u3000", 1000),
		"marks upon marks":    "a" + strings.Repeat("\u0301", 5000),
		"a PDF's own syntax":  ") Tj ET endstream endobj << /JS (x) >> (",
		"line feeds":          strings.Repeat("\n", 5000),
		"decomposed":          "Tie\u0302\u0301p nha\u0323\u0302n",
		"a template's braces": "{{.x}} {nb}",
	} {
		t.Run(name, func(t *testing.T) {
			pdf := write(t, paper.Sheet{Head: head(), Title: text, About: text, Blocks: []paper.Block{
				paper.Notice{Word: text, Text: text}, paper.Heading(text), paper.Facts{{Name: text, Value: text}},
				paper.Table{Widths: []float64{1, 2}, Header: []string{"a", text}, Rows: [][]string{{text, text}, {text}}},
				paper.Text(text), paper.Signing{Role: text, Hint: text, Name: text}}})
			run(t, pdf, "qpdf", "--check", "FILE")
			withinMargins(t, pdf)
			shown := run(t, pdf, "pdftotext", "FILE", "-")
			if strings.ContainsAny(shown, "\x00\x1b\x07\u202e\u2066") {
				t.Errorf("%q", shown)
			}
			if name == "decomposed" && !strings.Contains(shown, "Tiếp nhận") {
				t.Errorf("%q is not composed", shown)
			}
			if name == "beyond the font" && !strings.Contains(shown, "□") {
				t.Errorf("%q does not say that something is missing", shown)
			}
		})
	}
}

func TestTheSamePaperIsTheSameBytes(t *testing.T) {
	sheet := paper.Sheet{Head: head(), Title: "PHIẾU", Blocks: []paper.Block{paper.Text("Đã kiểm tra"), paper.Facts{{Name: "Ai", Value: "Lê Minh Quân"}}}}
	first := write(t, sheet)
	for range 5 {
		if !bytes.Equal(first, write(t, sheet)) {
			t.Fatal("two writings differ")
		}
	}
	sheet.Title = "PHIẾU KHÁC"
	if bytes.Equal(first, write(t, sheet)) {
		t.Error("another paper has the same bytes")
	}
}
