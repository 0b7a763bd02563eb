package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Signer is one SignerInfo (RFC 5652 §5.3).
type Signer struct {
	Certificate  *x509.Certificate // nil if none of the embedded ones fits
	Issuer       []byte            // DER Name from the signer identifier; nil if it is a key identifier
	Serial       *big.Int          // nil if it is a key identifier
	SubjectKeyID []byte

	Hash      crypto.Hash // of the content; 0 if unknown
	Scheme    Scheme      // "" if unknown
	Signature []byte      // what a signature time-stamp is over

	HasSignedAttributes bool
	SignedAttributes    []Attribute
	UnsignedAttributes  []Attribute

	// From the signed attributes; zero if absent.
	ContentType        string // dotted
	MessageDigest      []byte
	SigningTime        *time.Time // PAdES forbids it, other writers set it
	SigningCertificate *ESSCertID // version 2 where both are there

	Timestamp []byte // first signature time-stamp token among the unsigned attributes

	unreadable  *Unreadable // the signer's certificate, if crypto/x509 refused it
	contentType string      // of the SignedData
	references  []*ESSCertID
	toSign      []byte // signed attributes with the tag of SET OF
	protection  []byte // value of the algorithm protection attribute (RFC 6211)
	pss         pssParameters
	digestAlg   algorithm
	sigAlg      algorithm
	unsupported error // why Verify can't check the algorithms
	defect      error // what is wrong with the signed attributes

	// The parts as they stand, for AddTimestamp.
	version, sid, digestElement, signedElement, sigElement element
	unsignedRaw                                            [][]byte
}

// Attribute is one signed or unsigned attribute. Values are whole elements as
// they stand in the input.
type Attribute struct {
	Type   string // dotted
	Values [][]byte

	id objectID
}

// ESSCertID is the certificate reference of a signing-certificate attribute
// (RFC 2634 §5.4, RFC 5035 §4).
type ESSCertID struct {
	Version  int // of the attribute: 1 or 2
	Hash     crypto.Hash
	CertHash []byte
	Issuer   []byte   // DER Name; nil if issuerSerial is absent
	Serial   *big.Int // nil if issuerSerial is absent
}

func parseSigner(fields *sequence, sd *SignedData) (*Signer, error) {
	s := &Signer{contentType: sd.ContentType}
	var err error
	if s.version, err = fields.want(asn1.INTEGER, "version of SignerInfo"); err != nil {
		return nil, err
	}
	if s.sid, err = fields.next(); err != nil {
		return nil, err
	}
	if err := s.parseIdentifier(fields.depth); err != nil {
		return nil, err
	}
	if s.digestElement, err = fields.want(asn1.SEQUENCE, "digest algorithm"); err != nil {
		return nil, err
	}
	if fields.peek(tagImplicit0) {
		if s.signedElement, err = fields.want(tagImplicit0, "signed attributes"); err != nil {
			return nil, err
		}
		if err := s.parseSigned(fields.depth); err != nil {
			return nil, err
		}
	}
	if s.sigElement, err = fields.want(asn1.SEQUENCE, "signature algorithm"); err != nil {
		return nil, err
	}
	if !fields.peek(asn1.OCTET_STRING) {
		return nil, malformed("no signature value")
	}
	value, err := fields.next()
	if err != nil {
		return nil, err
	}
	if s.Signature, err = value.octets(fields.depth); err != nil {
		return nil, err
	}
	if fields.peek(tagImplicit1) {
		unsigned, err := fields.want(tagImplicit1, "unsigned attributes")
		if err != nil {
			return nil, err
		}
		if s.UnsignedAttributes, s.unsignedRaw, err = parseAttributes(unsigned.children(fields.depth)); err != nil {
			return nil, err
		}
		for _, a := range s.UnsignedAttributes {
			if a.id == oidTimeStampToken && len(a.Values) > 0 && s.Timestamp == nil {
				s.Timestamp = a.Values[0]
			}
		}
	}
	if !fields.empty() {
		return nil, malformed("%d bytes after a SignerInfo", len(fields.rest))
	}
	if err := s.parseAlgorithms(fields.depth); err != nil {
		return nil, err
	}
	sd.findCertificate(s)
	return s, nil
}

func (s *Signer) parseIdentifier(depth int) error {
	if s.sid.is(tagKeyID) {
		id, err := s.sid.octets(depth)
		s.SubjectKeyID = id
		return err
	}
	if s.sid.tag != asn1.SEQUENCE {
		return malformed("signer identifier has tag %#02x", byte(s.sid.tag))
	}
	fields := s.sid.children(depth)
	issuer, err := fields.want(asn1.SEQUENCE, "issuer")
	if err != nil {
		return err
	}
	if s.Issuer, err = issuer.der(fields.depth); err != nil {
		return err
	}
	number, err := fields.want(asn1.INTEGER, "serial number")
	if err != nil {
		return err
	}
	s.Serial = new(big.Int)
	raw := cryptobyte.String(number.raw)
	if !raw.ReadASN1Integer(s.Serial) {
		return malformed("serial number %x", number.content)
	}
	return nil
}

