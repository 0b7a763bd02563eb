package authority

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// ErrNotIssued: the serial number belongs to no certificate of this CA.
var ErrNotIssued = errors.New("certificate was not issued here")

// ErrRevoked: the certificate is revoked already.
var ErrRevoked = errors.New("certificate is revoked already")

// listValidity is from thisUpdate to nextUpdate of lists and OCSP answers.
const listValidity = 24 * time.Hour

// Revoke puts a certificate on its issuer's list, for a CRLReason (RFC 5280
// §5.3.1: 0 unspecified, 1 key compromise, 3 affiliation changed, 4 superseded,
// 5 cessation of operation, 6 hold), from at on; the zero time is now. The
// issuing CA's own certificate can be revoked too. Errors wrap ErrNotIssued or
// ErrRevoked.
func (a *Authority) Revoke(serial *big.Int, reason int, at time.Time) error {
	if reason < 0 || reason > 10 || reason == 7 || reason == 8 {
		return fmt.Errorf("revoke %x: reason %d", serial, reason)
	}
	if at.IsZero() {
		at = a.now()
	}
	at = at.UTC().Truncate(time.Second)
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.find(serial)
	switch {
	case r == nil:
		return fmt.Errorf("revoke %x: %w", serial, ErrNotIssued)
	case r.RevokedAt != nil:
		return fmt.Errorf("revoke %x: %w", serial, ErrRevoked)
	}
	r.RevokedAt, r.Reason = &at, reason
	if err := a.saveState(); err != nil {
		r.RevokedAt, r.Reason = nil, 0
		return fmt.Errorf("revoke %x: %w", serial, err)
	}
	return nil
}

// find wants the lock held.
func (a *Authority) find(serial *big.Int) *record {
	text := serialText(serial)
	for i := range a.state.Certificates {
		if a.state.Certificates[i].Serial == text {
			return &a.state.Certificates[i]
		}
	}
	return nil
}

// list makes the revocation list of one issuer.
func (a *Authority) list(issuer string, by pair, f Fault) ([]byte, error) {
	now := a.now().UTC().Truncate(time.Second)
	template := &x509.RevocationList{ThisUpdate: now, NextUpdate: now.Add(listValidity)}
	switch f {
	case Stale:
		template.ThisUpdate, template.NextUpdate = stale(now)
	case Forged:
		var err error
		if by, err = stranger(by); err != nil {
			return nil, err
		}
		// x509 would notice that key and certificate differ.
		unnamed := *by.cert
		unnamed.PublicKey = by.key.Public()
		by.cert = &unnamed
	}
	a.mu.Lock()
	for _, r := range a.state.Certificates {
		if r.Issuer != issuer || r.RevokedAt == nil {
			continue
		}
		serial, ok := new(big.Int).SetString(r.Serial, 16)
		if !ok {
			a.mu.Unlock()
			return nil, fmt.Errorf("serial number %q in state.json", r.Serial)
		}
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: serial, RevocationTime: *r.RevokedAt, ReasonCode: r.Reason,
		})
	}
	a.mu.Unlock()
	// Grows with time, and with entries when time stands still in a test.
	template.Number = big.NewInt(now.Unix()<<16 + int64(len(template.RevokedCertificateEntries)))
	return x509.CreateRevocationList(rand.Reader, template, by.cert, by.key)
}
