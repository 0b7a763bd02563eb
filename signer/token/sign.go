package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"slices"
	"sync"

	"github.com/miekg/pkcs11"
)

// signer signs with one key of a token. Sign may be called concurrently.
type signer struct {
	token       *Token
	certificate Certificate

	mu         sync.Mutex
	key        keyObject
	generation uint64 // of the sessions that key was found in
}

// Signer yields the crypto.Signer of a certificate's private key. Exactly one key
// must match, else ErrNoKey or ErrAmbiguousKey; keys that show only after login
// give ErrLoginNeeded before it.
//
// Sign makes exactly one C_Sign, over a digest that the caller made: SHA-256,
// SHA-384 or SHA-512. RSA keys sign PKCS#1 v1.5, or PSS when opts is a
// *rsa.PSSOptions and the token offers CKM_RSA_PKCS_PSS; EC keys answer with the
// ASN.1 form. Sign does not read rand. The result is not verified here.
//
// A failed Sign is not repeated. ErrSession, ErrTokenGone and ErrDevice leave the
// Signer usable: the next call opens a new session, and answers ErrLoginNeeded
// if the token forgot the login.
func (t *Token) Signer(certificate Certificate) (crypto.Signer, error) {
	if err := t.check("find key"); err != nil {
		return nil, err
	}
	if certificate.X509 == nil {
		return nil, &Error{Op: "find key", Kind: ErrCertificate}
	}
	s := &signer{token: t, certificate: certificate}
	err := t.sessions.with(func(session pkcs11.SessionHandle, generation uint64) error {
		_, err := s.find(session, generation)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// find is the key's handle, looked up again when a session was lost since: the
// token may have been replugged, and handles given out anew.
func (s *signer) find(session pkcs11.SessionHandle, generation uint64) (keyObject, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key.handle != 0 && s.generation == generation {
		return s.key, nil
	}
	key, err := s.token.findKey(session, s.certificate)
	if err != nil {
		return keyObject{}, err
	}
	s.key, s.generation = key, generation
	return key, nil
}

// Public is the certificate's public key.
func (s *signer) Public() crypto.PublicKey { return s.certificate.X509.PublicKey }

// Sign implements crypto.Signer.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	const op = "sign"
	t := s.token
	if err := t.check(op); err != nil {
		return nil, err
	}
	hash := opts.HashFunc()
	if !slices.Contains([]crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}, hash) {
		return nil, &Error{Op: op, Kind: ErrUnsupported, Detail: fmt.Sprintf("hash %v", hash)}
	}
	if len(digest) != hash.Size() {
		return nil, fmt.Errorf("sign: digest has %d bytes, %v has %d", len(digest), hash, hash.Size())
	}
	plan, err := s.plan(digest, hash, opts)
	if err != nil {
		return nil, err
	}
	var signature []byte
	// What the module was not asked for must not cost a session, so the PIN is
	// asked for outside; it may also take a person minutes.
	pin, err := s.contextPIN()
	if err != nil {
		return nil, err
	}
	defer clear(pin)
	err = t.sessions.with(func(session pkcs11.SessionHandle, generation uint64) error {
		key, err := s.find(session, generation)
		if err != nil {
			return err
		}
		if err := t.library.context.SignInit(session, []*pkcs11.Mechanism{plan.mechanism}, key.handle); err != nil {
			return fail(op, err)
		}
		if key.alwaysAuthenticate {
			if err := t.library.native.login(session, pkcs11.CKU_CONTEXT_SPECIFIC, pin); err != nil {
				info, _ := t.library.info(t.sessions.slot)
				return loginError(fail("log in for this signature", err), info.Flags)
			}
		}
		signature, err = t.library.native.sign(session, plan.data)
		if err != nil {
			return fail(op, err)
		}
		signature, err = plan.finish(signature)
		return err
	})
	if err != nil {
		return nil, err
	}
	return signature, nil
}

// contextPIN asks for the PIN of a key that wants it for every signature.
func (s *signer) contextPIN() ([]byte, error) {
	s.mu.Lock()
	always := s.key.alwaysAuthenticate
	s.mu.Unlock()
	s.token.mu.Lock()
	ask, pad := s.token.askPIN, s.token.info.Flags.ProtectedAuthPath
	s.token.mu.Unlock()
	switch {
	case !always || pad:
		return nil, nil
	case ask == nil:
		return nil, &Error{Op: "sign", Kind: ErrPINNeeded, Detail: "this key wants the PIN for every signature"}
	}
	pin, err := ask()
	if err == nil && len(pin) == 0 {
		err = &Error{Op: "sign", Kind: ErrPINNeeded}
	}
	return pin, err
}

// plan is one C_Sign: its mechanism, its input, and what makes Go's form of
// signature of its output.
type plan struct {
	mechanism *pkcs11.Mechanism
	data      []byte
	finish    func([]byte) ([]byte, error)
}

func (s *signer) plan(digest []byte, hash crypto.Hash, opts crypto.SignerOpts) (plan, error) {
	switch public := s.Public().(type) {
	case *rsa.PublicKey:
		finish := func(signature []byte) ([]byte, error) { return checkLength(signature, public.Size()) }
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			mechanism, err := s.pss(public, hash, pss)
			return plan{mechanism, digest, finish}, err
		}
		return plan{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), append(slices.Clone(digestInfo[hash]), digest...), finish}, nil
	case *ecdsa.PublicKey:
		size := (public.Curve.Params().N.BitLen() + 7) / 8
		// The leftmost bits count (FIPS 186-5 §6.4.1); not every token cuts by itself.
		return plan{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil), digest[:min(size, len(digest))],
			func(raw []byte) ([]byte, error) { return marshalECDSA(raw, size) }}, nil
	}
	return plan{}, &Error{Op: "sign", Kind: ErrUnsupported, Detail: fmt.Sprintf("key %T", s.Public())}
}

