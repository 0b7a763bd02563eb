package signer

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"sokyso/signer/pdf"
)

// Flags of a certificate seed value dictionary (ISO 32000-2 §12.7.5.5, table 238). That of URL, where a certificate
// could be got, binds nobody who has one.
const (
	seedSubject   = 1 << 0
	seedIssuer    = 1 << 1
	seedOID       = 1 << 2
	seedSubjectDN = 1 << 3
	seedKeyUsage  = 1 << 5
)

// seedCertificate is what a field demands of the signer's certificate. What it only recommends is not looked at: the
// person has chosen the token.
type seedCertificate struct {
	*seedValues
	dict  pdf.Dict
	flags pdf.Integer
}

func (c *seedCertificate) hold(chain []*x509.Certificate) error {
	leaf := chain[0]
	for _, demand := range []struct {
		flag pdf.Integer
		key  pdf.Name
		name string
		met  func() bool
		show func() string
	}{
		{seedSubject, "Subject", demandCertificate, func() bool {
			return slices.ContainsFunc(c.certificates("Subject"), leaf.Equal)
		}, func() string { return names(c.certificates("Subject")) }},
		{seedIssuer, "Issuer", demandIssuer, func() bool {
			return slices.ContainsFunc(c.certificates("Issuer"), func(issuer *x509.Certificate) bool { return issuedUnder(chain, issuer) })
		}, func() string { return names(c.certificates("Issuer")) }},
		{seedOID, "OID", demandPolicy, func() bool {
			return slices.ContainsFunc(c.words(c.dict["OID"]), func(id string) bool {
				return slices.ContainsFunc(leaf.Policies, func(p x509.OID) bool { return p.String() == id })
			})
		}, func() string { return strings.Join(c.words(c.dict["OID"]), ", ") }},
		{seedSubjectDN, "SubjectDN", demandSubject, func() bool {
			return slices.ContainsFunc(c.dictionaries("SubjectDN"), func(want pdf.Dict) bool { return c.named(leaf, want) })
		}, func() string { return c.showNames(c.dictionaries("SubjectDN")) }},
		{seedKeyUsage, "KeyUsage", demandKeyUsage, func() bool {
			return slices.ContainsFunc(c.words(c.dict["KeyUsage"]), func(pattern string) bool { return usageFits(leaf.KeyUsage, pattern) })
		}, func() string { return strings.Join(c.words(c.dict["KeyUsage"]), ", ") }},
	} {
		list, err := c.file.Array(c.dict[demand.key])
		c.note(err)
		if demand.key == "OID" && c.dict["Issuer"] == nil {
			continue // policies are those of the named issuers
		}
		if c.flags&demand.flag != 0 && len(list) > 0 && !demand.met() {
			return c.refuse(demand.name, demand.show())
		}
	}
	return nil
}

// certificates reads an array of certificates in DER; one that can't be read fits nobody.
func (c *seedCertificate) certificates(key pdf.Name) []*x509.Certificate {
	var certs []*x509.Certificate
	list, err := c.file.Array(c.dict[key])
	c.note(err)
	for _, o := range list {
		der, err := c.file.String(o)
		c.note(err)
		if cert, err := x509.ParseCertificate(der); err == nil {
			certs = append(certs, cert)
		}
	}
	return certs
}

func (c *seedCertificate) dictionaries(key pdf.Name) []pdf.Dict {
	var dicts []pdf.Dict
	list, err := c.file.Array(c.dict[key])
	c.note(err)
	for _, o := range list {
		d, err := c.file.Dict(o)
		c.note(err)
		dicts = append(dicts, d)
	}
	return dicts
}

func names(certs []*x509.Certificate) string {
	var list []string
	for _, c := range certs {
		list = append(list, "“"+c.Subject.CommonName+"”")
	}
	return strings.Join(list, ", ")
}

// issuedUnder tells whether the issuer stands above the signer's certificate, directly or not.
func issuedUnder(chain []*x509.Certificate, issuer *x509.Certificate) bool {
	for i, c := range chain {
		if i > 0 && c.Equal(issuer) || bytes.Equal(c.RawIssuer, issuer.RawSubject) && c.CheckSignatureFrom(issuer) == nil {
			return true
		}
	}
	return false
}

// attributeNames are the short names of attributes (RFC 4519) that seed values use, in lower case.
var attributeNames = map[string]string{
	"cn": "2.5.4.3", "sn": "2.5.4.4", "serialnumber": "2.5.4.5", "c": "2.5.4.6", "l": "2.5.4.7", "st": "2.5.4.8",
	"street": "2.5.4.9", "o": "2.5.4.10", "ou": "2.5.4.11", "title": "2.5.4.12", "gn": "2.5.4.42", "givenname": "2.5.4.42",
	"e": "1.2.840.113549.1.9.1", "email": "1.2.840.113549.1.9.1", "emailaddress": "1.2.840.113549.1.9.1",
	"uid": "0.9.2342.19200300.100.1.1", "dc": "0.9.2342.19200300.100.1.25",
}

// named tells whether the subject has all the attributes.
func (c *seedCertificate) named(leaf *x509.Certificate, want pdf.Dict) bool {
	for key, o := range want {
		id := string(key)
		if known := attributeNames[strings.ToLower(id)]; known != "" {
			id = known
		}
		value := norm.NFC.String(c.text(o))
		has := false
		for _, a := range leaf.Subject.Names {
			s, ok := a.Value.(string)
			has = has || ok && a.Type.String() == id && norm.NFC.String(s) == value
		}
		if !has {
			return false
		}
	}
	return true
}

func (c *seedCertificate) showNames(dicts []pdf.Dict) string {
	var all []string
	for _, d := range dicts {
		var parts []string
		for key, o := range d {
			parts = append(parts, string(key)+"="+c.text(o))
		}
		slices.Sort(parts)
		all = append(all, strings.Join(parts, ", "))
	}
	return strings.Join(all, "; ")
}

// usageFits holds a key usage against a pattern of 0 (must not be), 1 (must be) and X (either), in the order of
// RFC 5280 §4.2.1.3.
func usageFits(usage x509.KeyUsage, pattern string) bool {
	for i, c := range bytes.ToUpper([]byte(pattern)) {
		set := i < 9 && usage&(1<<i) != 0
		if c == '1' && !set || c == '0' && set {
			return false
		}
	}
	return true
}
