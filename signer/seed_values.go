package signer

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"sokyso/signer/pdf"
)

// What a field may demand of a signature: the value of the parameter "demand" of field_demands.
const (
	demandFilter        = "filter"
	demandFormat        = "format"
	demandVersion       = "version"
	demandDigest        = "digest"
	demandReason        = "reason"
	demandApproval      = "approval"
	demandCertification = "certification"
	demandTimestamp     = "timestamp"
	demandAttestation   = "attestation"
	demandRevocation    = "revocation"
	demandLock          = "lock"
	demandAppearance    = "appearance"
	demandCertificate   = "certificate"
	demandIssuer        = "issuer"
	demandPolicy        = "policy"
	demandSubject       = "subject"
	demandKeyUsage      = "key_usage"
)

// Demands lists every value of the parameter "demand", for tests of catalogues.
var Demands = []string{
	demandFilter, demandFormat, demandVersion, demandDigest, demandReason, demandApproval, demandCertification, demandTimestamp,
	demandAttestation, demandRevocation, demandLock, demandAppearance, demandCertificate, demandIssuer, demandPolicy,
	demandSubject, demandKeyUsage,
}

// demands refuses because the field demands what can't be had; values say what would do, for the sentence.
func demands(field, what, values string) *Error {
	return fail(CodeFieldDemands, fmt.Errorf("field %q demands %s: %s", field, what, values), "field", field, "demand", what, "values", values)
}

// Flags of a seed value dictionary (ISO 32000-2 §12.7.5.5, table 237): the entry is required, else recommended.
const (
	seedFilter           = 1 << 0
	seedSubFilter        = 1 << 1
	seedV                = 1 << 2
	seedReasons          = 1 << 3
	seedLegalAttestation = 1 << 4
	seedAddRevInfo       = 1 << 5
	seedDigestMethod     = 1 << 6
	seedLockDocument     = 1 << 7
	seedAppearanceFilter = 1 << 8
)

// seedVersion is the version of seed value dictionaries that is understood: PDF 2.0's.
const seedVersion = 3

// seedValues are a field's demands on a signature. What is required and can't be met forbids signing; what is
// recommended is taken where it costs nobody a decision: the hash. A recommended lock or reason is the signer's to
// choose.
type seedValues struct {
	file  *pdf.File
	field string
	dict  pdf.Dict
	flags pdf.Integer
	err   error // of reading an entry
}

func readSeedValues(f *pdf.File, field pdf.Field) (*seedValues, error) {
	s := &seedValues{file: f, field: field.Name}
	var err error
	if s.dict, err = f.Dict(field.Dict["SV"]); err != nil {
		return nil, classify(fmt.Errorf("read seed values: %w", err))
	}
	if s.flags, err = f.Integer(s.dict["Ff"]); err != nil {
		return nil, classify(fmt.Errorf("read seed values: %w", err))
	}
	return s, nil
}

func (s *seedValues) required(flag pdf.Integer) bool { return s.flags&flag != 0 }

func (s *seedValues) refuse(what, values string) error { return demands(s.field, what, values) }

