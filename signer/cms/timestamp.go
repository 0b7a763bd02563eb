package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Timestamp is a time-stamp token: TSTInfo (RFC 3161 §2.4.2) in a SignedData.
type Timestamp struct {
	Raw         []byte // the token
	GenTime     time.Time
	Accuracy    time.Duration // 0 if the authority states none
	Hash        crypto.Hash   // of the imprint; 0 if unknown
	Imprint     []byte
	Policy      string // dotted
	Serial      *big.Int
	Nonce       *big.Int          // nil if the request had none
	Certificate *x509.Certificate // of the authority; nil if the token does not hold it
	Signer      *Signer
	SignedData  *SignedData
}

var (
	oidExtKeyUsage = oid(2, 5, 29, 37).String()
)

// ParseTimestamp reads a token. It checks its structure only: call Verify. The
// error wraps ErrMalformed or ErrTimestamp.
func ParseTimestamp(token []byte) (*Timestamp, error) {
	ts, err := parseTimestamp(token)
	if err != nil {
		return nil, fmt.Errorf("parse time-stamp: %w", err)
	}
	return ts, nil
}

func parseTimestamp(token []byte) (*Timestamp, error) {
	sd, err := Parse(token)
	if err != nil {
		return nil, err
	}
	if sd.ContentType != oidTSTInfo.String() {
		return nil, fmt.Errorf("%w: content of type %s", ErrTimestamp, sd.ContentType)
	}
	if len(sd.Signers) != 1 { // RFC 3161 §2.4.2
		return nil, fmt.Errorf("%w: %d signers", ErrTimestamp, len(sd.Signers))
	}
	ts := &Timestamp{Raw: token, SignedData: sd, Signer: sd.Signers[0], Certificate: sd.Signers[0].Certificate}
	if !ts.readInfo(sd.Content) {
		return nil, fmt.Errorf("%w: TSTInfo can't be read", ErrTimestamp)
	}
	return ts, nil
}

func (ts *Timestamp) readInfo(der []byte) bool {
	s := cryptobyte.String(der)
	var info, policy, imprint, genTime, accuracy cryptobyte.String
	var version int
	var present, ordering bool
	ts.Serial = new(big.Int)
	if !s.ReadASN1(&info, asn1.SEQUENCE) || !s.Empty() ||
		!info.ReadASN1Integer(&version) || version != 1 ||
		!info.ReadASN1(&policy, asn1.OBJECT_IDENTIFIER) ||
		!info.ReadASN1(&imprint, asn1.SEQUENCE) ||
		!info.ReadASN1Integer(ts.Serial) ||
		!info.ReadASN1(&genTime, asn1.GeneralizedTime) ||
		!info.ReadOptionalASN1(&accuracy, &present, asn1.SEQUENCE) {
		return false
	}
	ts.Policy = objectID(policy).String()
	alg, ok := readAlgorithm(&imprint)
	if !ok || !imprint.ReadASN1Bytes(&ts.Imprint, asn1.OCTET_STRING) || !imprint.Empty() {
		return false
	}
	ts.Hash = digestIDs[alg.id]
	if ts.GenTime, ok = readGenTime(string(genTime)); !ok {
		return false
	}
	if present && !ts.readAccuracy(accuracy) {
		return false
	}
	if info.PeekASN1Tag(asn1.BOOLEAN) && !info.ReadASN1Boolean(&ordering) {
		return false
	}
	if info.PeekASN1Tag(asn1.INTEGER) {
		ts.Nonce = new(big.Int)
		if !info.ReadASN1Integer(ts.Nonce) {
			return false
		}
	}
	return info.SkipOptionalASN1(tagImplicit0) && info.SkipOptionalASN1(tagImplicit1) && info.Empty()
}

