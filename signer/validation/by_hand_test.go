package validation_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"sokyso/signer/cms"
)

// issuer makes certificates of any kind, which the test authority does not.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func p256(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRoot(t testing.TB, key crypto.Signer) issuer {
	t.Helper()
	self := issuer{key: key}
	self.cert = self.issue(t, key.Public(), asAuthority("Gốc thử"))
	return self
}

func asAuthority(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage = name, true, x509.KeyUsageCertSign
	}
}

// issue certifies a key for signing documents; change makes it something else.
func (i issuer) issue(t testing.TB, public crypto.PublicKey, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Lê Minh Quân"}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(template)
	}
	parent := i.cert
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, i.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (i issuer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.cert)
	return pool
}

var timeStamping = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}

// usages is an extended key usage extension.
func usages(t testing.TB, critical bool, ids ...asn1.ObjectIdentifier) pkix.Extension {
	t.Helper()
	der, err := asn1.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: der}
}

func asTSA(t testing.TB) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.CommonName = "TSA thử"
		c.ExtraExtensions = []pkix.Extension{usages(t, true, timeStamping)}
	}
}

// stamped gives a signature a time-stamp by this authority, whose own signature uses hash.
func stamped(t testing.TB, tsa identity, hash crypto.Hash) func(*cms.SignedData) []byte {
	return func(sd *cms.SignedData) []byte {
		der, err := sd.AddTimestamp(stampToken(t, tsa, sd.Signers[0].Signature, hash, true))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
}

// stampToken is a time-stamp token over a message, with the authority's certificate in it or not.
func stampToken(t testing.TB, tsa identity, message []byte, hash crypto.Hash, certificate bool) []byte {
	t.Helper()
	imprint := sha256.Sum256(message)
	token := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: imprint[:], Time: time.Now().UTC().Truncate(time.Second),
		Policy: asn1.ObjectIdentifier{2, 999, 1}, AddTSACertificate: certificate,
	}
	answer, err := token.CreateResponseWithOpts(tsa.chain[0], tsa.key, hash)
	if err != nil {
		t.Fatal(err)
	}
	response, err := timestamp.ParseResponse(answer)
	if err != nil {
		// The library refuses what lacks the certificate.
		var outer struct {
			Status asn1.RawValue
			Token  asn1.RawValue
		}
		if _, err := asn1.Unmarshal(answer, &outer); err != nil {
			t.Fatal(err)
		}
		return outer.Token.FullBytes
	}
	return response.RawToken
}

// signByHand signs without the checks that the signer makes before it uses a key.
func signByHand(t testing.TB, who identity, stamp func(*cms.SignedData) []byte) []byte {
	t.Helper()
	return signObjects(t, who, letter(), "", stamp)
}

// signObjects signs in the field that is object 12; extra stands in the signature dictionary, which is object 20.
func signObjects(t testing.TB, who identity, objects map[int]string, extra string, stamp func(*cms.SignedData) []byte) []byte {
	t.Helper()
	return signWith(objects, "/SubFilter /ETSI.CAdES.detached "+extra, detached(t, who, stamp))
}

// signChanged is signObjects for a file that change makes another before it is signed.
func signChanged(t testing.TB, who identity, objects map[int]string, change func([]byte) []byte) []byte {
	t.Helper()
	return signFile(objects, "/SubFilter /ETSI.CAdES.detached", change, detached(t, who, nil))
}

// detached makes the CMS over what is signed.
func detached(t testing.TB, who identity, stamp func(*cms.SignedData) []byte) func(signed []byte) []byte {
	return func(signed []byte) []byte {
		digest := sha256.Sum256(signed)
		der, err := cms.Sign(rand.Reader, who.key, cms.Request{
			Hash: crypto.SHA256, Digest: digest[:], Certificate: who.chain[0], Chain: who.chain[1:],
		})
		if err != nil {
			t.Fatal(err)
		}
		if stamp == nil {
			return der
		}
		sd, err := cms.Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		return stamp(sd)
	}
}

// signWith puts what contents answers for the signed bytes into the file.
func signWith(objects map[int]string, dictionary string, contents func(signed []byte) []byte) []byte {
	return signFile(objects, dictionary, nil, contents)
}

// signFile is signWith for a file that change makes another before it is signed.
func signFile(objects map[int]string, dictionary string, change func([]byte) []byte, contents func(signed []byte) []byte) []byte {
	const room = 16 << 10
	hole := "<" + strings.Repeat("0", 2*room) + ">"
	ranges := "[0 " + strings.Repeat(" ", 40) + "]"
	objects[12] = "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Duyet) /V 20 0 R /Rect [100 100 200 150] /P 3 0 R /AP << /N 21 0 R >> >>"
	kind := "Sig"
	if strings.Contains(dictionary, "RFC3161") {
		kind = "DocTimeStamp"
	}
	objects[20] = "<< /Type /" + kind + " /Filter /Adobe.PPKLite " + dictionary + " /ByteRange " + ranges + " /Contents " + hole + " >>"
	objects[21] = stream("/Type /XObject /Subtype /Form /BBox [0 0 100 50] /Resources << /Font << /F1 7 0 R >> >>", "BT /F1 10 Tf 5 5 Td (Da ky) Tj ET")
	b := build(objects)
	if change != nil {
		b = change(b)
	}
	start := bytes.Index(b, []byte(hole))
	end := start + len(hole)
	copy(b[bytes.Index(b, []byte(ranges)):], fmt.Sprintf("[0 %d %d %d", start, end, len(b)-end))
	copy(b[start+1:], hex.EncodeToString(contents(append(bytes.Clone(b[:start]), b[end:]...))))
	return b
}

// docMDP is the reference of a certification with that P.
func docMDP(p int) string {
	return fmt.Sprintf("/Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams << /Type /TransformParams /P %d /V /1.2 >> /Data 1 0 R >>]", p)
}
