package cms

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Request says what is signed, by whom, and how.
type Request struct {
	Digest      []byte              // of the content (the ByteRange), made with Hash
	Hash        crypto.Hash         // SHA256 (when zero), SHA384 or SHA512; for attributes and certificate reference too
	Certificate *x509.Certificate   // of the signer
	Chain       []*x509.Certificate // embedded beside it, in any order; repetitions are dropped
	Scheme      Scheme              // "" is PKCS1v15 for an RSA key, ECDSA for an elliptic one

	contentType objectID // "" = data
}

// Sign makes the SignedData described in the package documentation, in DER.
//
// The key signs exactly once: on a token that costs up to a second. random is
// handed to it; nil is good for keys on tokens only. The result is not verified.
// A key that does not belong to the certificate gives ErrKeyMismatch before it
// is used, a scheme that does not fit the key or a hash that must not be used
// ErrUnsupported, a digest of another length ErrDigest.
func Sign(random io.Reader, key crypto.Signer, req Request) ([]byte, error) {
	req, public, err := req.complete()
	if err != nil {
		return nil, fmt.Errorf("sign CMS: %w", err)
	}
	if len(req.Digest) != req.Hash.Size() {
		return nil, fmt.Errorf("sign CMS: %w: %d bytes for %v", ErrDigest, len(req.Digest), req.Hash)
	}
	comparable, ok := public.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !comparable.Equal(key.Public()) {
		return nil, fmt.Errorf("sign CMS: %w", ErrKeyMismatch)
	}
	attributes, err := req.signedAttributes()
	if err != nil {
		return nil, fmt.Errorf("sign CMS: %w", err)
	}
	h := req.Hash.New()
	h.Write(appendElement(nil, asn1.SET, attributes)) // RFC 5652 §5.4: with the tag of SET OF
	var opts crypto.SignerOpts = req.Hash
	if req.Scheme == PSS {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: req.Hash}
	}
	signature, err := key.Sign(random, h.Sum(nil), opts)
	if err != nil {
		return nil, fmt.Errorf("sign CMS: %w", err)
	}
	if size, err := signatureSize(public); err != nil || len(signature) > size || req.Scheme != ECDSA && len(signature) != size {
		return nil, fmt.Errorf("sign CMS: %w: key returned %d bytes instead of %d", ErrSignature, len(signature), size)
	}
	return req.encode(attributes, signature)
}

// MaxSize is the length of the longest SignedData that Sign can return for req,
// in bytes. Digest need not be set. A time-stamp added later needs room beside it.
func MaxSize(req Request) (int, error) {
	req, public, err := req.complete()
	if err != nil {
		return 0, fmt.Errorf("size CMS: %w", err)
	}
	size, err := signatureSize(public)
	if err != nil {
		return 0, fmt.Errorf("size CMS: %w", err)
	}
	req.Digest = make([]byte, req.Hash.Size())
	attributes, err := req.signedAttributes()
	if err != nil {
		return 0, fmt.Errorf("size CMS: %w", err)
	}
	der, err := req.encode(attributes, make([]byte, size))
	if err != nil {
		return 0, fmt.Errorf("size CMS: %w", err)
	}
	return len(der), nil
}

// SchemeOf is how a key of the certificate signs when this scheme is asked for, or none.
func SchemeOf(cert *x509.Certificate, scheme Scheme) Scheme {
	_, isRSA := publicKey(cert).(*rsa.PublicKey)
	switch {
	case scheme != "":
		return scheme
	case isRSA && cert.PublicKey == nil:
		return PSS // the certificate allows nothing else
	case isRSA:
		return PKCS1v15
	}
	return ECDSA
}

// complete fills in the defaults and refuses what can't be written.
func (req Request) complete() (Request, crypto.PublicKey, error) {
	if req.Certificate == nil || slices.Contains(req.Chain, nil) {
		return req, nil, ErrNoCertificate
	}
	if req.Hash == 0 {
		req.Hash = crypto.SHA256
	}
	if req.contentType == "" {
		req.contentType = oidData
	}
	switch req.Hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return req, nil, fmt.Errorf("%w: %v", ErrUnsupported, req.Hash)
	}
	public := publicKey(req.Certificate)
	_, isRSA := public.(*rsa.PublicKey)
	req.Scheme = SchemeOf(req.Certificate, req.Scheme)
	switch req.Scheme {
	case PKCS1v15, PSS, ECDSA:
	default:
		return req, nil, fmt.Errorf("%w: scheme %q", ErrUnsupported, req.Scheme)
	}
	if isRSA == (req.Scheme == ECDSA) || req.Scheme == PKCS1v15 && req.Certificate.PublicKey == nil {
		return req, nil, fmt.Errorf("%w: scheme %s with a key of type %T", ErrUnsupported, req.Scheme, public)
	}
	return req, public, nil
}

