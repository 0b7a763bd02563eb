package token

import (
	"errors"
	"strings"
	"unicode"

	"github.com/miekg/pkcs11"
)

// Info describes a token in a slot.
type Info struct {
	Slot         uint   `json:"slot"` // changes with replugging: never to be remembered
	Label        string `json:"label"`
	Serial       string `json:"serial"`
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	Flags        Flags  `json:"flags"`
	// Sessions that the token allows at once, 0 when it does not say.
	Sessions uint `json:"sessions,omitempty"`
	// MinPIN and MaxPIN bound the length of a PIN, in bytes; 0 when it does not say.
	MinPIN uint `json:"min_pin,omitempty"`
	MaxPIN uint `json:"max_pin,omitempty"`
}

// Flags are the CKF_... of CK_TOKEN_INFO that matter to a signer (PKCS#11 v2.40 §3.2).
type Flags struct {
	Initialized       bool `json:"initialized"`         // a factory-new token has it off
	LoginRequired     bool `json:"login_required"`      //
	PINInitialized    bool `json:"pin_initialized"`     //
	ProtectedAuthPath bool `json:"protected_auth_path"` // PIN pad, or the module's own dialog
	PINCountLow       bool `json:"pin_count_low"`       // a wrong PIN was tried since the last right one
	PINFinalTry       bool `json:"pin_final_try"`       // one more wrong PIN locks it
	PINLocked         bool `json:"pin_locked"`
	PINToBeChanged    bool `json:"pin_to_be_changed"` // still the factory's or the issuer's PIN
}

func newInfo(slot uint, t pkcs11.TokenInfo) Info {
	has := func(flag uint) bool { return t.Flags&flag != 0 }
	info := Info{
		Slot:         slot,
		Label:        printable(t.Label),
		Serial:       printable(t.SerialNumber),
		Manufacturer: printable(t.ManufacturerID),
		Model:        printable(t.Model),
		Flags: Flags{
			Initialized:       has(pkcs11.CKF_TOKEN_INITIALIZED),
			LoginRequired:     has(pkcs11.CKF_LOGIN_REQUIRED),
			PINInitialized:    has(pkcs11.CKF_USER_PIN_INITIALIZED),
			ProtectedAuthPath: has(pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH),
			PINCountLow:       has(pkcs11.CKF_USER_PIN_COUNT_LOW),
			PINFinalTry:       has(pkcs11.CKF_USER_PIN_FINAL_TRY),
			PINLocked:         has(pkcs11.CKF_USER_PIN_LOCKED),
			PINToBeChanged:    has(pkcs11.CKF_USER_PIN_TO_BE_CHANGED),
		},
	}
	const unavailable = ^uint(0) // CK_UNAVAILABLE_INFORMATION; CK_EFFECTIVELY_INFINITE is 0
	if t.MaxSessionCount != unavailable {
		info.Sessions = t.MaxSessionCount
	}
	if t.MinPinLen != unavailable && t.MaxPinLen != unavailable && t.MinPinLen <= t.MaxPinLen {
		info.MinPIN, info.MaxPIN = t.MinPinLen, t.MaxPinLen
	}
	return info
}

// printable makes a module's fixed-width text fit for screens: some pad with
// zero bytes instead of blanks.
func printable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if i := strings.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	return strings.TrimSpace(text)
}

// Tokens lists the tokens that are present, in the order of their slots. A token
// that is not initialised yet is listed with that flag off (SoftHSM always shows
// one); Open does not consider it. A slot that can't be asked is left out, since a
// broken reader must not hide the others; if no initialised token can be asked, its
// error is returned.
func (m *Module) Tokens() ([]Info, error) {
	if err := m.check("list tokens"); err != nil {
		return nil, err
	}
	m.library.mu.RLock()
	defer m.library.mu.RUnlock()
	return m.library.list()
}

func (l *library) list() ([]Info, error) {
	slots, err := l.native.slots(true)
	if err != nil {
		return nil, fail("list tokens", err)
	}
	infos := make([]Info, 0, len(slots))
	var first error
	ready := 0
	for _, slot := range slots {
		info, err := l.info(slot)
		switch {
		case err == nil:
			infos = append(infos, info)
			if info.Flags.Initialized {
				ready++
			}
		case first == nil && !errors.Is(err, ErrTokenGone):
			first = err
		}
	}
	if ready == 0 && first != nil {
		return nil, first
	}
	return infos, nil
}

func (l *library) info(slot uint) (Info, error) {
	const op = "read token information"
	t, err := l.context.GetTokenInfo(slot)
	if err != nil {
		return Info{}, fail(op, err)
	}
	if t.Flags == ^uint(0) { // among them that the PIN is locked: not to be told as a truth
		return Info{}, &Error{Op: op, Kind: ErrDevice, Detail: "module answers with flags that can't be"}
	}
	return newInfo(slot, t), nil
}
