package signinglog

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// SaltSize is the length of a commitment's salt in bytes: 128 bits, so that a
// value that could be guessed (a name) can't be tried once its salt is gone.
const SaltSize = 16

const (
	commitmentPrefix = "commitment:"
	commitmentDomain = "sokyso/commitment/v1\x00"
)

// Commit makes a salted commitment to a value. The commitment goes into the
// entry; salt and value are kept beside the log and can be erased, after which
// the commitment tells nothing and every proof still holds.
func Commit(value string) (commitment string, salt []byte) {
	salt = make([]byte, SaltSize)
	rand.Read(salt) // never fails: crypto/rand ends the program instead
	return commitmentOf(salt, value), salt
}

// CheckCommitment reports whether the commitment was made of salt and value.
func CheckCommitment(commitment string, salt []byte, value string) bool {
	return len(salt) == SaltSize &&
		subtle.ConstantTimeCompare([]byte(commitmentOf(salt, value)), []byte(commitment)) == 1
}

// IsCommitment reports whether a field's value has the form of a commitment.
func IsCommitment(value string) bool {
	digits, ok := strings.CutPrefix(value, commitmentPrefix)
	return ok && isHash(digits)
}

func commitmentOf(salt []byte, value string) string {
	h := sha256.New()
	h.Write([]byte(commitmentDomain))
	h.Write(salt)
	h.Write([]byte(value))
	return commitmentPrefix + hex.EncodeToString(h.Sum(nil))
}

// isHash: SHA-256 in lower-case hexadecimal digits.
func isHash(s string) bool { return len(s) == 2*sha256.Size && isHex(s) }

// isDigest: SHA-256, SHA-384 or SHA-512, as a signature may be made with.
func isDigest(s string) bool { return (len(s) == 64 || len(s) == 96 || len(s) == 128) && isHex(s) }

// isHex: lower-case hexadecimal digits.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
