package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" // read in old signatures, never written
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"crypto/x509"
	encoding_asn1 "encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Scheme is how the digest is signed.
type Scheme string

const (
	PKCS1v15 Scheme = "pkcs1v15" // RSASSA-PKCS1-v1_5, RFC 8017 §8.2
	PSS      Scheme = "pss"      // RSASSA-PSS, RFC 8017 §8.1, salt as long as the hash
	ECDSA    Scheme = "ecdsa"    // DER-encoded r and s, RFC 5753
	Ed25519  Scheme = "ed25519"  // RFC 8419, with SHA-512 for the content; read, never written
)

// objectID is the contents octets of an object identifier: comparable, and
// read without allocating a slice of numbers.
type objectID string

func oid(arcs ...int) objectID {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(arcs)
	return objectID(b.BytesOrPanic()[2:])
}

// String gives the dotted form, or hexadecimal where the octets are no valid
// identifier.
func (o objectID) String() string {
	var dotted encoding_asn1.ObjectIdentifier
	s := cryptobyte.String(appendElement(nil, asn1.OBJECT_IDENTIFIER, []byte(o)))
	if !s.ReadASN1ObjectIdentifier(&dotted) {
		return fmt.Sprintf("%x", string(o))
	}
	return dotted.String()
}

var (
	oidData       = oid(1, 2, 840, 113549, 1, 7, 1)
	oidSignedData = oid(1, 2, 840, 113549, 1, 7, 2)
	oidTSTInfo    = oid(1, 2, 840, 113549, 1, 9, 16, 1, 4)

	oidContentType          = oid(1, 2, 840, 113549, 1, 9, 3)
	oidMessageDigest        = oid(1, 2, 840, 113549, 1, 9, 4)
	oidSigningTime          = oid(1, 2, 840, 113549, 1, 9, 5)
	oidAlgorithmProtection  = oid(1, 2, 840, 113549, 1, 9, 52)
	oidSigningCertificate   = oid(1, 2, 840, 113549, 1, 9, 16, 2, 12)
	oidSigningCertificateV2 = oid(1, 2, 840, 113549, 1, 9, 16, 2, 47)
	oidTimeStampToken       = oid(1, 2, 840, 113549, 1, 9, 16, 2, 14)

	oidRSA         = oid(1, 2, 840, 113549, 1, 1, 1)
	oidMGF1        = oid(1, 2, 840, 113549, 1, 1, 8)
	oidPSS         = oid(1, 2, 840, 113549, 1, 1, 10)
	oidECPublicKey = oid(1, 2, 840, 10045, 2, 1)
)

// digestIDs are the hashes that are read. Sign writes SHA-256, SHA-384 and
// SHA-512 only.
var digestIDs = map[objectID]crypto.Hash{
	oid(1, 3, 14, 3, 2, 26):              crypto.SHA1,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 1):  crypto.SHA256,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 2):  crypto.SHA384,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 3):  crypto.SHA512,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 4):  crypto.SHA224,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 5):  crypto.SHA512_224,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 6):  crypto.SHA512_256,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 7):  crypto.SHA3_224,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 8):  crypto.SHA3_256,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 9):  crypto.SHA3_384,
	oid(2, 16, 840, 1, 101, 3, 4, 2, 10): crypto.SHA3_512,
}

// hashIDs is digestIDs turned round.
var hashIDs = func() map[crypto.Hash]objectID {
	ids := make(map[crypto.Hash]objectID, len(digestIDs))
	for id, hash := range digestIDs {
		ids[hash] = id
	}
	return ids
}()

// signatureID is what a signature algorithm identifier says. A zero hash means
// that it leaves the hash to the digestAlgorithm.
type signatureID struct {
	scheme Scheme
	hash   crypto.Hash
}

