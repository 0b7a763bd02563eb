package custody

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"strings"
	"time"
)

// World is who stands behind a certificate.
type World string

// The worlds: the State's own (chữ ký số chuyên dùng công vụ, of Ban Cơ yếu Chính
// phủ), the licensed public authorities under the national root, and neither.
const (
	OfficialWorld World = "official"
	PublicWorld   World = "public"
	OtherWorld    World = "other"
)

// The least keys: Circular 15/2025/TT-BKHCN, Annex I.
const (
	minRSABits = 2048
	minECBits  = 256
)

// Reasons why a certificate is not taken.
const (
	ReasonCertificateOfAuthority = "certificate_of_authority" // it is an issuer's, not a person's or a school's
	ReasonKeyUsage               = "key_usage"                // its key is not for signing documents
	ReasonKeyWeak                = "key_weak"                 // param bits
	ReasonKeyOnAnotherToken      = "key_on_another_token"     // param token
	ReasonCertificateOver        = "certificate_over"         // it has ended; param until
	ReasonChainBroken            = "chain_broken"             // a certificate sent as its issuer did not issue it
)

// CheckCertificate refuses what can't sign a school's documents: an authority's
// certificate, one for another use, one with a weak key, and a chain whose parts
// did not issue one another. chain begins with the issuer.
func CheckCertificate(c *x509.Certificate, chain []*x509.Certificate) error {
	refuse := func(reason string, params ...string) error {
		m := withReason(reason, params)
		m["field"] = "certificate"
		return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: m}
	}
	if c.IsCA {
		return refuse(ReasonCertificateOfAuthority)
	}
	if c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return refuse(ReasonKeyUsage)
	}
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return refuse(ReasonKeyWeak)
		}
	case *ecdsa.PublicKey:
		if key.Curve.Params().BitSize < minECBits {
			return refuse(ReasonKeyWeak)
		}
	default:
		return refuse(ReasonKeyUsage)
	}
	child := c
	for _, issuer := range chain {
		if child.CheckSignatureFrom(issuer) != nil {
			return refuse(ReasonChainBroken)
		}
		child = issuer
	}
	return nil
}

// OrderChain sorts certificates found beside a leaf into its chain, the issuer
// first, as far as they go. What is not of the chain is left out.
func OrderChain(leaf *x509.Certificate, others []*x509.Certificate) []*x509.Certificate {
	var chain []*x509.Certificate
	for child := leaf; !bytes.Equal(child.RawIssuer, child.RawSubject); {
		i := slices.IndexFunc(others, func(o *x509.Certificate) bool {
			return bytes.Equal(o.RawSubject, child.RawIssuer) && child.CheckSignatureFrom(o) == nil && !slices.Contains(chain, o)
		})
		if i < 0 {
			break
		}
		chain = append(chain, others[i])
		child = others[i]
	}
	return chain
}

// CurrentCertificate returns the index of the certificate that a token signs with
// at that time: of those in their validity and not revoked the one that was
// registered last; when there is none, the one registered last; -1 for no
// certificate. certificates are in the order of their registration.
func CurrentCertificate(certificates []Certificate, now time.Time) int {
	for i, c := range slices.Backward(certificates) {
		if c.RevokedAt == nil && !now.Before(c.NotBefore) && !now.After(c.NotAfter) {
			return i
		}
	}
	return len(certificates) - 1
}

// Roots tell the two worlds apart: by the roots' own certificates, or, as long as
// nobody has given them, by the names that are known.
type Roots struct {
	Official, Public []*x509.Certificate
}

// rootNames are the names that the two worlds' roots and, where a chain ends before,
// their issuing authorities bear. Anybody may use a name: who runs the service gives
// the certificates.
var rootNames = map[World][]string{
	OfficialWorld: {"RootCA chuyên dùng Chính phủ G2", "RootCA chuyên dùng Chính phủ", "CA phục vụ các cơ quan Nhà nước", "CA phục vụ các cơ quan Đảng"},
	PublicWorld:   {"Vietnam National Root CA"},
}

// WorldOf tells a certificate's world by the end of its chain, never by a file's
// name. A chain that lacks its root belongs to the root that signed its end. Where a
// world's roots are given, its names no longer count.
func WorldOf(c *x509.Certificate, chain []*x509.Certificate, roots Roots) World {
	all := append([]*x509.Certificate{c}, chain...)
	for _, w := range []struct {
		world World
		roots []*x509.Certificate
	}{{OfficialWorld, roots.Official}, {PublicWorld, roots.Public}} {
		for _, certificate := range all {
			if len(w.roots) == 0 && namedRoot(certificate.Issuer.CommonName, rootNames[w.world]) {
				return w.world
			}
			for _, root := range w.roots {
				if certificate.Equal(root) || bytes.Equal(certificate.RawIssuer, root.RawSubject) && certificate.CheckSignatureFrom(root) == nil {
					return w.world
				}
			}
		}
	}
	return OtherWorld
}

// namedRoot compares beginnings without regard to case: issuing authorities have a
// generation at their end.
func namedRoot(name string, known []string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return len(name) >= len(k) && strings.EqualFold(name[:len(k)], k) })
}

// Validity is how a certificate stands on a day.
type Validity string

// The standings, with the ones that call for something first.
const (
	CertificateRevoked Validity = "revoked"
	CertificateExpired Validity = "expired"
	CertificateEnding  Validity = "ending" // within the first reminder
	CertificateComing  Validity = "coming" // its validity has not begun
	CertificateValid   Validity = "valid"
)

// ValidityOf tells how a certificate stands; soon is the number of days before its
// end from which it counts as ending.
func ValidityOf(c Certificate, now time.Time, soon int) Validity {
	switch {
	case c.RevokedAt != nil:
		return CertificateRevoked
	case now.After(c.NotAfter):
		return CertificateExpired
	case now.Before(c.NotBefore):
		return CertificateComing
	case now.AddDate(0, 0, soon).After(c.NotAfter):
		return CertificateEnding
	}
	return CertificateValid
}

// DaysLeft counts the days from today to a certificate's last day; negative once
// it is over.
func DaysLeft(c Certificate, now time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.In(SchoolZone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(c.NotAfter).Sub(day(now)).Hours() / 24)
}
