package authority

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"time"
)

// Profile is what a certificate is for.
type Profile string

const (
	Person Profile = "person" // signature of a person; the default
	Seal   Profile = "seal"   // signature of an organisation
	TSA    Profile = "tsa"    // time-stamping, critical extended key usage (RFC 3161 §2.3)
	OCSP   Profile = "ocsp"   // delegated OCSP responder (RFC 6960 §4.2.2.2)
	// OCSPOnList is a responder that names a revocation list for its own standing,
	// where OCSP says that nobody need ask (RFC 6960 §4.2.2.2.1).
	OCSPOnList Profile = "ocsp-on-list"
)

// Subject says what Issue certifies. Empty fields are left out of the name.
type Subject struct {
	CommonName         string // full name, or the organisation's name for a seal
	Organization       string // "UBND tỉnh ..."
	ParentUnit         string // first OU: "UBND xã ..."
	OrganizationalUnit string // second OU: the school
	Locality           string // province
	Email              string // E, and in the alternative name

	Profile   Profile
	NotBefore time.Time // an hour ago when zero
	NotAfter  time.Time // five years after NotBefore when zero; may lie in the past
}

const organization = "Cơ quan thử nghiệm"

var (
	oidCountry            = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidLocality           = asn1.ObjectIdentifier{2, 5, 4, 7}
	oidOrganization       = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOrganizationalUnit = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidCommonName         = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidEmailAddress       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	oidExtKeyUsage        = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidTimeStamping       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}
	oidNoCheck            = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
)

// Issue certifies a public key under the issuing CA.
func (a *Authority) Issue(pub crypto.PublicKey, s Subject) (*x509.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cert, err := a.issue(pub, s)
	if err == nil {
		err = a.saveState()
	}
	if err != nil {
		return nil, fmt.Errorf("issue certificate for %q: %w", s.CommonName, err)
	}
	return cert, nil
}

// issue wants the lock held, or nobody else to know a.
func (a *Authority) issue(pub crypto.PublicKey, s Subject) (*x509.Certificate, error) {
	name, err := s.name()
	if err != nil {
		return nil, err
	}
	if s.NotBefore.IsZero() {
		s.NotBefore = a.now().Add(-time.Hour)
	}
	if s.NotAfter.IsZero() {
		s.NotAfter = s.NotBefore.AddDate(5, 0, 0)
	}
	template := &x509.Certificate{
		SerialNumber:          newSerial(),
		RawSubject:            name,
		NotBefore:             s.NotBefore.UTC(),
		NotAfter:              s.NotAfter.UTC(),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		BasicConstraintsValid: true,
		CRLDistributionPoints: []string{a.base + "/ca.crl"},
		OCSPServer:            []string{a.base + "/ocsp"},
		IssuingCertificateURL: []string{a.base + "/issuing.crt"},
	}
	switch s.Profile {
	case Person, Seal, "":
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection, x509.ExtKeyUsageClientAuth}
		if s.Email != "" {
			template.EmailAddresses = []string{s.Email}
		}
	case TSA:
		usage, err := asn1.Marshal([]asn1.ObjectIdentifier{oidTimeStamping})
		if err != nil {
			return nil, err
		}
		template.ExtraExtensions = []pkix.Extension{{Id: oidExtKeyUsage, Critical: true, Value: usage}}
	case OCSP, OCSPOnList:
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
		template.OCSPServer = nil
		if s.Profile == OCSP {
			template.ExtraExtensions = []pkix.Extension{{Id: oidNoCheck, Value: asn1.NullBytes}}
			template.CRLDistributionPoints = nil
		}
	default:
		return nil, fmt.Errorf("unknown profile %q", s.Profile)
	}
	cert, err := certify(template, a.issuing.cert, pub, a.issuing.key)
	if err != nil {
		return nil, err
	}
	if err := a.saveIssued(cert); err != nil {
		return nil, err
	}
	a.state.Certificates = append(a.state.Certificates, record{
		Serial: serialText(cert.SerialNumber), Issuer: issuerIssuing, Subject: cert.Subject.String(), NotAfter: cert.NotAfter,
	})
	return cert, nil
}

// name encodes the subject in the order of government certificates, one
// attribute to a relative distinguished name.
func (s Subject) name() ([]byte, error) {
	var rdns pkix.RDNSequence
	add := func(id asn1.ObjectIdentifier, value any) {
		rdns = append(rdns, pkix.RelativeDistinguishedNameSET{{Type: id, Value: value}})
	}
	add(oidCountry, "VN")
	for _, part := range []struct {
		id    asn1.ObjectIdentifier
		value string
	}{
		{oidLocality, s.Locality}, {oidOrganization, s.Organization}, {oidOrganizationalUnit, s.ParentUnit},
		{oidOrganizationalUnit, s.OrganizationalUnit}, {oidCommonName, s.CommonName},
	} {
		if part.value != "" {
			add(part.id, part.value)
		}
	}
	if s.Email != "" { // IA5String, RFC 5280 §4.1.2.6
		add(oidEmailAddress, asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(s.Email)})
	}
	return asn1.Marshal(rdns)
}

func caTemplate(name string, notBefore, notAfter time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{Country: []string{"VN"}, Organization: []string{organization}, CommonName: name},
		NotBefore: notBefore.UTC(), NotAfter: notAfter.UTC(),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func certify(template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
