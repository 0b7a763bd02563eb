package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"slices"
)

// securityHandler is the standard security handler's part of an encryption dictionary (ISO 32000-2 §7.6.4): it makes
// the file encryption key of a password.
type securityHandler struct {
	revision    int
	o, u        []byte // 32 bytes for revisions 2 to 4, else 48
	oe, ue      []byte // 32 bytes, for revisions 5 and 6
	perms       []byte // 16 bytes, for revisions 5 and 6
	permissions uint32
	metadata    bool     // EncryptMetadata
	lengths     []int    // of the key in bytes: what the file says, then what its writer may have meant
	ids         []String // what may be the first element of ID
}

// fileKey is what a password opened.
type fileKey struct {
	key   []byte
	owner bool   // by the owner password
	id    String // the element of ID that it was made with; revisions 2 to 4
}

// open finds the key that one of the passwords gives. The owner's rights come before the user's, and the first
// password before the next.
func (h *securityHandler) open(passwords ...Password) (fileKey, bool) {
	for _, p := range passwords {
		if h.revision >= 5 {
			for _, form := range p.unicode() {
				if k, ok := h.openUnicode(form); ok {
					return k, true
				}
			}
			continue
		}
		for _, owner := range []bool{true, false} {
			for _, form := range p.legacy() {
				if k, ok := h.openLegacy(form, owner); ok {
					return k, true
				}
			}
		}
	}
	return fileKey{}, false
}

// padding fills up passwords (ISO 32000-2 §7.6.4.3.2, algorithm 2, step a).
var padding = []byte("\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08" +
	"\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a")

func padded(password []byte) []byte { return append(slices.Clip(password), padding...)[:len(padding)] }

// openLegacy tries a password of revisions 2 to 4.
func (h *securityHandler) openLegacy(password []byte, owner bool) (fileKey, bool) {
	for _, n := range h.lengths {
		user := password
		if owner {
			user = h.userPassword(password, n)
		}
		for _, id := range h.ids {
			key := h.legacyKey(user, n, id)
			if h.isUserKey(key, id) {
				return fileKey{key: key, owner: owner, id: id}, true
			}
		}
	}
	return fileKey{}, false
}

// legacyKey is algorithm 2: the key of n bytes that a user password gives.
func (h *securityHandler) legacyKey(password []byte, n int, id String) []byte {
	m := md5.New()
	m.Write(padded(password))
	m.Write(h.o)
	m.Write(binary.LittleEndian.AppendUint32(nil, h.permissions))
	m.Write(id)
	if h.revision >= 4 && !h.metadata {
		m.Write([]byte{0xff, 0xff, 0xff, 0xff})
	}
	key := m.Sum(nil)
	if h.revision >= 3 {
		for range 50 {
			sum := md5.Sum(key[:n])
			key = sum[:]
		}
	}
	return key[:n]
}

// isUserKey compares with U as algorithms 4, 5 and 6 make it.
func (h *securityHandler) isUserKey(key []byte, id String) bool {
	if h.revision == 2 {
		return bytes.Equal(rc4Bytes(key, padding), h.u)
	}
	m := md5.New()
	m.Write(padding)
	m.Write(id)
	sum := m.Sum(nil)
	for i := range 20 {
		sum = rc4Bytes(varied(key, i), sum)
	}
	return bytes.Equal(sum, h.u[:16])
}

// userPassword is what algorithm 7 makes of O with an owner password.
func (h *securityHandler) userPassword(owner []byte, n int) []byte {
	sum := md5.Sum(padded(owner))
	if h.revision == 2 {
		return rc4Bytes(sum[:n], h.o)
	}
	for range 50 {
		sum = md5.Sum(sum[:])
	}
	user := h.o
	for i := 19; i >= 0; i-- {
		user = rc4Bytes(varied(sum[:n], i), user)
	}
	return user
}

// varied is the key with i exclusive-ored to each byte.
func varied(key []byte, i int) []byte {
	out := make([]byte, len(key))
	for j, c := range key {
		out[j] = c ^ byte(i)
	}
	return out
}

func rc4Bytes(key, data []byte) []byte {
	out := make([]byte, len(data))
	c, err := rc4.NewCipher(key)
	if err != nil {
		return out // no key has such a length: see keyLengths
	}
	c.XORKeyStream(out, data)
	return out
}

// openUnicode tries a password of revisions 5 and 6 (ISO 32000-2 §7.6.4.3.3, algorithm 2.A).
func (h *securityHandler) openUnicode(password []byte) (fileKey, bool) {
	if bytes.Equal(h.hash(password, h.o[32:40], h.u), h.o[:32]) {
		return fileKey{key: unwrapped(h.hash(password, h.o[40:48], h.u), h.oe), owner: true}, true
	}
	if bytes.Equal(h.hash(password, h.u[32:40], nil), h.u[:32]) {
		return fileKey{key: unwrapped(h.hash(password, h.u[40:48], nil), h.ue)}, true
	}
	return fileKey{}, false
}

// unwrapped decrypts the file key with AES-256 in CBC mode, without padding, the initialization vector zero.
func unwrapped(key, wrapped []byte) []byte {
	out := make([]byte, len(wrapped))
	block, err := aes.NewCipher(key)
	if err != nil {
		return out // key is a hash of 32 bytes
	}
	cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(out, wrapped)
	return out
}

// proven tells whether the key is the one that Perms was made with (algorithm 13). In revisions 5 and 6 the passwords
// of user and owner may lead to different keys, so that each sees another document under the same signature; only one
// of the keys fits Perms.
func (h *securityHandler) proven(key []byte) bool {
	if h.revision < 5 {
		return true // the owner's password leads to the user's
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return false
	}
	out := make([]byte, aes.BlockSize)
	block.Decrypt(out, h.perms)
	return binary.LittleEndian.Uint32(out) == h.permissions && string(out[4:8]) == "\xff\xff\xff\xff" && string(out[9:12]) == "adb"
}

// hash is SHA-256 for revision 5 and algorithm 2.B for revision 6. user is U for an owner password, else nil.
func (h *securityHandler) hash(password, salt, user []byte) []byte {
	first := sha256.Sum256(slices.Concat(password, salt, user))
	k := first[:]
	if h.revision == 5 {
		return k
	}
	last := byte(0)
	for round := 0; round < 64 || int(last) > round-32; round++ { // ends before round 288
		data := bytes.Repeat(slices.Concat(password, k, user), 64)
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil // 16 bytes is a length that AES has
		}
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(data, data)
		remainder := 0 // of the first 16 bytes as a number; 256 is 1 modulo 3
		for _, c := range data[:16] {
			remainder += int(c)
		}
		switch remainder % 3 {
		case 0:
			sum := sha256.Sum256(data)
			k = sum[:]
		case 1:
			sum := sha512.Sum384(data)
			k = sum[:]
		default:
			sum := sha512.Sum512(data)
			k = sum[:]
		}
		last = data[len(data)-1]
	}
	return k[:32]
}
