package validation

import (
	"crypto"
	"crypto/x509"
	"fmt"

	"sokyso/signer/cms"
)

// CheckCMS is for who has no document, such as the service: it tells whether der is a detached CMS signature by
// exactly this certificate over exactly this digest of a ByteRange, with a key of sufficient length, SHA-2 and the
// attributes of the PAdES baseline. It says nothing about trust, time or revocation.
func CheckCMS(der []byte, byteRangeDigest []byte, cert *x509.Certificate) error {
	sd, err := cms.Parse(der)
	if err != nil {
		return fmt.Errorf("check CMS: %w", err)
	}
	if len(sd.Signers) != 1 {
		return fmt.Errorf("check CMS: %w: %d signers", cms.ErrMalformed, len(sd.Signers))
	}
	if !sd.Detached && !sd.EmptyContent() {
		return fmt.Errorf("check CMS: %w: it has content of its own", cms.ErrMalformed)
	}
	s := sd.Signers[0]
	switch {
	case s.Certificate == nil:
		return fmt.Errorf("check CMS: %w", cms.ErrNoCertificate)
	case !s.Certificate.Equal(cert):
		return fmt.Errorf("check CMS: %w: it is by %s", cms.ErrSigningCertificate, CertificateSHA256(s.Certificate))
	case cms.WeakKey(cert) != "":
		return fmt.Errorf("check CMS: %w: %s key", cms.ErrUnsupported, cms.WeakKey(cert))
	case s.Hash != crypto.SHA256 && s.Hash != crypto.SHA384 && s.Hash != crypto.SHA512:
		return fmt.Errorf("check CMS: %w: %v", cms.ErrUnsupported, s.Hash)
	// Without signed attributes the digest of some other signature's attributes could pass for a document's.
	case !s.ForDocument():
		return fmt.Errorf("check CMS: %w: content of type %s", cms.ErrAttributes, s.ContentType)
	case !s.HasSignedAttributes:
		return fmt.Errorf("check CMS: %w: none", cms.ErrAttributes)
	case s.SigningCertificate == nil:
		return fmt.Errorf("check CMS: %w: no signing-certificate", cms.ErrAttributes)
	}
	if err := s.Verify(byteRangeDigest); err != nil {
		return fmt.Errorf("check CMS: %w", err)
	}
	return nil
}

// CheckPossession tells whether der is a proof of possession by exactly this certificate over exactly this challenge.
func CheckPossession(der, challenge []byte, cert *x509.Certificate) error {
	return cms.VerifyPossession(der, challenge, cert)
}

// CheckSignIn tells whether der signs somebody in: a signature by exactly this certificate over exactly this statement.
func CheckSignIn(der, statement []byte, cert *x509.Certificate) error {
	return cms.VerifySignIn(der, statement, cert)
}
