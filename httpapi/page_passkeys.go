package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// passkeysPage is the passkeys of one's own account.
type passkeysPage struct {
	Keys    []store.Passkey
	None    string // why there are none at this address, "" where there are
	Address string // the public one
	Full    bool
	Code    bool   // a new one is confirmed by a code, not by the password
	Name    string // of the one that is made
}

func (s *server) passkeysPage(r *http.Request, actor custody.Actor) (passkeysPage, error) {
	keys, err := s.store.Passkeys(r.Context(), actor.School, actor.Person)
	if err != nil {
		return passkeysPage{}, err
	}
	factor, err := s.store.SecondFactor(r.Context(), actor.School, actor.Person)
	return passkeysPage{Keys: keys, None: s.passkeysNone, Address: s.publicURL, Full: len(keys) >= store.MaxPasskeys, Code: factor.Confirmed}, err
}

// pagePasskeys handles "GET /passkeys".
func (s *server) pagePasskeys(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.passkeysPage(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "passkeys", page)
}

// doBeginPasskey handles "POST /passkeys/begin": who has a session alone, as at a desk that
// somebody left, adds no passkey. A code is asked for where the account has one, else the
// password: a passkey is worth both.
func (s *server) doBeginPasskey(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.passkeysPage(r, actor)
	if err != nil {
		return err
	}
	page.Name = strings.TrimSpace(r.PostFormValue("name"))
	switch {
	case s.passkeys == nil:
		return s.showAgain(w, r, "passkeys", page, errPasskeysNone)
	case page.Name == "" || len(page.Name) > 200:
		return s.showAgain(w, r, "passkeys", page, invalid("name", nil))
	case page.Full:
		return s.showAgain(w, r, "passkeys", page, custody.Conflict(custody.ReasonPasskeyMany, "most", strconv.Itoa(store.MaxPasskeys)))
	}
	account, err := s.store.AccountOf(r.Context(), actor.School, actor.Person)
	if err != nil {
		return err
	}
	what := triesPassword
	if page.Code {
		what = triesCode
	}
	if tooMany, err := s.tooManyTries(w, r, what, account.Username); err != nil {
		return err
	} else if tooMany {
		return s.showAgain(w, r, "passkeys", page, errRateLimited)
	}
	if page.Code {
		err = s.checkFactor(r.Context(), actor.Person, r.PostFormValue("code"))
	} else {
		_, err = s.account(r.Context(), account.Username, r.PostFormValue("password"))
	}
	if err != nil {
		return s.showAgain(w, r, "passkeys", page, err)
	}
	owner := s.passkeyOwner(account, requestOf(r.Context()).me.Person.Name, page.Keys...)
	options, session, err := s.passkeys.BeginRegistration(owner, webauthn.WithExclusions(webauthn.Credentials(owner.keys).CredentialDescriptors()))
	if err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	if err := s.ask(r.Context(), "create", options.Response, session, store.PasskeyChallenge{Purpose: store.PasskeyRegister, Person: actor.Person, Name: page.Name}); err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "passkey_new", page)
}

// doAddPasskey handles "POST /passkeys": what the browser made.
func (s *server) doAddPasskey(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.passkeysPage(r, actor)
	if err != nil {
		return err
	}
	session, asked, err := s.asked(r.Context(), store.PasskeyRegister, actor.Person)
	if err != nil {
		return s.showAgain(w, r, "passkeys", page, err)
	}
	page.Name = asked.Name
	answer, err := protocol.ParseCredentialCreationResponseBytes([]byte(r.PostFormValue("passkey")))
	if err != nil {
		return s.showAgain(w, r, "passkeys", page, passkeyWrong(err))
	}
	made, err := s.passkeys.CreateCredential(s.passkeyOwner(store.Account{PersonID: actor.Person}, ""), session, answer)
	if err != nil {
		return s.showAgain(w, r, "passkeys", page, passkeyWrong(err))
	}
	key := store.Passkey{Name: asked.Name, Credential: made.ID, PublicKey: made.PublicKey, BackupEligible: made.Flags.BackupEligible, SignCount: made.Authenticator.SignCount}
	var transports []string
	for _, transport := range made.Transport {
		if known := string(transport); len(transports) < 8 && len(known) < 30 {
			transports = append(transports, strings.Fields(known)...)
		}
	}
	key.Transports = strings.Join(transports, " ")
	if err := s.store.AddPasskey(r.Context(), actor, key); err != nil {
		return s.showAgain(w, r, "passkeys", page, err)
	}
	return s.done(w, r, "/passkeys", "passkey.added", map[string]string{"Name": asked.Name})
}