var signatureIDs = map[objectID]signatureID{
	oidRSA:                               {PKCS1v15, 0}, // RFC 3370 §3.2, what most write
	oid(1, 2, 840, 113549, 1, 1, 5):      {PKCS1v15, crypto.SHA1},
	oid(1, 2, 840, 113549, 1, 1, 11):     {PKCS1v15, crypto.SHA256},
	oid(1, 2, 840, 113549, 1, 1, 12):     {PKCS1v15, crypto.SHA384},
	oid(1, 2, 840, 113549, 1, 1, 13):     {PKCS1v15, crypto.SHA512},
	oid(1, 2, 840, 113549, 1, 1, 14):     {PKCS1v15, crypto.SHA224},
	oid(1, 2, 840, 113549, 1, 1, 15):     {PKCS1v15, crypto.SHA512_224},
	oid(1, 2, 840, 113549, 1, 1, 16):     {PKCS1v15, crypto.SHA512_256},
	oid(2, 16, 840, 1, 101, 3, 4, 3, 13): {PKCS1v15, crypto.SHA3_224},
	oid(2, 16, 840, 1, 101, 3, 4, 3, 14): {PKCS1v15, crypto.SHA3_256},
	oid(2, 16, 840, 1, 101, 3, 4, 3, 15): {PKCS1v15, crypto.SHA3_384},
	oid(2, 16, 840, 1, 101, 3, 4, 3, 16): {PKCS1v15, crypto.SHA3_512},
	oidPSS:                               {PSS, 0},
	oidECPublicKey:                       {ECDSA, 0}, // wrong, but some writers name the key type here
	oid(1, 3, 101, 112):                  {Ed25519, crypto.SHA512},
	oid(1, 2, 840, 10045, 4, 1):          {ECDSA, crypto.SHA1},
	oid(1, 2, 840, 10045, 4, 3, 1):       {ECDSA, crypto.SHA224},
	oid(1, 2, 840, 10045, 4, 3, 2):       {ECDSA, crypto.SHA256},
	oid(1, 2, 840, 10045, 4, 3, 3):       {ECDSA, crypto.SHA384},
	oid(1, 2, 840, 10045, 4, 3, 4):       {ECDSA, crypto.SHA512},
	oid(2, 16, 840, 1, 101, 3, 4, 3, 9):  {ECDSA, crypto.SHA3_224},
	oid(2, 16, 840, 1, 101, 3, 4, 3, 10): {ECDSA, crypto.SHA3_256},
	oid(2, 16, 840, 1, 101, 3, 4, 3, 11): {ECDSA, crypto.SHA3_384},
	oid(2, 16, 840, 1, 101, 3, 4, 3, 12): {ECDSA, crypto.SHA3_512},
}

// ecdsaIDs are the identifiers that Sign writes for ECDSA.
var ecdsaIDs = map[crypto.Hash]objectID{
	crypto.SHA256: oid(1, 2, 840, 10045, 4, 3, 2),
	crypto.SHA384: oid(1, 2, 840, 10045, 4, 3, 3),
	crypto.SHA512: oid(1, 2, 840, 10045, 4, 3, 4),
}

// weakHash: collisions are known or near (ETSI TS 119 312).
func weakHash(h crypto.Hash) bool { return h == crypto.SHA1 }

// algorithm is an AlgorithmIdentifier: the parameters are a whole element, nil
// where absent.
type algorithm struct {
	id     objectID
	params []byte
}

func readAlgorithm(s *cryptobyte.String) (algorithm, bool) {
	var body, id cryptobyte.String
	if !s.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) {
		return algorithm{}, false
	}
	alg := algorithm{id: objectID(id)}
	if !body.Empty() {
		var params cryptobyte.String
		var tag asn1.Tag
		if !body.ReadAnyASN1Element(&params, &tag) || !body.Empty() {
			return algorithm{}, false
		}
		alg.params = params
	}
	return alg, true
}

// equal takes absent parameters and NULL for the same (RFC 5754 §2).
func (a algorithm) equal(other algorithm) bool {
	return a.id == other.id && bytes.Equal(a.parameters(), other.parameters())
}

func (a algorithm) parameters() []byte {
	if bytes.Equal(a.params, []byte{byte(asn1.NULL), 0}) {
		return nil
	}
	return a.params
}

func addOID(b *cryptobyte.Builder, id objectID) {
	b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(id)) })
}

// addDigest writes a digest algorithm without parameters (RFC 5754 §2).
func addDigest(b *cryptobyte.Builder, hash crypto.Hash) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addOID(b, hashIDs[hash]) })
}

// addSignatureAlgorithm writes rsaEncryption with NULL (RFC 3370 §3.2), which
// every reader knows, id-RSASSA-PSS with all parameters (RFC 4056 §3), or
// ecdsa-with-SHA2 without parameters (RFC 5754 §3.3).
func addSignatureAlgorithm(b *cryptobyte.Builder, scheme Scheme, hash crypto.Hash) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		switch scheme {
		case PKCS1v15:
			addOID(b, oidRSA)
			b.AddASN1NULL()
		case PSS:
			addOID(b, oidPSS)
			addPSSParameters(b, hash)
		case ECDSA:
			addOID(b, ecdsaIDs[hash])
		}
	})
}

