package httpapi

import (
	"bytes"
	"crypto/rand"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
)

// factorPage is the second factor of one's own account.
type factorPage struct {
	Set      bool
	Recovery int    // codes left
	Secret   string // while it is set up, in groups of four
	Address  string // otpauth://…, for a phone that opens the page itself
	Codes    []string
}

// pageFactor handles "GET /second-factor".
func (s *server) pageFactor(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.factorPage(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "second_factor", page)
}

func (s *server) factorPage(r *http.Request, actor custody.Actor) (factorPage, error) {
	factor, err := s.store.SecondFactor(r.Context(), actor.School, actor.Person)
	if err != nil {
		return factorPage{}, err
	}
	page := factorPage{Set: factor.Confirmed, Recovery: factor.Recovery}
	if page.Set || factor.Secret == nil {
		return page, nil
	}
	key, err := s.factorKey(r.Context(), actor, factor.Secret)
	if err != nil {
		return page, err
	}
	page.Address = key.URL()
	for secret := key.Secret(); secret != ""; {
		n := min(4, len(secret))
		page.Secret, secret = strings.TrimSpace(page.Secret+" "+secret[:n]), secret[n:]
	}
	return page, nil
}

// doBeginFactor handles "POST /second-factor/begin".
func (s *server) doBeginFactor(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	secret := make([]byte, factorSecret)
	rand.Read(secret)
	if err := s.store.BeginSecondFactor(r.Context(), actor, secret); err != nil {
		return err
	}
	http.Redirect(w, r, "/second-factor", http.StatusSeeOther)
	return nil
}

// factorImage handles "GET /second-factor/qr.png": only while it is set up.
func (s *server) factorImage(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	factor, err := s.store.SecondFactor(r.Context(), actor.School, actor.Person)
	if err != nil {
		return err
	}
	if factor.Confirmed || factor.Secret == nil {
		return custody.NotFound("second_factor")
	}
	key, err := s.factorKey(r.Context(), actor, factor.Secret)
	if err != nil {
		return err
	}
	image, err := key.Image(240, 240)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(b.Bytes())
	return err
}

// doConfirmFactor handles "POST /second-factor": the first code puts it into force, and
// the recovery codes are shown this once.
func (s *server) doConfirmFactor(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.factorPage(r, actor)
	if err != nil {
		return err
	}
	if tooMany, err := s.tooManyCodes(w, r, actor); err != nil {
		return err
	} else if tooMany {
		return s.showAgain(w, r, "second_factor", page, errRateLimited)
	}
	factor, err := s.store.SecondFactor(r.Context(), actor.School, actor.Person)
	if err != nil {
		return err
	}
	if factor.Confirmed || factor.Secret == nil {
		return custody.Conflict(custody.ReasonFactorSet)
	}
	step, err := matchingStep(factor.Secret, r.PostFormValue("code"), s.now())
	if err != nil {
		return err
	}
	if step == 0 {
		return s.showAgain(w, r, "second_factor", page, errFactorWrong)
	}
	codes, hashes := newRecoveryCodes()
	if err := s.store.ConfirmSecondFactor(r.Context(), actor, step, hashes); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.show(w, r, http.StatusOK, "second_factor", factorPage{Set: true, Recovery: len(codes), Codes: codes})
}

// doRemoveFactor handles "POST /second-factor/remove": with a code of it.
func (s *server) doRemoveFactor(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.factorPage(r, actor)
	if err != nil {
		return err
	}
	if tooMany, err := s.tooManyCodes(w, r, actor); err != nil {
		return err
	} else if tooMany {
		return s.showAgain(w, r, "second_factor", page, errRateLimited)
	}
	if err := s.checkFactor(r.Context(), actor.Person, r.PostFormValue("code")); err != nil {
		return s.showAgain(w, r, "second_factor", page, err)
	}
	if err := s.store.RemoveSecondFactor(r.Context(), actor, actor.Person); err != nil {
		return err
	}
	return s.done(w, r, "/second-factor", "factor.removed", nil)
}

// doRemoveFactorOf handles "POST /people/{id}/second-factor/remove": for a person whose
// phone and recovery codes are gone. One's own is removed with a code only.
func (s *server) doRemoveFactorOf(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	id := custody.PersonID(chi.URLParam(r, "id"))
	if id == actor.Person {
		return custody.Forbidden("")
	}
	if err := s.store.RemoveSecondFactor(r.Context(), actor, id); err != nil {
		return err
	}
	return s.done(w, r, "/people/"+string(id), "factor.removed_of", nil)
}

// What a session holds between password and code, and for how long.
const (
	sessionHalfPerson = "half_person"
	sessionHalfAt     = "half_at" // seconds since 1970
	halfSignedIn      = 5 * time.Minute
)

// signInCodePage asks for the code after the password.
type signInCodePage struct{ Next string }

// askCode puts an account whose password was right aside until its code comes.
func (s *server) askCode(w http.ResponseWriter, r *http.Request, person custody.PersonID, next string) error {
	if err := s.sessions.RenewToken(r.Context()); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), sessionHalfPerson, string(person))
	s.sessions.Put(r.Context(), sessionHalfAt, s.now().Unix())
	http.Redirect(w, r, "/sign-in/code?"+url.Values{"next": {next}}.Encode(), http.StatusSeeOther)
	return nil
}

// pageSignInCode handles "GET /sign-in/code".
func (s *server) pageSignInCode(w http.ResponseWriter, r *http.Request) error {
	if s.sessions.GetString(r.Context(), sessionHalfPerson) == "" {
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return nil
	}
	return s.show(w, r, http.StatusOK, "sign_in_code", signInCodePage{Next: localPath(r.URL.Query().Get("next"))})
}

// doSignInCode handles "POST /sign-in/code".
func (s *server) doSignInCode(w http.ResponseWriter, r *http.Request) error {
	ctx, page := r.Context(), signInCodePage{Next: localPath(r.PostFormValue("next"))}
	person := custody.PersonID(s.sessions.GetString(ctx, sessionHalfPerson))
	begun := time.Unix(s.sessions.GetInt64(ctx, sessionHalfAt), 0)
	if person == "" || s.now().Sub(begun) > halfSignedIn {
		http.Redirect(w, r, "/sign-in?"+url.Values{"next": {page.Next}}.Encode(), http.StatusSeeOther)
		return nil
	}
	account, err := s.store.AccountOf(ctx, s.school.ID, person)
	if err != nil {
		return err
	}
	if tooMany, err := s.tooManyTries(w, r, triesCode, account.Username); err != nil {
		return err
	} else if tooMany {
		return s.showAgain(w, r, "sign_in_code", page, errRateLimited)
	}
	if err := s.checkFactor(ctx, person, r.PostFormValue("code")); err != nil {
		return s.showAgain(w, r, "sign_in_code", page, err)
	}
	s.sessions.Remove(ctx, sessionHalfPerson)
	s.sessions.Remove(ctx, sessionHalfAt)
	if err := s.beginSession(ctx, account, custody.OriginFactor); err != nil {
		return err
	}
	if err := s.rememberDevice(w, r, account); err != nil {
		return err
	}
	http.Redirect(w, r, page.Next, http.StatusSeeOther)
	return nil
}
