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
		dss, err := f.Dict(catalog["DSS"])
		if err != nil {
			return false, fmt.Errorf("read DSS: %w", err)
		}
		if dss == nil {
			dss = pdf.Dict{"Type": pdf.Name("DSS")}
		}
		s := storeWriter{file: f, u: u, dss: dss}
		if s.have, err = validation.Stored(f, dss); err != nil {
			return false, err
		}
		if err := s.write(proofs); err != nil || !s.changed {
			return false, err
		}
		if ref, ok := catalog["DSS"].(pdf.Ref); ok {
			u.Set(ref, dss)
			return true, nil
		}
		catalog["DSS"] = u.Add(dss)
		u.Set(catalogRef, catalog)
		return true, nil
	})
}

type storeWriter struct {
	file    *pdf.File
	u       *pdf.Update
	dss     pdf.Dict
	have    *validation.StoredMaterial
	changed bool
}

func (s *storeWriter) write(proofs []proof) error {
	vri, err := s.file.Dict(s.dss["VRI"])
	if err != nil {
		return fmt.Errorf("read VRI: %w", err)
	}
	if vri == nil {
		vri = pdf.Dict{}
	}
	for _, p := range proofs {
		entry, err := s.file.Dict(vri[p.key])
		if err != nil {
			return fmt.Errorf("read VRI: %w", err)
		}
		if entry == nil {
			entry = pdf.Dict{"Type": pdf.Name("VRI")}
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
		if ref, ok := vri[p.key].(pdf.Ref); ok {
			s.u.Set(ref, entry)
			continue
		}
		vri[p.key] = entry
	}
	if !s.changed {
		return nil
	}
	if ref, ok := s.dss["VRI"].(pdf.Ref); ok {
		s.u.Set(ref, vri)
	} else {
		s.dss["VRI"] = vri
	}
	return nil
}

// add puts streams into an array of the DSS and of a VRI entry, and tells whether the entry has grown.
func (s *storeWriter) add(all, own pdf.Name, entry pdf.Dict, have map[string]pdf.Ref, list [][]byte) (bool, error) {
	inStore, err := s.file.Array(s.dss[all])
	if err != nil {
		return false, fmt.Errorf("read DSS: %w", err)
	}
	inEntry, err := s.file.Array(entry[own])
	if err != nil {
		return false, fmt.Errorf("read VRI: %w", err)
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
