package httpapi_test

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/look/picture"
)

// The two screens that the guides show: a computer's, and a phone's at twice its
// resolution.
type guideScreen struct {
	*browser
	g      *guide
	folder string
	scale  float64
}

// TestGuidePictures makes the pictures of docs/huong-dan: what the guides explain, in
// the order in which a school meets it.
func TestGuidePictures(t *testing.T) {
	folder := os.Getenv("SOKYSO_SCREENSHOTS")
	if folder == "" {
		t.Skip("SOKYSO_SCREENSHOTS names no folder: make screenshots")
	}
	t.Setenv("SOKYSO_SCREENSHOTS", "") // what shoot would keep besides
	g := newGuide(t)
	open := func(width, height int64, scale float64) *guideScreen {
		b := openBrowser(t, g.school, width, height)
		b.do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
		return &guideScreen{browser: b, g: g, folder: folder, scale: scale}
	}
	computer, mobile := open(1280, 900, 1), open(390, 844, 2)
	beginners(computer, mobile)
	g.day()
	officeDay(computer)
	registerDay(computer)
	publicDay(mobile)
	lossDay(computer, mobile)
	tokenDay(computer)
	g.CheckLog()
}

// beginners: an account, the second factor, the first token.
func beginners(computer, mobile *guideScreen) {
	g := computer.g
	mobile.visit("/sign-in")
	mobile.keep("dang-nhap", "main > div")

	computer.signIn(g.admin)
	computer.visit("/people/new")
	computer.fill("#name", "Bùi Thị Sen")
	computer.fill("#username", "sen")
	computer.press("main form button")
	link := strings.TrimPrefix(computer.value("#address"), guideAddress)
	computer.keep("duong-dan-mat-khau", "main > div")
	mobile.visit(link)
	mobile.keep("dat-mat-khau", "main > div")

	computer.visit("/tokens/" + string(g.officeHead.token.ID) + "/hand-over")
	computer.do(chromedp.SetValue(chromedp.CSS("#to"), string(g.deputy.actor.Person)))
	computer.fill("#permission_number", "35/QĐ-MNHS")
	computer.fill("#permission_date", "07/10/2026")
	computer.fill("#permission_signer", "Hiệu trưởng")
	computer.fill("#reason", "Tổ trưởng văn phòng đi tập huấn")
	computer.fill("#condition", "Bình thường, đủ nắp và dây")
	computer.keep("lap-ban-giao", "main > div")
	computer.out()

	computer.signIn(g.deputy)
	computer.visit("/second-factor")
	computer.press("form.card button")
	computer.keep("hai-lop", "main > div")
	computer.visit("/pairing")
	computer.press("main form button")
	computer.keep("ket-noi", "main h1", "main .card.center", "main pre", "main pre + p")
	computer.out()

	mobile.signIn(g.deputy)
	mobile.visit("/hand-overs/" + string(g.offer.ID))
	mobile.tick(`input[name="pin_changed"][value="yes"]`)
	mobile.tick(`input[name="received"]`)
	mobile.keep("nhan-ban-giao", "main h1", "main form.card")
	mobile.press(`form[action$="/accept"] button`)
	mobile.out()
}

// officeDay: what principal and clerk see on an ordinary morning.
func officeDay(computer *guideScreen) {
	g := computer.g
	computer.signIn(g.principal)
	computer.keep("trang-cua-toi", "header", "main > *")
	computer.visit("/documents/" + g.submitted.ID)
	computer.keep("van-ban-cho-ky", "main > div")
	computer.out()

	computer.signIn(g.officeHead)
	computer.visit("/documents/new")
	computer.fill("#kind", "TB")
	computer.fill("#summary", "Lịch nghỉ Tết Nguyên đán")
	computer.fill("#number", "10")
	computer.fill("#symbol", "TB-MNHS")
	computer.fill("#due", "15/10/2026")
	computer.do(chromedp.SetValue(chromedp.CSS("#person_1"), string(g.principal.actor.Person)), chromedp.SetValue(chromedp.CSS("#person_2"), string(g.officeHead.actor.Person)),
		chromedp.SetValue(chromedp.CSS("#act_1"), "approve"), chromedp.SetValue(chromedp.CSS("#act_2"), "issue"))
	computer.keep("trinh-ky", "main .crumb", "main h1", "main form > *:nth-child(-n+14)", "main fieldset:nth-of-type(-n+2)")
	computer.out()
}

