// Package authority is a whole certification authority for tests and for the
// demonstration: a root, an issuing CA, certificates for people, seals,
// time-stamping and OCSP, and a loopback server for what relying parties fetch.
//
// It is no part of the agent or of the service and must not be: the keys of its
// CAs lie in plain files, it identifies nobody, and it signs what it is asked
// to. Nothing but tests and cmd/demo imports it. It knows nothing of PDF, CMS or
// tokens.
//
// # Hierarchy
//
// The root (RSA-2048) signs the issuing CA (RSA-2048), which signs everything
// else; OCSP responder and time-stamping unit have P-256 keys of their own.
// Subjects have the shape that Vietnamese government certificates have: C, L
// (the province), O (the provincial committee), OU once or twice (commune,
// school), CN (full name, or the school's name for a seal), E; no title.
//
// # Server
//
//	GET  /root.crt /issuing.crt   certificates, DER
//	GET  /root.crl /ca.crl        lists of root and issuing CA, DER, made anew for each request
//	GET  /ocsp/BASE64, POST /ocsp RFC 6960; delegated responder; a nonce is not echoed
//	POST /tsa                     RFC 3161
//
// Config.Now rules all times but producedAt of OCSP answers, which is the clock's,
// cut to the minute, because golang.org/x/crypto/ocsp has it so.
//
// Misbehave makes a service fail, hang, lie or answer with old news;
// NewStampingUnit and NewResponder give one another certificate. None of this is
// kept in the folder but the certificates.
//
// The certificates hold the address of the server. With a folder the address is
// kept too, and a later start on the same folder listens there again or fails.
//
// # Folder
//
// root, issuing, ocsp and tsa as NAME.crt (PEM) and NAME.key (PKCS #8, PEM, mode
// 0600), issued certificates as issued/SERIAL.crt, and state.json, which lists
// serial numbers and revocations and is replaced atomically. A folder must be in
// use by one Authority at a time.
//
// # Concurrency
//
// All methods may be called from several goroutines. A revocation is in lists
// and OCSP answers when Revoke returns.
package authority
