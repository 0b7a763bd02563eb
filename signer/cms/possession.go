package cms

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
)

// oidPossession is the content type of a proof that somebody has the token and
// its PIN: 2.25 and the UUID 6f3c2a1e-58d4-4b7b-9c0e-2f5a7d81c4b6 (Rec. ITU-T
// X.667). It stands in the signed attributes too (RFC 5652 §11.1), so that what is
// signed for a challenge can be no document's signature, which is of type data
// (ETSI EN 319 142-1 §6.3), and no document's signature a proof.
const oidPossession = objectID("\x69\x81\xde\xbc\x95\x87\xcb\x8d\xa2\xad\xf7\x9c\x87\x8b\xeb\xa7\xec\x87\x89\x36")

// SignPossession signs a challenge with the key, detached: the challenge is the
// content. The key signs once.
func SignPossession(random io.Reader, key crypto.Signer, challenge []byte, certificate *x509.Certificate, scheme Scheme) ([]byte, error) {
	return signStatement(random, key, challenge, certificate, scheme, oidPossession)
}

// signStatement signs a text of ours under its own content type.
func signStatement(random io.Reader, key crypto.Signer, text []byte, certificate *x509.Certificate, scheme Scheme, contentType objectID) ([]byte, error) {
	h := crypto.SHA256.New()
	h.Write(text)
	return Sign(random, key, Request{Digest: h.Sum(nil), Certificate: certificate, Scheme: scheme, contentType: contentType})
}

// VerifyPossession tells whether der is one signature by exactly this
// certificate's key over exactly this challenge, made as SignPossession makes it.
func VerifyPossession(der, challenge []byte, certificate *x509.Certificate) error {
	return verifyStatement("possession", der, challenge, certificate, oidPossession)
}

// verifyStatement verifies what signStatement makes.
func verifyStatement(what string, der, text []byte, certificate *x509.Certificate, contentType objectID) error {
	sd, err := Parse(der)
	if err != nil {
		return fmt.Errorf("verify %s: %w", what, err)
	}
	if len(sd.Signers) != 1 || !sd.Detached {
		return fmt.Errorf("verify %s: %w: %d signers, detached %t", what, ErrMalformed, len(sd.Signers), sd.Detached)
	}
	s := sd.Signers[0]
	switch {
	case s.Certificate == nil:
		return fmt.Errorf("verify %s: %w", what, ErrNoCertificate)
	case !s.Certificate.Equal(certificate):
		return fmt.Errorf("verify %s: %w", what, ErrSigningCertificate)
	case WeakKey(certificate) != "":
		return fmt.Errorf("verify %s: %w: %s key", what, ErrUnsupported, WeakKey(certificate))
	case !s.HasSignedAttributes, s.SigningCertificate == nil, s.ContentType != contentType.String():
		return fmt.Errorf("verify %s: %w: content-type %s", what, ErrAttributes, s.ContentType)
	case s.Hash != crypto.SHA256:
		return fmt.Errorf("verify %s: %w: %v", what, ErrUnsupported, s.Hash)
	}
	h := crypto.SHA256.New()
	h.Write(text)
	if err := s.Verify(h.Sum(nil)); err != nil {
		return fmt.Errorf("verify %s: %w", what, err)
	}
	return nil
}

// ForDocument tells whether the signature is over plain data, as a document's is.
func (s *Signer) ForDocument() bool { return s.contentType == oidData.String() }
