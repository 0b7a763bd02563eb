package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// WeakHash answers the hash with known collisions (SHA-1) that the signature
// rests on; 0 if it rests on none. The reference to the certificate does not
// count: version 1 of it is always in SHA-1 (RFC 2634 §5.4), and to put another
// certificate in its place a collision is not enough. Without any reference the
// signature would be no weaker.
func (s *Signer) WeakHash() crypto.Hash {
	if weakHash(s.Hash) {
		return s.Hash
	}
	return 0
}

// WeakKey answers the name of the certificate's key, such as RSA-1024, if it is
// shorter than Circular 15/2025/TT-BKHCN Annex I and ETSI TS 119 312 allow: RSA
// below 2048 bits, elliptic curves below 256; "" otherwise.
func WeakKey(cert *x509.Certificate) string {
	switch key := publicKey(cert).(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 {
			return fmt.Sprintf("RSA-%d", bits)
		}
	case *ecdsa.PublicKey:
		if curve := key.Curve.Params(); curve.BitSize < 256 {
			return fmt.Sprintf("EC-%d", curve.BitSize)
		}
	}
	return ""
}

// Verify checks the signature against the digest of the content, made with
// s.Hash: the algorithms, the signed attributes, the message-digest, that the
// certificate is there and is the one that every signing-certificate attribute
// names, and the signature itself. Without signed attributes the signature is
// over digest itself (RFC 5652 §5.4); see the package documentation before
// relying on that.
//
// A signing-certificate attribute that is missing is no error here; a PAdES
// validator looks at s.SigningCertificate. The error wraps ErrUnsupported,
// ErrAttributes, ErrDigest, ErrNoCertificate, ErrSigningCertificate or
// ErrSignature, in this order of checking.
func (s *Signer) Verify(digest []byte) error {
	if err := s.verify(digest); err != nil {
		return fmt.Errorf("verify CMS: %w", err)
	}
	return nil
}

func (s *Signer) verify(digest []byte) error {
	if s.unsupported != nil {
		return s.unsupported
	}
	if len(digest) != s.Hash.Size() {
		return fmt.Errorf("%w: %d bytes given for %v", ErrDigest, len(digest), s.Hash)
	}
	signed := digest
	if s.HasSignedAttributes {
		if err := s.verifyAttributes(); err != nil {
			return err
		}
		if !bytes.Equal(s.MessageDigest, digest) {
			return fmt.Errorf("%w: content has %x, signature %x", ErrDigest, digest, s.MessageDigest)
		}
		if signed = s.toSign; s.Scheme != Ed25519 {
			h := s.Hash.New()
			h.Write(s.toSign)
			signed = h.Sum(nil)
		}
	} else if s.Scheme == Ed25519 {
		return fmt.Errorf("%w: Ed25519 without signed attributes", ErrUnsupported)
	} else if s.contentType != oidData.String() { // RFC 5652 §5.3
		return fmt.Errorf("%w: none, for content of type %s", ErrAttributes, s.contentType)
	}
	if s.Certificate == nil {
		if s.unreadable != nil {
			return fmt.Errorf("%w: it can't be read: %v", ErrNoCertificate, s.unreadable.Reason)
		}
		return ErrNoCertificate
	}
	for _, reference := range s.references {
		if err := reference.matches(s.Certificate); err != nil {
			return err
		}
	}
	return s.verifySignature(signed)
}

func (s *Signer) verifyAttributes() error {
	if s.defect != nil {
		return s.defect
	}
	if s.ContentType != s.contentType {
		return fmt.Errorf("%w: content-type %s, content is %s", ErrAttributes, s.ContentType, s.contentType)
	}
	if s.protection != nil {
		return s.verifyAlgorithmProtection()
	}
	return nil
}

// verifySignature checks the signature over a digest, or over the message itself
// with Ed25519, which does its own hashing (RFC 8419 §3.1).
func (s *Signer) verifySignature(digest []byte) error {
	switch key := publicKey(s.Certificate).(type) {
	case *rsa.PublicKey:
		var err error
		switch {
		case key.N.BitLen() < minRSA:
			return fmt.Errorf("%w: RSA key of %d bits", ErrUnsupported, key.N.BitLen())
		case s.Scheme == PSS:
			err = rsa.VerifyPSS(key, s.Hash, digest, s.Signature, &rsa.PSSOptions{SaltLength: s.pss.saltLength})
		case s.Scheme == PKCS1v15 && s.Certificate.PublicKey == nil:
			return fmt.Errorf("%w: key is restricted to RSASSA-PSS", ErrUnsupported)
		case s.Scheme == PKCS1v15:
			err = verifyPKCS1v15(key, s.Hash, digest, s.Signature)
		default:
			return fmt.Errorf("%w: %s with an RSA key", ErrUnsupported, s.Scheme)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSignature, err)
		}
		return nil
	case *ecdsa.PublicKey:
		if s.Scheme != ECDSA {
			return fmt.Errorf("%w: %s with an elliptic key", ErrUnsupported, s.Scheme)
		}
		if !ecdsa.VerifyASN1(key, digest, s.Signature) {
			return ErrSignature
		}
		return nil
	case ed25519.PublicKey:
		if s.Scheme != Ed25519 {
			return fmt.Errorf("%w: %s with an Edwards key", ErrUnsupported, s.Scheme)
		}
		if !ed25519.Verify(key, digest, s.Signature) {
			return ErrSignature
		}
		return nil
	}
	return fmt.Errorf("%w: key of type %T", ErrUnsupported, s.Certificate.PublicKey)
}

// verifyAlgorithmProtection holds the algorithms against the attribute of RFC
// 6211, which repeats them inside the signed part.
func (s *Signer) verifyAlgorithmProtection() error {
	value, body := cryptobyte.String(s.protection), cryptobyte.String(nil)
	var signature cryptobyte.String
	ok := value.ReadASN1(&body, asn1.SEQUENCE)
	digest, read := readAlgorithm(&body)
	ok = ok && read && body.ReadASN1(&signature, tagImplicit1)
	if !ok {
		return fmt.Errorf("%w: algorithm protection can't be read", ErrAttributes)
	}
	retagged := cryptobyte.String(appendElement(nil, asn1.SEQUENCE, signature))
	sig, read := readAlgorithm(&retagged)
	if !read || !digest.equal(s.digestAlg) || !sig.equal(s.sigAlg) {
		return fmt.Errorf("%w: algorithms differ from those that are protected", ErrAttributes)
	}
	return nil
}
