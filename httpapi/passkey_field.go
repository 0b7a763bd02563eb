package httpapi

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sokyso/custody"
	"sokyso/custody/store"
)

// fieldScript asks for a passkey in the list of the sign-in page's name field. It is the one
// script on a page where a password is typed: the page names it by its whole address and its
// sum, nothing else may run there, and it looks at no field but its own.
const fieldScript = "static/passkey_field.js"

// askedCookie names the browser to its questions. It opens nothing.
const askedCookie = "sokyso_asked"

// passkeyField is what the sign-in page asks for in the list of its name field.
type passkeyField struct {
	passkeyAsk
	Integrity string
}

// signInPage is the sign-in page's content, with a passkey's question where this address has
// them. The question costs the database nothing: see store.PasskeyQuestion.
func (s *server) signInPage(w http.ResponseWriter, r *http.Request, form signInForm) (signInForm, error) {
	form.Passkey = s.passkeys != nil
	if s.department != nil {
		form.Department = s.department.School.Name
	}
	if !form.Passkey || !strings.HasSuffix(s.passkeys.Config.RPOrigins[0], "://"+strings.ToLower(r.Host)) {
		return form, nil
	}
	origin, browser := s.passkeys.Config.RPOrigins[0], askedOfRequest(r)
	if browser == "" {
		browser = rand.Text()
		http.SetCookie(w, &http.Cookie{Name: askedCookie, Value: browser, Path: "/", HttpOnly: true, Secure: s.sessions.Cookie.Secure, SameSite: http.SameSiteLaxMode})
	}
	question := s.store.PasskeyQuestion(s.school.ID, browser)
	if question == nil {
		return form, nil
	}
	text, err := json.Marshal(protocol.PublicKeyCredentialRequestOptions{Challenge: question, RelyingPartyID: s.passkeys.Config.RPID, UserVerification: protocol.VerificationRequired})
	if err != nil {
		return form, fmt.Errorf("passkey: %w", err)
	}
	script, err := staticFiles.ReadFile(fieldScript)
	if err != nil {
		return form, err
	}
	sum := sha256.Sum256(script)
	form.Field = &passkeyField{passkeyAsk{Options: string(text), Origin: origin}, "sha256-" + base64.StdEncoding.EncodeToString(sum[:])}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; script-src "+origin+"/"+fieldScript+"; require-trusted-types-for 'script'; trusted-types 'none'")
	return form, nil
}

// askedOfRequest is the secret of the browser's cookie, "" where it has none.
func askedOfRequest(r *http.Request) string {
	cookie, err := r.Cookie(askedCookie)
	if err != nil || len(cookie.Value) < 26 || len(cookie.Value) > 64 {
		return ""
	}
	return cookie.Value
}

// doPasskeyField handles "POST /sign-in/passkey/field": a passkey chosen in the list of the
// name field. One whose question is too old, as on a page that lay open all night, is asked
// for again as by the button.
func (s *server) doPasskeyField(w http.ResponseWriter, r *http.Request) error {
	if s.passkeys == nil {
		return s.passkeySignedIn(w, r, store.Account{}, errPasskeysNone)
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(r.PostFormValue("passkey")))
	if err != nil {
		return s.passkeySignedIn(w, r, store.Account{}, passkeyWrong(err))
	}
	asked := answer.Response.CollectedClientData.Challenge
	question, err := base64.RawURLEncoding.DecodeString(asked)
	if err == nil {
		err = s.store.CheckPasskeyQuestion(s.school.ID, askedOfRequest(r), question)
	}
	if err != nil {
		return s.doBeginPasskeySignIn(w, r)
	}
	session := webauthn.SessionData{Challenge: asked, RelyingPartyID: s.passkeys.Config.RPID, UserVerification: protocol.VerificationRequired}
	account, err := s.checked(w, r, session, answer, "", func() error {
		err := s.store.SpendPasskeyQuestion(r.Context(), s.school.ID, question)
		if errors.Is(err, custody.ErrNotFound) {
			return errPasskeyLate
		}
		return err
	})
	if errors.Is(err, errPasskeyLate) {
		return s.doBeginPasskeySignIn(w, r)
	}
	return s.passkeySignedIn(w, r, account, err)
}
