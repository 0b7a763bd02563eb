package signer

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"sokyso/signer/pdf"
)

// target is the field that is signed in, with what it and the document's signatures demand.
type target struct {
	name  string
	field *pdf.Field // nil = a new one
	seeds *seedValues
	lock  *fieldLock // nil = none

	entries []pdf.Field // those of Options.Entries

	hash   crypto.Hash
	reason string
	fresh  bool // nothing in the document is signed
}

var errNoObject = errors.New("it is no object of its own")

// target finds the field and holds its demands, and those of the signatures before, against the options; all but what
// the field demands of the certificate.
func (p *Prepared) target(opt *Options) (*target, error) {
	fields, err := p.file.Fields()
	if err != nil {
		return nil, classify(fmt.Errorf("read form: %w", err))
	}
	t := &target{seeds: &seedValues{}, fresh: p.unsigned(fields), hash: cmp.Or(opt.Hash, crypto.SHA256), reason: opt.Reason}
	if !slices.Contains(hashes, t.hash) {
		return nil, fail(CodeUnsupportedAlgorithm, fmt.Errorf("%w: %v", errHash, t.hash), "algorithm", t.hash.String())
	}
	if t.entries, err = p.entries(fields, opt); err != nil {
		return nil, err
	}
	if opt.Field == "" {
		t.name = freeName(fields)
	} else if err := t.find(p.file, fields, opt.Field); err != nil {
		return nil, err
	}
	if by, locked := p.restrictions.Locked(t.name); locked {
		return nil, fail(CodeFieldLocked, fmt.Errorf("the signature in field %q locks field %q", by, t.name), "field", t.name, "by", by)
	}
	if err := p.mayCertify(t, opt.Certify); err != nil {
		return nil, err
	}
	if t.field == nil {
		return t, nil
	}
	if t.seeds, err = readSeedValues(p.file, *t.field); err != nil {
		return nil, err
	}
	if t.lock, err = readLock(p.file, *t.field); err != nil {
		return nil, err
	}
	return t, t.seeds.hold(t, opt)
}

// find takes the named field, which must be an empty signature field.
func (t *target) find(file *pdf.File, fields []pdf.Field, name string) error {
	i := slices.IndexFunc(fields, func(f pdf.Field) bool { return f.Name == name })
	if i < 0 {
		return fail(CodeFieldNotFound, fmt.Errorf("find field %q: not in the form", name), "field", name)
	}
	f := fields[i]
	if f.Type != "Sig" {
		return fail(CodeFieldTaken, fmt.Errorf("field %q is of type %s", name, f.Type), "field", name)
	}
	v, err := file.Resolve(f.Value)
	if err != nil {
		return classify(fmt.Errorf("read field %q: %w", name, err))
	}
	if v != nil {
		return fail(CodeFieldTaken, fmt.Errorf("field %q is signed", name), "field", name)
	}
	if f.Ref == (pdf.Ref{}) {
		return fail(CodeDamagedPDF, fmt.Errorf("field %q: %w", name, errNoObject))
	}
	t.name, t.field = f.Name, &f
	return nil
}

// mayCertify: a certification is the first signature of a document (ISO 32000-2 §12.8.2.2.1), and there is one at
// most.
func (p *Prepared) mayCertify(t *target, level int) error {
	switch {
	case level == 0:
		return nil
	case level < 0 || level > 3:
		return fail(CodeCertifyForbidden, fmt.Errorf("certify with P = %d", level), "reason", strconv.Itoa(level))
	case !t.fresh:
		return fail(CodeCertifyForbidden, errors.New("certify: the document is signed already"))
	}
	_, catalog, err := p.file.Catalog()
	if err != nil {
		return classify(fmt.Errorf("read catalog: %w", err))
	}
	perms, err := p.file.Dict(catalog["Perms"])
	if err != nil {
		return classify(fmt.Errorf("read permissions: %w", err))
	}
	if perms["DocMDP"] != nil {
		return fail(CodeCertifyForbidden, errors.New("certify: the document has a certification already"))
	}
	return nil
}

// unsigned tells whether none of the fields is signed; one that can't be read is taken for signed.
func (p *Prepared) unsigned(fields []pdf.Field) bool {
	return !slices.ContainsFunc(fields, func(f pdf.Field) bool {
		if f.Type != "Sig" || f.Value == nil {
			return false
		}
		v, err := p.file.Resolve(f.Value)
		return v != nil || err != nil
	})
}

// freeName answers a field name that no field has: Signature1, Signature2, ...
func freeName(fields []pdf.Field) string {
	taken := map[string]bool{}
	for _, f := range fields {
		for i, c := range f.Name {
			if c == '.' {
				taken[f.Name[:i]] = true // a group of that name would swallow ours
			}
		}
		taken[f.Name] = true
	}
	for n := 1; ; n++ {
		if name := fmt.Sprintf("Signature%d", n); !taken[name] {
			return name
		}
	}
}
