package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// Codes are those of RFC 6238 as apps on phones make them: six digits, SHA-1, a step
// of 30 s. One step on each side is taken, for clocks that differ (§5.2).
const (
	factorStep   = 30 * time.Second
	factorSecret = 20 // bytes (RFC 4226 §4, R6)
	recoverySet  = 8  // recovery codes
)

var base32Code = base32.StdEncoding.WithPadding(base32.NoPadding)

var (
	errFactorNeeded = &failure{status: http.StatusUnauthorized, code: wire.CodeFactorNeeded}
	errFactorWrong  = &failure{status: http.StatusUnauthorized, code: wire.CodeFactorWrong}
	errFactorUnset  = &failure{status: http.StatusForbidden, code: wire.CodeFactorUnset}
)

// factorKey is the secret as the address that an app reads from the QR code.
func (s *server) factorKey(ctx context.Context, actor custody.Actor, secret []byte) (*otp.Key, error) {
	account, err := s.store.AccountOf(ctx, actor.School, actor.Person)
	if err != nil {
		return nil, err
	}
	key, err := otp.NewKeyFromURL(fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=6&period=30",
		escapeLabel(s.school.Name), escapeLabel(account.Username), base32Code.EncodeToString(secret), escapeLabel(s.school.Name)))
	if err != nil {
		return nil, fmt.Errorf("second factor: %w", err)
	}
	return key, nil
}

// escapeLabel writes a name into the address: apps read + as itself.
func escapeLabel(name string) string { return strings.ReplaceAll(url.QueryEscape(name), "+", "%20") }

// matchingStep returns the time step whose code was typed, 0 for none.
func matchingStep(secret []byte, code string, now time.Time) (int64, error) {
	code = strings.Join(strings.Fields(code), "")
	encoded := base32Code.EncodeToString(secret)
	present := now.Unix() / int64(factorStep/time.Second)
	var found int64
	for step := present - 1; step <= present+1; step++ {
		want, err := hotp.GenerateCodeCustom(encoded, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, fmt.Errorf("second factor: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = step
		}
	}
	return found, nil
}

// newRecoveryCodes returns codes to be written down, and the hashes that are kept.
func newRecoveryCodes() (codes, hashes []string) {
	for range recoverySet {
		raw := make([]byte, 10)
		rand.Read(raw)
		code := strings.ToLower(base32Code.EncodeToString(raw)) // 80 bits
		codes = append(codes, code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:])
		hashes = append(hashes, recoveryHash(code))
	}
	return codes, hashes
}

func recoveryHash(typed string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(typed))))
	return hex.EncodeToString(sum[:])
}

// checkFactor takes a code of the account's second factor, or one of its recovery
// codes, once.
func (s *server) checkFactor(ctx context.Context, person custody.PersonID, code string) error {
	factor, err := s.store.SecondFactor(ctx, s.school.ID, person)
	if err != nil {
		return err
	}
	switch {
	case !factor.Confirmed:
		return errFactorUnset
	case strings.TrimSpace(code) == "":
		return errFactorNeeded
	}
	step, err := matchingStep(factor.Secret, code, s.now())
	if err != nil {
		return err
	}
	taken := false
	if step > 0 {
		taken, err = s.store.UseFactorStep(ctx, s.school.ID, person, step)
	} else if len(code) > 8 {
		taken, err = s.store.UseRecoveryCode(ctx, person, recoveryHash(code))
	}
	if err == nil && !taken {
		err = errFactorWrong
	}
	return err
}

// stepUp is what confirms a hand-over by account: with the second factor, where the
// account has one or the school requires one. Who has passkeys only gives one on the page. The actor that it returns says so in
// the log.
func (s *server) stepUp(ctx context.Context, actor custody.Actor, code string) (custody.Actor, error) {
	factor, err := s.store.SecondFactor(ctx, actor.School, actor.Person)
	if err != nil {
		return actor, err
	}
	if !factor.Confirmed {
		if has, err := s.hasPasskey(ctx, actor); err != nil {
			return actor, err
		} else if has {
			return actor, errPasskeyFirst
		}
		settings, err := s.store.Settings(ctx, actor)
		if err == nil && settings.Value(custody.SettingSecondFactor) == "required" {
			err = errFactorUnset
		}
		return actor, err
	}
	if err := s.checkFactor(ctx, actor.Person, code); err != nil {
		return actor, err
	}
	return withFactor(actor), nil
}

// withFactor says in the log that the actor has given a second factor.
func withFactor(actor custody.Actor) custody.Actor {
	switch actor.Via {
	case custody.ViaPage:
		actor.Via = custody.ViaPageFactor
	case custody.ViaAPI:
		actor.Via = custody.ViaAPIFactor
	}
	return actor
}

// confirming is stepUp with the code of a form, whose tries are limited, or with a passkey,
// which it has the page ask for: errPasskeyAsked.
func (s *server) confirming(w http.ResponseWriter, r *http.Request, actor custody.Actor) (custody.Actor, error) {
	if r.PostFormValue("passkey") != "" {
		if _, err := s.answered(w, r, store.PasskeyConfirm, actor.Person); err != nil {
			return actor, err
		}
		return withFactor(actor), nil
	}
	if r.PostFormValue("with") == "passkey" {
		return actor, s.askConfirmation(r.Context(), actor)
	}
	if r.PostFormValue("code") != "" {
		if tooMany, err := s.tooManyCodes(w, r, actor); err != nil {
			return actor, err
		} else if tooMany {
			return actor, errRateLimited
		}
	}
	confirmed, err := s.stepUp(r.Context(), actor, r.PostFormValue("code"))
	if errors.Is(err, error(errPasskeyFirst)) {
		err = s.askConfirmation(r.Context(), actor)
	}
	return confirmed, err
}

// tooManyCodes counts the codes that a signed-in person tries.
func (s *server) tooManyCodes(w http.ResponseWriter, r *http.Request, actor custody.Actor) (bool, error) {
	account, err := s.store.AccountOf(r.Context(), actor.School, actor.Person)
	if err != nil {
		return false, err
	}
	return s.tooManyTries(w, r, triesCode, account.Username)
}

// factorAsk is what a form that confirms asks for.
type factorAsk struct {
	Code    bool
	Passkey bool // may be given in the code's place, or is asked for where there is no code
}

func (s *server) asksFactor(ctx context.Context, actor custody.Actor) (factorAsk, error) {
	factor, err := s.store.SecondFactor(ctx, actor.School, actor.Person)
	if err != nil {
		return factorAsk{}, err
	}
	has, err := s.hasPasskey(ctx, actor)
	return factorAsk{Code: factor.Confirmed, Passkey: has}, err
}
