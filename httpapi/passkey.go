package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// Why there are no passkeys at an address: browsers bind them to a name, and give them to
// pages over TLS or of this machine only (WebAuthn §5.1.3).
const (
	passkeysNoAddress = "no_address"
	passkeysInsecure  = "insecure"
	passkeysNumbers   = "numbers" // the address is no name
)

// What is said of an answer that is not taken.
var (
	errPasskeysNone = &failure{status: http.StatusConflict, code: wire.CodeConflict, params: map[string]string{"reason": "passkeys_unavailable"}}
	errPasskeyLate  = &failure{status: http.StatusUnauthorized, code: wire.CodeFactorWrong, params: map[string]string{"reason": "passkey_late"}}
	errPasskeyNone  = &failure{status: http.StatusUnauthorized, code: wire.CodeFactorWrong, params: map[string]string{"reason": "passkey_unknown"}}
	errPasskeyCount = &failure{status: http.StatusUnauthorized, code: wire.CodeFactorWrong, params: map[string]string{"reason": "passkey_cloned"}}
	errPasskeyFirst = &failure{status: http.StatusUnauthorized, code: wire.CodeFactorNeeded, params: map[string]string{"reason": "passkey_needed"}}
	// errPasskeyAsked is no refusal: the page is shown again and asks for the passkey.
	errPasskeyAsked = errors.New("passkey asked")
)

// passkeyWrong is an answer that was looked at and is none; the cause is for the log.
func passkeyWrong(err error) error {
	var detail *protocol.Error
	if errors.As(err, &detail) && detail.DevInfo != "" {
		err = fmt.Errorf("%w: %s", err, detail.DevInfo)
	}
	return &failure{status: http.StatusUnauthorized, code: wire.CodeFactorWrong, params: map[string]string{"reason": "passkey_wrong"}, err: err}
}

// newPasskeys returns what passkeys of the public address are checked with, or why there
// are none.
func newPasskeys(publicURL, school string) (*webauthn.WebAuthn, string, error) {
	if publicURL == "" {
		return nil, passkeysNoAddress, nil
	}
	public, err := url.Parse(publicURL)
	if err != nil {
		return nil, "", fmt.Errorf("public address: %w", err)
	}
	host := strings.ToLower(public.Hostname())
	switch {
	case net.ParseIP(host) != nil:
		return nil, passkeysNumbers, nil
	case public.Scheme != "https" && host != "localhost":
		return nil, passkeysInsecure, nil
	}
	origin := public.Scheme + "://" + host // as browsers write it: without the port that is meant anyway
	if port := public.Port(); port != "" && !(public.Scheme == "https" && port == "443") && !(public.Scheme == "http" && port == "80") {
		origin += ":" + port
	}
	required := true
	timeout := webauthn.TimeoutConfig{Timeout: store.PasskeyChallengeLifetime, TimeoutUVD: store.PasskeyChallengeLifetime}
	keys, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: school, RPOrigins: []string{origin}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired},
		Timeouts:               webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
	if err != nil {
		return nil, "", fmt.Errorf("passkeys of %s: %w", publicURL, err)
	}
	return keys, "", nil
}

// passkeyOwner is an account as the library sees it.
type passkeyOwner struct {
	handle         []byte
	username, name string
	keys           []webauthn.Credential
}

func (o passkeyOwner) WebAuthnID() []byte                         { return o.handle }
func (o passkeyOwner) WebAuthnName() string                       { return o.username }
func (o passkeyOwner) WebAuthnDisplayName() string                { return o.name }
func (o passkeyOwner) WebAuthnCredentials() []webauthn.Credential { return o.keys }

// passkeyHandle is what an authenticator keeps of whose passkey it is: nothing that says
// who they are (WebAuthn §14.6.1), and another one in each school.
func passkeyHandle(school custody.SchoolID, person custody.PersonID) []byte {
	sum := sha256.Sum256([]byte("sokyso passkey 1\x00" + string(school) + "\x00" + string(person)))
	return sum[:]
}

func credentialOf(k store.Passkey) webauthn.Credential {
	c := webauthn.Credential{ID: k.Credential, PublicKey: k.PublicKey, Flags: webauthn.CredentialFlags{BackupEligible: k.BackupEligible},
		Authenticator: webauthn.Authenticator{SignCount: k.SignCount}}
	for _, transport := range strings.Fields(k.Transports) {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(transport))
	}
	return c
}

func (s *server) passkeyOwner(account store.Account, name string, keys ...store.Passkey) passkeyOwner {
	o := passkeyOwner{handle: passkeyHandle(s.school.ID, account.PersonID), username: account.Username, name: name}
	for _, k := range keys {
		o.keys = append(o.keys, credentialOf(k))
	}
	return o
}

// hasPasskey reports whether the account has one that can be used at this address.
func (s *server) hasPasskey(ctx context.Context, actor custody.Actor) (bool, error) {
	if s.passkeys == nil {
		return false, nil
	}
	keys, err := s.store.Passkeys(ctx, actor.School, actor.Person)
	return len(keys) > 0, err
}

// passkeyAsk is what the page that follows asks the browser for, by static/passkey.js.
type passkeyAsk struct {
	Kind    string // create, or get
	Options string // PublicKeyCredential…OptionsJSON (WebAuthn §5.1.8, §5.1.9)
	Origin  string // of pages that may ask
}