// digestInfo is the DER of DigestInfo up to the digest (RFC 8017 §9.2 note 1).
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

func (s *signer) pss(public *rsa.PublicKey, hash crypto.Hash, opts *rsa.PSSOptions) (*pkcs11.Mechanism, error) {
	offered, err := s.token.offers(pkcs11.CKM_RSA_PKCS_PSS)
	if err != nil {
		return nil, err
	}
	if !offered {
		return nil, &Error{Op: "sign", Kind: ErrUnsupported, Detail: "no RSA-PSS (CKM_RSA_PKCS_PSS)"}
	}
	salt := opts.SaltLength
	switch salt {
	case rsa.PSSSaltLengthEqualsHash:
		salt = hash.Size()
	case rsa.PSSSaltLengthAuto: // as long as fits (RFC 8017 §9.1.1)
		salt = (public.N.BitLen()-1+7)/8 - 2 - hash.Size()
	}
	if salt < 0 {
		return nil, &Error{Op: "sign", Kind: ErrUnsupported, Detail: "RSA key is too small for this PSS salt"}
	}
	mechanisms := map[crypto.Hash][2]uint{
		crypto.SHA256: {pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256},
		crypto.SHA384: {pkcs11.CKM_SHA384, pkcs11.CKG_MGF1_SHA384},
		crypto.SHA512: {pkcs11.CKM_SHA512, pkcs11.CKG_MGF1_SHA512},
	}[hash]
	return pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, pkcs11.NewPSSParams(mechanisms[0], mechanisms[1], uint(salt))), nil
}

// offers says whether the token lists a mechanism.
func (t *Token) offers(mechanism uint) (bool, error) {
	t.mu.Lock()
	known := t.mechanisms
	t.mu.Unlock()
	if known == nil {
		var err error
		if known, err = t.library.native.mechanisms(t.sessions.slot); err != nil {
			return false, fail("list mechanisms", err)
		}
		t.mu.Lock()
		t.mechanisms = known
		t.mu.Unlock()
	}
	return slices.Contains(known, mechanism), nil
}

// RSASchemes are the ways in which a token's RSA keys can sign digests made elsewhere.
type RSASchemes struct {
	PKCS1v15 bool `json:"pkcs1v15,omitempty"` // CKM_RSA_PKCS
	PSS      bool `json:"pss,omitempty"`      // CKM_RSA_PKCS_PSS
}

// RSASchemes answers from the token's list of mechanisms.
func (t *Token) RSASchemes() (RSASchemes, error) {
	if err := t.check("list mechanisms"); err != nil {
		return RSASchemes{}, err
	}
	var s RSASchemes
	var err error
	if s.PKCS1v15, err = t.offers(pkcs11.CKM_RSA_PKCS); err == nil {
		s.PSS, err = t.offers(pkcs11.CKM_RSA_PKCS_PSS)
	}
	return s, err
}

func checkLength(signature []byte, want int) ([]byte, error) {
	if len(signature) != want {
		return nil, &Error{Op: "sign", Kind: ErrDevice, Detail: fmt.Sprintf("signature has %d bytes, the key has %d", len(signature), want)}
	}
	return signature, nil
}

// marshalECDSA turns r||s (PKCS#11 v2.40 curr §2.3.1) into Ecdsa-Sig-Value (RFC 3279 §2.2.3).
func marshalECDSA(raw []byte, size int) ([]byte, error) {
	if _, err := checkLength(raw, 2*size); err != nil {
		return nil, err
	}
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:size]), new(big.Int).SetBytes(raw[size:])})
}
