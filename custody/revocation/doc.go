// Package revocation asks certification authorities whether a registered certificate
// is revoked: by OCSP (RFC 6960) first, then by certificate revocation list (RFC 5280),
// at the addresses in the certificate. An answer counts when it is signed by the issuer
// or by a responder that the issuer authorised, is fresh, and speaks of this
// certificate; everything else is [Unknown], with the reason.
//
// It is the only place of the service that contacts addresses out of certificates, and
// so the only one that guards against what such an address may be: no redirect, no
// private network unless allowed, every answer bounded in size and time. It knows no
// database, no rules of custody and no PDF: validating a signature as of a moment in
// the past is package signer/validation's.
package revocation
