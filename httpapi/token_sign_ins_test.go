package httpapi_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
	"sokyso/signer/cms"
)

var shownCode = regexp.MustCompile(`id="token-code">([0-9A-Z]{8})<`)

// waits has the visitor's browser wait for a token, and returns the code that it shows.
func (v *visitor) waits(next string) string {
	v.t.Helper()
	resp, page := v.post("/sign-in/token", url.Values{"next": {next}})
	found := shownCode.FindStringSubmatch(page)
	if resp.StatusCode != http.StatusOK || found == nil {
		v.t.Fatalf("%s\n%s", resp.Status, page)
	}
	return found[1]
}

// types has the visitor type the agent's number.
func (v *visitor) types(number string) (*http.Response, string) {
	v.t.Helper()
	return v.post("/sign-in/token/finish", url.Values{"number": {number}, "next": {"/log"}})
}

// state is what the page's script asks for.
func (v *visitor) state() string {
	v.t.Helper()
	_, answer := v.get("/sign-in/token/state")
	var told struct{ State string }
	if err := json.Unmarshal([]byte(answer), &told); err != nil {
		v.t.Fatal(err)
	}
	return told.State
}

// claim is what the member's agent is told to sign for a code.
func (m *member) claim(code string) (wire.SignInStatement, error) {
	return m.agent.ClaimSignIn(ctx, wire.ClaimSignIn{Code: code, TokenSerial: m.token.Serial, CertificateSHA256: hashOf(m.cert.Raw)})
}

// signsIn signs a statement with the member's key.
func (m *member) signsIn(t testing.TB, s wire.SignInStatement) wire.SignInAnswer {
	t.Helper()
	text, err := s.Text()
	if err != nil {
		t.Fatal(err)
	}
	der, err := cms.SignSignIn(rand.Reader, m.key, text, m.cert, "")
	if err != nil {
		t.Fatal(err)
	}
	return wire.SignInAnswer{CMS: der}
}

// number has the member's agent sign for a code.
func (m *member) number(t testing.TB, code string) string {
	t.Helper()
	statement, err := m.claim(code)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.agent.AnswerSignIn(ctx, statement.ID, m.signsIn(t, statement))
	if err != nil {
		t.Fatal(err)
	}
	return answer.Number
}

// A browser is signed in by its owner's token and number, once, and no code of a second
// factor is asked for; no other browser gains anything.
func TestSignInByOnesOwnToken(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		_, page := s.visitor(t).get("/sign-in")
		if !strings.Contains(page, "Đăng nhập bằng USB token") {
			t.Errorf("the page to sign in:\n%s", page)
		}
		if err := s.BeginSecondFactor(ctx, s.principal.actor, []byte("secret of twenty byte")); err != nil {
			t.Fatal(err)
		}
		if err := s.ConfirmSecondFactor(ctx, s.principal.actor, 1, nil); err != nil {
			t.Fatal(err)
		}
		own, _ := s.browserCalled(t, chromeOnWindows)
		code := own.waits("/log")
		if got := own.state(); got != "waiting" {
			t.Errorf("the page waits: %s", got)
		}
		other := s.visitor(t)
		statement, err := s.principal.claim(code)
		if err != nil {
			t.Fatal(err)
		}
		if statement.Site != s.server.URL || statement.Browser != "chrome/windows" || statement.Address != "127.0.0.1" || !statement.SameAddress || statement.School != "MNHS" ||
			statement.PersonID != string(s.principal.actor.Person) || len(statement.Nonce) != 64 || statement.ExpiresAt.Sub(statement.IssuedAt) != custody.SignInLifetime {
			t.Errorf("%+v", statement)
		}
		if resp, page := own.types("000000"); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "USB chưa ký") {
			t.Errorf("before it was signed: %s", resp.Status)
		}
		answer := s.principal.signsIn(t, statement)
		told, err := s.principal.agent.AnswerSignIn(ctx, statement.ID, answer)
		if err != nil {
			t.Fatal(err)
		}
		if got := own.state(); got != "signed" {
			t.Errorf("after it was signed: %s", got)
		}
		if got := other.state(); got != "ended" {
			t.Errorf("another browser: %s", got)
		}
		if resp, _ := other.types(told.Number); resp.StatusCode != http.StatusConflict {
			t.Errorf("another browser with the number: %s", resp.Status)
		}
		if status, _ := other.get("/"); status != http.StatusSeeOther {
			t.Errorf("another browser is in: %d", status)
		}
		if status, _ := own.get("/"); status != http.StatusSeeOther {
			t.Errorf("in by the signature alone: %d", status)
		}
		if resp, page := own.types(not(told.Number)); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "còn 2 lần thử") {
			t.Errorf("another number: %s\n%s", resp.Status, page)
		}
		resp, page := own.types(told.Number[:3] + " " + told.Number[3:])
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/log" {
			t.Fatalf("the number: %s\n%s", resp.Status, page)
		}
		if status, page := own.get("/sessions"); status != http.StatusOK || !strings.Contains(page, "Chrome trên Windows") {
			t.Errorf("signed in: %d", status)
		}
		if _, err := s.principal.agent.AnswerSignIn(ctx, statement.ID, answer); err == nil {
			t.Error("a signature is taken twice")
		}
		// The signature of one browser's statement signs no other in.
		next, err := s.principal.claim(other.waits("/"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.principal.agent.AnswerSignIn(ctx, next.ID, answer)
		mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeSignatureInvalid)
	})
}

