package desk_test

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/httpapi/look/picture"
)

// window is a Chromium window on the desk.
type window struct {
	t     *testing.T
	ctx   context.Context
	width int64
	shots int
}

// chromium is the browser of Debian's package; the Makefile installs it.
const chromium = "/usr/bin/chromium"

func openWindow(t *testing.T, p *place, width, height int64) *window {
	t.Helper()
	if testing.Short() {
		t.Skip("pages are looked at in the full run")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("no-first-run", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "vi"),
		chromedp.Env("LANGUAGE=vi")) // what the browser draws itself, where its words are installed (chromium-l10n)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	w := &window{t: t, ctx: ctx, width: width}
	w.do(chromedp.EmulateViewport(width, height))
	w.do(chromedp.Navigate(p.desk.URL()))
	return w
}

func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, steps...); err != nil {
		w.t.Fatalf("%v\non %s", err, w.text())
	}
}

func (w *window) text() string {
	text, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return err.Error()
	}
	return text
}

// until waits for a condition in the page.
func (w *window) until(what, condition string) {
	w.t.Helper()
	for range 300 {
		holds, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		if err != nil {
			w.t.Fatal(err)
		}
		if holds {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.shot("stuck")
	w.t.Fatalf("%s does not come\non %s", what, w.text())
}

// run runs a script in the page.
func (w *window) run(script string) {
	w.t.Helper()
	if _, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool]("(()=>{"+script+"; return true})()")); err != nil {
		w.t.Fatal(err)
	}
}

// keys types on the keyboard, where the focus is.
func (w *window) keys(keys string) {
	w.t.Helper()
	w.do(chromedp.KeyEvent(keys))
}

// upload picks a file in a field.
func (w *window) upload(selector, path string) {
	w.t.Helper()
	w.do(chromedp.SetUploadFiles(chromedp.CSS(selector), []string{path}))
}

// look holds what is on the screen to what holds for every screen.
func (w *window) look(what string) {
	w.t.Helper()
	type seen struct {
		Wide      int64
		Unlabeled []string
		Unnamed   []string
		Broken    bool
	}
	found, err := chromedp.Run(w.ctx, chromedp.Evaluate[seen](`(() => {
		const visible = e => e.offsetParent !== null && e.type !== "hidden" && !e.classList.contains("hidden");
		return {
			Wide: document.documentElement.scrollWidth,
			Unlabeled: [...document.querySelectorAll("input, select, textarea")].filter(visible).filter(e => !e.labels?.length && !e.ariaLabel).map(e => e.outerHTML.slice(0, 80)),
			Unnamed: [...document.querySelectorAll("button, [role=button]")].filter(visible).filter(e => !(e.innerText.trim() || e.ariaLabel)).map(e => e.outerHTML.slice(0, 80)),
			Broken: /undefined|\[object|NaN|\{\w+\}/.test(document.body.innerText),
		};
	})()`))
	if err != nil {
		w.t.Fatal(err)
	}
	if found.Wide > w.width {
		w.t.Errorf("%s is %d pixels wide on a screen of %d", what, found.Wide, w.width)
	}
	if len(found.Unlabeled) > 0 || len(found.Unnamed) > 0 {
		w.t.Errorf("%s: without a name for a screen reader: %v %v", what, found.Unlabeled, found.Unnamed)
	}
	if found.Broken {
		w.t.Errorf("%s shows what is not for people: %s", what, w.text())
	}
	w.shot(what)
}

// shot keeps a picture of the screen where SOKYSO_SCREENSHOTS names a folder.
func (w *window) shot(what string) {
	folder := os.Getenv("SOKYSO_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		w.t.Error(err)
		return
	}
	w.shots++
	name := strings.NewReplacer("/", "-", " ", "-").Replace(w.t.Name()+"-"+what) + "-" + strconv.Itoa(w.shots) + ".png"
	if err := os.WriteFile(filepath.Join(folder, name), picture, 0o600); err != nil {
		w.t.Error(err)
	}
}

// keep writes a picture for the guides of docs/huong-dan: what is below the desk's bar, which says
// that these tests sign without a school.
func (w *window) keep(name string) {
	w.t.Helper()
	folder := os.Getenv("SOKYSO_SCREENSHOTS")
	if folder == "" {
		return
	}
	content, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		w.t.Fatal(err)
	}
	bar, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64](`document.querySelector("header").getBoundingClientRect().bottom`))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := picture.Keep(folder, name, content, image.Rect(0, int(bar), int(w.width), 1<<16)); err != nil {
		w.t.Error(err)
	}
}

// TestThreeActions: a document that was opened is signed with one press and the PIN, by the keyboard alone.
func TestThreeActions(t *testing.T) {
	p := sitDown(t, copied(t, "ke-hoach.pdf"))
	w := openWindow(t, p, 1366, 768)
	w.until("the proposal", `document.querySelector("#fact-number")?.value === "21"`)
	w.until("the page's picture", `document.querySelector(".sheet > img:not(.ink)")?.complete`)
	w.until("the box", `document.querySelector(".box")`)
	w.look("opened")
	w.keep("ban-ky")
	if address, err := chromedp.Run(w.ctx, chromedp.Location()); err != nil || strings.Contains(address, p.secret) {
		t.Errorf("the secret stays in the address %s, %v", address, err)
	}
	w.do(chromedp.Focus(chromedp.CSS("#sign")))
	w.keys("\r")
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	w.look("asked")
	w.keep("ban-ky-ma-pin")
	w.keys(testPIN + "\r")
	w.until("the end", `document.querySelector(".results li.signed")`)
	w.look("signed")
	w.keys("\r")
	w.until("the document again", `!document.querySelector("dialog[open]") && document.querySelector(".panel .notice.good")`)
	w.look("afterwards")
	w.run(`document.querySelectorAll("#tabs .tab")[2].click()`)
	w.until("the history", `document.querySelector(".stack tbody tr")`)
	w.look("history")
}

