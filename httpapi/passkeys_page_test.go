package httpapi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"sokyso/httpapi"
)

// authenticator puts a virtual one into the browser, as a phone with a fingerprint is.
func (b *browser) authenticator() webauthn.AuthenticatorID {
	b.t.Helper()
	var id webauthn.AuthenticatorID
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		added, err := cdp.Call(ctx, t, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
			IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		id = added.AuthenticatorID
		return err
	}))
	return id
}

// verifies sets whether the finger on the authenticator is its owner's.
func (b *browser) verifies(id webauthn.AuthenticatorID, owner bool) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: id, IsUserVerified: owner})
		return err
	}))
}

// arrives waits for a page that a script goes to.
func (b *browser) arrives(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
	b.look(selector)
}

// comesTo waits until a script has gone to a path. While a page is left its address can't be asked for.
func (b *browser) comesTo(path string) {
	b.t.Helper()
	want := strings.TrimSuffix(b.base, "/") + path
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if location, err := chromedp.Run(b.ctx, chromedp.Location()); err == nil && location == want {
			b.arrives(`form[action="/sign-out"] button`)
			return
		}
	}
	b.t.Fatalf("did not come to %s\non %s", path, b.text())
}

// A passkey in a real browser: made, used to sign in by keyboard alone and to confirm a
// return, and ended.
func TestPasskeyInABrowser(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	public := s.public()

	b := openBrowser(t, s, 390, 800)
	b.base = public
	b.signIn(s.deputy)
	device := b.authenticator()
	b.visit("/passkeys")
	b.mustSay("Khóa truy cập", "Bạn chưa có khóa truy cập nào")
	b.fill("#name", "Điện thoại thử")
	b.fill("#password", password)
	b.shoot("passkeys-none")
	b.do(chromedp.Click(chromedp.CSS("main form.card button")))
	b.arrives(".notice.good")
	b.mustSay("Đã tạo khóa truy cập", "Điện thoại thử", "chưa dùng")
	b.shoot("passkeys")

	// The same device makes no second one.
	b.fill("#name", "Lần nữa")
	b.fill("#password", password)
	b.press("main form.card button")
	b.arrives(`[data-say="exists"]`)
	b.mustSay("đã có khóa truy cập")
	b.shoot("passkey-exists")

	// A return of the token is confirmed with it.
	b.visit("/tokens/" + string(s.deputy.token.ID) + "/hand-over?return=1")
	b.press("main form button")
	b.do(chromedp.Click(chromedp.CSS("main form button.big")))
	b.arrives(".notice.good")
	if b.path() != "/" {
		t.Errorf("after the return: %s\n%s", b.path(), b.text())
	}

	// The name field's list offers nothing that its owner's finger does not choose.
	b.verifies(device, false)
	b.press(`form[action="/sign-out"] button`)
	b.visit("/sign-in?next=%2Fhand-overs")
	b.shoot("sign-in-with-passkey")
	b.do(chromedp.Click(chromedp.CSS(`form[action="/sign-in/passkey"] button`)))
	b.arrives(`[data-say="cancelled"]`)
	b.mustSay("Thiết bị chưa trả lời")
	b.shoot("passkey-cancelled")
	b.verifies(device, true)
	// The button has the keyboard's focus: Enter tries again.
	b.do(chromedp.KeyEvent("\r"))
	b.arrives("a.bell")
	if b.path() != "/hand-overs" {
		t.Errorf("after signing in: %s\n%s", b.path(), b.text())
	}

	// The sign-in page offers it in the list of its name field; here it is chosen at once.
	b.do(chromedp.Click(chromedp.CSS(`form[action="/sign-out"] button`)))
	b.comesTo("/")

	b.visit("/passkeys")
	b.mustNotSay("chưa dùng")
	b.do(chromedp.Click(chromedp.CSS("main details summary")))
	b.tick("main details input[name=sure]")
	b.shoot("passkey-end")
	b.press("main details button")
	b.mustSay("Đã bỏ khóa truy cập", "Bạn chưa có khóa truy cập nào")
	b.do(chromedp.Click(chromedp.CSS(`form[action="/sign-out"] button`))) // to the sign-in page, where the browser still offers it
	b.arrives(".notice.bad")
	b.mustSay("đã bị bỏ", "Thử lại")
	b.shoot("passkey-refused")

	// Without WebAuthn in the browser, and at another address, the page says so.
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, webauthn.Disable, cdp.Empty{})
		return err
	}))
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete window.PublicKeyCredential"})
		return err
	}))
	b.visit("/sign-in")
	b.press(`form[action="/sign-in/passkey"] button`)
	b.mustSay("Trình duyệt này không dùng được khóa truy cập", "Đăng nhập bằng mật khẩu")
	b.base = s.server.URL
	b.visit("/sign-in")
	b.press(`form[action="/sign-in/passkey"] button`)
	b.mustSay("chỉ dùng được ở " + public)
	s.CheckLog()
}
