package signer

import (
	"crypto/sha1" // the name of a VRI entry, which the standard makes of it
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// proof is the material for one signature or document time-stamp.
type proof struct {
	key      pdf.Name // of its VRI entry
	material *validation.Material
}

// vriKey names a signature among the VRI entries: the SHA-1 of its Contents, padding included, in upper-case
// hexadecimal (ISO 32000-2 §12.8.4.4, table 262).
func vriKey(contents []byte) pdf.Name {
	sum := sha1.Sum(contents)
	return pdf.Name(strings.ToUpper(hex.EncodeToString(sum[:])))
}

// keyOf reads the Contents of a signature that was found by validation.
func (d *Document) keyOf(s *validation.Signature) (pdf.Name, error) {
	start, end := s.ByteRange[1]+1, s.ByteRange[2]-1
	digits := make([]byte, end-start)
	if _, err := d.ReadAt(digits, start); err != nil {
		return "", fail(CodeReadError, fmt.Errorf("read Contents: %w", err))
	}
	contents, err := hex.DecodeString(string(digits))
	if err != nil {
		return "", fail(CodeSelfCheckFailed, fmt.Errorf("read Contents: %w", err))
	}
	return vriKey(contents), nil
}

// addStore adds the material to the document security store (ISO 32000-2 §12.8.4.3, ETSI EN 319 142-1 §5.4) in an
// update of its own. What the store has stays in it; what it has already is not written again. Without anything new
// there is no update.
func (d *Document) addStore(p *Prepared, proofs []proof) error {
	return d.update(p, func(f *pdf.File, u *pdf.Update) (bool, error) {
		catalogRef, catalog, err := f.Catalog()
		if err != nil {
			return false, fmt.Errorf("read catalog: %w", err)
		}
		ref, _ := catalog["DSS"].(pdf.Ref)
		dss, err := asType[pdf.Dict](f, catalog["DSS"])
		if err != nil {
			return false, err
		}
		if dss == nil {
			dss, ref = pdf.Dict{"Type": pdf.Name("DSS")}, pdf.Ref{}
		}
		s := storeWriter{file: f, u: u, dss: dss}
		if s.have, err = validation.Stored(f, dss); err != nil {
			return false, err
		}
		if err := s.write(proofs); err != nil || !s.changed {
			return false, err
		}
		if ref != (pdf.Ref{}) {
			u.Set(ref, dss)
			return true, nil
		}
		catalog["DSS"] = u.Add(dss)
		u.Set(catalogRef, catalog)
		return true, nil
	})
}

// asType is what o leads to, the zero value where that is of another type, or can't be read as anything: a store helps
// and is not signed, so that what is wrong in it is as good as absent, and is replaced. The error is that of reading.
func asType[T pdf.Object](f *pdf.File, o pdf.Object) (T, error) {
	v, err := f.Resolve(o)
	if pdf.IsKind(err, pdf.KindRead) {
		var zero T
		return zero, fmt.Errorf("read DSS: %w", err)
	}
	t, _ := v.(T)
	return t, nil
}

type storeWriter struct {
	file    *pdf.File
	u       *pdf.Update
	dss     pdf.Dict
	have    *validation.StoredMaterial
	changed bool
}

func (s *storeWriter) write(proofs []proof) error {
	vriRef, _ := s.dss["VRI"].(pdf.Ref)
	vri, err := asType[pdf.Dict](s.file, s.dss["VRI"])
	if err != nil {
		return err
	}
	if vri == nil {
		vri, vriRef = pdf.Dict{}, pdf.Ref{}
	}
	for _, p := range proofs {
		entryRef, _ := vri[p.key].(pdf.Ref)
		entry, err := asType[pdf.Dict](s.file, vri[p.key])
		if err != nil {
			return err
		}
		if entry == nil {
			entry, entryRef = pdf.Dict{"Type": pdf.Name("VRI")}, pdf.Ref{}
		}
		grown := false
		for _, kind := range []struct {
			all, own pdf.Name
			have     map[string]pdf.Ref
			der      [][]byte
		}{
			{"Certs", "Cert", s.have.Certificates, raw(p.material.Certificates)},
			{"OCSPs", "OCSP", s.have.Responses, p.material.Responses},
			{"CRLs", "CRL", s.have.Lists, p.material.Lists},
		} {
			more, err := s.add(kind.all, kind.own, entry, kind.have, kind.der)
			if err != nil {
				return err
			}
			grown = grown || more
		}
		if !grown {
			continue
		}
		s.changed = true
		if entryRef != (pdf.Ref{}) {
			s.u.Set(entryRef, entry)
			continue
		}
		vri[p.key] = entry
	}
	if !s.changed {
		return nil
	}
	if vriRef != (pdf.Ref{}) {
		s.u.Set(vriRef, vri)
	} else {
		s.dss["VRI"] = vri
	}
	return nil
}

// add puts streams into an array of the DSS and of a VRI entry, and tells whether the entry has grown.
func (s *storeWriter) add(all, own pdf.Name, entry pdf.Dict, have map[string]pdf.Ref, list [][]byte) (bool, error) {
	inStore, err := asType[pdf.Array](s.file, s.dss[all])
	if err != nil {
		return false, err
	}
	inEntry, err := asType[pdf.Array](s.file, entry[own])
	if err != nil {
		return false, err
	}
	grown := false
	for _, der := range list {
		ref, known := have[string(der)]
		if !known {
			ref = s.u.Add(&pdf.Stream{Dict: pdf.Dict{}, Data: der})
			have[string(der)] = ref
			inStore = append(inStore, ref)
		}
		if !slices.Contains(inEntry, pdf.Object(ref)) {
			inEntry, grown = append(inEntry, ref), true
		}
	}
	if len(inStore) > 0 {
		s.dss[all] = inStore
	}
	if len(inEntry) > 0 {
		entry[own] = inEntry
	}
	return grown, nil
}

func raw(certs []*x509.Certificate) [][]byte {
	list := make([][]byte, len(certs))
	for i, c := range certs {
		list[i] = c.Raw
	}
	return list
}
