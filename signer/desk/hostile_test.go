package desk_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// hostile is what would run if it were taken for HTML.
const hostile = `<img src=x onerror=window.taken=1>`

// objects is a PDF of objects written by hand, the first being the catalog; its cross-reference is complete.
func objects(list ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var offsets []int
	for i, o := range list {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(list)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(list)+1, at)
	return b.Bytes()
}

// tellsHTML is a document whose text and whose signature field say HTML.
func tellsHTML() []byte {
	content := "BT /F1 13 Tf 60 700 Td (V/v " + hostile + ") Tj ET"
	field := "<< /Type /Annot /Subtype /Widget /FT /Sig /T (" + hostile + ") /TU (" + hostile + ") /Rect [%d 200 %d 260] /P 3 0 R /F 4 >>"
	return objects(
		"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R 7 0 R] >> >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> /Annots [6 0 R 7 0 R] >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>",
		fmt.Sprintf(field, 300, 400), strings.Replace(fmt.Sprintf(field, 420, 520), "/T (", "/T (b ", 1),
	)
}

// TestHTMLIsText: HTML in the name of a file, in the text of a document and in the names of its fields is shown as
// what it is and does nothing.
func TestHTMLIsText(t *testing.T) {
	path := filepath.Join(t.TempDir(), hostile+".pdf")
	if err := os.WriteFile(path, tellsHTML(), 0o600); err != nil {
		t.Fatal(err)
	}
	p := sitDown(t, path)
	w := openWindow(t, p, 1366, 768)
	w.until("the document", `document.querySelector("#fact-summary")?.value.includes("onerror")`)
	w.until("the field as a place", `[...document.querySelectorAll(".choices button")].some(b => b.innerText.includes("<img src=x"))`)
	w.look("HTML as text")
	w.run(`document.querySelector("#sign").click()`)
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	w.keys(testPIN + "\r")
	w.until("the end", `document.querySelector(".results li.signed")`)
	w.keys("\r")
	w.run(`document.querySelectorAll("#tabs .tab")[2].click()`)
	w.until("the history", `document.querySelector(".stack tbody tr")?.innerText.includes("<img src=x")`)
	taken, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](`"taken" in window || document.querySelector("img[src=x]") !== null`))
	if err != nil || taken {
		t.Errorf("HTML of a document was run: %v, %v", taken, err)
	}
}

// TestPageBombs: a document of 10,000 pages is shown, a handful of them at a time; one that claims a billion, or has them
// by one node that is listed again and again, is told to be too much, at once.
func TestPageBombs(t *testing.T) {
	page := "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
	many := objects("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 10000 /Kids ["+strings.Repeat("3 0 R ", 10000)+"] >>", page)
	claims := objects("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1000000000 /Kids [3 0 R] >>", page)
	nested := []string{"<< /Type /Catalog /Pages 2 0 R >>"}
	count := 1_000_000_000
	for level := range 9 {
		nested = append(nested, fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", count, strings.Repeat(fmt.Sprintf("%d 0 R ", level+3), 10)))
		count /= 10
	}
	nested = append(nested, page)
	p := sitDown(t)
	for name, file := range map[string][]byte{"claims.pdf": claims, "nested.pdf": objects(nested...)} {
		began := time.Now()
		doc := p.upload(name, file)
		doc = get[documentView](p, "/api/documents/"+doc.ID)
		// What a viewer makes of it is its own affair as long as nobody waits for it.
		if doc.Pages > 20_000 || doc.Pages != 1 && doc.Problem == nil || time.Since(began) > 30*time.Second {
			t.Errorf("%s: %d pages, %+v, after %v", name, doc.Pages, doc.Problem, time.Since(began))
		}
		t.Logf("%s: %d pages, %+v, after %v", name, doc.Pages, doc.Problem, time.Since(began))
		post[struct{}](p, "/api/documents/"+doc.ID+"/close", struct{}{})
	}
	p.upload("many.pdf", many)
	w := openWindow(t, p, 1366, 768)
	w.until("the first page", `document.querySelector('.sheet[data-page="1"] > img:not(.ink)')?.complete`)
	w.run(`const m = document.querySelector(".middle"); m.scrollTop = m.scrollHeight / 2`)
	w.until("a page in the middle", `[...document.querySelectorAll(".sheet")].some(s => Number(s.dataset.page) > 4000 && s.querySelector("img:not(.ink)"))`)
	held, err := chromedp.Run(w.ctx, chromedp.Evaluate[int](`document.querySelectorAll(".sheet > img:not(.ink)").length`))
	if err != nil || held > 20 {
		t.Errorf("%d pictures are held, %v", held, err)
	}
	if status, _ := p.ask(http.MethodGet, "/api/documents/999/pages/1?width=800", nil); status != http.StatusNotFound {
		t.Errorf("a document that is not open: %d", status)
	}
}
