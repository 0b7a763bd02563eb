package pdf

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"io"
)

// cryptMethod is how a crypt filter encrypts (ISO 32000-2 §7.6.6, table 25).
type cryptMethod int

const (
	cryptIdentity cryptMethod = iota
	cryptRC4                  // V2
	cryptAES128               // AESV2: CBC, the initialization vector in front
	cryptAES256               // AESV3: the same with the file key
)

var cryptMethodNames = [...]string{cryptIdentity: "none", cryptRC4: "RC4", cryptAES128: "AES-128", cryptAES256: "AES-256"}

func (m cryptMethod) String() string { return cryptMethodNames[m] }

// objectCrypt encrypts and decrypts the strings and streams of one object. A nil one leaves them as they are.
type objectCrypt struct {
	c   *encryption
	ref Ref
	key []byte // of the strings, once it was needed
}

// object returns the crypt of an object, nil if nothing in it is encrypted: the encryption dictionary, and any object
// of a file that is not encrypted.
func (c *encryption) object(ref Ref) *objectCrypt {
	if c == nil || ref.Number == c.dict {
		return nil
	}
	return &objectCrypt{c: c, ref: ref}
}

// objectKey is the file key, or the object's own made from it (ISO 32000-2 §7.6.3.2, algorithm 1).
func (o *objectCrypt) objectKey(method cryptMethod) []byte {
	if method == cryptAES256 {
		return o.c.key.key
	}
	n := o.ref
	m := md5.New()
	m.Write(o.c.key.key)
	m.Write([]byte{byte(n.Number), byte(n.Number >> 8), byte(n.Number >> 16), byte(n.Generation), byte(n.Generation >> 8)})
	if method == cryptAES128 {
		m.Write([]byte("sAlT"))
	}
	return m.Sum(nil)[:min(len(o.c.key.key)+5, 16)]
}

// stringKey is objectKey for the strings, which are many.
func (o *objectCrypt) stringKey() []byte {
	if o.key == nil {
		o.key = o.objectKey(o.c.strings)
	}
	return o.key
}

// decryptStrings replaces the strings in a value by what they mean. Contents of a signature dictionary is not encrypted
// (ISO 32000-2 §7.6.2).
func (o *objectCrypt) decryptStrings(v Object) (Object, error) {
	var err error
	switch v := v.(type) {
	case String:
		return o.decryptString(v)
	case Array:
		for i := range v {
			if v[i], err = o.decryptStrings(v[i]); err != nil {
				return nil, err
			}
		}
	case Dict:
		plain := plainContents(v)
		for k := range v {
			if plain && k == "Contents" {
				continue
			}
			if v[k], err = o.decryptStrings(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// plainContents tells whether a dictionary's Contents is a signature.
func plainContents(d Dict) bool {
	return d["Contents"] != nil && (d["ByteRange"] != nil || d["Type"] == Name("Sig") || d["Type"] == Name("DocTimeStamp"))
}

func (o *objectCrypt) decryptString(data String) (String, error) {
	switch o.c.strings {
	case cryptIdentity:
		return data, nil
	case cryptRC4:
		return rc4Bytes(o.stringKey(), data), nil
	}
	if len(data) < aes.BlockSize {
		return String{}, nil
	}
	block, err := aes.NewCipher(o.stringKey())
	if err != nil {
		return nil, fail(KindEncryption, -1, "%v", err)
	}
	iv, data := data[:aes.BlockSize], data[aes.BlockSize:]
	data = data[:len(data)&^(aes.BlockSize-1)]
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(data, data)
	return unpadded(data), nil
}

// unpadded takes the padding off. What does not end in padding is left as it is, as some writers forget it.
func unpadded(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	n := int(b[len(b)-1])
	if n == 0 || n > aes.BlockSize || n > len(b) {
		return b
	}
	for _, c := range b[len(b)-n:] {
		if int(c) != n {
			return b
		}
	}
	return b[:len(b)-n]
}

func (o *objectCrypt) encryptString(data String) ([]byte, error) {
	return encrypted(o.c.strings, o.stringKey(), data)
}

func (o *objectCrypt) encryptStream(method cryptMethod, data []byte) ([]byte, error) {
	return encrypted(method, o.objectKey(method), data)
}

func encrypted(method cryptMethod, key, data []byte) ([]byte, error) {
	switch method {
	case cryptIdentity:
		return data, nil
	case cryptRC4:
		return rc4Bytes(key, data), nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fail(KindEncryption, -1, "%v", err)
	}
	n := aes.BlockSize - len(data)%aes.BlockSize
	out := make([]byte, aes.BlockSize+len(data)+n)
	_, _ = rand.Read(out[:aes.BlockSize]) // never fails (crypto/rand)
	body := out[aes.BlockSize:]
	for i := copy(body, data); i < len(body); i++ {
		body[i] = byte(n)
	}
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(body, body)
	return out, nil
}

// reader decrypts a stream's bytes as they come.
func (o *objectCrypt) reader(method cryptMethod, r io.Reader, offset int64) (io.Reader, error) {
	switch method {
	case cryptIdentity:
		return r, nil
	case cryptRC4:
		c, err := rc4.NewCipher(o.objectKey(method))
		if err != nil {
			return nil, fail(KindEncryption, offset, "%v", err)
		}
		return &cipher.StreamReader{S: c, R: r}, nil
	}
	block, err := aes.NewCipher(o.objectKey(method))
	if err != nil {
		return nil, fail(KindEncryption, offset, "%v", err)
	}
	return &cbcReader{r: bufio.NewReader(r), block: block}, nil
}

// cbcReader decrypts AES in CBC mode. What is too short for an initialization vector is empty, and an end that is no
// whole block is left out, as readers do.
type cbcReader struct {
	r     *bufio.Reader
	block cipher.Block
	mode  cipher.BlockMode
	buf   [4096]byte
	rest  []byte // of buf, decrypted
	err   error
}

func (c *cbcReader) Read(b []byte) (int, error) {
	for len(c.rest) == 0 && c.err == nil {
		c.fill()
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	if n == 0 && len(b) > 0 {
		return 0, c.err
	}
	return n, nil
}

func (c *cbcReader) fill() {
	if c.mode == nil {
		iv := c.buf[:aes.BlockSize]
		if _, err := io.ReadFull(c.r, iv); err != nil {
			c.ended(err)
			return
		}
		c.mode = cipher.NewCBCDecrypter(c.block, iv)
	}
	n, err := io.ReadFull(c.r, c.buf[:])
	if err == nil {
		_, err = c.r.Peek(1)
	}
	c.rest = c.buf[:n&^(aes.BlockSize-1)]
	c.mode.CryptBlocks(c.rest, c.rest)
	if err != nil {
		c.ended(err)
	}
	if c.err == io.EOF {
		c.rest = unpadded(c.rest)
	}
}

func (c *cbcReader) ended(err error) {
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	c.err = err
}
