package validation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Material shows without a network how certificates stood: what a DSS holds.
type Material struct {
	Certificates []*x509.Certificate
	Responses    [][]byte // OCSP, DER
	Lists        [][]byte // revocation lists, DER
}

// StandingError tells of a certificate that is revoked, or of which nobody knows whether it is.
type StandingError struct {
	Subject   string // common name
	Status    RevocationStatus
	RevokedAt time.Time
	Source    string // URL of the answer
	Err       error  // why it is Unknown
}

func (e *StandingError) Error() string {
	if e.Status == Revoked {
		return fmt.Sprintf("certificate of %s is revoked since %s, says %s", e.Subject, e.RevokedAt.Format(time.RFC3339), e.Source)
	}
	return fmt.Sprintf("revocation of %s: %v", e.Subject, e.Err)
}

func (e *StandingError) Unwrap() error { return e.Err }

// Gather asks the network how the certificates of a path stand, those with the indices in which, and answers what shows
// it, the path itself and the responders' certificates included. A revocation after the time at is no hindrance: it
// does not touch what was signed until then. The error is a *StandingError, or that of ctx.
func Gather(ctx context.Context, path []*x509.Certificate, which []int, at time.Time, opt Options) (*Material, error) {
	m := &Material{}
	for _, c := range path {
		m.addCertificate(c)
	}
	for _, i := range which {
		if i >= len(path)-1 {
			continue // the root, for which nobody answers
		}
		subject := path[i].Subject.CommonName
		r, err := askRevocation(ctx, path[i], path[i+1], &opt, 0)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, &StandingError{Subject: subject, Status: Unknown, Err: err}
		case r.status == Revoked && !r.at.After(at):
			return nil, &StandingError{Subject: subject, Status: Revoked, RevokedAt: r.at, Source: r.source}
		case r.status != Good && r.status != Revoked:
			return nil, &StandingError{Subject: subject, Status: Unknown, Err: errors.New("no answer")}
		}
		m.add(r)
	}
	return m, nil
}

// All are the indices of the certificates of a path whose standing can be asked for: all but the root's.
func All(path []*x509.Certificate) []int {
	which := make([]int, max(0, len(path)-1))
	for i := range which {
		which[i] = i
	}
	return which
}

func (m *Material) add(r revocation) {
	if r.ocsp != nil {
		m.Responses = appendNew(m.Responses, r.ocsp)
	}
	if r.list != nil {
		m.Lists = appendNew(m.Lists, r.list.Raw)
	}
	if r.responder != nil {
		m.addCertificate(r.responder)
	}
	if r.behind != nil {
		m.add(*r.behind)
	}
}

// Add takes over what another has and this has not.
func (m *Material) Add(other *Material) {
	for _, c := range other.Certificates {
		m.addCertificate(c)
	}
	for _, der := range other.Responses {
		m.Responses = appendNew(m.Responses, der)
	}
	for _, der := range other.Lists {
		m.Lists = appendNew(m.Lists, der)
	}
}

func (m *Material) addCertificate(c *x509.Certificate) {
	if !slices.ContainsFunc(m.Certificates, c.Equal) {
		m.Certificates = append(m.Certificates, c)
	}
}

func appendNew(list [][]byte, der []byte) [][]byte {
	if slices.ContainsFunc(list, func(have []byte) bool { return string(have) == string(der) }) {
		return list
	}
	return append(list, der)
}
