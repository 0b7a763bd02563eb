package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody/store/storetest"
)

// TestTheDepartmentInABrowser: a real browser takes the form on from the department to the
// school: its rules about where a form may go, which page sent it and whose cookies go along
// are not ours. SOKYSO_SCREENSHOTS names a folder for pictures.
func TestTheDepartmentInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("pages are looked at in the full run")
	}
	s := serveMany(t, storetest.Fresh(t, "sqlite"))
	admin := s.browser().signIn(departmentAt, "quantri").get(departmentAt + "/people")
	admin.post(departmentAt, admin.idIn(`href="(/people/[^"?]+)"><strong>Trịnh`)+"/roles", map[string][]string{"role": {"department"}})
	s.run("--school", "th-kim-dong", "department", "add", "--username", "so")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("lang", "vi"), chromedp.Flag("host-resolver-rules", "MAP *.sokyso.example "+s.to.to+", MAP sokyso.example "+s.to.to))
	open := func() context.Context {
		ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
		t.Cleanup(cancel)
		ctx, cancel = chromedp.NewContext(ctx)
		t.Cleanup(cancel)
		ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
		t.Cleanup(cancel)
		return ctx
	}
	w := &window{t: t, ctx: open(), folder: os.Getenv("SOKYSO_SCREENSHOTS")}
	w.open(departmentAt + "/schools")
	w.fill("#username", "so")
	w.fill("#password", password)
	w.press("form[action='/sign-in'] button")
	w.saw("Các trường", "Trường THKD")
	w.keep("cac-truong")
	w.press("a[href='" + kimDongAt + "/from-department']")
	w.saw("Mở sổ của Trường THKD", "Trịnh Thị Sở")
	w.keep("vao-truong")
	w.press("form[action$='/enter'] button")
	w.saw("Bạn đang đọc sổ này với tư cách người của Sở Giáo dục")
	if at := w.at(); at != kimDongAt+"/" {
		t.Errorf("came to %s", at)
	}
	w.keep("o-truong")
	w.open(kimDongAt + "/sessions")
	w.saw("từ cơ quan quản lý")
	w.keep("o-truong-phien")
	w.open(departmentAt + "/sessions")
	w.saw("Mở từ đây ở Trường THKD")
	w.keep("o-so-phien")
	w.open(departmentAt + "/schools?q=khong+co")
	w.keep("cac-truong-khong-thay")

	school := &window{t: t, ctx: open(), folder: w.folder, shots: 50}
	school.open(hoaSenAt + "/sign-in")
	school.keep("dang-nhap")
	school.fill("#username", "quantri")
	school.fill("#password", password)
	school.press("form[action='/sign-in'] button")
	school.open(hoaSenAt + "/department")
	school.keep("nguoi-cua-so")
	school.tick("input[name=person]")
	school.press("form[action='/department'] button")
	school.saw("Đã cho 1 người", "Trịnh Thị Sở")
	school.keep("nguoi-cua-so-da-cho")
	school.press("li.card h3 a")
	school.keep("trang-nguoi")
}

// window is a browser's.
type window struct {
	t      *testing.T
	ctx    context.Context
	folder string // of pictures; "" = none are kept
	shots  int
}

func (w *window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	if err := chromedp.Do(w.ctx, steps...); err != nil {
		w.t.Fatalf("%v\non %s", err, w.text())
	}
}

func (w *window) open(address string) {
	w.t.Helper()
	w.do(chromedp.Navigate(address))
}

func (w *window) fill(selector, value string) {
	w.t.Helper()
	w.do(chromedp.SetValue(chromedp.CSS(selector), value))
}

func (w *window) tick(selector string) {
	w.t.Helper()
	w.do(chromedp.Click(chromedp.CSS(selector)))
}

func (w *window) press(selector string) {
	w.t.Helper()
	if _, err := chromedp.RunResponse(w.ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		w.t.Fatalf("press %s: %v\non %s", selector, err, w.text())
	}
}

func (w *window) text() string {
	text, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return err.Error()
	}
	return text
}

func (w *window) at() string {
	w.t.Helper()
	at, err := chromedp.Run(w.ctx, chromedp.Location())
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

func (w *window) saw(texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if shown := w.text(); !strings.Contains(shown, text) {
			w.t.Fatalf("%s does not say %q:\n%s", w.at(), text, shown)
		}
	}
}

// keep holds a page to the width of two screens, and keeps pictures of both.
func (w *window) keep(name string) {
	w.t.Helper()
	w.shots++
	for _, size := range [][2]int64{{390, 844}, {1366, 900}} {
		w.do(chromedp.EmulateViewport(size[0], size[1]))
		wide, err := chromedp.Run(w.ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
		if err != nil {
			w.t.Fatal(err)
		}
		if wide > size[0] {
			w.t.Errorf("%s is %d pixels wide on a screen of %d", w.at(), wide, size[0])
		}
		if w.folder == "" {
			continue
		}
		content, err := chromedp.Run(w.ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(w.folder, fmt.Sprintf("so-%02d-%s-%d.png", w.shots, name, size[0])), content, 0o644)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}
