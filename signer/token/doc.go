// Package token speaks PKCS#11 to signing tokens and yields a crypto.Signer for
// their keys. It is the only package with cgo. It knows nothing of PDF, CMS, the
// service or the screen; it never asks a person anything and never tries a PIN
// by itself.
//
// # Concepts
//
// A Module is a vendor's PKCS#11 library, initialised once per process however
// often it is loaded. A Token is a device in a slot, found by serial, label or
// certificate and never by slot number: exactly one must match, else a
// *SelectError lists what there is. A Certificate on it leads to its private key
// by the public key, and where the token does not show that, by CKA_ID.
//
//	module, err := token.Load("/usr/lib/softhsm/libsofthsm2.so")
//	defer module.Close()
//	t, err := module.Open(token.ByName("5a8c2f10"))
//	defer t.Close()
//	err = t.Login(pin) // one try
//	certificates, err := t.Certificates()
//	signer, err := t.Signer(certificates[0])
//
// # PIN
//
// Login makes one C_Login. The PIN is a byte slice that is read in place and not
// copied by this package; whoever made it zeroes it. What can't be zeroed: copies
// that the module makes, and those that the operating system makes by swapping.
// A PIN that is read from a terminal or a file passes through buffers of those
// packages too. Keys that want a PIN for every signature (CKA_ALWAYS_AUTHENTICATE)
// get it by a context-specific login from Token.AskPIN, or from the PIN pad.
//
// # Errors
//
// What the module returns becomes an *Error with one of the Err... values inside
// and the CKR name in the text; a refused PIN is a *LoginError with the token's
// flags as they are after the try. CKR_FUNCTION_FAILED and CKR_GENERAL_ERROR are
// never taken for a wrong PIN. Code gives every error a stable name for message
// catalogues.
//
// # Sessions and concurrency
//
// All types are safe for concurrent use. Each Token has a pool of at most four
// sessions, each used by one call at a time. A session in which anything failed
// is closed and never used again, and before a new one is opened the slot must
// still hold the token with the same serial. A login belongs to the process, not
// to the session: two Tokens on the same device share it, and the last Close logs
// out. A module that hangs or crashes takes its process along: programs load
// modules through package worker, in a child process.
package token
