package desk_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestPresetOnThePage: what was chosen for a kind of document is kept, offered with the next one of the kind, and laid
// where that one's signature block is; and it can be deleted.
func TestPresetOnThePage(t *testing.T) {
	p := sitDown(t, copied(t, "thong-bao.pdf"))
	w := openWindow(t, p, 1366, 768)
	w.until("the box", `document.querySelector(".box") && document.querySelector("#save-preset") && !document.querySelector("#use-preset")`)
	w.do(chromedp.Focus(chromedp.CSS(".box")))
	w.run(`document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", shiftKey: true, bubbles: true }))`)
	w.until("the place by hand", `document.body.innerText.includes("chọn bằng tay")`)
	w.run(`const c = document.querySelector("#fact-capacity"); c.value = "TL"; c.dispatchEvent(new Event("input"))`)
	w.run(`document.querySelector("#save-preset").click()`)
	w.until("the word that it is kept", `document.querySelector("#told").innerText.includes("Đã nhớ")`)

	for _, id := range []string{"1"} {
		post[struct{}](p, "/api/documents/"+id+"/close", struct{}{})
	}
	if err := p.desk.Open(copied(t, "du-thao.pdf")); err != nil { // another announcement
		t.Fatal(err)
	}
	w.do(chromedp.Navigate("about:blank"))
	w.do(chromedp.Navigate(p.desk.URL()))
	w.until("the offer", `document.querySelector("#use-preset")?.innerText.includes("Thông báo") && document.querySelector(".box")`)
	const left = `parseFloat(document.querySelector(".box").style.left)`
	before, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64](left))
	if err != nil {
		t.Fatal(err)
	}
	w.look("preset offered")
	w.run(`document.querySelector("#use-preset").click()`)
	w.until("the preset", `document.body.innerText.includes("theo cách đặt đã lưu") && document.querySelector("#fact-capacity").value === "TL" && !document.querySelector("#use-preset")`)
	after, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64](left))
	if moved := (before - after) / 100 * 595 / 72 * 25.4; err != nil || moved < 4.9 || moved > 5.1 {
		t.Errorf("the place is moved by %.2f mm, %v", moved, err)
	}
	w.run(`document.querySelectorAll("#tabs .tab")[3].click()`)
	w.until("the settings", `document.querySelector(".kept li")`)
	w.look("settings")
	w.do(chromedp.EmulateViewport(390, 1500))
	w.width = 390
	w.look("settings on a phone")
	w.run(`document.querySelector("#template-symbol").value = "…-MNMT"; document.querySelector("[name=series][value=kind]").click(); document.querySelector("#template-right").value = "10"; document.querySelector("main form").requestSubmit()`)
	w.until("the word that it is saved", `document.querySelector("#told").innerText.includes("Đã lưu cài đặt")`)
	kept := get[struct {
		Series, Symbol string
		ShiftMM        [2]float64 `json:"shift_mm"`
	}](p, "/api/template")
	if kept.Series != "kind" || kept.Symbol != "…-MNMT" || kept.ShiftMM != [2]float64{10, 0} {
		t.Errorf("%+v", kept)
	}
	seal := get[placesView](p, "/api/documents/2/places?act=issue").Places
	w.run(`document.querySelector("#template-right").value = "0"; document.querySelector("main form").requestSubmit()`)
	w.until("the form again", `document.querySelector("#template-right")?.value === "0"`)
	for range 50 {
		if usual := get[placesView](p, "/api/documents/2/places?act=issue").Places; len(usual) == 1 && seal[0].Rect[0]-usual[0].Rect[0] > 28 && seal[0].Rect[0]-usual[0].Rect[0] < 29 {
			seal = nil
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if seal != nil {
		t.Error("the seal is not moved by 10 mm")
	}
	w.run(`document.querySelector(".kept button").click()`)
	w.until("none left", `!document.querySelector(".kept li")`)
}

// TestSettingsRefused: what a page can't have chosen is not kept, and a file of settings that is damaged stops nobody.
func TestSettingsRefused(t *testing.T) {
	p := sitDown(t)
	good := map[string]any{"id": "", "person": "", "kind": "TB", "act": "approve", "capacity": "", "level": "", "image": "", "absolute": false, "from_end": 0,
		"shift": []float64{1, 2}, "size": []float64{100, 50}, "hidden": false, "saved": "2026-11-26T00:00:00Z"}
	for field, value := range map[string]any{"kind": "XX", "act": "seal", "capacity": "PP", "level": "b-lta", "image": "../../key", "from_end": -1, "size": []float64{0, 0}, "shift": []float64{1e9, 0}, "path": "x"} {
		bad := map[string]any{}
		for k, v := range good {
			bad[k] = v
		}
		bad[field] = value
		if status, answer := p.ask(http.MethodPost, "/api/presets", encoded(t, bad)); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", field, status, answer)
		}
	}
	for range 3 { // of one kind and act there is one
		post[struct{ ID string }](p, "/api/presets", good)
	}
	if list := get[struct{ Presets []struct{ ID string } }](p, "/api/presets").Presets; len(list) != 1 {
		t.Errorf("%d presets", len(list))
	}
	for _, bad := range []map[string]any{
		{"image": "", "symbol": "…-MNMT", "series": "month", "shift_mm": []float64{0, 0}},
		{"image": "", "symbol": "<b>", "series": "one", "shift_mm": []float64{0, 0}},
		{"image": "", "symbol": "", "series": "one", "shift_mm": []float64{0, 1000}},
		{"image": "x", "symbol": "", "series": "one", "shift_mm": []float64{0, 0}},
	} {
		if status, answer := p.ask(http.MethodPost, "/api/template", encoded(t, bad)); status != http.StatusBadRequest {
			t.Errorf("%v: %d %s", bad, status, answer)
		}
	}
	for _, name := range []string{"presets.json", "issuing.json"} {
		if err := os.WriteFile(filepath.Join(p.home, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	get[any](p, "/api/presets")
	if got := get[struct{ Series string }](p, "/api/template").Series; got != "one" {
		t.Errorf("series %q", got)
	}
}

// TestFieldsAreOffered: an empty signature field is offered for whom it is meant, and signed in where it is chosen.
func TestFieldsAreOffered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o-ky.pdf")
	field := func(name, label, rect string) string {
		return "<< /Type /Annot /Subtype /Widget /FT /Sig /T (" + name + ") /TU (" + label + ") /Rect [" + rect + "] /P 3 0 R /F 4 >>"
	}
	file := objects("<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R 5 0 R 6 0 R] >> >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [4 0 R 5 0 R 6 0 R] >>",
		field("HieuTruong", "Hieu truong ky", "340 200 480 260"), field("Dau", "Dong dau", "300 180 402 282"), field("An", "Khong hien", "0 0 0 0"))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	p := sitDown(t, path)
	for act, want := range map[string]string{"approve": "HieuTruong", "initial": "HieuTruong", "issue": "Dau", "copy": ""} {
		places := get[struct {
			Places []struct{ Field, Why string }
		}](p, "/api/documents/1/places?act="+act).Places
		got := ""
		for _, at := range places {
			got += at.Field
		}
		if got != want {
			t.Errorf("%s: %+v, want %q", act, places, want)
		}
	}
	tokens := get[struct {
		Tokens []struct {
			Serial       string
			Certificates []struct{ SHA256 string }
		}
	}](p, "/api/tokens").Tokens
	task := post[map[string]string](p, "/api/sign", map[string]any{
		"act": "approve", "token": tokens[0].Serial, "certificate": tokens[0].Certificates[0].SHA256, "image": "", "pin": testPIN, "final_try": false, "level": "",
		"files": []any{map[string]any{"id": "1", "document": map[string]any{}, "capacity": "", "issue": nil, "place": map[string]any{"page": 1, "rect": []float64{340, 200, 140, 60}, "field": "HieuTruong"}}},
	})["task"]
	result := p.ended(task)[0]
	report := p.verify(result.Output)
	if len(report.Signatures) != 1 || report.Signatures[0].Field != "HieuTruong" {
		t.Errorf("%+v %+v", result, report)
	}
}

// TestKeyboardOnly: from opening to "signed" without a mouse, by the keys that people know.
func TestKeyboardOnly(t *testing.T) {
	p := sitDown(t, copied(t, "ke-hoach.pdf"))
	w := openWindow(t, p, 1366, 768)
	w.until("the proposal", `document.querySelector("#fact-number")?.value === "21" && document.querySelector(".box")`)
	seen := map[string]bool{}
	reached := func(what, condition string) {
		t.Helper()
		for range 80 {
			w.keys("\t")
			at, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`(() => { const e = document.activeElement; return (e.id || e.className || e.tagName) + (getComputedStyle(e).outlineStyle === "none" ? "" : " outlined") })()`))
			if err != nil {
				t.Fatal(err)
			}
			seen[at] = true
			if there, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](condition)); err == nil && there {
				return
			}
		}
		t.Fatalf("%s is not reached by the keyboard: %v", what, seen)
	}
	reached("the box", `document.activeElement.classList.contains("box")`)
	reached("the number", `document.activeElement.id === "fact-number"`)
	reached("the button", `document.activeElement.id === "sign"`)
	for at := range seen {
		if !strings.HasSuffix(at, " outlined") && !strings.Contains(at, "BODY") && !strings.Contains(at, "view") {
			t.Errorf("the focus on %s is not seen", at)
		}
	}
	w.keys("\r")
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	w.keys(testPIN + "\r")
	w.until("the end", `document.querySelector(".results li.signed")`)
	w.keys("\r")
	w.until("the document again", `!document.querySelector("dialog[open]") && document.querySelector(".panel .notice.good")`)
}