// parseAlgorithms finds out whether and how the signature can be checked. An
// algorithm that is not known is no reason to refuse the CMS.
func (s *Signer) parseAlgorithms(depth int) error {
	for _, part := range []struct {
		e   element
		alg *algorithm
	}{{s.digestElement, &s.digestAlg}, {s.sigElement, &s.sigAlg}} {
		der, err := part.e.der(depth)
		if err != nil {
			return err
		}
		raw := cryptobyte.String(der)
		alg, ok := readAlgorithm(&raw)
		if !ok {
			return malformed("algorithm identifier %x", der)
		}
		*part.alg = alg
	}
	s.Hash = digestIDs[s.digestAlg.id]
	kind := signatureIDs[s.sigAlg.id]
	s.Scheme = kind.scheme
	switch {
	case s.Hash == 0 || s.digestAlg.parameters() != nil:
		s.unsupported = fmt.Errorf("%w: digest %v", ErrUnsupported, s.digestAlg.id)
	case s.Scheme == "" || s.sigAlg.parameters() != nil && s.Scheme != PSS && s.sigAlg.id != oidECPublicKey:
		s.unsupported = fmt.Errorf("%w: signature %v", ErrUnsupported, s.sigAlg.id)
	case kind.hash != 0 && kind.hash != s.Hash: // RFC 8933 §3
		s.unsupported = fmt.Errorf("%w: content digested with %v, attributes signed with %v", ErrUnsupported, s.Hash, kind.hash)
	case s.Scheme == PSS:
		var err error
		if s.pss, err = parsePSSParameters(s.sigAlg.params); err != nil {
			s.unsupported = err
		} else if s.pss.hash != s.Hash || s.pss.mgfHash != s.Hash { // RFC 4056 §3
			s.unsupported = fmt.Errorf("%w: RSASSA-PSS with %v and %v, content digested with %v",
				ErrUnsupported, s.pss.hash, s.pss.mgfHash, s.Hash)
		}
	}
	return nil
}

// parseSigned reads the signed attributes and keeps what their signature is over.
func (s *Signer) parseSigned(depth int) error {
	s.HasSignedAttributes = true
	rewrite, err := s.signedElement.hasIndefinite(depth)
	if err != nil {
		return err
	}
	if rewrite {
		if s.toSign, err = s.signedElement.der(depth); err != nil {
			return err
		}
	} else {
		s.toSign = bytes.Clone(s.signedElement.raw)
	}
	s.toSign[0] = byte(asn1.SET)
	if s.SignedAttributes, _, err = parseAttributes(s.signedElement.children(depth)); err != nil {
		return err
	}
	seen := map[objectID]bool{}
	for _, a := range s.SignedAttributes {
		if err := s.readAttribute(a, seen[a.id], depth); err != nil && s.defect == nil {
			s.defect = fmt.Errorf("%w: %s: %v", ErrAttributes, a.Type, err)
		}
		seen[a.id] = true
	}
	switch {
	case s.defect != nil:
	case !seen[oidContentType]:
		s.defect = fmt.Errorf("%w: no content-type", ErrAttributes)
	case !seen[oidMessageDigest]:
		s.defect = fmt.Errorf("%w: no message-digest", ErrAttributes)
	}
	return nil
}

func parseAttributes(set *sequence) (attributes []Attribute, raw [][]byte, err error) {
	for !set.empty() {
		if len(attributes) == maxAttributes {
			return nil, nil, malformed("more than %d attributes", maxAttributes)
		}
		e, err := set.want(asn1.SEQUENCE, "attribute")
		if err != nil {
			return nil, nil, err
		}
		fields := e.children(set.depth)
		kind, err := fields.want(asn1.OBJECT_IDENTIFIER, "attribute type")
		if err != nil {
			return nil, nil, err
		}
		values, err := fields.want(asn1.SET, "attribute values")
		if err != nil {
			return nil, nil, err
		}
		a := Attribute{id: objectID(kind.content)}
		a.Type = a.id.String()
		for list := values.children(fields.depth); !list.empty(); {
			value, err := list.next()
			if err != nil {
				return nil, nil, err
			}
			a.Values = append(a.Values, value.raw)
		}
		attributes, raw = append(attributes, a), append(raw, e.raw)
	}
	return attributes, raw, nil
}

