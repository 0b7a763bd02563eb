package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"
	"testing"

	"github.com/miekg/pkcs11"
)

// Tokens in the field show more or less of their keys; the right key must be
// found, or none, and never another.
func TestMatchKeys(t *testing.T) {
	rsaKey := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(7), 2040), E: 65537}
	otherRSA := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(5), 2040), E: 65537}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherEC, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// An object: handle, ID, type of key, and the public key if it shows it.
	object := func(handle pkcs11.ObjectHandle, id string, kind string, shown crypto.PublicKey) keyObject {
		key := keyObject{handle: handle, id: []byte(id), rsa: kind == "rsa", ec: kind == "ec"}
		if shown != nil {
			key.public = publicOf(shown)
		}
		return key
	}
	for name, c := range map[string]struct {
		private, public []keyObject
		certificate     crypto.PublicKey
		id              string
		want            []pkcs11.ObjectHandle
	}{
		"modulus, ID differs":         {[]keyObject{object(1, "a", "rsa", otherRSA), object(2, "b", "rsa", rsaKey)}, nil, rsaKey, "a", []pkcs11.ObjectHandle{2}},
		"modulus of another, same ID": {[]keyObject{object(1, "a", "rsa", otherRSA)}, nil, rsaKey, "a", nil},
		"the same key twice":          {[]keyObject{object(1, "a", "rsa", rsaKey), object(2, "b", "rsa", rsaKey)}, nil, rsaKey, "a", []pkcs11.ObjectHandle{1, 2}},
		"EC by public object":         {[]keyObject{object(1, "a", "ec", nil), object(2, "b", "ec", nil)}, []keyObject{object(9, "b", "ec", ec.Public())}, ec.Public(), "x", []pkcs11.ObjectHandle{2}},
		"EC by ID":                    {[]keyObject{object(1, "a", "ec", nil), object(2, "b", "ec", nil)}, nil, ec.Public(), "b", []pkcs11.ObjectHandle{2}},
		"EC, ID shared by two":        {[]keyObject{object(1, "a", "ec", nil), object(2, "a", "ec", nil)}, nil, ec.Public(), "a", []pkcs11.ObjectHandle{1, 2}},
		"EC, ID is another key's":     {[]keyObject{object(1, "a", "ec", nil)}, []keyObject{object(9, "a", "ec", otherEC.Public())}, ec.Public(), "a", nil},
		"ID, but another type":        {[]keyObject{object(1, "a", "rsa", nil)}, nil, ec.Public(), "a", nil},
		"no ID at all":                {[]keyObject{object(1, "", "ec", nil)}, nil, ec.Public(), "", nil},
		"no keys":                     {nil, nil, rsaKey, "a", nil},
	} {
		var found []pkcs11.ObjectHandle
		for _, key := range matchKeys(c.private, c.public, c.certificate, []byte(c.id)) {
			found = append(found, key.handle)
		}
		if fmt.Sprint(found) != fmt.Sprint(c.want) {
			t.Errorf("%s: found %v, want %v", name, found, c.want)
		}
	}
}

func TestPointNameReadsBothForms(t *testing.T) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		checkPointName(t, key.Public())
	}
	// 04 3f at the front of a bare P-256 point is also the head of an OCTET STRING
	// of all that follows.
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if point, err := key.PublicKey.Bytes(); err != nil || point[1] == 0x3f {
			checkPointName(t, key.Public())
			break
		}
	}
	if pointName(nil) != "" {
		t.Error("no point has a name")
	}
}

func checkPointName(t *testing.T, key crypto.PublicKey) {
	t.Helper()
	point, err := key.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := asn1.Marshal(point)
	if err != nil {
		t.Fatal(err)
	}
	for form, value := range map[string][]byte{"OCTET STRING": wrapped, "bare": point} {
		if got := pointName(value); got != publicOf(key) {
			t.Errorf("%s %x: %s", form, value, got)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"VNPT-CA\x00\x00\x00":       "VNPT-CA",
		"Hiệu trưởng     ":          "Hiệu trưởng",
		"a\x1b[31mb\n":              "a[31mb",
		"Tr\xe1":                    "Tr\uFFFD",
		"\x00garbage after the end": "",
	} {
		if got := printable(text); got != want {
			t.Errorf("printable(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestMarshalECDSAWantsBothHalves(t *testing.T) {
	for _, length := range []int{0, 63, 65, 128} {
		if _, err := marshalECDSA(make([]byte, length), 32); err == nil {
			t.Errorf("%d bytes were taken for a P-256 signature", length)
		}
	}
}
