package reading_test

import (
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sokyso/signer/preview"
)

func TestMain(m *testing.M) {
	preview.RunIfAsked()
	os.Exit(m.Run())
}

func newViewer(t testing.TB) *preview.Viewer {
	t.Helper()
	v := preview.New(preview.Config{CacheDir: filepath.Join(os.TempDir(), "sokyso-test-cache", "sokyso", "pdfium")})
	t.Cleanup(func() { v.Close() })
	return v
}

// wordsOf is the text of all pages of a PDF.
func wordsOf(t testing.TB, v *preview.Viewer, path string) []preview.Words {
	t.Helper()
	file := preview.File{Path: path}
	count, err := v.Pages(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	pages := make([]preview.Words, count)
	for i := range pages {
		if pages[i], err = v.Words(t.Context(), file, i+1); err != nil {
			t.Fatal(err)
		}
	}
	return pages
}

// letter is what a document of the layout of Decree 30 is made of, for printing by Chromium.
type letter struct {
	superior, organization string
	number, subject        string // "Số: …", "V/v …" or ""
	date                   string
	title, summary         string
	authority              string // over a decision's text
	body                   []string
	recipients             []string
	sign                   [][]string // columns of lines from the left; "" is room for a signature
}

func (l letter) html() string {
	var b strings.Builder
	lines := func(class string, texts ...string) {
		for _, text := range texts {
			if text != "" {
				fmt.Fprintf(&b, "<div class=%q>%s</div>", class, html.EscapeString(text))
			}
		}
	}
	b.WriteString(`<!doctype html><meta charset=utf-8><style>@page{size:A4;margin:20mm 15mm 20mm 30mm}
body{font:14pt/1.25 "Liberation Serif","Times New Roman",serif;margin:0}table{width:100%;border-collapse:collapse}
td{vertical-align:top;text-align:center;font-size:13pt}.b{font-weight:bold}.i{font-style:italic}.c{text-align:center}
.p{text-indent:1cm;text-align:justify;margin:4pt 0}.s{font-size:11pt;text-align:left}.room{height:70pt}</style>
<table><tr><td style="width:42%">`)
	lines("", l.superior)
	lines("b", l.organization)
	lines("", "_______", l.number)
	lines("s c", l.subject)
	b.WriteString(`</td><td>`)
	lines("b", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc")
	lines("", "__________________")
	lines("i", l.date)
	b.WriteString(`</td></tr></table><br>`)
	lines("b c", l.title, l.summary)
	if l.authority != "" {
		b.WriteString("<br>")
		lines("b c", l.authority)
	}
	b.WriteString("<br>")
	lines("p", l.body...)
	b.WriteString(`<br><table><tr>`)
	if len(l.recipients) > 0 {
		b.WriteString(`<td class=s style="width:45%"><div class="s b i">Nơi nhận:</div>`)
		lines("s", l.recipients...)
		b.WriteString(`</td>`)
	}
	for _, column := range l.sign {
		b.WriteString(`<td class=b>`)
		for _, text := range column {
			if text == "" {
				b.WriteString(`<div class=room></div>`)
			}
			lines("", text)
		}
		b.WriteString(`</td>`)
	}
	b.WriteString(`</tr></table>`)
	return b.String()
}

// printed is the letter as Chromium prints it to PDF.
func (l letter) printed(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	page, out := filepath.Join(dir, "letter.html"), filepath.Join(dir, "letter.pdf")
	if err := os.WriteFile(page, []byte(l.html()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--print-to-pdf="+out,
		"--user-data-dir="+filepath.Join(dir, "profile"), "file://"+page)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, output)
	}
	return out
}
