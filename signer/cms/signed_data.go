package cms

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	tagImplicit0 = asn1.Tag(0).ContextSpecific().Constructed()
	tagImplicit1 = asn1.Tag(1).ContextSpecific().Constructed()
	// tagKeyID is the SKI form of a signer identifier, [0] IMPLICIT OCTET STRING.
	tagKeyID = asn1.Tag(0).ContextSpecific()
)

// How many of each are read; more is an attack, not a signature.
const (
	maxCertificates = 128
	maxSigners      = 16
	maxAttributes   = 64
)

// SignedData is a parsed CMS.
type SignedData struct {
	Version      int
	ContentType  string              // of the content, dotted: "1.2.840.113549.1.7.1" is data
	Detached     bool                // no content inside
	Content      []byte              // nil when detached
	Certificates []*x509.Certificate // those that crypto/x509 reads, in their order
	Unreadable   []Unreadable        // the others
	CRLs         [][]byte            // certificate lists and other revocation information, raw
	Signers      []*Signer

	// The parts as they stand, for AddTimestamp.
	digestAlgorithms, encapsulated, certificates, crls element
}

// Unreadable is an embedded certificate that crypto/x509 refuses, one of the
// obsolete kinds that RFC 5652 §10.2.2 still lists, or one with an RSA key so
// long that a check would take minutes.
type Unreadable struct {
	Raw    []byte
	Serial *big.Int // nil if not even that could be read
	Issuer []byte   // DER Name, nil if it could not be read
	Reason error
}

// EmptyContent tells whether there is content, of no bytes. RFC 5652 §5.2 wants
// it left out in a detached signature; some writers put it in, so it counts as
// detached for the digest.
func (sd *SignedData) EmptyContent() bool { return !sd.Detached && len(sd.Content) == 0 }

// Parse reads one SignedData in DER or BER that fills b; for the Contents of a
// signature dictionary call Trim first. Errors wrap ErrMalformed. What concerns
// one signer or certificate only does not fail the whole: it is told by
// Signer.Verify and in Unreadable.
func Parse(b []byte) (*SignedData, error) { return ParseWith(b, x509.ParseCertificate) }

type certificateParser = func(der []byte) (*x509.Certificate, error)

// ParseWith is Parse with another function for the certificates: one that
// remembers those that it has seen, as the signatures of a batch carry the same.
func ParseWith(b []byte, certificate func(der []byte) (*x509.Certificate, error)) (*SignedData, error) {
	if len(b) > maxSize {
		return nil, fmt.Errorf("parse CMS: %w", malformed("%d bytes", len(b)))
	}
	sd, err := parse(b, certificate)
	if err != nil {
		return nil, fmt.Errorf("parse CMS: %w", err)
	}
	return sd, nil
}

func parse(b []byte, certificate certificateParser) (*SignedData, error) {
	top := &sequence{rest: b}
	info, err := top.want(asn1.SEQUENCE, "ContentInfo")
	if err != nil {
		return nil, err
	}
	if !top.empty() {
		return nil, malformed("%d bytes after the CMS", len(top.rest))
	}
	parts := info.children(top.depth)
	kind, err := parts.want(asn1.OBJECT_IDENTIFIER, "content type")
	if err != nil {
		return nil, err
	}
	if id := objectID(kind.content); id != oidSignedData {
		return nil, malformed("content type %v is not SignedData", id)
	}
	explicit, err := parts.want(tagImplicit0, "content")
	if err != nil {
		return nil, err
	}
	if !parts.empty() {
		return nil, malformed("ContentInfo has a third part")
	}
	inner := explicit.children(parts.depth)
	body, err := inner.want(asn1.SEQUENCE, "SignedData")
	if err != nil {
		return nil, err
	}
	if !inner.empty() {
		return nil, malformed("content has a second part")
	}
	return parseSignedData(body.children(inner.depth), certificate)
}

func parseSignedData(fields *sequence, certificate certificateParser) (*SignedData, error) {
	sd := &SignedData{}
	version, err := fields.want(asn1.INTEGER, "version")
	if err != nil {
		return nil, err
	}
	if sd.Version, err = smallInteger(version); err != nil {
		return nil, err
	}
	if sd.digestAlgorithms, err = fields.want(asn1.SET, "digest algorithms"); err != nil {
		return nil, err
	}
	if sd.encapsulated, err = fields.want(asn1.SEQUENCE, "encapsulated content"); err != nil {
		return nil, err
	}
	if err := sd.parseContent(sd.encapsulated.children(fields.depth)); err != nil {
		return nil, err
	}
	if fields.peek(tagImplicit0) {
		if sd.certificates, err = fields.want(tagImplicit0, "certificates"); err != nil {
			return nil, err
		}
		if err := sd.parseCertificates(sd.certificates.children(fields.depth), certificate); err != nil {
			return nil, err
		}
	}
	if fields.peek(tagImplicit1) {
		if sd.crls, err = fields.want(tagImplicit1, "revocation information"); err != nil {
			return nil, err
		}
		for lists := sd.crls.children(fields.depth); !lists.empty(); {
			list, err := lists.next()
			if err != nil {
				return nil, err
			}
			sd.CRLs = append(sd.CRLs, list.raw)
		}
	}
	set, err := fields.want(asn1.SET, "signers")
	if err != nil {
		return nil, err
	}
	if !fields.empty() {
		return nil, malformed("%d bytes after the signers", len(fields.rest))
	}
	for infos := set.children(fields.depth); !infos.empty(); {
		if len(sd.Signers) == maxSigners {
			return nil, malformed("more than %d signers", maxSigners)
		}
		info, err := infos.want(asn1.SEQUENCE, "SignerInfo")
		if err != nil {
			return nil, err
		}
		signer, err := parseSigner(info.children(infos.depth), sd)
		if err != nil {
			return nil, err
		}
		sd.Signers = append(sd.Signers, signer)
	}
	return sd, nil
}