// signedAttributes encodes the contents of the SET OF, in DER order.
func (req Request) signedAttributes() ([]byte, error) {
	h := req.Hash.New()
	h.Write(req.Certificate.Raw)
	certHash := h.Sum(nil)
	attributes := []struct {
		id    objectID
		value func(*cryptobyte.Builder)
	}{
		{oidContentType, func(b *cryptobyte.Builder) { addOID(b, req.contentType) }},
		{oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(req.Digest) }},
		{oidSigningCertificateV2, func(b *cryptobyte.Builder) { req.addSigningCertificate(b, certHash) }},
	}
	var set [][]byte
	for _, a := range attributes {
		der, err := build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addOID(b, a.id)
				b.AddASN1(asn1.SET, a.value)
			})
		})
		if err != nil {
			return nil, err
		}
		set = append(set, der)
	}
	return joinSet(set), nil
}

// addSigningCertificate writes SigningCertificateV2 (RFC 5035 §3) with one
// ESSCertIDv2; ETSI EN 319 122-1 §5.2.2.3 has issuerSerial in it.
func (req Request) addSigningCertificate(b *cryptobyte.Builder, certHash []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // SigningCertificateV2
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // certs
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // ESSCertIDv2
				if req.Hash != crypto.SHA256 { // the default, which DER leaves out
					addDigest(b, req.Hash)
				}
				b.AddASN1OctetString(certHash)
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // IssuerSerial
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // GeneralNames
						b.AddASN1(asn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
							b.AddBytes(req.Certificate.RawIssuer)
						})
					})
					b.AddASN1BigInt(req.Certificate.SerialNumber)
				})
			})
		})
	})
}

// encode puts the SignedData together. Its version is 1 for content of type data,
// 3 for other; the SignerInfo's is 1: plain certificates, a signer named by issuer
// and serial number (RFC 5652 §5.1, §5.3).
func (req Request) encode(attributes, signature []byte) ([]byte, error) {
	certificates := [][]byte{req.Certificate.Raw}
	for _, c := range req.Chain {
		if !slices.ContainsFunc(certificates, func(have []byte) bool { return bytes.Equal(have, c.Raw) }) {
			certificates = append(certificates, c.Raw)
		}
	}
	certificateSet := joinSet(certificates)
	version := int64(1)
	if req.contentType != oidData {
		version = 3
	}
	return buildIn(len(certificateSet)+len(attributes)+len(signature)+buildSize, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // ContentInfo
			addOID(b, oidSignedData)
			b.AddASN1(tagImplicit0, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // SignedData
					b.AddASN1Int64(version)
					b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { addDigest(b, req.Hash) })
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addOID(b, req.contentType) })
					b.AddASN1(tagImplicit0, func(b *cryptobyte.Builder) { b.AddBytes(certificateSet) })
					b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
						b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // SignerInfo
							b.AddASN1Int64(1)
							b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
								b.AddBytes(req.Certificate.RawIssuer)
								b.AddASN1BigInt(req.Certificate.SerialNumber)
							})
							addDigest(b, req.Hash)
							b.AddASN1(tagImplicit0, func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
							addSignatureAlgorithm(b, req.Scheme, req.Hash)
							b.AddASN1OctetString(signature)
						})
					})
				})
			})
		})
	})
}

// joinSet puts the elements of a SET OF in DER order (X.690 §11.6) and joins
// them. It sorts in place.
func joinSet(elements [][]byte) []byte {
	slices.SortFunc(elements, bytes.Compare)
	return bytes.Join(elements, nil)
}

// buildSize is room for all but large certificates, so that little is copied.
const buildSize = 512

func build(f func(*cryptobyte.Builder)) ([]byte, error) { return buildIn(buildSize, f) }

func buildIn(size int, f func(*cryptobyte.Builder)) ([]byte, error) {
	b := cryptobyte.NewBuilder(make([]byte, 0, size))
	f(b)
	der, err := b.Bytes()
	if err != nil {
		return nil, errors.Join(ErrMalformed, err)
	}
	return der, nil
}
