package signer

import (
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"

	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// raise adds to a document that was signed with a time-stamp what its level has beyond that: the validation material,
// then for LevelBLTA a document time-stamp over everything. Neither needs the key. fresh: the input has no signatures.
// The error is an *Error.
func (d *Document) raise(ctx context.Context, p *Prepared, found *evidence, opt *Options, fresh bool) error {
	report, err := d.validate(ctx, opt, d.in.Size())
	if err != nil {
		return err
	}
	s, err := d.own(report)
	if err != nil {
		return err
	}
	// Most authorities have one certificate, so that all of this was gathered before; one that stamps with several has
	// used another now.
	material := &validation.Material{}
	material.Add(found.material)
	for _, chain := range s.Chains {
		if err := opt.gather(ctx, material, chain.Path, chain.Missing, opt.now()); err != nil {
			return err
		}
	}
	key, err := d.keyOf(s)
	if err != nil {
		return err
	}
	proofs := []proof{{key, material}}
	if !fresh {
		earlier, err := d.earlier(ctx, opt)
		if err != nil {
			return err
		}
		proofs = append(proofs, earlier...)
	}
	if err := d.addStore(p, proofs); err != nil {
		return err
	}
	if opt.Level == LevelBLTA {
		if err := d.addTimestamp(ctx, p, opt); err != nil {
			return err
		}
	}
	if report, err = d.validate(context.WithoutCancel(ctx), opt, d.in.Size()); err != nil {
		return err
	}
	if s, err = d.own(report); err != nil {
		return err
	}
	want := map[Level]string{LevelBLT: "B-LT", LevelBLTA: "B-LTA"}[opt.Level]
	for _, s := range report.Signatures {
		if s.Indication != validation.TotalPassed {
			return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: %s in field %s: %v", s.Indication, s.Field, s.Details), "sub_indication", s.SubIndication)
		}
	}
	if s.Level != want {
		return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: level %s instead of %s: %v", s.Level, want, s.Details))
	}
	if fresh {
		return nil
	}
	return d.harmless(context.WithoutCancel(ctx), p)
}

// earlier gathers what shows the standing of the certificates of the signatures and time-stamps before ours, as far as it
// can be had: they are others' and perhaps of others' authorities, so that one of which nobody knows, or that is not
// valid, does not keep us from our level. A note says so then. The error is that of reading, or of ctx.
func (d *Document) earlier(ctx context.Context, opt *Options) ([]proof, error) {
	report, err := d.validate(ctx, opt, 0)
	if err != nil {
		return nil, err
	}
	var proofs []proof
	whole := true
	for i := range report.Signatures {
		s := &report.Signatures[i]
		if s.Field == d.field && string(s.CMS) == string(d.cms) {
			continue
		}
		material := &validation.Material{}
		valid := s.Indication == validation.TotalPassed && len(s.Chains) > 0
		for _, chain := range s.Chains {
			if !valid || len(chain.Missing) == 0 {
				continue
			}
			if err := opt.gather(ctx, material, chain.Path, chain.Missing, s.BestTime); ctx.Err() != nil {
				return nil, fail(CodeCancelled, ctx.Err())
			} else if err != nil {
				valid = false
			}
		}
		whole = whole && valid
		if !valid || len(material.Certificates) == 0 {
			continue
		}
		key, err := d.keyOf(s)
		if err != nil {
			return nil, err
		}
		proofs = append(proofs, proof{key, material})
	}
	if !whole {
		d.notes = append(d.notes, NoteEarlierNotStored)
	}
	return proofs, nil
}

// own finds the signature of this document in a report.
func (d *Document) own(report *validation.Report) (*validation.Signature, error) {
	for i := range report.Signatures {
		if s := &report.Signatures[i]; s.Field == d.field && string(s.CMS) == string(d.cms) {
			return s, nil
		}
	}
	return nil, fail(CodeSelfCheckFailed, fmt.Errorf("self-check: no signature in field %s", d.field))
}

// validate judges the signatures whose Contents stand behind a byte as anybody else would who has no network.
func (d *Document) validate(ctx context.Context, opt *Options, after int64) (*validation.Report, error) {
	options := opt.validation()
	options.Offline, options.After = true, after
	report, err := validation.Validate(ctx, d, d.Size(), options)
	if err != nil {
		if cancelled(err) {
			return nil, fail(CodeCancelled, err)
		}
		return nil, fail(CodeSelfCheckFailed, fmt.Errorf("self-check: %w", err))
	}
	return report, nil
}

// update appends an update of what the document is now. Without a change there is none. The error is an *Error.
func (d *Document) update(p *Prepared, build func(*pdf.File, *pdf.Update) (bool, error)) error {
	f, err := pdf.OpenWithPassword(d, d.Size(), p.password)
	if err != nil {
		return classify(fmt.Errorf("open document: %w", err))
	}
	u := pdf.NewUpdate(f)
	changed, err := build(f, u)
	if err != nil {
		return classify(err)
	}
	if !changed {
		return nil
	}
	more, err := u.Bytes()
	if err != nil {
		return classify(fmt.Errorf("write update: %w", err))
	}
	d.tail = append(d.tail, more...)
	return d.sum(p)
}

// sum computes the SHA-256 of the document anew, from where the input ends.
func (d *Document) sum(p *Prepared) error {
	h, err := p.hash(context.Background(), crypto.SHA256) // its state after the input is at hand
	if err != nil {
		return err
	}
	h.Write(d.tail)
	h.Sum(d.sumOut[:0])
	return nil
}

// addTimestamp adds a document time-stamp over all that the document is now (ISO 32000-2 §12.8.5, ETSI EN 319 142-1
// §5.4.3), in an invisible field on the first page. The error is an *Error.
func (d *Document) addTimestamp(ctx context.Context, p *Prepared, opt *Options) error {
	room, _, err := opt.tried(ctx)
	if err != nil {
		return err
	}
	var l *draft
	if err := d.update(p, func(f *pdf.File, u *pdf.Update) (bool, error) {
		l = &draft{file: f, u: u, contents: pdf.NewReserved(2*room+2, '0'), byteRange: pdf.NewReserved(byteRangeWidth, ' ')}
		return true, l.layTimestamp()
	}); err != nil {
		return err
	}
	gap, rest := d.patchByteRange(l)
	h, err := p.hash(ctx, crypto.SHA256)
	if err != nil {
		return err
	}
	digest := digestAround(h, d.tail, gap, rest)
	ts, _, err := opt.timestamp(ctx, digest)
	if err != nil {
		return err
	}
	if len(ts.Raw) > room {
		return fail(CodeTimestampFailed, fmt.Errorf("time-stamp from %s: %d bytes, room for %d", opt.TSA, len(ts.Raw), room), "url", opt.TSA)
	}
	d.tail[gap], d.tail[rest-1] = '<', '>'
	hex.Encode(d.tail[gap+1:], ts.Raw)
	return d.sum(p)
}

func digestAround(h hash.Hash, b []byte, gap, rest int64) []byte {
	h.Write(b[:gap])
	h.Write(b[rest:])
	return h.Sum(nil)
}

// layTimestamp lays out signature dictionary, field and widget of a document time-stamp.
func (l *draft) layTimestamp() error {
	fields, err := l.file.Fields()
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	l.signature = l.u.Add(pdf.Dict{
		"Type": pdf.Name("DocTimeStamp"), "Filter": pdf.Name("Adobe.PPKLite"), "SubFilter": pdf.Name("ETSI.RFC3161"),
		"ByteRange": l.byteRange, "Contents": l.contents,
	})
	l.field = freeTimestampName(fields)
	return l.addField(nil)
}

// freeTimestampName answers a field name that no field has: Timestamp1, Timestamp2, ...
func freeTimestampName(fields []pdf.Field) string {
	taken := map[string]bool{}
	for _, f := range fields {
		first, _, _ := strings.Cut(f.Name, ".")
		taken[f.Name], taken[first] = true, true
	}
	for n := 1; ; n++ {
		if name := fmt.Sprintf("Timestamp%d", n); !taken[name] {
			return name
		}
	}
}

var (
	errNothingToDo  = errors.New("all signatures have that level")
	errNoSignatures = errors.New("no signatures found")
)