// TestSixtyDocuments: a batch of sixty, by one PIN; each is signed at its own place.
func TestSixtyDocuments(t *testing.T) {
	dir := t.TempDir()
	content, err := os.ReadFile(sample("ke-hoach.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for i := range 60 {
		path := filepath.Join(dir, "ke-hoach-"+string(rune('a'+i/10))+string(rune('0'+i%10))+".pdf")
		if err := os.WriteFile(path, append(content[:len(content):len(content)], []byte(strings.Repeat("\n", i+1))...), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	p := sitDown(t, paths...)
	w := openWindow(t, p, 1366, 768)
	w.until("the button", `document.querySelector("#sign")?.innerText.includes("60")`)
	w.run(`document.querySelector("#sign").click()`)
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	w.keys(testPIN + "\r")
	w.until("the end", `document.querySelectorAll(".results li.signed").length === 60`)
	w.look("sixty signed")
	results, err := filepath.Glob(filepath.Join(dir, "*.signed.pdf"))
	if err != nil || len(results) != 60 {
		t.Fatalf("%d signed files, %v", len(results), err)
	}
	for _, path := range []string{results[0], results[59]} {
		if report := p.verify(path); len(report.Signatures) != 1 || report.Signatures[0].Indication == "TOTAL-FAILED" {
			t.Errorf("%+v", report)
		}
	}
}