// doEndPasskey handles "POST /passkeys/{id}/end": one of one's own, for good.
func (s *server) doEndPasskey(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if r.PostFormValue("sure") == "" {
		page, err := s.passkeysPage(r, actor)
		if err != nil {
			return err
		}
		return s.showAgain(w, r, "passkeys", page, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"reason": "not_confirmed"}})
	}
	if err := s.store.EndPasskey(r.Context(), actor, chi.URLParam(r, "id")); err != nil {
		return err
	}
	return s.done(w, r, "/passkeys", "passkey.ended", nil)
}

// doEndPasskeysOf handles "POST /people/{id}/passkeys/end": for a person whose devices are
// gone, or in somebody else's hands.
func (s *server) doEndPasskeysOf(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	id := custody.PersonID(chi.URLParam(r, "id"))
	if id == actor.Person {
		http.Redirect(w, r, "/passkeys", http.StatusSeeOther)
		return nil
	}
	ended, err := s.store.EndPasskeysOf(r.Context(), actor, id)
	if err != nil {
		return err
	}
	return s.done(w, r, "/people/"+string(id), "passkey.ended_of", map[string]string{"Count": strconv.Itoa(ended)})
}

// doBeginPasskeySignIn handles "POST /sign-in/passkey": a page of its own, so that the one
// where passwords are typed runs no script.
func (s *server) doBeginPasskeySignIn(w http.ResponseWriter, r *http.Request) error {
	form := signInForm{Next: localPath(r.PostFormValue("next"))}
	if s.passkeys == nil {
		return s.signInAgain(w, r, form, errPasskeysNone)
	}
	options, session, err := s.passkeys.BeginDiscoverableLogin()
	if err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	if err := s.ask(r.Context(), "get", options.Response, session, store.PasskeyChallenge{Purpose: store.PasskeySignIn}); err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "sign_in_passkey", form)
}

// doPasskeySignIn handles "POST /sign-in/passkey/answer". The authenticator has verified its
// owner by finger, face or PIN, so that no code is asked for after it.
func (s *server) doPasskeySignIn(w http.ResponseWriter, r *http.Request) error {
	account, err := s.answered(w, r, store.PasskeySignIn, "")
	return s.passkeySignedIn(w, r, account, err)
}

// passkeySignedIn signs in by a passkey that was taken, or says why it was not.
func (s *server) passkeySignedIn(w http.ResponseWriter, r *http.Request, account store.Account, err error) error {
	form := signInForm{Next: localPath(r.PostFormValue("next"))}
	if err != nil {
		return s.showAgain(w, r, "sign_in_passkey", form, err)
	}
	for _, left := range []string{sessionPasskey, sessionHalfPerson, sessionHalfAt} {
		s.sessions.Remove(r.Context(), left)
	}
	if _, _, err := s.signInAs(r.Context(), account, custody.OriginPasskey, custody.ViaPage); err != nil {
		return s.showAgain(w, r, "sign_in_passkey", form, err)
	}
	if err := s.rememberDevice(w, r, account); err != nil {
		return err
	}
	http.Redirect(w, r, form.Next, http.StatusSeeOther)
	return nil
}