// registerDay: what who runs the register does.
func registerDay(computer *guideScreen) {
	g := computer.g
	computer.signIn(g.admin)
	computer.visit("/log")
	computer.keep("nhat-ky", "main h1", "main .filter", "main tr:nth-child(-n+9)")
	computer.visit(fmt.Sprintf("/log/%d", g.approved.Index))
	computer.keep("muc-nhat-ky", "main .crumb", "main h1", "main .actions", "main > .card:nth-of-type(1)", "main > .card:nth-of-type(2)")
	computer.visit("/review")
	computer.keep("ra-soat", "main > *")
	computer.visit("/papers")
	computer.tick("details.form summary")
	computer.keep("giay-to", "main h1", "main > section", "main details")
	computer.visit("/people")
	computer.keep("nhan-su", "main h1", "main .actions", "main table")
	computer.visit("/tokens")
	computer.keep("cac-usb", "main h1", "main .actions", "main table")

	computer.visit("/program-keys")
	computer.fill("#name", "Phần mềm quản lý văn bản")
	computer.tick(`label:has(input[value="registers"])`)
	computer.fill("#until", "31/08/2027")
	computer.keep("khoa-chuong-trinh", "main h1", "main .lead", "main form.card")
	computer.visit("/settings")
	computer.keep("cai-dat", "main h1", "main fieldset:nth-of-type(1)")

	g.do(g.OpenCheck(ctx, g.admin.actor, store.NewCheck{Kind: custody.MonthlyCheck, Due: "2026-10-15"}))
	for _, m := range []*member{g.principal, g.deputy} {
		c := m.challenge(g.t)
		g.do(m.agent.Prove(ctx, c.ID, m.prove(g.t, c)))
	}
	computer.visit("/checks")
	computer.press("main .cards a.button")
	computer.keep("kiem-ke", "main .crumb", "main h1", "main > .card", "main .items li:nth-child(-n+2)")

	g.do(g.AskReset(ctx, g.admin.actor, g.officeHead.actor.Person))
	computer.out()
	computer.signIn(g.principal)
	computer.visit("/account-links")
	computer.keep("xac-nhan-dat-lai", "main h1", "main .card:has(form[action$='/confirm'])")
	telephone, _ := g.browserCalled(g.t, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1")
	telephone.signIn(g.principal)
	computer.visit("/sessions")
	computer.keep("noi-dang-nhap", "main h1", "main .lead", "main > div > .cards", "main > div > form.form")
	computer.out()
}

// publicDay: a parent with a paper and no account.
func publicDay(mobile *guideScreen) {
	g := mobile.g
	file := filepath.Join(g.t.TempDir(), "thong-bao.signed.pdf")
	g.must(os.WriteFile(file, g.signed, 0o600))
	mobile.visit("/check")
	mobile.keep("kiem-tra", "main > div")
	mobile.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	mobile.press("main form button")
	mobile.keep("kiem-tra-ket-qua", "main h1", "main .notice", "main .cards")
	mobile.visit(g.check)
	mobile.keep("kiem-tra-ma-qr", "main h1", "main .notice", "main > div > .card:not(form)")
	mobile.visit("/report-loss")
	mobile.keep("bao-dong", "main > div")
}

// lossDay: a token is missed on a Monday morning.
func lossDay(computer, mobile *guideScreen) {
	g := computer.g
	g.at(12, 7, 40)
	mobile.signIn(g.deputyTwo)
	mobile.visit("/loss")
	mobile.tick(`label.choice:has(input[value="misplaced"])`)
	mobile.fill("#description", "Để trong ngăn kéo phòng hội đồng, sáng nay không thấy nữa.")
	mobile.tick(`label.choice:has(input[name="pin"][value="no"])`)
	mobile.tick(`label.choice:has(input[name="last_use"][value="log"])`)
	mobile.keep("bao-mat", "main h1", "main fieldset:nth-of-type(-n+4)")
	mobile.press("main form button.danger")
	mobile.keep("bao-mat-xac-nhan", "main > div")
	mobile.press("main form button.danger")
	mobile.keep("bao-mat-da-khoa", "main .crumb", "main .blockedbox", "main .deadlines", "main .card.next")
	mobile.out()

	computer.signIn(g.principal)
	computer.visit("/loss")
	computer.keep("bao-mat-may-tinh", "header", "main h1", "main .lead", "main fieldset:nth-of-type(-n+2)", "main #description")
	computer.visit("/incidents")
	computer.press(`a.button[href^="/incidents/"]`)
	computer.press(`.next form button`)
	computer.fill("#revocation_asked_paper_number", "23/CV-MNHS")
	computer.fill("#revocation_asked_paper_date", "12/10/2026")
	computer.keep("su-co", "main .crumb", "main .blockedbox", "main .deadlines", "main .card.next", "main .columns > div:nth-child(2) > .track")
	computer.out()
}

// tokenDay: what a token's page tells after three weeks.
func tokenDay(computer *guideScreen) {
	g := computer.g
	g.travel()
	computer.signIn(g.admin)
	computer.visit("/tokens/" + string(g.officeHead.token.ID))
	computer.keep("usb", "main > .crumb", "main > .head", "main > .card", "main > section:nth-of-type(1)")
	computer.out()
}

func (s *guideScreen) out() {
	s.t.Helper()
	s.press("form[action='/sign-out'] button")
}

// keep writes a picture of the page as far as the elements reach that any of the
// selectors names, with a margin.
func (s *guideScreen) keep(name string, selectors ...string) {
	s.t.Helper()
	rect, err := chromedp.Run(s.ctx, chromedp.Evaluate[[4]float64](fmt.Sprintf(`(() => {
		document.activeElement?.blur();
		// The test's own address is no address of a school's, and sessions go by the true clock.
		const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace("127.0.0.1", "192.0.2.15").replace(new RegExp(%q), %q);
		const all = [...document.querySelectorAll(%q)].map(e => e.getBoundingClientRect()).filter(r => r.width && r.height);
		return [Math.min(...all.map(r => r.left)), Math.min(...all.map(r => r.top)) + scrollY, Math.max(...all.map(r => r.right)), Math.max(...all.map(r => r.bottom)) + scrollY];
	})()`, time.Now().In(custody.SchoolZone).Format("02/01/2006")+` \d\d:\d\d`, s.g.Clock.Now().In(custody.SchoolZone).Format("02/01/2006 15:04"), strings.Join(selectors, ", "))))
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	content, err := chromedp.Run(s.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		s.t.Fatal(err)
	}
	const margin = 9
	part := image.Rect(int((rect[0]-margin)*s.scale), int((rect[1]-margin)*s.scale), int((rect[2]+margin)*s.scale), int((rect[3]+margin)*s.scale))
	if err := picture.Keep(s.folder, name, content, part); err != nil {
		s.t.Error(err)
	}
}