// sessionPasskey is the session's secret that challenges are bound to. It outlives a new
// name of the session, and is none in the session of another browser.
const sessionPasskey = "passkey"

// ask keeps a challenge for this browser, and has the page that follows put it.
func (s *server) ask(ctx context.Context, kind string, options any, session *webauthn.SessionData, c store.PasskeyChallenge) error {
	c.Session = s.sessions.GetString(ctx, sessionPasskey)
	if c.Session == "" {
		c.Session = rand.Text()
		s.sessions.Put(ctx, sessionPasskey, c.Session)
	}
	var err error
	if c.Asked, err = json.Marshal(session); err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	text, err := json.Marshal(options)
	if err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	if err := s.store.AskPasskey(ctx, s.school.ID, c); err != nil {
		return err
	}
	requestOf(ctx).passkey = &passkeyAsk{Kind: kind, Options: string(text), Origin: s.passkeys.Config.RPOrigins[0]}
	return nil
}

// asked takes the challenge that this browser was given for a purpose, once.
func (s *server) asked(ctx context.Context, purpose store.PasskeyPurpose, person custody.PersonID) (webauthn.SessionData, store.PasskeyChallenge, error) {
	var session webauthn.SessionData
	if s.passkeys == nil {
		return session, store.PasskeyChallenge{}, errPasskeysNone
	}
	c, err := s.store.TakePasskeyChallenge(ctx, s.school.ID, s.sessions.GetString(ctx, sessionPasskey), purpose, person)
	if errors.Is(err, custody.ErrNotFound) {
		err = errPasskeyLate
	}
	if err == nil {
		if err = json.Unmarshal(c.Asked, &session); err != nil {
			err = fmt.Errorf("passkey: %w", err)
		}
	}
	return session, c, err
}

// answered checks an answer with a passkey of the school, and counts it. whose is who was
// asked, "" for whoever signs in. It returns the account that the passkey is of.
func (s *server) answered(w http.ResponseWriter, r *http.Request, purpose store.PasskeyPurpose, whose custody.PersonID) (store.Account, error) {
	ctx := r.Context()
	session, _, err := s.asked(ctx, purpose, whose)
	if err != nil {
		return store.Account{}, err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(r.PostFormValue("passkey")))
	if err != nil {
		return store.Account{}, passkeyWrong(err)
	}
	return s.checked(w, r, session, answer, whose, nil)
}

// checked is the second half of answered: session is what the browser was asked. once, unless
// it is nil, refuses a question whose answer was taken before; it is asked once the answer is
// known to be good, so that only good ones are remembered.
func (s *server) checked(w http.ResponseWriter, r *http.Request, session webauthn.SessionData, answer *protocol.ParsedCredentialAssertionData, whose custody.PersonID, once func() error) (store.Account, error) {
	ctx := r.Context()
	key, err := s.store.PasskeyByCredential(ctx, s.school.ID, answer.RawID)
	if errors.Is(err, custody.ErrNotFound) || err == nil && whose != "" && key.Person != whose {
		err = errPasskeyNone
	}
	if err != nil {
		return store.Account{}, err
	}
	account, err := s.store.AccountOf(ctx, s.school.ID, key.Person)
	if err != nil {
		return store.Account{}, err
	}
	if tooMany, err := s.tooManyTries(w, r, triesPasskey, account.Username); err != nil {
		return store.Account{}, err
	} else if tooMany {
		return store.Account{}, errRateLimited
	}
	owner := s.passkeyOwner(account, "", key)
	if whose != "" {
		_, err = s.passkeys.ValidateLogin(owner, session, answer)
	} else {
		_, _, err = s.passkeys.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return owner, nil }, session, answer)
	}
	if err != nil {
		return store.Account{}, passkeyWrong(err)
	}
	if once != nil {
		if err := once(); err != nil {
			return store.Account{}, err
		}
	}
	// The store compares counts, so that of two answers at the same time one is the latest.
	taken, err := s.store.UsePasskey(ctx, s.school.ID, key.ID, answer.Response.AuthenticatorData.Counter)
	if err == nil && !taken {
		err = errPasskeyCount
	}
	return account, err
}

// askConfirmation has the page ask for one of the actor's own passkeys.
func (s *server) askConfirmation(ctx context.Context, actor custody.Actor) error {
	if s.passkeys == nil {
		return errPasskeysNone
	}
	account, err := s.store.AccountOf(ctx, actor.School, actor.Person)
	if err != nil {
		return err
	}
	keys, err := s.store.Passkeys(ctx, actor.School, actor.Person)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return errPasskeyNone
	}
	// Which of the passkeys answers is looked at when it does: one may be ended meanwhile.
	options, session, err := s.passkeys.BeginLogin(s.passkeyOwner(account, "", keys...))
	if err != nil {
		return fmt.Errorf("passkey: %w", err)
	}
	session.AllowedCredentialIDs = nil
	if err := s.ask(ctx, "get", options.Response, session, store.PasskeyChallenge{Purpose: store.PasskeyConfirm, Person: actor.Person}); err != nil {
		return err
	}
	return errPasskeyAsked
}