// hold holds the demands against the options and takes what they leave open into the target.
func (s *seedValues) hold(t *target, opt *Options) error {
	if s.dict == nil {
		return nil
	}
	for _, check := range []func(*target, *Options) error{s.form, s.digest, s.reasons, s.kind, s.timestamp, s.rest} {
		err := check(t, opt)
		if s.err != nil {
			return classify(fmt.Errorf("read seed values: %w", s.err))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// form: handler and encoding of the signature, version of the dictionary.
func (s *seedValues) form(*target, *Options) error {
	if filter := s.name(s.dict["Filter"]); s.required(seedFilter) && filter != "" && filter != "Adobe.PPKLite" {
		return s.refuse(demandFilter, filter)
	}
	if formats := s.words(s.dict["SubFilter"]); s.required(seedSubFilter) && len(formats) > 0 && !slices.Contains(formats, "ETSI.CAdES.detached") {
		return s.refuse(demandFormat, strings.Join(formats, ", "))
	}
	if s.required(seedV) && s.dict["V"] != nil {
		v, err := s.file.Number(s.dict["V"])
		s.note(err)
		if v > seedVersion {
			return s.refuse(demandVersion, fmt.Sprintf("%g", v))
		}
	}
	return nil
}

// seedHashes are the names of the hashes that are written, without hyphens.
var seedHashes = map[string]crypto.Hash{"SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512}

// digest: the first of the named hashes that is written here, unless the signer wants another one.
func (s *seedValues) digest(t *target, opt *Options) error {
	methods := s.words(s.dict["DigestMethod"])
	var known []crypto.Hash
	for _, m := range methods {
		if h := seedHashes[strings.ReplaceAll(strings.ToUpper(m), "-", "")]; h != 0 {
			known = append(known, h)
		}
	}
	switch {
	case len(methods) == 0:
	case s.required(seedDigestMethod) && (len(known) == 0 || opt.Hash != 0 && !slices.Contains(known, opt.Hash)):
		return s.refuse(demandDigest, strings.Join(methods, ", "))
	case opt.Hash == 0 && len(known) > 0:
		t.hash = known[0]
	}
	return nil
}

// reasons: one of the given, or none at all when they are none or a full stop.
func (s *seedValues) reasons(t *target, opt *Options) error {
	if !s.required(seedReasons) {
		return nil
	}
	reasons := s.words(s.dict["Reasons"])
	switch {
	case len(reasons) == 0, len(reasons) == 1 && reasons[0] == ".":
		t.reason = ""
	case !slices.Contains(reasons, opt.Reason):
		return s.refuse(demandReason, "“"+strings.Join(reasons, "”, “")+"”")
	}
	return nil
}

// kind: MDP with P = 0 demands an approval, 1 to 3 a certification that allows this much. No flag makes it less than
// a demand. A certification forbids others something, so it takes the signer's word.
func (s *seedValues) kind(_ *target, opt *Options) error {
	mdp, err := s.file.Dict(s.dict["MDP"])
	s.note(err)
	if mdp["P"] == nil {
		return nil
	}
	p, err := s.file.Integer(mdp["P"])
	s.note(err)
	switch {
	case p == pdf.Integer(opt.Certify):
		return nil
	case p == 0:
		return s.refuse(demandApproval, "0")
	}
	return s.refuse(demandCertification, fmt.Sprint(p))
}

// timestamp: the address that the document names is told to the signer and never asked: documents are hostile input.
func (s *seedValues) timestamp(_ *target, opt *Options) error {
	ts, err := s.file.Dict(s.dict["TimeStamp"])
	s.note(err)
	required, err := s.file.Integer(ts["Ff"])
	s.note(err)
	if required&1 == 0 || opt.Level != LevelBB {
		return nil
	}
	return s.refuse(demandTimestamp, s.text(ts["URL"]))
}

// rest: what is only said of the document as a whole.
func (s *seedValues) rest(t *target, opt *Options) error {
	if attestations := s.words(s.dict["LegalAttestation"]); s.required(seedLegalAttestation) && len(attestations) > 0 {
		return s.refuse(demandAttestation, strings.Join(attestations, "; "))
	}
	revocation, err := s.file.Bool(s.dict["AddRevInfo"])
	s.note(err)
	if s.required(seedAddRevInfo) && revocation && opt.Level != LevelBLT && opt.Level != LevelBLTA {
		return s.refuse(demandRevocation, "true")
	}
	if filter := s.text(s.dict["AppearanceFilter"]); s.required(seedAppearanceFilter) && filter != "" {
		return s.refuse(demandAppearance, filter)
	}
	if !s.required(seedLockDocument) {
		return nil
	}
	switch lock := s.name(s.dict["LockDocument"]); {
	case lock == "true":
		if t.lock == nil {
			t.lock = &fieldLock{action: "All"}
		}
		t.lock.permissions = pdf.Integer(1)
	case lock == "false" && t.lock.locksDocument():
		return s.refuse(demandLock, "LockDocument false, P = 1")
	}
	return nil
}

// certificate holds the demands on the signer's certificate.
func (s *seedValues) certificate(chain []*x509.Certificate) error {
	if s.dict["Cert"] == nil || len(chain) == 0 {
		return nil
	}
	cert, err := s.file.Dict(s.dict["Cert"])
	s.note(err)
	flags, err := s.file.Integer(cert["Ff"])
	s.note(err)
	err = (&seedCertificate{seedValues: s, dict: cert, flags: flags}).hold(chain)
	if s.err != nil {
		return classify(fmt.Errorf("read seed values: %w", s.err))
	}
	return err
}

// note keeps the first error of reading.
func (s *seedValues) note(err error) {
	if s.err == nil {
		s.err = err
	}
}

// name is a name, or a text as some writers have in its place; "" if there is none.
func (s *seedValues) name(o pdf.Object) string {
	o, err := s.file.Resolve(o)
	s.note(err)
	switch o := o.(type) {
	case pdf.Name:
		return string(o)
	case bool:
		return fmt.Sprint(o)
	case pdf.String:
		return o.Text()
	}
	return ""
}

func (s *seedValues) text(o pdf.Object) string { return s.name(o) }

// words is an array of names or texts.
func (s *seedValues) words(o pdf.Object) []string {
	list, err := s.file.Array(o)
	s.note(err)
	var words []string
	for _, o := range list {
		words = append(words, s.name(o))
	}
	return words
}
