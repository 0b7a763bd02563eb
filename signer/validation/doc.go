// Package validation judges the signatures of a PDF: whether each is genuine, what it covers, who made it, whether
// the certificate leads to a trusted root and was in force, and what was done to the file afterwards. The verdicts
// are those of ETSI EN 319 102-1: TOTAL-PASSED, TOTAL-FAILED or INDETERMINATE with a sub-indication.
//
// It must not know who holds a token, what the school's log says, or any sentence for a person: it answers codes
// (Detail), whose sentences are the caller's.
//
// # What is looked at, in this order
//
//  1. Format. The signature dictionary is an indirect object; its Contents is one hexadecimal string; ByteRange has
//     four numbers, starts at byte 0, leaves out exactly that string, and ends at the end of a revision of the file
//     (ISO 32000-2 §12.8.1). Anything else is FORMAT_FAILURE: a gap that is wider than Contents can hide content.
//  2. Integrity. SHA-2 of the ByteRange against message-digest (HASH_FAILURE), then the signature over the signed
//     attributes, then the ESS signing-certificate reference (SIG_CRYPTO_FAILURE, NO_SIGNING_CERTIFICATE_FOUND).
//  3. Later changes. Each object that a later revision redefines is compared with the signed one. Further signature
//     fields, their widgets, validation material and metadata are permitted; everything else makes the verdict
//     INDETERMINATE or TOTAL-FAILED.
//  4. Certificate. Chain to the given roots with the certificates of the CMS, the DSS and of caIssuers addresses, key
//     usage, validity at best time, revocation by OCSP or CRL. Best time is the time of a valid signature time-stamp, else the time of validation:
//     the claimed time in /M proves nothing.
//
// # Hostile input
//
// Files are read through io.ReaderAt in pieces of bounded size; the ByteRange is digested in one pass over the file
// for all signatures. URLs for OCSP, CRL and issuers come from the file: only http and https, only public addresses
// unless AllowPrivate or PrivateIssuers, bounded in number, size and time. No input makes the package panic.
//
// # Concurrency
//
// Functions keep no state but an optional Cache, which may be shared by goroutines.
package validation
