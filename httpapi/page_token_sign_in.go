package httpapi

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"sokyso/custody"
	"sokyso/custody/store"
)

// tokenSignInPage waits until the person's own token has signed the browser in. The code
// comes back with the form, to be shown again: the service keeps its hash only.
type tokenSignInPage struct {
	Next    string
	Code    string
	Address template.URL // sokyso:sign-in?code=…
	Expires time.Time    // zero on a page that is shown again
}

var signInCodeForm = regexp.MustCompile(`^[0-9A-Z]{8}$`)

// newTokenSignInPage is the page of a code; one of another form is left out.
func newTokenSignInPage(next, code string) tokenSignInPage {
	page := tokenSignInPage{Next: localPath(next)}
	if signInCodeForm.MatchString(code) {
		page.Code, page.Address = code, template.URL("sokyso:sign-in?code="+url.QueryEscape(code)) // #nosec: the scheme is ours, the rest matched
	}
	return page
}

// showTokenSignIn shows the page that waits, with its script.
func (s *server) showTokenSignIn(w http.ResponseWriter, r *http.Request, page tokenSignInPage, err error) error {
	h := w.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; script-src 'self'; connect-src 'self'")
	h.Set("Cache-Control", "no-store")
	if err != nil {
		return s.showAgain(w, r, "token_sign_in", page, err)
	}
	return s.show(w, r, http.StatusOK, "token_sign_in", page)
}

// pageTokenSignIn handles "GET /sign-in/token", which a reload or a way back comes to:
// a challenge is made by the button only.
func (s *server) pageTokenSignIn(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	return nil
}

// doTokenSignIn handles "POST /sign-in/token": has this browser wait for the person's
// token. The session gets a new name, so that one that somebody planted does not wait
// along, and ends with the waiting.
func (s *server) doTokenSignIn(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	before := s.sessions.Token(ctx)
	if err := s.endSession(ctx); err != nil {
		return err
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.SetDeadline(ctx, time.Now().Add(2*custody.SignInLifetime))
	opened, err := s.store.OpenSignIn(ctx, s.school.ID, store.NewSignIn{Cookie: s.sessions.Token(ctx), Before: before, Site: s.siteOf(r), Device: deviceOf(requestOf(ctx).agent), Address: middleware.GetClientIP(ctx)})
	if err != nil {
		return err
	}
	page := newTokenSignInPage(r.PostFormValue("next"), opened.Code)
	page.Expires = opened.Expires
	return s.showTokenSignIn(w, r, page, nil)
}

// siteOf is the service's address: the public one, else as the browser named it.
func (s *server) siteOf(r *http.Request) string {
	if s.publicURL != "" {
		return strings.TrimRight(s.publicURL, "/")
	}
	return "http://" + r.Host
}

// tokenSignInState handles "GET /sign-in/token/state", which the script asks.
func (s *server) tokenSignInState(w http.ResponseWriter, r *http.Request) error {
	state := store.SignInEnded
	if cookie := s.sessions.Token(r.Context()); cookie != "" {
		var err error
		if state, err = s.store.SignInState(r.Context(), s.school.ID, cookie); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(map[string]store.SignInState{"state": state})
}

// doFinishTokenSignIn handles "POST /sign-in/token/finish": the number that the agent
// shows signs this browser in. Token and PIN are two factors: no code is asked for.
func (s *server) doFinishTokenSignIn(w http.ResponseWriter, r *http.Request) error {
	ctx, page := r.Context(), newTokenSignInPage(r.PostFormValue("next"), r.PostFormValue("code"))
	number := strings.Join(strings.Fields(r.PostFormValue("number")), "")
	person, err := s.store.FinishSignIn(ctx, s.school.ID, s.sessions.Token(ctx), number)
	var told *custody.Error
	if errors.As(err, &told) && told.Params["reason"] == custody.ReasonSignInEnded {
		return s.signInAgain(w, r, signInForm{Next: page.Next}, err)
	}
	if err != nil {
		return s.showTokenSignIn(w, r, page, err)
	}
	account, err := s.store.AccountOf(ctx, s.school.ID, person)
	if err != nil {
		return err
	}
	if _, _, err := s.signInAs(ctx, account, custody.OriginToken, custody.ViaPage); err != nil {
		return err
	}
	if err := s.rememberDevice(w, r, account); err != nil {
		return err
	}
	http.Redirect(w, r, page.Next, http.StatusSeeOther)
	return nil
}
