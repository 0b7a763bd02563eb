package validation

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"sokyso/signer/cms"
)

// checkStructure looks at the parts of a CMS that neither digest nor signature protects and that do not matter to the
// mathematics: the version numbers, the list of digest algorithms, and the issuer in the signer identifier. They
// follow from the rest (RFC 5652 §5.1, §5.3), so that one that does not fit tells of a change. The error is the reason.
func checkStructure(sd *cms.SignedData, der []byte) error {
	s := sd.Signers[0]
	if s.Certificate != nil && s.Issuer != nil && !sameName(s.Issuer, s.Certificate.RawIssuer) {
		return errors.New("the signer identifier names another issuer")
	}
	for _, a := range s.UnsignedAttributes {
		if !knownUnsigned[a.Type] {
			return fmt.Errorf("unknown unsigned attribute %s", a.Type)
		}
	}
	versions, err := readVersions(der)
	if errors.Is(err, errNotDER) {
		return nil // BER of older writers; not of the baseline, which the caller notes
	}
	if err != nil {
		return err
	}
	// A signer named by issuer and serial number makes both 1, one named by key identifier 3.
	want := int64(3)
	if s.Issuer != nil {
		want = 1
	}
	if versions.signer != want {
		return fmt.Errorf("version %d of the SignerInfo", versions.signer)
	}
	if sd.ContentType != oidData { // that of a time-stamp token
		want = 3
	}
	// Revocation material of other kinds than CRLs makes it 5.
	if versions.data != want && (versions.data != 5 || len(sd.CRLs) == 0) {
		return fmt.Errorf("version %d of the SignedData", versions.data)
	}
	for _, alg := range versions.digests {
		if bytes.Equal(alg, versions.digest) {
			return nil
		}
	}
	return errors.New("the signer's digest algorithm is not in the list")
}

// oidData is id-data, the content type of a signature over a document (RFC 5652 §4).
const oidData = "1.2.840.113549.1.7.1"

var (
	errNotDER    = errors.New("not DER")
	errStructure = errors.New("it is partly DER, partly not")
)

// versions are the unprotected parts as they stand.
type versions struct {
	data, signer int64
	digests      [][]byte // object identifiers
	digest       []byte
}

// readVersions reads the outer layers of the DER (RFC 5652 §5.1). The cms package has parsed them before, so what
// fails at the outermost is BER.
func readVersions(der []byte) (versions, error) {
	var v versions
	var info, explicit, data, set, infos, signer, alg, skip cryptobyte.String
	in := cryptobyte.String(der)
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) {
		return v, errNotDER
	}
	ok := info.SkipASN1(cbasn1.OBJECT_IDENTIFIER) && info.ReadASN1(&explicit, cbasn1.Tag(0).ContextSpecific().Constructed()) &&
		explicit.ReadASN1(&data, cbasn1.SEQUENCE) && data.ReadASN1Integer(&v.data) &&
		data.ReadASN1(&set, cbasn1.SET) && readContent(&data)
	if !ok {
		return v, errStructure
	}
	for !set.Empty() {
		var id cryptobyte.String
		if !set.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER) {
			return v, errStructure
		}
		if err := parameters(alg); err != nil {
			return v, err
		}
		v.digests = append(v.digests, id)
	}
	for i := range 2 {
		if !data.SkipOptionalASN1(cbasn1.Tag(i).ContextSpecific().Constructed()) {
			return v, errStructure
		}
	}
	var id cryptobyte.String
	ok = data.ReadASN1(&infos, cbasn1.SET) && infos.ReadASN1(&signer, cbasn1.SEQUENCE) &&
		signer.ReadASN1Integer(&v.signer) && signer.ReadAnyASN1(&skip, new(cbasn1.Tag)) &&
		signer.ReadASN1(&alg, cbasn1.SEQUENCE) && alg.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER)
	if !ok {
		return v, errStructure
	}
	v.digest = id
	return v, parameters(alg)
}

// readContent reads encapContentInfo: a type and, in a time-stamp token, an OCTET STRING.
func readContent(data *cryptobyte.String) bool {
	var info, content, octets cryptobyte.String
	var present bool
	if !data.ReadASN1(&info, cbasn1.SEQUENCE) || !info.SkipASN1(cbasn1.OBJECT_IDENTIFIER) ||
		!info.ReadOptionalASN1(&content, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) || !info.Empty() {
		return false
	}
	return !present || content.ReadASN1(&octets, cbasn1.OCTET_STRING) && content.Empty()
}

// knownUnsigned are the unsigned attributes that signatures in use have: counter-signature, and those of CAdES with
// time-stamps and validation material (ETSI EN 319 122-1 §5, annex A).
var knownUnsigned = map[string]bool{
	"1.2.840.113549.1.9.6":       true,
	"1.2.840.113549.1.9.16.2.14": true, // signature time-stamp
	"1.2.840.113549.1.9.16.2.21": true,
	"1.2.840.113549.1.9.16.2.22": true,
	"1.2.840.113549.1.9.16.2.23": true,
	"1.2.840.113549.1.9.16.2.24": true,
	"1.2.840.113549.1.9.16.2.25": true,
	"1.2.840.113549.1.9.16.2.26": true,
	"1.2.840.113549.1.9.16.2.27": true,
	"1.2.840.113549.1.9.16.2.48": true,
	"0.4.0.1733.2.4":             true,
	"0.4.0.1733.2.5":             true,
	"0.4.0.19122.1.3":            true,
	"1.3.6.1.4.1.311.3.3.1":      true,
	"1.2.840.113583.1.1.8":       true, // revocation information, which some leave unsigned
}

// parameters of a digest algorithm are absent or NULL (RFC 5754 §2).
func parameters(rest cryptobyte.String) error {
	if rest.Empty() || bytes.Equal(rest, []byte{5, 0}) {
		return nil
	}
	return errors.New("a digest algorithm has parameters")
}

// sameName compares two names; the same words in other string types are the same, because some writers encode the
// issuer anew.
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y pkix.RDNSequence
	if rest, err := asn1.Unmarshal(a, &x); err != nil || len(rest) > 0 {
		return false
	}
	if rest, err := asn1.Unmarshal(b, &y); err != nil || len(rest) > 0 || len(x) != len(y) {
		return false
	}
	for i := range x {
		if len(x[i]) != len(y[i]) {
			return false
		}
		for j := range x[i] {
			v, ok := x[i][j].Value.(string)
			w, same := y[i][j].Value.(string)
			if !ok || !same || v != w || !x[i][j].Type.Equal(y[i][j].Type) {
				return false
			}
		}
	}
	return true
}
