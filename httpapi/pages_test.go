package httpapi_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// browser is a Chromium window of one size.
type browser struct {
	t     *testing.T
	ctx   context.Context
	base  string
	width int64
	shots int
}

// chromium is the browser of Debian's package; the Makefile installs it.
const chromium = "/usr/bin/chromium"

func openBrowser(t *testing.T, s *school, width, height int64) *browser {
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
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: s.server.URL, width: width}
	b.do(chromedp.EmulateViewport(width, height))
	return b
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%v\non %s", err, b.text())
	}
}

func (b *browser) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
	b.look(path)
}

// press clicks a button or link and waits for the page that follows.
func (b *browser) press(selector string) {
	b.t.Helper()
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatalf("press %s: %v\non %s", selector, err, b.text())
	}
	b.look(selector)
}

func (b *browser) fill(selector, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue(chromedp.CSS(selector), value))
}

func (b *browser) tick(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

func (b *browser) text() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return err.Error()
	}
	return text
}

func (b *browser) path() string {
	b.t.Helper()
	location, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.t.Fatal(err)
	}
	parsed, err := url.Parse(location)
	if err != nil {
		b.t.Fatal(err)
	}
	return parsed.RequestURI()
}

// look holds every page that is seen to what holds for all of them.
func (b *browser) look(what string) {
	b.t.Helper()
	var seen struct {
		Wide      int64
		Unlabeled []string
		Small     []string
		Title     string
		H1        int
		NoValue   bool
	}
	seen, err := chromedp.Run(b.ctx, chromedp.Evaluate[struct {
		Wide      int64
		Unlabeled []string
		Small     []string
		Title     string
		H1        int
		NoValue   bool
	}](`(() => {
		const visible = e => e.offsetParent !== null && e.type !== "hidden";
		const fields = [...document.querySelectorAll("input, select, textarea")].filter(visible);
		return {
			Wide: document.documentElement.scrollWidth,
			Unlabeled: fields.filter(e => e.labels.length === 0).map(e => e.name),
			Small: [...document.querySelectorAll("button, .button, select, textarea, input:not([type=checkbox]):not([type=radio])")].filter(visible)
				.filter(e => e.getBoundingClientRect().height < 36).map(e => e.outerHTML.slice(0, 80)),
			Title: document.title, H1: document.querySelectorAll("h1").length,
			NoValue: /<no value>|%!|undefined/.test(document.body.innerText),
		};
	})()`))
	if err != nil {
		b.t.Fatal(err)
	}
	if seen.Wide > b.width {
		b.t.Errorf("%s is %d pixels wide on a screen of %d", what, seen.Wide, b.width)
	}
	if len(seen.Unlabeled) > 0 {
		b.t.Errorf("%s has fields without a label: %v", what, seen.Unlabeled)
	}
	if len(seen.Small) > 0 {
		b.t.Errorf("%s has buttons too small for a finger: %v", what, seen.Small)
	}
	if seen.H1 != 1 || !strings.Contains(seen.Title, "·") || seen.NoValue {
		b.t.Errorf("%s: %d headings, title %q, no value: %v", what, seen.H1, seen.Title, seen.NoValue)
	}
}

// shoot keeps a picture of the page when SOKYSO_SCREENSHOTS names a folder.
func (b *browser) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("SOKYSO_SCREENSHOTS")
	if folder == "" {
		return
	}
	b.shots++
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d-%02d-%s.png", b.width, b.shots, name)), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) mustSay(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, word := range words {
		if !strings.Contains(text, word) {
			b.t.Fatalf("the page does not say %q:\n%s", word, text)
		}
	}
}

func (b *browser) signIn(m *member) {
	b.t.Helper()
	b.visit("/")
	b.fill("#username", m.username)
	b.fill("#password", password)
	b.press("main button")
}

var screens = map[string][2]int64{"desktop": {1280, 900}, "phone": {360, 740}}

