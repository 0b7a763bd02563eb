package httpapi

import (
	"crypto/rand"
	"net/http"
	"time"

	"sokyso/custody/store"
)

// deviceCookie tells a browser in which somebody has signed in before. It opens nothing:
// tries that come with it are counted apart, so that who guesses at a colleague's name
// from the same school network can't keep the colleague out.
const deviceCookie = "sokyso_device"

// deviceOfRequest is what the cookie holds, "" for none.
func deviceOfRequest(r *http.Request) string {
	cookie, err := r.Cookie(deviceCookie)
	if err != nil || len(cookie.Value) > 100 {
		return ""
	}
	return cookie.Value
}

// rememberDevice makes the browser known for the account that was signed in to.
func (s *server) rememberDevice(w http.ResponseWriter, r *http.Request, account store.Account) error {
	device := rand.Text()
	if err := s.store.NoteDevice(r.Context(), account.PersonID, deviceOfRequest(r), device); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: deviceCookie, Value: device, Path: "/", MaxAge: int((180 * 24 * time.Hour).Seconds()),
		HttpOnly: true, Secure: s.sessions.Cookie.Secure, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// tooManyTries counts a try with a secret of the account: in a browser that is known for
// it by that browser, elsewhere by name and address, and by address for all names. What
// names the kind of secret, since a try with a code comes after the password.
func (s *server) tooManyTries(w http.ResponseWriter, r *http.Request, what, username string) (bool, error) {
	device := deviceOfRequest(r)
	known, err := s.store.KnownDevice(r.Context(), s.school.ID, device, username)
	switch {
	case err != nil:
		return false, err
	case known:
		return s.signInRate.OnLimit(w, r, "device "+device+" "+what+" "+store.Username(username)), nil
	case what == triesPassword && s.tooManyFrom(s.addressRate, w, r):
		return true, nil
	}
	client, err := clientKey(r)
	if err != nil {
		return true, nil
	}
	if what != triesPassword {
		client += " " + what
	}
	return s.signInRate.OnLimit(w, r, client+" "+string(s.school.ID)+" "+store.Username(username)), nil
}

// The kinds of secrets whose tries are counted.
const (
	triesPassword = "password"
	triesCode     = "code"
	triesPasskey  = "passkey"
)
