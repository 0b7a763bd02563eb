package httpapi

import (
	"net/http"
	"time"

	"sokyso/custody"
)

// signInForm is what the sign-in page shows again.
type signInForm struct {
	Username string
	Next     string
	Passkey  bool          // may be used in the password's place
	Field    *passkeyField // nil = none is asked for in the list of the name field

	Department string // whose people come from its own address; "" = none
}

// pageSignIn handles "GET /sign-in".
func (s *server) pageSignIn(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("next"))
	if _, err := requestOf(r.Context()).signedIn(); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	form, err := s.signInPage(w, r, signInForm{Next: next})
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "sign_in", form)
}

// signInAgain shows the sign-in page with what was wrong.
func (s *server) signInAgain(w http.ResponseWriter, r *http.Request, form signInForm, wrong error) error {
	form, err := s.signInPage(w, r, form)
	if err != nil {
		return err
	}
	return s.showAgain(w, r, "sign_in", form, wrong)
}

// doSignIn handles "POST /sign-in".
func (s *server) doSignIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return invalid("form", err)
	}
	form := signInForm{Username: r.PostForm.Get("username"), Next: localPath(r.PostForm.Get("next"))}
	if tooMany, err := s.tooManyTries(w, r, triesPassword, form.Username); err != nil {
		return err
	} else if tooMany {
		return s.signInAgain(w, r, form, errRateLimited)
	}
	account, err := s.account(r.Context(), form.Username, r.PostForm.Get("password"))
	if err != nil {
		return s.signInAgain(w, r, form, err)
	}
	factor, err := s.store.SecondFactor(r.Context(), s.school.ID, account.PersonID)
	if err != nil {
		return err
	}
	if factor.Confirmed {
		return s.askCode(w, r, account.PersonID, form.Next)
	}
	if _, _, err := s.signInAs(r.Context(), account, custody.OriginPassword, custody.ViaPage); err != nil {
		return s.signInAgain(w, r, form, err)
	}
	if err := s.rememberDevice(w, r, account); err != nil {
		return err
	}
	http.Redirect(w, r, form.Next, http.StatusSeeOther)
	return nil
}

// doLanguage handles "POST /language": the switch, kept in a cookie for a year.
func (s *server) doLanguage(w http.ResponseWriter, r *http.Request) error {
	lang := r.PostFormValue("language")
	if !s.words.has(lang) {
		return invalid("language", nil)
	}
	http.SetCookie(w, &http.Cookie{
		Name: languageCookie, Value: lang, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		HttpOnly: true, Secure: s.sessions.Cookie.Secure, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, localPath(r.PostFormValue("next")), http.StatusSeeOther)
	return nil
}

// pagePassword handles "GET /password".
func (s *server) pagePassword(w http.ResponseWriter, r *http.Request, _ custody.Actor) error {
	return s.show(w, r, http.StatusOK, "password", nil)
}

// doPassword handles "POST /password": the person's own. Their other sessions end
// with the old password; this one goes on.
func (s *server) doPassword(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	person, err := s.store.Person(r.Context(), actor, actor.Person)
	if err != nil {
		return err
	}
	if tooMany, err := s.tooManyTries(w, r, triesPassword, person.Username); err != nil {
		return err
	} else if tooMany {
		return s.showAgain(w, r, "password", nil, errRateLimited)
	}
	if r.PostFormValue("password") != r.PostFormValue("again") {
		return s.showAgain(w, r, "password", nil, passwordError("password_differs"))
	}
	if _, err := s.account(r.Context(), person.Username, r.PostFormValue("present")); err != nil {
		return s.showAgain(w, r, "password", nil, err)
	}
	hash, err := s.hashPassword(r.Context(), r.PostFormValue("password"), person.Name, person.Username)
	if err != nil {
		return s.showAgain(w, r, "password", nil, err)
	}
	if err := s.store.SetPassword(r.Context(), actor, actor.Person, hash); err != nil {
		return err
	}
	account, err := s.store.AccountOf(r.Context(), actor.School, actor.Person)
	if err != nil {
		return err
	}
	if err := s.beginSession(r.Context(), account, requestOf(r.Context()).session.Origin); err != nil {
		return err
	}
	if err := s.rememberDevice(w, r, account); err != nil {
		return err
	}
	return s.done(w, r, "/", "password.done", nil)
}