func addPSSParameters(b *cryptobyte.Builder, hash crypto.Hash) {
	// RFC 4055 §2.1 has the hash inside PSS parameters written with NULL.
	addHash := func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addOID(b, hashIDs[hash])
			b.AddASN1NULL()
		})
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), addHash)
		b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addOID(b, oidMGF1)
				addHash(b)
			})
		})
		b.AddASN1(asn1.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1Int64(int64(hash.Size()))
		})
	})
}

// pssParameters are RSASSA-PSS-params (RFC 4055 §3.1) with the defaults filled in.
type pssParameters struct {
	hash, mgfHash crypto.Hash
	saltLength    int
}

func parsePSSParameters(der []byte) (pssParameters, error) {
	p := pssParameters{hash: crypto.SHA1, mgfHash: crypto.SHA1, saltLength: 20}
	s, body := cryptobyte.String(der), cryptobyte.String(nil)
	if !s.ReadASN1(&body, asn1.SEQUENCE) || !s.Empty() {
		return p, fmt.Errorf("%w: RSASSA-PSS without parameters", ErrUnsupported)
	}
	field := func(n uint8) (cryptobyte.String, bool, bool) {
		var value cryptobyte.String
		var present bool
		ok := body.ReadOptionalASN1(&value, &present, asn1.Tag(n).ContextSpecific().Constructed())
		return value, present, ok
	}
	bad := fmt.Errorf("%w: RSASSA-PSS parameters", ErrUnsupported)
	value, present, ok := field(0)
	if present {
		alg, read := readAlgorithm(&value)
		p.hash, ok = digestIDs[alg.id], ok && read && alg.parameters() == nil
	}
	if !ok {
		return p, bad
	}
	value, present, ok = field(1)
	if present {
		mgf, read := readAlgorithm(&value)
		params := cryptobyte.String(mgf.params)
		alg, readHash := readAlgorithm(&params)
		p.mgfHash, ok = digestIDs[alg.id], ok && read && readHash && mgf.id == oidMGF1 && alg.parameters() == nil
	}
	if !ok {
		return p, bad
	}
	value, present, ok = field(2)
	if present {
		ok = ok && value.ReadASN1Integer(&p.saltLength)
	}
	if !ok || p.saltLength < 1 { // crypto/rsa takes 0 for "any", which nobody writes
		return p, bad
	}
	trailer := 1
	value, present, ok = field(3)
	if present {
		ok = ok && value.ReadASN1Integer(&trailer)
	}
	if !ok || trailer != 1 || !body.Empty() || p.hash == 0 || p.mgfHash == 0 {
		return p, bad
	}
	return p, nil
}

// publicKey is the certificate's key. crypto/x509 leaves keys that are
// restricted to RSASSA-PSS (RFC 4055 §1.2) unread; they are RSA keys.
func publicKey(cert *x509.Certificate) crypto.PublicKey {
	if cert.PublicKey != nil {
		return cert.PublicKey
	}
	s, body := cryptobyte.String(cert.RawSubjectPublicKeyInfo), cryptobyte.String(nil)
	if !s.ReadASN1(&body, asn1.SEQUENCE) {
		return nil
	}
	alg, ok := readAlgorithm(&body)
	var bits []byte
	if !ok || alg.id != oidPSS || !body.ReadASN1BitStringAsBytes(&bits) {
		return nil
	}
	key, modulus := cryptobyte.String(bits), new(big.Int)
	var exponent int
	if !key.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1Integer(modulus) || !body.ReadASN1Integer(&exponent) ||
		modulus.Sign() <= 0 || exponent < 3 || exponent > 1<<31-1 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: exponent}
}

// Bounds of the RSA keys that are used, in bits. crypto/rsa refuses shorter ones.
// Time to check a signature grows with the square, so that a certificate of some
// kilobytes could stop a service.
const (
	minRSA = 1024
	maxRSA = 16384
)

func checkKeySize(cert *x509.Certificate) error {
	if key, ok := publicKey(cert).(*rsa.PublicKey); ok && key.N.BitLen() > maxRSA {
		return fmt.Errorf("%w: RSA key of %d bits", ErrUnsupported, key.N.BitLen())
	}
	return nil
}

// signatureSize is the longest signature that the key can make, in bytes.
func signatureSize(key crypto.PublicKey) (int, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.Size(), nil
	case *ecdsa.PublicKey:
		// SEQUENCE of two INTEGERs, each with a leading zero where the top bit is set.
		integer := (key.Curve.Params().N.BitLen()+8)/8 + 2
		size := 2*integer + 2
		if 2*integer > 127 {
			size++
		}
		return size, nil
	}
	return 0, fmt.Errorf("%w: key of type %T", ErrUnsupported, key)
}
