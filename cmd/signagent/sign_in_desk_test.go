//go:build linux

package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestSignInAtTheDesk goes the whole way in a real browser: the site's page waits, its
// address opens the running desk, the desk shows what asks, the token signs, and the
// number that the desk shows signs the waiting page in.
func TestSignInAtTheDesk(t *testing.T) {
	if testing.Short() {
		t.Skip("pages are looked at in the full run")
	}
	s := testSchool(t)
	desk := s.desk(t, "principal", nil, "serve", "--no-open", "--roots", s.template.roots)
	if status, text := desk.ask(http.MethodPost, "/api/sign-in/answer", map[string]string{"id": "guessed", "pin": testPIN}, nil); status != http.StatusConflict {
		t.Errorf("what was not shown is signed: %d %s", status, text)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "vi"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	site, cancel := chromedp.NewContext(ctx)
	defer cancel()
	site, cancel = context.WithTimeout(site, 3*time.Minute)
	defer cancel()
	value := func(tab context.Context, script string) string {
		t.Helper()
		said, err := chromedp.Run(tab, chromedp.Evaluate[string](script))
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		return said
	}
	do := func(tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(tab, steps...); err != nil {
			t.Fatal(err)
		}
	}
	until := func(tab context.Context, what, condition string) {
		t.Helper()
		for range 300 {
			if holds, err := chromedp.Run(tab, chromedp.Evaluate[bool]("!!("+condition+")")); err == nil && holds {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("%s does not come\n%s", what, value(tab, `document.body.innerText`))
	}
	press := func(tab context.Context, selector string) {
		t.Helper()
		if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](`(()=>{document.querySelector("`+selector+`").click(); return true})()`)); err != nil {
			t.Fatalf("%s: %v", selector, err)
		}
	}

	do(site, chromedp.Navigate(s.url+"/sign-in?next=/sessions"))
	press(site, "#token-sign-in button")
	until(site, "the page that waits", `document.querySelector("#open-agent") && document.getElementById("token-state").textContent.includes("Đang chờ")`)
	address := value(site, `document.querySelector("#open-agent").href`)
	if !strings.HasPrefix(address, "sokyso:sign-in?code=") {
		t.Fatalf("the address is %q", address)
	}
	// As the operating system does with an address of that scheme.
	if out, err := s.agent("principal", "open", address, "--no-open").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	page, cancel := chromedp.NewContext(site)
	defer cancel()
	do(page, chromedp.Navigate(desk.page))
	until(page, "the question for the token", `document.querySelector("#sign-in-look")`)
	press(page, "#sign-in-look")
	until(page, "what asks", `document.activeElement?.id === "sign-in-pin"`)
	for _, words := range []string{s.url, "Nguyễn Văn Nghĩa", "Chrome / Linux", "127.0.0.1", "không văn bản nào được ký"} {
		if said := value(page, `document.querySelector("#sign-in").innerText`); !strings.Contains(said, words) {
			t.Errorf("the desk does not say %q:\n%s", words, said)
		}
	}
	do(page, chromedp.KeyEvent("00000000\r"))
	until(page, "the wrong PIN", `document.querySelector("#sign-in .notice.bad") && document.activeElement?.id === "sign-in-pin"`)
	do(page, chromedp.KeyEvent(testPIN+"\r"))
	until(page, "the number", `document.querySelector("#sign-in-number")`)
	number := value(page, `document.querySelector("#sign-in-number").textContent`)

	until(site, "the page that knows of it", `document.getElementById("token-state").textContent.includes("USB đã ký")`)
	press(site, "form[action='/sign-in/token/finish'] button") // without the number
	until(site, "the refusal", `document.body.innerText.includes("Số này không đúng")`)
	do(site, chromedp.SetValue(chromedp.CSS("#number"), number))
	press(site, "form[action='/sign-in/token/finish'] button")
	until(site, "the page that was asked for", `location.pathname === "/sessions" && document.body.innerText.includes("Nơi tôi đang đăng nhập")`)
}
