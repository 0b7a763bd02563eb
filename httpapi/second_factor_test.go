package httpapi_test

import (
	"bytes"
	"image/png"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

var (
	shownSecret   = regexp.MustCompile(`<code class="break">([A-Z2-7 ]+)</code>`)
	shownRecovery = regexp.MustCompile(`<code>([a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4})</code>`)
)

// code is what the app on the phone shows.
func (s *school) code(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, s.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// A second factor is set up with an app, asked for at sign-in and when a hand-over is
// confirmed by account, counts each code once, and is told in the log.
func TestSecondFactor(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		v := s.visitor(t)
		v.signIn(s.deputy)
		v.post("/second-factor/begin", url.Values{})
		_, page := v.get("/second-factor")
		found := shownSecret.FindStringSubmatch(page)
		if found == nil {
			t.Fatalf("no secret is shown:\n%s", page)
		}
		secret := strings.ReplaceAll(found[1], " ", "")
		if status, image := v.get("/second-factor/qr.png"); status != http.StatusOK {
			t.Errorf("the QR code: %d", status)
		} else if _, err := png.Decode(bytes.NewReader([]byte(image))); err != nil {
			t.Errorf("the QR code: %v", err)
		}
		if resp, page := v.post("/second-factor", url.Values{"code": {"000000"}}); resp.StatusCode != http.StatusUnauthorized || shownRecovery.MatchString(page) {
			t.Errorf("a wrong first code: %s", resp.Status)
		}
		first := s.code(t, secret)
		_, page = v.post("/second-factor", url.Values{"code": {first[:3] + " " + first[3:]}})
		recovery := shownRecovery.FindAllStringSubmatch(page, -1)
		if len(recovery) != 8 {
			t.Fatalf("%d recovery codes:\n%s", len(recovery), page)
		}
		if status, _ := v.get("/second-factor/qr.png"); status != http.StatusNotFound {
			t.Errorf("the secret can still be read: %d", status)
		}

		// Password alone is half a sign-in.
		half := s.visitor(t)
		resp, _ := half.post("/sign-in", url.Values{"username": {s.deputy.username}, "password": {password}, "next": {"/hand-overs"}})
		if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(resp.Header.Get("Location"), "/sign-in/code") {
			t.Fatalf("after the password: %s to %s", resp.Status, resp.Header.Get("Location"))
		}
		if status, _ := half.get("/hand-overs"); status != http.StatusSeeOther && status != http.StatusUnauthorized {
			t.Errorf("a page is open to half a sign-in: %d", status)
		}
		if resp, _ := half.post("/sign-in/code", url.Values{"code": {first}}); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("a code is taken twice: %s", resp.Status)
		}
		s.Clock.Advance(30 * time.Second)
		if resp, _ := half.post("/sign-in/code", url.Values{"code": {s.code(t, secret)}, "next": {"/hand-overs"}}); resp.Header.Get("Location") != "/hand-overs" {
			t.Errorf("password and code: %s to %q", resp.Status, resp.Header.Get("Location"))
		}
		client, err := wire.NewClient(wire.ClientConfig{URL: s.server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.SignIn(ctx, wire.SignIn{Username: s.deputy.username, Password: password}); err == nil || !strings.Contains(err.Error(), wire.CodeFactorNeeded) {
			t.Errorf("API without a code: %v", err)
		}
		if _, err := client.SignIn(ctx, wire.SignIn{Username: s.deputy.username, Password: password, Code: recovery[0][1]}); err != nil {
			t.Errorf("API with a recovery code: %v", err)
		}
		if _, err := client.SignIn(ctx, wire.SignIn{Username: s.deputy.username, Password: password, Code: recovery[0][1]}); err == nil {
			t.Error("a recovery code is taken twice")
		}

		// A return is confirmed with the code, on the page and in the log.
		token := "/tokens/" + string(s.deputy.token.ID) + "/hand-over"
		form := url.Values{"return": {"1"}, "condition": {"tốt"}, "confirmed": {"1"}}
		if resp, page := v.post(token, form); resp.StatusCode != http.StatusUnauthorized || !strings.Contains(page, `name="code"`) {
			t.Errorf("offered without the code: %s\n%s", resp.Status, page)
		}
		s.Clock.Advance(30 * time.Second)
		form.Set("code", s.code(t, secret))
		if resp, page := v.post(token, form); resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("offered with the code: %s\n%s", resp.Status, page)
		}
		log, err := s.Entries(ctx, s.admin.actor, store.LogFilter{Type: string(signinglog.TypeOffer)})
		if err != nil || len(log.Entries) == 0 {
			t.Fatal(err)
		}
		entry, err := signinglog.Parse(log.Entries[0].Bytes)
		if err != nil || entry.Fields[signinglog.FieldVia] != string(custody.ViaPageFactor) {
			t.Errorf("the log says it came by %q, %v", entry.Fields[signinglog.FieldVia], err)
		}

		// Where the school requires a factor, who has none confirms by a signature only.
		if _, err := s.ChangeSettings(ctx, s.admin.actor, map[custody.SettingName]string{custody.SettingSecondFactor: "required"}); err != nil {
			t.Fatal(err)
		}
		other := s.visitor(t)
		other.signIn(s.deputyTwo)
		if resp, _ := other.post("/tokens/"+string(s.deputyTwo.token.ID)+"/hand-over", url.Values{"return": {"1"}, "condition": {"tốt"}, "confirmed": {"1"}}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("without a factor where one is required: %s", resp.Status)
		}

		// Who lost everything is helped by who runs the register, never by themselves.
		admin := s.visitor(t)
		admin.signIn(s.admin)
		if resp, _ := other.post("/people/"+string(s.deputy.actor.Person)+"/second-factor/remove", url.Values{}); resp.StatusCode == http.StatusSeeOther {
			t.Error("a colleague turned it off")
		}
		if resp, _ := admin.post("/people/"+string(s.deputy.actor.Person)+"/second-factor/remove", url.Values{}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("turned off by the admin: %s", resp.Status)
		}
		again := s.visitor(t)
		again.signIn(s.deputy)
		s.CheckLog()
	})
}