// TestWrongPINOnThePage: the token's word is shown, and the person asked again.
func TestWrongPINOnThePage(t *testing.T) {
	p := sitDown(t, copied(t, "thong-bao.pdf"))
	w := openWindow(t, p, 1366, 768)
	w.until("the proposal", `document.querySelector("#fact-capacity")?.value === "KT"`)
	w.run(`document.querySelector("#sign").click()`)
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	w.keys(wrongPIN + "\r")
	w.until("the question again", `document.querySelector("dialog .notice.bad") && document.querySelector("#pin")`)
	w.look("wrong PIN")
	if !strings.Contains(w.text(), "nhập sai trước đó") {
		t.Errorf("the person is not told of the token's count: %s", w.text())
	}
	w.keys("a" + testPIN) // whatever was there is gone
	w.run(`document.querySelector("#pin").value = "mâ"; document.querySelector("#pin").dispatchEvent(new Event("input"))`)
	if !strings.Contains(w.text(), "bộ gõ tiếng Việt") {
		t.Error("letters with marks are not told")
	}
}

// TestBatchOnThePage: several documents in a grid, one left out, one PIN; and on a phone's width.
func TestBatchOnThePage(t *testing.T) {
	p := sitDown(t, copied(t, "ke-hoach.pdf"), copied(t, "thong-bao.pdf"), copied(t, "quy-che.pdf"), copied(t, "quy-che-scan.pdf"), copied(t, "ke-hoach-xoay.pdf"))
	w := openWindow(t, p, 1366, 768)
	w.until("five thumbnails", `document.querySelectorAll(".thumb img").length === 5`)
	w.until("boxes on them", `document.querySelectorAll(".thumb .box").length === 5`)
	w.look("grid")
	w.run(`[...document.querySelectorAll(".tile input")].find(i => i.ariaLabel.includes("quy-che-scan")).click()`)
	w.until("one less", `document.querySelector("#sign").innerText.includes("4")`)
	w.run(`document.querySelector("#sign").click()`)
	w.until("the question for the PIN", `document.activeElement?.id === "pin"`)
	w.look("asked")
	w.keys(testPIN + "\r")
	w.until("the end", `document.querySelectorAll(".results li.signed").length === 4`)
	w.look("signed")
	for i, name := range []string{"1", "2", "3", "5"} {
		doc := get[documentView](p, "/api/documents/"+name)
		if doc.Result == nil || doc.Result.Output == "" {
			t.Fatalf("%d: %+v", i, doc.Result)
		}
		if report := p.verify(doc.Result.Output); len(report.Signatures) != 1 || report.Signatures[0].Indication == "TOTAL-FAILED" {
			t.Errorf("%s: %+v", doc.Name, report)
		}
	}
}

func TestPhoneWidth(t *testing.T) {
	p := sitDown(t, copied(t, "thong-bao.pdf"))
	w := openWindow(t, p, 390, 844)
	w.until("the proposal", `document.querySelector("#fact-number")?.value === "07"`)
	w.until("the box", `document.querySelector(".box")`)
	w.look("opened")
	for i, name := range []string{"images", "history"} {
		w.run(`document.querySelectorAll("#tabs .tab")[` + strconv.Itoa(i+1) + `].click()`)
		w.until(name, `document.querySelector("main h1")`)
		w.look(name)
	}
	empty := openWindow(t, sitDown(t), 390, 844)
	empty.until("the welcome", `document.querySelector(".welcome")`)
	empty.look("welcome")
}

// TestBoxByHand: the box is moved by mouse and by keys, to another page, and where it lies over text it is said.
func TestBoxByHand(t *testing.T) {
	p := sitDown(t, copied(t, "quy-che.pdf"))
	w := openWindow(t, p, 1366, 768)
	w.until("the box on page 4", `document.querySelector('.sheet[data-page="4"] .box')`)
	const left = `parseFloat(document.querySelector(".box").style.left)`
	before, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64](left))
	if err != nil {
		t.Fatal(err)
	}
	w.do(chromedp.Focus(chromedp.CSS(".box")))
	w.run(`document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", shiftKey: true, bubbles: true }))`)
	after, err := chromedp.Run(w.ctx, chromedp.Evaluate[float64](left))
	if err != nil {
		t.Fatal(err)
	}
	if moved := (after - before) / 100 * 595.3 / 72 * 25.4; moved < 4.9 || moved > 5.1 {
		t.Errorf("Shift and the arrow move by %.2f mm", moved)
	}
	w.run(`const s = document.querySelector('.sheet[data-page="4"]'); s.scrollIntoView(); const r = s.getBoundingClientRect();
		s.dispatchEvent(new MouseEvent("dblclick", { clientX: r.left + r.width / 2, clientY: r.top + r.height * 0.2, bubbles: true }))`)
	w.until("the warning", `document.querySelector(".panel .notice.warn")?.innerText.includes("che chữ")`)
	w.look("covers text")
	w.run(`[...document.querySelectorAll(".panel button")].find(b => b.innerText.includes("đề xuất")).click()`)
	w.until("the proposed place", `!document.querySelector(".panel .notice.warn") && Math.abs(`+left+` - `+strconv.FormatFloat(before, 'f', -1, 64)+`) < 0.01`)
}