// A day of the people who hold tokens, as they see it.
func TestPagesOfACustodian(t *testing.T) {
	for name, size := range screens {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			offer, err := s.OfferHandOver(ctx, s.System, store.NewHandOver{Token: s.deputy.token.ID, To: s.deputy.actor.Person, Reason: "Giao đầu năm học", Condition: "Bình thường"})
			if err != nil {
				t.Fatal(err)
			}
			b := openBrowser(t, s, size[0], size[1])
			b.visit("/log")
			if !strings.HasPrefix(b.path(), "/sign-in?next=") {
				t.Fatalf("went to %s", b.path())
			}
			b.shoot("sign-in")
			b.fill("#username", s.deputy.username)
			b.fill("#password", "không-phải-mật-khẩu")
			b.press("main button")
			b.mustSay("Tên đăng nhập hoặc mật khẩu chưa đúng")
			b.shoot("wrong-password")
			b.fill("#password", password)
			b.press("main button")
			if b.path() != "/log" {
				t.Errorf("after signing in: %s", b.path())
			}
			b.visit("/")
			b.mustSay("Chờ bạn xác nhận", "USB ký số A1002", "Bạn không giữ USB ký số nào")
			b.shoot("home-waiting")
			b.press(`a[href="/hand-overs/` + string(offer.ID) + `"]`)
			b.mustSay("Giao đầu năm học", "A1002")
			b.shoot("hand-over")
			b.tick(`input[name="received"]`)
			b.press(`form[action$="/accept"] button`)
			b.mustSay("Đã xác nhận nhận USB ký số A1002", "Đang giữ")
			b.shoot("home-held")
			s.deputy.sign(t, s, newDocument("TB"), wire.ActApprove, "KT")

			b.press("form[action='/language'] button")
			b.mustSay("Tokens that you hold", "Sign out")
			b.shoot("home-english")
			b.press("form[action='/language'] button")

			b.visit("/loss")
			b.shoot("loss")
			b.tick(`label.choice:has(input[value="misplaced"])`)
			b.fill("#description", "Để trong ngăn kéo phòng hội đồng, sáng nay không thấy nữa.")
			b.tick(`label.choice:has(input[name="pin"][value="unknown"])`)
			b.tick(`label.choice:has(input[name="last_use"][value="log"])`)
			b.press("main form button.danger")
			b.mustSay("Gửi báo cáo này?", "Thất lạc", "không thấy nữa")
			b.shoot("loss-confirm")
			b.press(`button[name="change"]`)
			if text, err := chromedp.Run(b.ctx, chromedp.Value(chromedp.CSS("#description"))); err != nil || !strings.Contains(text, "không thấy nữa") {
				t.Errorf("going back to change, the description is %q (%v)", text, err)
			}
			b.press("main form button.danger")
			if tokens, err := s.deputy.agent.MyTokens(ctx); err != nil || tokens[0].State != "held" {
				t.Fatalf("blocked before it was confirmed: %v, %v", tokens, err)
			}
			b.press("main form button.danger")
			b.mustSay("USB ký số A1002 đã bị khóa lúc", "Việc tiếp theo: Báo hiệu trưởng", "còn 23 giờ")
			b.shoot("loss-blocked")
			_, err = s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("TB"), wire.ActApprove, "KT"))
			mustRefuse(t, err, 403, wire.RefusedTokenReported)
			b.visit("/")
			b.mustSay("Đã khóa")
			b.shoot("home-blocked")

			b.visit("/pairing")
			b.press("main button")
			b.mustSay("signagent pair http://")
			b.shoot("pairing")
			b.visit("/password")
			b.shoot("password")
			b.visit("/people")
			b.mustSay("Không được phép")
			b.shoot("forbidden")
			b.visit("/khong-co")
			b.mustSay("Không có trang này")
			b.press("form[action='/sign-out'] button")
			if b.path() != "/sign-in" {
				t.Errorf("after signing out: %s", b.path())
			}
			s.CheckLog()
		})
	}
}

