package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"

	"github.com/miekg/pkcs11"
)

// keyObject is a public or private key object as far as it can be read.
type keyObject struct {
	handle pkcs11.ObjectHandle
	id     []byte
	rsa    bool
	ec     bool
	// public names the public key in the form of publicOf, "" when the object
	// does not tell (private EC keys usually don't).
	public string
	// alwaysAuthenticate: wants a PIN for each signature.
	alwaysAuthenticate bool
}

// publicOf is a comparable name of a public key.
func publicOf(key crypto.PublicKey) string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return "rsa " + key.N.Text(16)
	case *ecdsa.PublicKey:
		if point, err := key.Bytes(); err == nil {
			return fmt.Sprintf("ec %x", point)
		}
	}
	return ""
}

// keys reads the key objects of a class. The modulus is asked for with the rest
// when RSA keys are expected.
func (l *library) keys(session pkcs11.SessionHandle, class uint, expectRSA bool) ([]keyObject, error) {
	handles, err := l.find(session, class)
	if err != nil {
		return nil, err
	}
	var keys []keyObject
	for _, handle := range handles {
		key := keyObject{handle: handle}
		kinds := []uint{pkcs11.CKA_ID, pkcs11.CKA_KEY_TYPE}
		if class == pkcs11.CKO_PRIVATE_KEY {
			kinds = append(kinds, pkcs11.CKA_ALWAYS_AUTHENTICATE)
		}
		if expectRSA {
			kinds = append(kinds, pkcs11.CKA_MODULUS)
		}
		values, err := l.attributes(session, handle, kinds...)
		if err != nil {
			return nil, err
		}
		key.id = values[0]
		switch kind := values[1]; {
		case bytes.Equal(kind, pkcs11.NewAttribute(0, pkcs11.CKK_RSA).Value):
			key.rsa = true
			modulus := values[len(values)-1:]
			if !expectRSA {
				if modulus, err = l.attributes(session, handle, pkcs11.CKA_MODULUS); err != nil {
					return nil, err
				}
			}
			if len(modulus[0]) > 0 {
				key.public = "rsa " + new(big.Int).SetBytes(modulus[0]).Text(16)
			}
		case bytes.Equal(kind, pkcs11.NewAttribute(0, pkcs11.CKK_EC).Value):
			key.ec = true
			point, err := l.attributes(session, handle, pkcs11.CKA_EC_POINT)
			if err != nil {
				return nil, err
			}
			key.public = pointName(point[0])
		default:
			continue
		}
		if class == pkcs11.CKO_PRIVATE_KEY {
			always := values[2]
			key.alwaysAuthenticate = len(always) == 1 && always[0] != 0
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// pointName reads CKA_EC_POINT: the DER OCTET STRING of the point (PKCS#11 v2.40
// curr §2.3.3), or the bare point, as some modules have it. A bare point begins
// with 04 too, the tag of an OCTET STRING: one in 256 of P-256 reads as an OCTET
// STRING without a fault, so what is inside must look like a point.
func pointName(value []byte) string {
	var point []byte
	if rest, err := asn1.Unmarshal(value, &point); err != nil || len(rest) > 0 || !looksLikePoint(point) {
		point = value
	}
	if len(point) == 0 {
		return ""
	}
	return fmt.Sprintf("ec %x", point)
}

// looksLikePoint tells whether b has the form of an elliptic curve point
// (SEC 1 v2.0 §2.3.3): 04 and two coordinates, or 02 or 03 and one.
func looksLikePoint(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	switch b[0] {
	case 4:
		return len(b)%2 == 1 && coordinate((len(b)-1)/2)
	case 2, 3:
		return coordinate(len(b) - 1)
	}
	return false
}

// coordinate tells whether n is the length in bytes of a coordinate of P-256, P-384 or P-521.
func coordinate(n int) bool { return n == 32 || n == 48 || n == 66 }

// matchKeys finds the private keys of a certificate: by the public key if the
// private key object shows it; else through a public key object with the
// certificate's public key and the same CKA_ID; else by the certificate's own
// CKA_ID. A key that is known to be another one never matches.
func matchKeys(private, public []keyObject, certificate crypto.PublicKey, id []byte) []keyObject {
	wanted := publicOf(certificate)
	if wanted == "" {
		return nil
	}
	_, isRSA := certificate.(*rsa.PublicKey)
	var byKey, byPublicObject, byID []keyObject
	for _, key := range private {
		switch {
		case key.rsa != isRSA || key.ec == isRSA:
		case key.public == wanted:
			byKey = append(byKey, key)
		case key.public != "" || len(key.id) == 0:
		case pairedWith(public, key.id, wanted):
			byPublicObject = append(byPublicObject, key)
		case bytes.Equal(key.id, id) && !pairedWithOther(public, key.id, wanted):
			byID = append(byID, key)
		}
	}
	for _, found := range [][]keyObject{byKey, byPublicObject, byID} {
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

func pairedWith(public []keyObject, id []byte, wanted string) bool {
	for _, key := range public {
		if key.public == wanted && bytes.Equal(key.id, id) {
			return true
		}
	}
	return false
}

func pairedWithOther(public []keyObject, id []byte, wanted string) bool {
	for _, key := range public {
		if key.public != "" && key.public != wanted && bytes.Equal(key.id, id) {
			return true
		}
	}
	return false
}

// findKey finds the one private key of a certificate.
func (t *Token) findKey(session pkcs11.SessionHandle, certificate Certificate) (keyObject, error) {
	const op = "find key"
	_, isRSA := certificate.X509.PublicKey.(*rsa.PublicKey)
	private, err := t.library.keys(session, pkcs11.CKO_PRIVATE_KEY, isRSA)
	if err != nil {
		return keyObject{}, err
	}
	// A key that does not tell its public key is known by a public key object, unless
	// it is the only one and has the certificate's ID: then there is nothing to mix up.
	var public []keyObject
	alone := len(private) == 1 && len(private[0].id) > 0 && bytes.Equal(private[0].id, certificate.ID)
	if !alone && slices.ContainsFunc(private, func(key keyObject) bool { return key.public == "" }) {
		if public, err = t.library.keys(session, pkcs11.CKO_PUBLIC_KEY, isRSA); err != nil {
			return keyObject{}, err
		}
	}
	found := matchKeys(private, public, certificate.X509.PublicKey, certificate.ID)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return keyObject{}, &Error{Op: op, Kind: ErrAmbiguousKey, Detail: fmt.Sprintf("%d match", len(found))}
	}
	info, err := t.library.context.GetSessionInfo(session)
	if err != nil {
		return keyObject{}, fail("read session state", err)
	}
	if t.Info().Flags.LoginRequired && (info.State == pkcs11.CKS_RO_PUBLIC_SESSION || info.State == pkcs11.CKS_RW_PUBLIC_SESSION) {
		return keyObject{}, &Error{Op: op, Kind: ErrLoginNeeded}
	}
	return keyObject{}, &Error{Op: op, Kind: ErrNoKey, Detail: fmt.Sprintf("%d private keys on the token", len(private))}
}