// readGenTime reads a GeneralizedTime that may have fractions of a second, as
// RFC 3161 §2.4.2 allows beyond RFC 5280.
func readGenTime(s string) (time.Time, bool) {
	if !strings.HasSuffix(s, "Z") {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102150405Z", s) // takes fractions after the seconds too
	return t, err == nil
}

func (ts *Timestamp) readAccuracy(s cryptobyte.String) bool {
	var seconds int64
	if s.PeekASN1Tag(asn1.INTEGER) && !s.ReadASN1Integer(&seconds) {
		return false
	}
	parts := [2]int64{}
	for i := range parts {
		tag := asn1.Tag(i).ContextSpecific()
		if s.PeekASN1Tag(tag) && !s.ReadASN1Int64WithTag(&parts[i], tag) {
			return false
		}
	}
	const week = 7 * 24 * 3600 // beyond it a time-stamp proves nothing, and nothing overflows
	if seconds < 0 || seconds > week || parts[0] < 0 || parts[0] > 999 || parts[1] < 0 || parts[1] > 999 {
		return false
	}
	ts.Accuracy = time.Duration(seconds)*time.Second + time.Duration(parts[0])*time.Millisecond + time.Duration(parts[1])*time.Microsecond
	return s.Empty()
}

// Verify checks that the token is over digest, which is made with ts.Hash, and
// is a good token in itself: its signature, the signing-certificate attribute,
// which RFC 3161 §2.4.2 demands, and a certificate for time-stamping and nothing
// else (§2.3). Whether that certificate is trusted is for the caller.
func (ts *Timestamp) Verify(digest []byte) error {
	if err := ts.verify(digest); err != nil {
		return fmt.Errorf("verify time-stamp: %w", err)
	}
	return nil
}

func (ts *Timestamp) verify(digest []byte) error {
	if ts.Hash == 0 {
		return fmt.Errorf("%w: hash of the imprint", ErrUnsupported)
	}
	if !bytes.Equal(ts.Imprint, digest) {
		return fmt.Errorf("%w: it is over %x, not %x", ErrTimestamp, ts.Imprint, digest)
	}
	if ts.Signer.Hash == 0 {
		return ts.Signer.unsupported
	}
	h := ts.Signer.Hash.New()
	h.Write(ts.SignedData.Content)
	if err := ts.Signer.Verify(h.Sum(nil)); err != nil {
		return err
	}
	if ts.Signer.SigningCertificate == nil {
		return fmt.Errorf("%w: no signing-certificate attribute", ErrTimestamp)
	}
	return checkTimestamping(ts.Certificate)
}

// WeakHash answers the hash with known collisions that the token rests on, for
// its imprint or in its signature; 0 if it rests on none. The reference to the
// certificate does not count: RFC 3161 §2.4.2 wants it in SHA-1, RFC 5816 only
// allows others, and to put another certificate in its place a collision is not
// enough.
func (ts *Timestamp) WeakHash() crypto.Hash {
	for _, h := range []crypto.Hash{ts.Hash, ts.Signer.Hash} {
		if weakHash(h) {
			return h
		}
	}
	return 0
}

// checkTimestamping demands the extended key usage of RFC 3161 §2.3: critical,
// time-stamping, alone.
func checkTimestamping(cert *x509.Certificate) error {
	alone := len(cert.UnknownExtKeyUsage) == 0 && slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping})
	if !alone {
		return fmt.Errorf("%w: certificate is not for time-stamping alone", ErrTimestamp)
	}
	for _, e := range cert.Extensions {
		if e.Id.String() == oidExtKeyUsage && e.Critical {
			return nil
		}
	}
	return fmt.Errorf("%w: extended key usage of the certificate is not critical", ErrTimestamp)
}

// VerifyTimestamp reads the signature time-stamp among the unsigned attributes
// and checks that it is over this signature's value (ETSI EN 319 122-1 §5.3).
// The authority's certificate may be one of others, see Adopt. Without a
// time-stamp both results are nil.
func (s *Signer) VerifyTimestamp(others ...*x509.Certificate) (*Timestamp, error) {
	if s.Timestamp == nil {
		return nil, nil
	}
	ts, err := ParseTimestamp(s.Timestamp)
	if err != nil {
		return nil, err
	}
	ts.Adopt(others)
	return ts, ts.verifyMessage(s.Signature)
}