// The admin's first week and the review of the log.
func TestPagesOfTheAdmin(t *testing.T) {
	for name, size := range screens {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			s.give()
			paper := newDocument("KH")
			_, _, receipt := s.principal.sign(t, s, paper, wire.ActApprove, "")
			s.officeHead.sign(t, s, paper, wire.ActIssue, "")
			if _, err := s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("QC"), wire.ActApprove, "KT")); err == nil {
				t.Fatal("not refused")
			}
			open := newDocument("QĐ")
			if _, err := s.principal.agent.Grant(ctx, s.principal.request(open, wire.ActApprove, "")); err != nil {
				t.Fatal(err)
			}
			back, err := s.OfferHandOver(ctx, s.deputyTwo.actor, store.NewHandOver{Token: s.deputyTwo.token.ID, Reason: "Nghỉ thai sản"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.AcceptHandOver(ctx, s.admin.actor, back.ID); err != nil {
				t.Fatal(err)
			}
			returned := s.CheckLog().Size - 1
			s.Give(s.deputyTwo.token.ID, s.deputyTwo.actor)
			s.Clock.Advance(time.Hour)

			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.admin)
			b.shoot("admin-home")
			if size[0] < 820 {
				b.tick(".narrow summary")
				b.shoot("admin-menu")
			}
			b.visit("/log")
			b.mustSay("Chữ ký", "Từ chối", "ngoài phạm vi", "Nguyễn Văn Nghĩa", "Kế hoạch năm học", "Nộp trả", "Đã nhận lại", "Võ Thị Mai → Nhà trường (tủ bảo quản)")
			b.shoot("log")
			b.visit(fmt.Sprintf("/log/%d", returned))
			b.mustSay("Đã nhận lại", "Võ Thị Mai → Nhà trường (tủ bảo quản)")
			b.shoot("entry-return")
			b.visit("/log")
			b.fill("#type", "signature")
			b.fill("#person", string(s.principal.actor.Person))
			b.press(".filter button")
			if path := b.path(); !strings.Contains(path, "type=signature") {
				t.Errorf("filtered: %s", path)
			}
			b.shoot("log-filtered")
			rows, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.querySelectorAll("tbody tr").length`))
			if err != nil || rows != 1 {
				t.Errorf("%d rows after filtering, %v", rows, err)
			}
			b.fill("#until", "1/1/2026")
			b.press(".filter button")
			b.mustSay("Không có mục nào khớp")
			b.fill("#until", "31/02/2026")
			b.press(".filter button")
			b.mustSay("Ngày chưa đúng: Đến ngày", "25/09/2026")
			b.shoot("log-wrong-day")
			b.visit(fmt.Sprintf("/log/%d", receipt.Index))
			b.mustSay("Nguyễn Văn Nghĩa", "Hiệu trưởng", "Kế hoạch năm học", "ký duyệt")
			b.shoot("entry")
			for _, page := range []string{"/people", "/people/new", "/people/" + string(s.deputy.actor.Person), "/tokens", "/tokens/new", "/grants", "/hand-overs"} {
				b.visit(page)
				b.shoot("admin" + strings.ReplaceAll(strings.TrimSuffix(page, string(s.deputy.actor.Person)), "/", "-"))
			}
			b.visit("/grants")
			b.mustSay("Nguyễn Văn Nghĩa")

			// A person, a position, a token with its certificate, a hand-over.
			b.visit("/people/new")
			b.fill("#name", "Hồ Thị Cúc")
			b.fill("#username", "cuc")
			b.press("main form button")
			b.mustSay("Đường dẫn đặt mật khẩu", "Hồ Thị Cúc", "Chỉ hiện một lần")
			b.press("main .actions a.button")
			person := strings.TrimPrefix(b.path(), "/people/")
			b.tick("details.form summary")
			b.fill("#title", "Tổ trưởng văn phòng")
			b.fill("#kind", "office_head")
			b.fill("#from", "31/02/2026")
			b.press("form[action$='/positions'] button")
			b.mustSay("Ngày chưa đúng: Từ ngày", "Thêm chức vụ")
			b.shoot("person-wrong-day")
			if refused, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(f => { f.value = "9/2026"; const bad = !f.checkValidity(); f.value = "1/9/2026"; return bad && f.checkValidity(); })(document.querySelector("#from"))`)); err != nil || !refused {
				t.Errorf("the browser does not tell a day from half of one: %v", err)
			}
			b.press("form[action$='/positions'] button")
			b.mustSay("Đã thêm chức vụ", "Tổ trưởng văn phòng")
			b.tick("section:nth-of-type(2) details summary")
			b.tick(`label:has(input[name="acts"][value="issue"])`)
			b.tick(`label:has(input[name="capacities"][value="none"])`)
			b.tick(`label:has(input[name="kinds"][value="*"])`)
			b.fill("#scope_paper", "30/QĐ-MNHS")
			b.shoot("person-scope")
			b.press("form[action$='/scopes'] button")
			b.mustSay("Đã thêm phạm vi ký", "30/QĐ-MNHS", "Mọi loại văn bản")

			_, cert := s.certify("Trường Mầm non Hoa Sen", "seal")
			file := filepath.Join(t.TempDir(), "chung-thu.cer")
			if err := os.WriteFile(file, cert.Raw, 0o600); err != nil {
				t.Fatal(err)
			}
			b.visit("/tokens/new")
			b.tick(`label.choice:has(input[value="seal"])`)
			b.fill("#serial", "B2002")
			b.fill("#label", "USB dự phòng")
			b.do(chromedp.SetUploadFiles(chromedp.CSS("#certificate"), []string{file}))
			b.press("main form button")
			b.mustSay("Đã thêm USB dự phòng")
			b.press(`main .actions a[href$="/hand-over"]`)
			b.fill("#to", person)
			b.fill("#permission_number", "31/QĐ-MNHS")
			b.fill("#permission_date", "06/10/2026")
			b.fill("#permission_signer", "Hiệu trưởng")
			b.fill("#reason", "Giao giữ con dấu số")
			b.shoot("offer")
			b.press("main form button")
			b.mustSay("Kiểm tra lại trước khi ghi", "Hồ Thị Cúc", "31/QĐ-MNHS")
			b.shoot("offer-confirm")
			b.press("main form button")
			b.mustSay("Đã lập bàn giao USB dự phòng cho Hồ Thị Cúc")
			b.visit("/hand-overs")
			b.mustSay("USB dự phòng")
			b.shoot("hand-overs")
			s.CheckLog()
		})
	}
}
