package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"sokyso/httpapi/wire"
)

// SignInAsked is what a person's token is asked to sign, so that a waiting browser is
// signed in: shown before the PIN is asked for.
type SignInAsked struct {
	ID          string    `json:"id"`
	School      string    `json:"school"`
	Site        string    `json:"site"`
	Person      string    `json:"person"`
	TokenSerial string    `json:"token_serial"`
	TokenLabel  string    `json:"token_label"`
	Browser     string    `json:"browser"`
	Address     string    `json:"address"` // of the browser in the network
	Elsewhere   bool      `json:"elsewhere"`
	IssuedAt    time.Time `json:"issued_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	Sentence    string    `json:"sentence"` // all of it in words
	Warning     string    `json:"warning"`  // the browser is at another address than this computer; "" = it is not

	text        []byte
	certificate string // SHA-256 in hex
}

// longestSignIn is how long a statement may hold: one for later is not signed.
const longestSignIn = 15 * time.Minute

var signInCode = regexp.MustCompile(`^[0-9A-Za-z]{8}$`)

// ParseSignIn reads the code of a waiting browser: an address sokyso:sign-in?code=…, or
// the code itself. It comes from any web page: nothing else is taken, and it names no
// place to go to, since the agent asks the service that it is paired with.
func ParseSignIn(text string) (string, error) {
	text = strings.TrimSpace(text)
	if rest, ok := cutScheme(text); ok {
		parsed, err := url.Parse("sokyso:" + rest)
		if err != nil || !isSignIn(parsed) {
			return "", fail("sign_in_malformed", err)
		}
		text = parsed.Query().Get("code")
	}
	if text = strings.NewReplacer("-", "", " ", "").Replace(text); !signInCode.MatchString(text) {
		return "", fail("sign_in_malformed", nil)
	}
	return strings.ToUpper(text), nil
}

// IsSignIn tells whether an address that the operating system hands over is that of a
// waiting browser.
func IsSignIn(text string) bool {
	rest, ok := cutScheme(strings.TrimSpace(text))
	if !ok {
		return false
	}
	parsed, err := url.Parse("sokyso:" + rest)
	return err == nil && isSignIn(parsed)
}

func isSignIn(address *url.URL) bool {
	return strings.Trim(address.Opaque+address.Host+address.Path, "/") == "sign-in" // some systems add slashes
}

// ClaimSignIn asks the paired service what the token is to sign for the code of a waiting
// browser. Nothing is signed and no PIN is asked for. Of the batch only what chooses the
// token counts.
func (a *Agent) ClaimSignIn(ctx context.Context, batch Batch, code string) (SignInAsked, error) {
	if a.pairing == nil {
		return SignInAsked{}, fail("not_paired", nil)
	}
	r := &run{Agent: a, batch: &batch}
	if err := r.openDevice(ctx); err != nil {
		return SignInAsked{}, err
	}
	defer r.device.close()
	return r.claimSignIn(ctx, code)
}

func (r *run) claimSignIn(ctx context.Context, code string) (SignInAsked, error) {
	if err := r.device.valid(r.config.Now()); err != nil {
		return SignInAsked{}, err
	}
	if err := r.checkLog(ctx); err != nil {
		return SignInAsked{}, err
	}
	info, certificate := r.device.info, r.device.certificate.SHA256
	statement, err := r.client.ClaimSignIn(ctx, wire.ClaimSignIn{Code: code, TokenSerial: info.Serial, CertificateSHA256: certificate})
	if err != nil {
		return SignInAsked{}, signInRefused(err)
	}
	text, err := r.readSignIn(statement, info.Serial, certificate)
	if err != nil {
		return SignInAsked{}, &wire.NonsenseError{URL: r.client.URL(), Operation: "POST " + wire.PathSignInClaims, Reason: err.Error()}
	}
	asked := SignInAsked{
		ID: statement.ID, School: r.pairing.School, Site: statement.Site, Person: r.pairing.Person, TokenSerial: info.Serial, TokenLabel: info.Label,
		Browser: browserName(statement.Browser), Address: statement.Address, Elsewhere: !statement.SameAddress,
		IssuedAt: statement.IssuedAt, ExpiresAt: statement.ExpiresAt, text: text, certificate: certificate,
	}
	asked.Sentence = r.config.Catalogue.Sentence("sign_in.asked", "school", asked.School, "site", asked.Site, "name", asked.Person, "label", asked.TokenLabel,
		"serial", asked.TokenSerial, "browser", asked.Browser, "address", asked.Address, "at", asked.IssuedAt.Format(time.RFC3339))
	if asked.Elsewhere {
		asked.Warning = r.config.Catalogue.Sentence("sign_in.elsewhere", "address", asked.Address)
	}
	return asked, nil
}

// signInRefused keeps the service's own sentence where it is more exact than ours: it is
// in the agent's language.
func signInRefused(err error) error {
	var problem *wire.Problem
	if errors.As(err, &problem) && problem.Detail != "" && (problem.Params["reason"] != "" || problem.Params["what"] != "") {
		return fail("sign_in_refused", err, "message", problem.Detail)
	}
	return err
}

// readSignIn makes the text of a statement that is about this school, its service at the
// address of the pairing, this person, token and certificate, and soon over.
func (a *Agent) readSignIn(s wire.SignInStatement, serial, certificate string) ([]byte, error) {
	holds := s.ExpiresAt.Sub(s.IssuedAt)
	switch {
	case s.School != a.pairing.Code || s.PersonID != a.pairing.PersonID || s.LogOrigin != a.witness.verifier.Name():
		return nil, fmt.Errorf("the sign-in is for school %q, person %q, log %q", s.School, s.PersonID, s.LogOrigin)
	case !sameSite(s.Site, a.pairing.URL):
		return nil, fmt.Errorf("the sign-in is for %q, the pairing with %q", s.Site, a.pairing.URL)
	case s.TokenSerial != serial || s.CertificateSHA256 != certificate:
		return nil, fmt.Errorf("the sign-in is for token %q, certificate %q", s.TokenSerial, s.CertificateSHA256)
	case !nonceForm.MatchString(s.Nonce) || holds <= 0 || holds > longestSignIn:
		return nil, fmt.Errorf("the sign-in has nonce %q and holds for %v", s.Nonce, holds)
	}
	return s.Text()
}

// sameSite compares scheme, host and port of two addresses.
func sameSite(one, other string) bool {
	a, err := url.Parse(one)
	if err != nil {
		return false
	}
	b, err := url.Parse(other)
	if err != nil {
		return false
	}
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return a.Scheme == b.Scheme && a.Host != "" && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// browserName words browser and system of a statement, as chrome/windows.
func browserName(words string) string {
	browser, system, _ := strings.Cut(words, "/")
	name := func(word string) string {
		if known := deviceWords[word]; known != "" {
			return known
		}
		return "?"
	}
	return name(browser) + " / " + name(system)
}

// deviceWords are the names of those that the service tells apart; they are the same in
// both languages.
var deviceWords = map[string]string{
	"chrome": "Chrome", "edge": "Edge", "firefox": "Firefox", "safari": "Safari", "opera": "Opera", "coc_coc": "Cốc Cốc", "samsung": "Samsung Internet",
	"windows": "Windows", "macos": "macOS", "ios": "iPhone/iPad", "android": "Android", "linux": "Linux", "chromeos": "ChromeOS",
}

// AnswerSignIn has the token sign what was asked, once the PIN is given, and returns the
// number that the person types in the browser: without it the browser stays outside, so
// a stranger's browser that somebody talked the person into signing for gains nothing by
// the signature alone.
func (a *Agent) AnswerSignIn(ctx context.Context, batch Batch, asked SignInAsked) (string, error) {
	if a.pairing == nil {
		return "", fail("not_paired", nil)
	}
	r := &run{Agent: a, batch: &batch}
	if err := r.openDevice(ctx); err != nil {
		return "", err
	}
	defer r.device.close()
	return r.answerSignIn(ctx, asked)
}

func (r *run) answerSignIn(ctx context.Context, asked SignInAsked) (string, error) {
	if r.device.info.Serial != asked.TokenSerial || r.device.certificate.SHA256 != asked.certificate || len(asked.text) == 0 {
		return "", fail("sign_in_other_token", nil, "serial", asked.TokenSerial)
	}
	if !r.config.Now().Before(asked.ExpiresAt) {
		return "", fail("sign_in_expired", nil) // before the PIN
	}
	der, err := r.answer(ctx, signIn, asked.text)
	if err != nil {
		return "", err
	}
	answer, err := r.client.AnswerSignIn(ctx, asked.ID, wire.SignInAnswer{CMS: der})
	if err != nil {
		return "", signInRefused(err)
	}
	if !signInNumber.MatchString(answer.Number) {
		return "", &wire.NonsenseError{URL: r.client.URL(), Operation: "POST " + wire.PathSignInAnswer, Reason: "no number of six digits"}
	}
	return answer.Number, nil
}

var signInNumber = regexp.MustCompile(`^[0-9]{6}$`)

// SignIn does both with one look at the token. Agree is shown what is asked, and returns
// false to sign nothing; the PIN is asked for after that.
func (a *Agent) SignIn(ctx context.Context, batch Batch, code string, agree func(SignInAsked) bool) (string, error) {
	if a.pairing == nil {
		return "", fail("not_paired", nil)
	}
	r := &run{Agent: a, batch: &batch}
	if err := r.openDevice(ctx); err != nil {
		return "", err
	}
	defer r.device.close()
	asked, err := r.claimSignIn(ctx, code)
	if err != nil {
		return "", err
	}
	if !agree(asked) {
		return "", fail("sign_in_not_agreed", nil)
	}
	return r.answerSignIn(ctx, asked)
}

// AgreeOnTerminal puts a question on the terminal of the process. Yes is typed; without a
// terminal the answer is no.
func AgreeOnTerminal(ctx context.Context, question string) bool {
	in, out, err := openTerminal()
	if err != nil {
		return false
	}
	defer in.Close()
	defer out.Close()
	fmt.Fprint(out, question)
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n') // what came before an error is no word
		typed <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case word := <-typed:
		return word == "y" || word == "yes" || word == "c" || word == "có" || word == "co"
	case <-ctx.Done():
		fmt.Fprintln(out)
		return false
	}
}