// not is another number.
func not(number string) string {
	if number == "000000" {
		return "000001"
	}
	return "000000"
}

// What was signed for something else signs nobody in, and what signs in is nothing else.
func TestSignInIsNoOtherSignature(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	statement, err := s.principal.claim(s.visitor(t).waits("/"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := statement.Text()
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, der []byte) {
		t.Helper()
		_, err := s.principal.agent.AnswerSignIn(ctx, statement.ID, wire.SignInAnswer{CMS: der})
		if err == nil {
			t.Fatalf("%s signs in", what)
		}
		mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeSignatureInvalid)
	}
	possession, err := cms.SignPossession(rand.Reader, s.principal.key, text, s.principal.cert, "")
	if err != nil {
		t.Fatal(err)
	}
	refuse("a proof of possession over the very statement", possession)
	challenge := s.principal.challenge(t)
	refuse("a proof of possession", s.principal.prove(t, challenge).CMS)
	refuse("a document's signature", s.principal.finish(t, s).CMS)
	refuse("another person's signature", s.deputy.signsIn(t, statement).CMS)
	for name, change := range map[string]func(*wire.SignInStatement){
		"another school":  func(c *wire.SignInStatement) { c.School = "MNHD" },
		"another log":     func(c *wire.SignInStatement) { c.LogOrigin = "sokyso/mnhd" },
		"another site":    func(c *wire.SignInStatement) { c.Site = "https://sokyso.evil.example" },
		"another nonce":   func(c *wire.SignInStatement) { c.Nonce = strings.Repeat("0", 64) },
		"another browser": func(c *wire.SignInStatement) { c.Browser = "firefox/linux" },
		"another address": func(c *wire.SignInStatement) { c.Address = "192.0.2.1" },
		"another time":    func(c *wire.SignInStatement) { c.ExpiresAt = c.ExpiresAt.Add(time.Second) },
	} {
		changed := statement
		change(&changed)
		refuse("a statement of "+name, s.principal.signsIn(t, changed).CMS)
	}

	// And the other way round.
	proof, err := challenge.Text()
	if err != nil {
		t.Fatal(err)
	}
	der, err := cms.SignSignIn(rand.Reader, s.principal.key, proof, s.principal.cert, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.principal.agent.Prove(ctx, challenge.ID, wire.Possession{CMS: der})
	mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeSignatureInvalid)
	grant, err := s.principal.agent.Grant(ctx, s.principal.request(newDocument("QĐ"), wire.ActApprove, ""))
	if err != nil {
		t.Fatal(err)
	}
	record := s.principal.finish(t, s)
	record.CMS, record.ByteRangeDigest = s.principal.signsIn(t, statement).CMS, hashOf(text)
	_, err = s.principal.agent.Record(ctx, grant.ID, record)
	mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeSignatureInvalid)
}