// The page is for a phone: set up, recovery codes, and the code after the password.
func TestPagesOfTheSecondFactor(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	b := openBrowser(t, s, 390, 800)
	b.signIn(s.deputy)
	b.visit("/second-factor")
	b.press("main form button")
	b.shoot("second-factor")
	secret := strings.ReplaceAll(b.wants("Quét mã QR", shownTyped), " ", "")
	b.fill("#code", s.code(t, secret))
	b.press(`form[action="/second-factor"] button`)
	if !strings.Contains(b.text(), "chỉ hiện một lần") {
		t.Errorf("no recovery codes on %s", b.text())
	}
	b.shoot("recovery-codes")
	b.visit("/second-factor")
	b.visit("/tokens/" + string(s.deputy.token.ID) + "/hand-over?return=1")
	b.press("main form button")
	if !strings.Contains(b.text(), "Mã 6 số") {
		t.Errorf("the return does not ask for the code: %s", b.text())
	}
	b.press(`form[action="/sign-out"] button`)
	b.visit("/sign-in")
	b.fill("#username", s.deputy.username)
	b.fill("#password", password)
	b.press("main form button")
	b.shoot("sign-in-code")
	s.Clock.Advance(30 * time.Second)
	b.fill("#code", s.code(t, secret))
	b.press("main form button")
	if b.path() != "/" {
		t.Errorf("after the code: %s", b.path())
	}
}

var shownTyped = regexp.MustCompile(`nhập tay:\s*([A-Z2-7 ]+)`)

// wants fails unless the page has the words, and returns what the form matches in it.
func (b *browser) wants(words string, form *regexp.Regexp) string {
	b.t.Helper()
	text := b.text()
	found := form.FindStringSubmatch(text)
	if !strings.Contains(text, words) || found == nil {
		b.t.Fatalf("%q and %s are not on %s", words, form, text)
	}
	return strings.TrimSpace(found[1])
}