func (sd *SignedData) parseContent(fields *sequence) error {
	kind, err := fields.want(asn1.OBJECT_IDENTIFIER, "encapsulated content type")
	if err != nil {
		return err
	}
	sd.ContentType = objectID(kind.content).String()
	if sd.Detached = fields.empty(); sd.Detached {
		return nil
	}
	explicit, err := fields.want(tagImplicit0, "encapsulated content")
	if err != nil {
		return err
	}
	if !fields.empty() {
		return malformed("encapsulated content has a third part")
	}
	inner := explicit.children(fields.depth)
	if inner.empty() {
		return malformed("no encapsulated content")
	}
	value, err := inner.next()
	if err != nil {
		return err
	}
	if !inner.empty() {
		return malformed("encapsulated content has a second part")
	}
	if !value.is(asn1.OCTET_STRING) {
		// PKCS #7 v1.5 allowed any type here and digested its contents octets.
		sd.Content = value.content
		return nil
	}
	if sd.Content, err = value.octets(inner.depth); err == nil && sd.Content == nil {
		sd.Content = []byte{}
	}
	return err
}

func (sd *SignedData) parseCertificates(set *sequence, parse certificateParser) error {
	for n := 0; !set.empty(); n++ {
		if n == maxCertificates {
			return malformed("more than %d certificates", maxCertificates)
		}
		e, err := set.next()
		if err != nil {
			return err
		}
		if e.tag != asn1.SEQUENCE {
			sd.Unreadable = append(sd.Unreadable, Unreadable{
				Raw: e.raw, Reason: fmt.Errorf("%w: certificate of an obsolete kind, tag %#02x", ErrUnsupported, byte(e.tag)),
			})
			continue
		}
		cert, err := parse(e.raw)
		if err == nil {
			err = checkKeySize(cert)
		}
		if err == nil {
			sd.Certificates = append(sd.Certificates, cert)
		} else {
			issuer, serial := certificateName(e.raw)
			sd.Unreadable = append(sd.Unreadable, Unreadable{Raw: e.raw, Serial: serial, Issuer: issuer, Reason: err})
		}
	}
	return nil
}

// certificateName reads issuer and serial number of a certificate of which the
// rest may be broken.
func certificateName(der []byte) (issuer []byte, serial *big.Int) {
	s := cryptobyte.String(der)
	var cert, tbs, name cryptobyte.String
	number := new(big.Int)
	if !s.ReadASN1(&cert, asn1.SEQUENCE) || !cert.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(tagImplicit0) || !tbs.ReadASN1Integer(number) {
		return nil, nil
	}
	if !tbs.SkipASN1(asn1.SEQUENCE) || !tbs.ReadASN1Element(&name, asn1.SEQUENCE) {
		return nil, number
	}
	return name, number
}

// findCertificate looks for the signer among the embedded certificates.
func (sd *SignedData) findCertificate(s *Signer) {
	for _, c := range sd.Certificates {
		if !s.identifies(c.RawIssuer, c.SerialNumber, c.SubjectKeyId) {
			continue
		}
		// Should several have the same name, the signed reference decides.
		refers := len(s.references) > 0 && s.references[0].matches(c) == nil
		if s.Certificate == nil || refers {
			s.Certificate = c
		}
		if refers {
			return
		}
	}
	if s.Certificate != nil {
		return
	}
	// Some writers encode the issuer's name anew, with other string types. The
	// signed certificate reference settles which one is meant.
	for _, c := range sd.Certificates {
		if s.Serial != nil && c.SerialNumber.Cmp(s.Serial) == 0 && len(s.references) > 0 && s.references[0].matches(c) == nil {
			s.Certificate = c
			return
		}
	}
	for i, u := range sd.Unreadable {
		if u.Serial != nil && s.identifies(u.Issuer, u.Serial, nil) {
			s.unreadable = &sd.Unreadable[i]
			return
		}
	}
}

func (s *Signer) identifies(issuer []byte, serial *big.Int, keyID []byte) bool {
	if s.Serial != nil {
		return serial.Cmp(s.Serial) == 0 && bytes.Equal(issuer, s.Issuer)
	}
	return len(keyID) > 0 && bytes.Equal(keyID, s.SubjectKeyID)
}

func smallInteger(e element) (int, error) {
	var value int
	s := cryptobyte.String(e.raw)
	if !s.ReadASN1Integer(&value) || value < 0 {
		return 0, malformed("integer %x", e.content)
	}
	return value, nil
}