// A person's own token, in their hands: nothing else; by an agent, not by a session.
func TestWhoSignsInByToken(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	code := s.visitor(t).waits("/")
	_, err := s.officeHead.claim(code)
	mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
	ask := wire.ClaimSignIn{Code: code, TokenSerial: s.principal.token.Serial, CertificateSHA256: hashOf(s.principal.cert.Raw)}
	_, err = s.deputy.agent.ClaimSignIn(ctx, ask)
	mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
	_, err = s.signIn(s.principal).ClaimSignIn(ctx, ask)
	mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
	_, err = s.client(wire.ClientConfig{}).ClaimSignIn(ctx, ask)
	mustRefuse(t, err, http.StatusUnauthorized, wire.CodeUnauthenticated)

	// Lost between signature and number: the browser stays outside.
	v := s.visitor(t)
	number := s.principal.number(t, v.waits("/"))
	if _, err := s.ReportIncident(ctx, s.principal.actor, store.NewIncident{Token: s.principal.token.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "rơi"}); err != nil {
		t.Fatal(err)
	}
	if resp, page := v.types(number); resp.StatusCode != http.StatusForbidden || !strings.Contains(page, "được báo") {
		t.Errorf("%s\n%s", resp.Status, page)
	}
	if status, _ := v.get("/"); status != http.StatusSeeOther {
		t.Errorf("in with a lost token: %d", status)
	}
}

// Codes are not guessed, and browsers that wait are bounded by their address.
func TestTriesOfSignInsAreLimited(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	limited := 0
	for range 30 {
		_, err := s.principal.claim("AAAAAAAA")
		if err == nil {
			t.Fatal("a guessed code is taken")
		}
		if problem, ok := err.(*wire.Problem); ok && problem.Code == wire.CodeRateLimited {
			limited++
		}
	}
	if limited == 0 {
		t.Error("codes may be guessed without end")
	}
	v, full := s.visitor(t), 0
	for range 40 {
		if resp, _ := v.post("/sign-in/token", url.Values{}); resp.StatusCode == http.StatusTooManyRequests {
			full++
		}
	}
	if full == 0 {
		t.Error("an address may have any number of browsers wait")
	}
	var rows int
	if err := s.DB().Get(&rows, `SELECT COUNT(*) FROM token_sign_ins`); err != nil || rows != 1 {
		t.Errorf("one browser waits %d times: %v", rows, err)
	}
}

// The canonical text is fixed: another program must come to the same bytes.
func TestSignInText(t *testing.T) {
	at := time.Date(2026, 11, 27, 7, 30, 0, 0, time.UTC)
	c := wire.SignInStatement{ID: "s1", School: "MNHS", LogOrigin: "sokyso/mnhs", Site: "https://sokyso.example", PersonID: "p1", TokenSerial: "A1001", CertificateSHA256: strings.Repeat("ab", 32),
		Browser: "chrome/windows", Address: "192.0.2.7", Nonce: strings.Repeat("01", 32), IssuedAt: at, ExpiresAt: at.Add(5 * time.Minute), SameAddress: true}
	text, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	want := "sokyso token sign-in 1\npurpose sign_in\nid s1\nschool MNHS\nlog sokyso/mnhs\nsite https://sokyso.example\nperson p1\ntoken A1001\ncertificate " + strings.Repeat("ab", 32) +
		"\nbrowser chrome/windows\naddress 192.0.2.7\nnonce " + strings.Repeat("01", 32) + "\nissued_at 2026-11-27T07:30:00.000000Z\nexpires_at 2026-11-27T07:35:00.000000Z\n"
	if string(text) != want {
		t.Errorf("%s", text)
	}
	c.Site = "https://sokyso.example\nperson p2"
	if _, err := c.Text(); err == nil {
		t.Error("a value with a line of its own is taken")
	}
}

// In a real browser the page sees by itself that the token has signed.
func TestPageOfSignInByToken(t *testing.T) {
	for name, size := range screens {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			s.give()
			b := openBrowser(t, s, size[0], size[1])
			b.visit("/log")
			b.look("the page to sign in")
			b.press("#token-sign-in button")
			b.mustSay("Mở phần mềm ký", "signagent sign-in", "Tiếp tục")
			b.look("a browser that waits for a token")
			b.shoot("token-sign-in")
			code, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.getElementById("token-code").textContent`))
			if err != nil {
				t.Fatal(err)
			}
			number, signed := s.principal.number(t, code), false
			for until := time.Now().Add(20 * time.Second); !signed && time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
				signed, err = chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.getElementById("token-state").textContent.includes("USB đã ký") && document.activeElement.id === "number"`))
				if err != nil {
					t.Fatal(err)
				}
			}
			if !signed {
				t.Fatalf("the page does not see that the token has signed:\n%s", b.text())
			}
			b.fill("#number", number)
			b.press("form[action='/sign-in/token/finish'] button")
			if b.path() != "/log" {
				t.Errorf("after signing in: %s\n%s", b.path(), b.text())
			}
		})
	}
}
