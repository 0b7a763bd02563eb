package desk_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestDeskCanBeRead holds the desk's views to what a program can find of WCAG 2.2 AA, in both languages, by day and
// by night, with the script that reads the school's pages.
func TestDeskCanBeRead(t *testing.T) {
	script, err := os.ReadFile("../../httpapi/look/testdata/access.js")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{} // by what was found, where
	for _, scheme := range []string{"light", "dark"} {
		empty := openWindow(t, sitDown(t), 1366, 768)
		single := openWindow(t, sitDown(t, copied(t, "thong-bao.pdf")), 1366, 768)
		many := openWindow(t, sitDown(t, copied(t, "ke-hoach.pdf"), copied(t, "quy-che.pdf")), 1366, 768)
		read := func(w *window, what string) {
			t.Helper()
			w.keys("\t")
			sentences, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]string](string(script)))
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			for _, sentence := range sentences {
				found[sentence] = append(found[sentence], scheme+" "+what)
			}
		}
		for _, w := range []*window{empty, single, many} {
			w.night(scheme)
		}
		for range 2 {
			empty.run(`document.querySelectorAll("#tabs .tab")[0].click()`)
			empty.until("the welcome", `document.querySelector(".welcome")`)
			read(empty, "welcome")
			for i, name := range []string{"images", "history", "settings", "waiting"} {
				empty.run(`document.querySelectorAll("#tabs .tab")[` + string(rune('1'+i)) + `].click()`)
				empty.until(name, `document.querySelector("main h1")`)
				read(empty, name)
			}
			single.until("the document", `document.querySelector("#fact-number")?.value === "07" && document.querySelector(".box")`)
			read(single, "document")
			single.run(`document.querySelector("#sign").click()`)
			single.until("the question for the PIN", `document.activeElement?.id === "pin"`)
			read(single, "PIN")
			single.run(`document.querySelector("dialog").close()`)
			many.until("the documents", `document.querySelectorAll(".thumb .box").length === 2`)
			read(many, "documents")
			for _, w := range []*window{empty, single, many} {
				w.run(`document.querySelector("#tabs .language").click()`)
				w.until("the other language", `document.querySelector("#tabs .language")`)
			}
		}
	}
	for _, sentence := range slices.Sorted(maps.Keys(found)) {
		t.Errorf("%s\n\ton %s", sentence, strings.Join(found[sentence][:min(len(found[sentence]), 3)], ", "))
	}
}

// night shows the desk in the light or the dark.
func (w *window) night(scheme string) {
	w.t.Helper()
	w.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
	w.until(scheme, `matchMedia("(prefers-color-scheme: `+scheme+`)").matches`)
}
