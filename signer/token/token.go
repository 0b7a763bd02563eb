package token

import (
	"errors"
	"sync"
	"time"

	"github.com/miekg/pkcs11"
)

// Token is one token that was opened. It is safe for concurrent use.
type Token struct {
	module   *Module
	library  *library
	sessions *sessions

	shown []Certificate // before it was opened

	mu       sync.Mutex
	info     Info
	asked    time.Time // when the token said so
	loggedIn bool
	closed   bool
	askPIN   func() ([]byte, error)
	// mechanisms that the token lists, once it was asked: some take long.
	mechanisms []uint
}

// openToken opens a token that was looked at, with the session of that.
func (m *Module) openToken(listing Listing) (*Token, error) {
	l := m.library
	t := &Token{module: m, library: l, sessions: newSessions(l, listing.Info), info: listing.Info, asked: time.Now(), shown: listing.Certificates}
	if listing.session != 0 {
		t.sessions.idle = append(t.sessions.idle, listing.session)
	} else if err := t.sessions.with(func(pkcs11.SessionHandle, uint64) error { return nil }); err != nil {
		return nil, err // it can't be used at all
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		t.sessions.drain(nil)
		return nil, &Error{Op: "open token", Kind: ErrClosed}
	}
	m.tokens[t] = struct{}{}
	l.tokens.Lock()
	l.open++
	l.tokens.Unlock()
	return t, nil
}

// Info is what the token said of itself when it was opened or logged in last.
// Refresh asks again.
func (t *Token) Info() Info {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.info
}

// Refresh asks the token for its flags. ErrTokenGone when it is no longer there.
func (t *Token) Refresh() (Info, error) {
	if err := t.check("read token information"); err != nil {
		return Info{}, err
	}
	info, err := t.library.info(t.sessions.slot)
	if err != nil {
		return Info{}, err
	}
	if info.Serial != t.sessions.serial {
		return Info{}, &Error{Op: "read token information", Kind: ErrTokenGone, Detail: "the slot holds another token now"}
	}
	t.mu.Lock()
	t.info, t.asked = info, time.Now()
	t.mu.Unlock()
	return info, nil
}

// Shown is what certificates the token showed when it was opened.
func (t *Token) Shown() []Certificate { return t.shown }

// recent is how long what a token said of itself need not be asked again before a
// login.
const recent = time.Second

// recently is Refresh, or what was said just before.
func (t *Token) recently() (Info, error) {
	t.mu.Lock()
	info, asked := t.info, t.asked
	t.mu.Unlock()
	if time.Since(asked) < recent {
		return info, nil
	}
	return t.Refresh()
}

func (t *Token) check(op string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return &Error{Op: op, Kind: ErrClosed}
	}
	return nil
}

// Login logs in with the user PIN: one C_Login, never a second one. With a nil
// PIN the token asks for it by itself (PIN pad, or a dialog of the module);
// without that ability the error is ErrPINNeeded, and nothing was tried.
//
// A PIN that is refused gives a *LoginError with the flags as they are then, and
// ErrWrongPIN or ErrPINLocked in it. A token whose flags say locked is not tried
// at all. A token that is logged in already in this process takes any PIN: it is
// not tried. Login does not refuse the final try: ask the person first when
// Info().Flags.PINFinalTry is set.
//
// The PIN's bytes are read where they lie and neither kept nor copied here; the
// caller zeroes them after the call. What the module does with them is out of
// reach.
func (t *Token) Login(pin []byte) error {
	const op = "log in"
	if err := t.check(op); err != nil {
		return err
	}
	before, err := t.recently()
	if err != nil {
		return err
	}
	if !before.Flags.LoginRequired {
		return nil
	}
	if before.Flags.PINLocked {
		return &LoginError{Flags: before.Flags, Err: &Error{Op: op, Kind: ErrPINLocked}}
	}
	if len(pin) == 0 {
		if !before.Flags.ProtectedAuthPath {
			return &Error{Op: op, Kind: ErrPINNeeded}
		}
		pin = nil
	}
	err = t.sessions.with(func(session pkcs11.SessionHandle, _ uint64) error {
		err := t.library.native.login(session, pkcs11.CKU_USER, pin)
		if errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
			return nil
		}
		return fail(op, err)
	})
	if err != nil {
		after, _ := t.Refresh()
		return loginError(err, after.Flags)
	}
	t.noteLogin()
	return nil
}

// loginError adds the flags to what a C_Login answered. Some tokens lock at this
// very try and still answer "incorrect": then it is locked.
func loginError(err error, flags Flags) error {
	var failure *Error
	if !errors.As(err, &failure) {
		return err
	}
	if flags.PINLocked && failure.Kind == ErrWrongPIN {
		failure = &Error{Op: failure.Op, Return: failure.Return, Kind: ErrPINLocked}
	}
	return &LoginError{Flags: flags, Err: failure}
}

func (t *Token) noteLogin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.info.Flags.PINCountLow, t.info.Flags.PINFinalTry = false, false // a right PIN begins the count anew
	if !t.loggedIn {
		t.loggedIn = true
		t.library.tokens.Lock()
		t.library.logins[t.sessions.slot]++
		t.library.tokens.Unlock()
	}
}

// LoggedIn says whether Login succeeded and the token has not lost it since. A
// token that was reset or replugged has lost it.
func (t *Token) LoggedIn() bool {
	if !t.wasLoggedIn() {
		return false
	}
	in := false
	err := t.sessions.with(func(session pkcs11.SessionHandle, _ uint64) error {
		info, err := t.library.context.GetSessionInfo(session)
		in = info.State == pkcs11.CKS_RO_USER_FUNCTIONS || info.State == pkcs11.CKS_RW_USER_FUNCTIONS
		return fail("read session state", err)
	})
	return err == nil && in
}

func (t *Token) wasLoggedIn() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.loggedIn
}

// AskPIN sets what is asked for the PIN of a key that wants it for every single
// signature (CKA_ALWAYS_AUTHENTICATE). It is called before each signature of such
// a key, and the slice that it returns is zeroed after use. A token with a PIN pad
// is left to ask by itself. Without either, signing is refused with ErrPINNeeded.
func (t *Token) AskPIN(ask func() ([]byte, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.askPIN = ask
}

// Close waits for signatures under way, logs out if no other Token of this
// process is logged in to the same device, and closes the sessions. A second
// Close does nothing. Signers of a closed token answer with ErrClosed.
func (t *Token) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	loggedIn := t.loggedIn
	t.mu.Unlock()

	t.module.mu.Lock()
	delete(t.module.tokens, t)
	t.module.mu.Unlock()

	l := t.library
	logout := func(session pkcs11.SessionHandle) {
		l.tokens.Lock()
		defer l.tokens.Unlock()
		if l.logins[t.sessions.slot]--; l.logins[t.sessions.slot] <= 0 {
			delete(l.logins, t.sessions.slot)
			// The last session of a token logs it out when it is closed (PKCS#11 v2.40 §5.6).
			if l.open > 1 {
				_ = l.context.Logout(session) // a token that is gone is logged out
			}
		}
	}
	if !loggedIn {
		logout = nil
	}
	t.sessions.drain(logout)
	l.tokens.Lock()
	l.open--
	l.tokens.Unlock()
	return nil
}
