// Package cms writes and reads the CMS SignedData that a PAdES signature keeps
// in the Contents of its signature dictionary, and the time-stamp tokens that
// go with it.
//
// It knows digests, keys and certificates. It knows nothing of PDF, of trust
// (which certificate chains to which root), of revocation, of tokens or of
// files: a caller hands it the digest of the ByteRange and judges the
// certificate that comes out.
//
// # What Sign writes
//
// One DER SignedData (RFC 5652 §5), detached, one SignerInfo named by issuer
// and serial number, and exactly the signed attributes of the PAdES baseline
// (ETSI EN 319 142-1 §6): content-type, message-digest and ESS
// signing-certificate-v2 (RFC 5035, with issuerSerial). There is no
// signing-time, PAdES wants it in the signature dictionary, and no Adobe
// revocation attribute. SET OF are in DER order. A key is used exactly once;
// the finished signature is not verified here, since package signer validates
// the whole document before it hands it out.
//
// # What Parse reads
//
// DER, and BER as others write it: indefinite lengths, strings in pieces,
// lengths with leading zeros. Input is bounded in size and nesting. Signed
// attributes are digested as they stand in the file, with only the implicit tag
// replaced (RFC 5652 §5.4), and are never put in order again: what was signed is
// what the file holds. Only where they contain an indefinite length, which has
// no meaning in the DER that the standard has digested, are lengths rewritten.
//
// Certificates that crypto/x509 refuses are kept with the reason in
// SignedData.Unreadable; nothing is dropped in silence.
//
// # Verify and validate
//
// Signer.Verify is the mathematical check: digest, attributes, certificate
// reference, signature. A nil error does not say that the certificate is
// trusted, in its validity, not revoked, or meant for signing. SHA-1 is read,
// never written, and Signer.WeakHash tells; WeakKey tells of short keys.
//
// # A caution for those who have no document
//
// A signature without signed attributes is over the content digest itself. Who
// takes a digest from somebody else must therefore insist on
// Signer.HasSignedAttributes: otherwise the DER of some other signature's
// attributes can be passed off as a document.
//
// # Concurrency
//
// There is no state. Results of Parse are not changed by any method and may be
// shared; they keep referring to the bytes given to Parse.
package cms
