package cms

import (
	"errors"
	"fmt"
)

// What can be wrong. Errors of this package wrap exactly one of these.
var (
	// ErrMalformed: the bytes are no SignedData, or break its structure, or go
	// beyond the bounds of size and nesting.
	ErrMalformed = errors.New("malformed CMS")
	// ErrPadding: something other than zeros follows the CMS in Contents.
	ErrPadding = errors.New("bytes other than zero after the CMS")
	// ErrUnsupported: an algorithm or parameter that this package can't check, or
	// a combination that RFC 8933 or RFC 4056 forbids.
	ErrUnsupported = errors.New("unsupported algorithm")
	// ErrAttributes: signed attributes that are missing, doubled, unreadable, or
	// contradict the content (RFC 5652 §5.3, §11).
	ErrAttributes = errors.New("bad signed attributes")
	// ErrDigest: the message-digest attribute is not the digest of the content.
	ErrDigest = errors.New("digest differs")
	// ErrSignature: the signature does not fit key and signed attributes.
	ErrSignature = errors.New("signature does not verify")
	// ErrNoCertificate: the signer's certificate is not in the SignedData, or
	// crypto/x509 could not read it.
	ErrNoCertificate = errors.New("signer's certificate is missing")
	// ErrSigningCertificate: the signing-certificate attribute names another
	// certificate than the signer identifier does.
	ErrSigningCertificate = errors.New("signing-certificate attribute names another certificate")
	// ErrKeyMismatch: the key given to Sign does not belong to the certificate.
	ErrKeyMismatch = errors.New("key does not belong to the certificate")
	// ErrTimestamp: a time-stamp token breaks RFC 3161, or is over something else.
	ErrTimestamp = errors.New("bad time-stamp token")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