// Adopt looks for the authority's certificate among others if the token does not
// hold it, as it need not (RFC 3161 §2.4.1, certReq). Only the one that the
// signed reference names is taken.
func (ts *Timestamp) Adopt(others []*x509.Certificate) {
	s := ts.Signer
	if s.Certificate != nil || s.unreadable != nil || len(s.references) == 0 {
		return
	}
	for _, c := range others {
		if s.identifies(c.RawIssuer, c.SerialNumber, c.SubjectKeyId) && checkKeySize(c) == nil && s.references[0].matches(c) == nil {
			s.Certificate, ts.Certificate = c, c
			return
		}
	}
}

func (ts *Timestamp) verifyMessage(message []byte) error {
	if ts.Hash == 0 {
		return fmt.Errorf("verify time-stamp: %w: hash of the imprint", ErrUnsupported)
	}
	h := ts.Hash.New()
	h.Write(message)
	return ts.Verify(h.Sum(nil))
}

// AddTimestamp encodes the SignedData again, in DER, with token as the signature
// time-stamp of its only signer. All that is signed stays as it is. The token
// must be over the signature's value and verify, else the error wraps what
// Timestamp.Verify says.
func (sd *SignedData) AddTimestamp(token []byte) ([]byte, error) {
	der, err := sd.addTimestamp(token)
	if err != nil {
		return nil, fmt.Errorf("add time-stamp: %w", err)
	}
	return der, nil
}

func (sd *SignedData) addTimestamp(token []byte) ([]byte, error) {
	if len(sd.Signers) != 1 {
		return nil, fmt.Errorf("%w: %d signers", ErrUnsupported, len(sd.Signers))
	}
	s := sd.Signers[0]
	ts, err := ParseTimestamp(token)
	if err != nil {
		return nil, err
	}
	if err := ts.verifyMessage(s.Signature); err != nil {
		return nil, err
	}
	attribute, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addOID(b, oidTimeStampToken)
			b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(token) })
		})
	})
	if err != nil {
		return nil, err
	}
	unsigned := joinSet(append(slices.Clone(s.unsignedRaw), attribute))
	return sd.encodeWith(unsigned)
}

// encodeWith writes the parts as they stand, with definite lengths, and other
// unsigned attributes for the only signer. Certificates are copied verbatim, so
// are signed attributes unless they can't be.
func (sd *SignedData) encodeWith(unsigned []byte) ([]byte, error) {
	s := sd.Signers[0]
	var failed error
	der := func(e element) []byte {
		if e.raw == nil {
			return nil
		}
		out, err := e.der(0)
		failed = errors.Join(failed, err)
		return out
	}
	out, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addOID(b, oidSignedData)
			b.AddASN1(tagImplicit0, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1Int64(int64(sd.Version))
					b.AddBytes(der(sd.digestAlgorithms))
					b.AddBytes(der(sd.encapsulated))
					if sd.certificates.raw != nil {
						b.AddASN1(tagImplicit0, func(b *cryptobyte.Builder) { b.AddBytes(sd.certificates.content) })
					}
					if sd.crls.raw != nil {
						b.AddASN1(tagImplicit1, func(b *cryptobyte.Builder) { b.AddBytes(sd.crls.content) })
					}
					b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
						b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddBytes(der(s.version))
							b.AddBytes(der(s.sid))
							b.AddBytes(der(s.digestElement))
							if s.HasSignedAttributes {
								signed := slices.Clone(s.toSign)
								signed[0] = byte(tagImplicit0)
								b.AddBytes(signed)
							}
							b.AddBytes(der(s.sigElement))
							b.AddASN1OctetString(s.Signature)
							b.AddASN1(tagImplicit1, func(b *cryptobyte.Builder) { b.AddBytes(unsigned) })
						})
					})
				})
			})
		})
	})
	return out, errors.Join(failed, err)
}