// readAttribute takes what this package understands out of a signed attribute.
// These must occur once and have one value (RFC 5652 §11, RFC 5035 §3).
func (s *Signer) readAttribute(a Attribute, repeated bool, depth int) error {
	switch a.id {
	case oidContentType, oidMessageDigest, oidSigningTime, oidSigningCertificate, oidSigningCertificateV2, oidAlgorithmProtection:
	default:
		return nil
	}
	if repeated {
		return fmt.Errorf("occurs twice")
	}
	if len(a.Values) != 1 {
		return fmt.Errorf("has %d values", len(a.Values))
	}
	e, _, err := readElement(a.Values[0], depth)
	if err != nil {
		return err
	}
	der, err := e.der(depth)
	if err != nil {
		return err
	}
	value := cryptobyte.String(der)
	unreadable := fmt.Errorf("can't be read: %.40x", der)
	switch a.id {
	case oidContentType:
		if e.tag != asn1.OBJECT_IDENTIFIER {
			return unreadable
		}
		s.ContentType = objectID(e.content).String()
	case oidMessageDigest:
		if !value.ReadASN1Bytes(&s.MessageDigest, asn1.OCTET_STRING) {
			return unreadable
		}
	case oidSigningTime:
		t, ok := readTime(value)
		if !ok {
			return unreadable
		}
		s.SigningTime = &t
	case oidAlgorithmProtection:
		s.protection = der
	case oidSigningCertificate, oidSigningCertificateV2:
		reference, ok := readESSCertID(value, a.id == oidSigningCertificateV2)
		if !ok {
			return unreadable
		}
		s.references = append(s.references, reference)
		if s.SigningCertificate == nil || reference.Version == 2 {
			s.SigningCertificate = reference
		}
	}
	return nil
}

// readTime reads a Time (RFC 5652 §11.3): UTCTime to 2049, else GeneralizedTime.
func readTime(value cryptobyte.String) (time.Time, bool) {
	var t time.Time
	if value.PeekASN1Tag(asn1.UTCTime) {
		return t, value.ReadASN1UTCTime(&t)
	}
	return t, value.ReadASN1GeneralizedTime(&t)
}

// readESSCertID reads the first reference of a SigningCertificate(V2), which is
// the signer's; those that follow only limit the chain.
func readESSCertID(value cryptobyte.String, v2 bool) (*ESSCertID, bool) {
	var attribute, list, body cryptobyte.String
	if !value.ReadASN1(&attribute, asn1.SEQUENCE) || !attribute.ReadASN1(&list, asn1.SEQUENCE) || !list.ReadASN1(&body, asn1.SEQUENCE) {
		return nil, false
	}
	id := &ESSCertID{Version: 1, Hash: crypto.SHA1}
	if v2 {
		id.Version, id.Hash = 2, crypto.SHA256
		if body.PeekASN1Tag(asn1.SEQUENCE) {
			alg, ok := readAlgorithm(&body)
			if !ok {
				return nil, false
			}
			id.Hash = digestIDs[alg.id] // 0 if unknown: matches says so
		}
	}
	if !body.ReadASN1Bytes(&id.CertHash, asn1.OCTET_STRING) {
		return nil, false
	}
	if body.Empty() {
		return id, true
	}
	var issuerSerial, names cryptobyte.String
	id.Serial = new(big.Int)
	if !body.ReadASN1(&issuerSerial, asn1.SEQUENCE) || !issuerSerial.ReadASN1(&names, asn1.SEQUENCE) || !issuerSerial.ReadASN1Integer(id.Serial) {
		return nil, false
	}
	for !names.Empty() {
		var name cryptobyte.String
		var tag asn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return nil, false
		}
		if tag == asn1.Tag(4).ContextSpecific().Constructed() && id.Issuer == nil {
			id.Issuer = name
		}
	}
	return id, true
}

// matches checks the reference against a certificate (RFC 5035 §4).
func (id *ESSCertID) matches(cert *x509.Certificate) error {
	if id.Hash == 0 {
		return fmt.Errorf("%w: hash of the signing-certificate attribute", ErrUnsupported)
	}
	h := id.Hash.New()
	h.Write(cert.Raw)
	if !bytes.Equal(h.Sum(nil), id.CertHash) {
		return fmt.Errorf("%w: hash differs", ErrSigningCertificate)
	}
	if id.Serial != nil && id.Serial.Cmp(cert.SerialNumber) != 0 {
		return fmt.Errorf("%w: serial number %v, certificate has %v", ErrSigningCertificate, id.Serial, cert.SerialNumber)
	}
	return nil
}
