package validation

import (
	"context"
	"crypto/x509"
	"fmt"

	"sokyso/signer/pdf"
)

// SourceFile stands for the file itself where an answer about a certificate was found in its DSS.
const SourceFile = "DSS"

// Bounds on a document security store. A document that is archived again each year has a handful of each.
const (
	maxStored     = 512      // of certificates, responses and lists each
	maxStreams    = 2048     // that are read, whatever they turn out to be
	maxStoredSize = 64 << 20 // of all together, in bytes
	maxLookups    = 20_000   // answers held against a certificate, for all signatures of a file; see proofs.spend
)

// stored is a response or a list of a DSS.
type stored struct {
	der      []byte
	revision int // that brought it
	list     *x509.RevocationList
	issuers  map[string]error // who was asked whether the list is theirs, by DER, and the answer
}

// store is the document security store (ISO 32000-2 §12.8.4.3, ETSI EN 319 142-1 §5.4).
type store struct {
	source       string
	certificates []*x509.Certificate
	brought      map[string]int // of certificates, by their DER: the revision
	responses    []*stored
	lists        []*stored
}

// readStore reads the DSS of the newest revision. What can't be read in it is as good as absent: a store is not signed,
// it only helps.
func readStore(ctx context.Context, f *pdf.File, h *history) *store {
	s := &store{source: SourceFile, brought: map[string]int{}}
	_, catalog, err := f.Catalog()
	if err != nil || catalog["DSS"] == nil {
		return s
	}
	dss, err := f.Dict(catalog["DSS"])
	if err != nil {
		return s
	}
	r := storeReader{ctx: ctx, file: f, history: h, store: s, seen: map[pdf.Ref]bool{}}
	r.arrays(dss, "Certs", "OCSPs", "CRLs")
	vri, err := f.Dict(dss["VRI"])
	if err != nil {
		return s
	}
	for i, key := range keys(vri, nil) {
		entry, err := f.Dict(vri[key])
		if err != nil || i >= maxSignatures {
			continue
		}
		r.arrays(entry, "Cert", "OCSP", "CRL")
	}
	return s
}

type storeReader struct {
	ctx     context.Context
	file    *pdf.File
	history *history
	store   *store
	seen    map[pdf.Ref]bool
	bound   storeBound
}

// storeBound is what may still be read of a store. What can't be decoded costs as much as what can.
type storeBound struct {
	streams int
	size    int64
}

// read is the stream's data, nil if it is none, or more than may be read. The error is that of reading.
func (b *storeBound) read(f *pdf.File, ref pdf.Ref) ([]byte, error) {
	if b.streams >= maxStreams || b.size >= maxStoredSize {
		return nil, nil
	}
	stream, err := f.Stream(ref)
	if stream == nil && err == nil {
		return nil, nil
	}
	b.streams++
	if err != nil {
		return nil, onlyRead(err)
	}
	der, err := f.DataUpTo(stream, min(maxCRL, maxStoredSize-b.size))
	if pdf.IsKind(err, pdf.KindTooComplex) {
		b.size += maxCRL
	}
	if err != nil {
		b.size += maxOCSP
		return nil, onlyRead(err)
	}
	b.size += int64(len(der))
	return der, nil
}

func onlyRead(err error) error {
	if pdf.KindOf(err) == pdf.KindRead {
		return fmt.Errorf("read DSS: %w", err)
	}
	return nil
}

func (r *storeReader) arrays(d pdf.Dict, certificates, responses, lists pdf.Name) {
	r.each(d[certificates], func(der []byte, revision int) {
		if c, err := x509.ParseCertificate(der); err == nil && len(r.store.certificates) < maxStored {
			r.store.certificates = append(r.store.certificates, c)
			r.store.brought[string(der)] = revision
		}
	})
	r.each(d[responses], func(der []byte, revision int) {
		if len(r.store.responses) < maxStored {
			r.store.responses = append(r.store.responses, &stored{der: der, revision: revision})
		}
	})
	r.each(d[lists], func(der []byte, revision int) {
		if list, err := x509.ParseRevocationList(der); err == nil && len(r.store.lists) < maxStored {
			r.store.lists = append(r.store.lists, &stored{der: der, revision: revision, list: list})
		}
	})
}

// each reads the streams of an array, those that were read before left out.
func (r *storeReader) each(o pdf.Object, take func(der []byte, revision int)) {
	list, err := r.file.Array(o)
	if err != nil {
		return
	}
	for _, o := range list {
		ref, ok := o.(pdf.Ref)
		if !ok || r.seen[ref] || r.ctx.Err() != nil {
			continue
		}
		r.seen[ref] = true
		if r.bound.streams >= maxStreams {
			return
		}
		if der, err := r.bound.read(r.file, ref); err == nil && der != nil {
			take(der, r.history.version(ref, r.history.last).revision)
		}
	}
}

// StoredMaterial is what a file's DSS holds, in DER, for who adds to it.
type StoredMaterial struct {
	Certificates, Responses, Lists map[string]pdf.Ref // by their DER
}

// Stored reads which certificates, OCSP responses and revocation lists the arrays of a DSS dictionary hold, within the
// bounds of validation. What is of another type than it should be is as good as absent.
func Stored(f *pdf.File, dss pdf.Dict) (*StoredMaterial, error) {
	m := &StoredMaterial{map[string]pdf.Ref{}, map[string]pdf.Ref{}, map[string]pdf.Ref{}}
	var bound storeBound
	for _, kind := range []struct {
		key pdf.Name
		to  map[string]pdf.Ref
	}{{"Certs", m.Certificates}, {"OCSPs", m.Responses}, {"CRLs", m.Lists}} {
		list, err := f.Array(dss[kind.key])
		if err := onlyRead(err); err != nil {
			return nil, err
		}
		for _, o := range list {
			ref, ok := o.(pdf.Ref)
			if !ok || bound.streams >= maxStreams {
				continue
			}
			der, err := bound.read(f, ref)
			if err != nil {
				return nil, err
			}
			if der != nil {
				kind.to[string(der)] = ref
			}
		}
	}
	return m, nil
}
