package signer

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sokyso/signer/cms"
	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// Sign prepares and signs: chain[0] is the signer's certificate, its issuers follow. The error is an *Error.
func Sign(ctx context.Context, in Source, key crypto.Signer, chain []*x509.Certificate, opt Options) (*Document, error) {
	p, err := PrepareWithPassword(ctx, in, opt.Password, opt.hashes()...)
	if err != nil {
		return nil, err
	}
	return p.Sign(ctx, key, chain, opt)
}

// Sign makes the signature: one call of key.Sign, after everything else that can fail without it. The result was
// validated. The error is an *Error.
func (p *Prepared) Sign(ctx context.Context, key crypto.Signer, chain []*x509.Certificate, opt Options) (*Document, error) {
	if err := checkLevel(&opt); err != nil {
		return nil, err
	}
	signed := opt.now()
	if opt.Cache == nil {
		opt.Cache = &validation.Cache{} // the chain is needed twice: before signing and in the self-check
	}
	if err := checkCertificates(key, chain, &opt, signed); err != nil {
		return nil, err
	}
	t, err := p.target(&opt)
	if err != nil {
		return nil, err
	}
	if err := t.seeds.certificate(chain); err != nil {
		return nil, err
	}
	request := cms.Request{Hash: t.hash, Certificate: chain[0], Chain: chain[1:], Scheme: opt.Scheme}
	room, err := cms.MaxSize(request)
	if errors.Is(err, cms.ErrUnsupported) {
		return nil, fail(CodeUnsupportedAlgorithm, fmt.Errorf("size of the CMS: %w", err), "algorithm", string(opt.Scheme))
	} else if err != nil {
		return nil, fail(CodeCertificateUnusable, fmt.Errorf("size of the CMS: %w", err))
	}
	evidence, err := opt.foresee(ctx, chain, signed)
	if err != nil {
		return nil, err
	}
	room += evidence.room
	d, err := p.lay(t, &opt, signed, room)
	if err != nil {
		return nil, err
	}
	tail, err := d.u.Bytes()
	if err != nil {
		return nil, classify(fmt.Errorf("write update: %w", err))
	}
	doc := &Document{
		in: p.in, copy: p.copy, tail: tail, sumIn: p.sum, field: d.field, signed: signed, hash: t.hash,
		cert: chain[0], scheme: cms.SchemeOf(chain[0], opt.Scheme), notes: p.notes(t, &opt),
	}
	gap, rest := doc.patchByteRange(d)
	if !t.fresh {
		if err := doc.harmless(ctx, p); err != nil {
			return nil, err
		}
	}
	covered, err := p.hash(ctx, doc.hash)
	if err != nil {
		return nil, err
	}
	covered.Write(tail[:gap])
	covered.Write(tail[rest:])
	doc.digest = covered.Sum(nil)
	whole, err := p.hash(ctx, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fail(CodeCancelled, err)
	}
	request.Digest = doc.digest
	if doc.cms, err = p.makeCMS(ctx, key, request, &opt); err != nil {
		return nil, err
	}
	if len(doc.cms) > room {
		return nil, opt.noRoom(len(doc.cms), room)
	}
	hex.Encode(tail[gap+1:], doc.cms)
	whole.Write(tail)
	whole.Sum(doc.sumOut[:0])
	// A signature that was made is not thrown away because the caller has lost patience in the meantime.
	if err := doc.selfCheck(context.WithoutCancel(ctx), p, chain[0], &opt); err != nil {
		return nil, err
	}
	if opt.Level == LevelBLT || opt.Level == LevelBLTA {
		opt.Password = p.password
		if err := doc.raise(ctx, p, evidence, &opt, t.fresh); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

func checkLevel(opt *Options) error {
	switch opt.Level {
	case "", LevelBB:
		opt.Level = LevelBB
		return nil
	case LevelBT, LevelBLT, LevelBLTA:
		return checkServices(opt)
	}
	return fail(CodeLevelUnsupported, fmt.Errorf("level %q", opt.Level), "level", string(opt.Level))
}

// checkCertificates looks at what Decree 23/2025/NĐ-CP Art. 15 has the signer check before signing: the own
// certificate and the issuers'. Revocation is not asked for here; that is the caller's.
func checkCertificates(key crypto.Signer, chain []*x509.Certificate, opt *Options, at time.Time) error {
	if len(chain) == 0 {
		return fail(CodeCertificateUnusable, errors.New("no certificate given"))
	}
	for _, c := range chain {
		subject := c.Subject.CommonName
		switch {
		case at.After(c.NotAfter):
			return fail(CodeCertificateExpired, fmt.Errorf("certificate of %s expired on %s", subject, c.NotAfter.Format(time.RFC3339)),
				"subject", subject, "not_after", c.NotAfter.Format(time.RFC3339))
		case at.Before(c.NotBefore):
			return fail(CodeCertificateNotYetValid, fmt.Errorf("certificate of %s is valid from %s", subject, c.NotBefore.Format(time.RFC3339)),
				"subject", subject, "not_before", c.NotBefore.Format(time.RFC3339))
		}
	}
	leaf := chain[0]
	if !validation.Usable(leaf) {
		return fail(CodeCertificateUnusable, fmt.Errorf("certificate of %s is not for signing", leaf.Subject.CommonName), "subject", leaf.Subject.CommonName)
	}
	if err := checkKeys(chain); err != nil {
		return err
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		return fail(CodeKeyMismatch, fmt.Errorf("key does not belong to the certificate of %s", leaf.Subject.CommonName), "subject", leaf.Subject.CommonName)
	}
	if opt.Roots == nil {
		return nil
	}
	path, err := validation.Path(leaf, chain[1:], at, validation.Options{Roots: opt.Roots, Cache: opt.Cache})
	if err != nil {
		return fail(CodeCertificateUnusable, fmt.Errorf("certificate of %s: %w", leaf.Subject.CommonName, err), "subject", leaf.Subject.CommonName)
	}
	for _, ca := range path[1:max(1, len(path)-1)] {
		if !validation.ForDocuments(ca) {
			return fail(CodeCertificateUnusable, fmt.Errorf("certificate of %s: its issuer %s is not for signing documents", leaf.Subject.CommonName, ca.Subject.CommonName),
				"subject", leaf.Subject.CommonName)
		}
	}
	return checkKeys(path)
}

// checkKeys refuses keys that no validator takes, those of the CAs too.
func checkKeys(certs []*x509.Certificate) error {
	for _, c := range certs {
		if key := cms.WeakKey(c); key != "" {
			subject := c.Subject.CommonName
			return fail(CodeWeakKey, fmt.Errorf("certificate of %s has an %s key", subject, key), "subject", subject, "key", key)
		}
	}
	return nil
}

// makeCMS uses the key, once, and gets the time-stamp if the level has one.
func (p *Prepared) makeCMS(ctx context.Context, key crypto.Signer, request cms.Request, opt *Options) ([]byte, error) {
	der, err := cms.Sign(rand.Reader, key, request)
	switch {
	case errors.Is(err, cms.ErrKeyMismatch):
		return nil, fail(CodeKeyMismatch, err)
	case err != nil:
		return nil, fail(CodeKeyFailed, fmt.Errorf("sign: %w", err))
	}
	if opt.Level == LevelBB {
		return der, nil
	}
	return stamp(ctx, der, opt)
}

// patchByteRange writes ByteRange and the brackets of Contents into their places and answers where in the tail the Contents string starts and ends.
func (d *Document) patchByteRange(l *draft) (gap, rest int64) {
	size := d.in.Size()
	start := l.contents.Offset()
	end := start + int64(l.contents.Width)
	place := d.tail[l.byteRange.Offset()-size:][:byteRangeWidth]
	n := copy(place, fmt.Sprintf("[0 %d %d %d", start, end, d.Size()-end))
	copy(place[n:], strings.Repeat(" ", byteRangeWidth-n-1))
	place[byteRangeWidth-1] = ']'
	d.tail[start-size], d.tail[end-size-1] = '<', '>'
	return start - size, end - size
}

// selfCheck validates the finished document as anybody else would, but for what needs the network. The part of the
// digest that was computed while the input was read is taken over.
func (d *Document) selfCheck(ctx context.Context, p *Prepared, cert *x509.Certificate, opt *Options) error {
	refuse := func(err error, params ...string) error {
		return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: %w", err), params...)
	}
	f, err := pdf.OpenWithPassword(d, d.Size(), p.password)
	if err != nil {
		return refuse(err)
	}
	if reason, rebuilt := f.Rebuilt(); rebuilt {
		return refuse(fmt.Errorf("cross-reference is broken: %s", reason))
	}
	revisions := len(p.file.Revisions()) + 1
	if _, restored := p.file.Rebuilt(); restored {
		revisions = 1 // the new cross-reference is a complete one, so that it must lead to every object
		if at, found, err := f.Misplaced(ctx, 0); err != nil || found {
			return refuse(fmt.Errorf("object %v is not where it should be: %w", at, err))
		}
	}
	if f.Revisions()[len(f.Revisions())-1].End != d.Size() || len(f.Revisions()) != revisions {
		return refuse(errors.New("the update is not one revision"))
	}
	state, err := p.state(ctx, d.hash)
	if err != nil {
		return err
	}
	report, err := validation.ValidateFile(ctx, f, d, validation.Options{
		Roots: opt.Roots, Cache: opt.Cache, At: d.signed, Offline: true, Field: d.field,
		Prefix: &validation.Prefix{Hash: d.hash, Length: d.in.Size(), State: state},
	})
	if err != nil {
		return refuse(err)
	}
	if len(report.Signatures) != 1 {
		return refuse(fmt.Errorf("%d signatures found in field %s", len(report.Signatures), d.field))
	}
	s := report.Signatures[0]
	passed := s.Indication == validation.TotalPassed ||
		opt.Roots == nil && s.Indication == validation.Indeterminate && s.SubIndication == validation.NoCertificateChainFound
	switch {
	case !passed:
		return refuse(fmt.Errorf("%s %s %v", s.Indication, s.SubIndication, s.Details), "sub_indication", s.SubIndication)
	case s.Covers != validation.CoversFile || s.LaterChanges != validation.ChangesNone:
		return refuse(fmt.Errorf("it covers %s, later changes %s", s.Covers, s.LaterChanges))
	case string(s.ByteRangeDigest) != string(d.digest) || string(s.CMS) != string(d.cms):
		return refuse(errors.New("it reads otherwise than it was written"))
	case !s.Certificate.Equal(cert):
		return refuse(errors.New("it names another certificate"))
	case opt.Level != LevelBB && s.Level == "B-B" && opt.Roots != nil:
		return fail(CodeTimestampFailed, fmt.Errorf("time-stamp from %s: %v", opt.TSA, s.Details), "url", opt.TSA)
	}
	return nil
}

// harmless makes sure that to the signatures of the input all updates are permitted changes. What Contents will hold does
// not matter for that, so Check and Sign find it out before the key is used; after raising a level it is asked again.
func (d *Document) harmless(ctx context.Context, p *Prepared) error {
	f, err := pdf.OpenWithPassword(d, d.Size(), p.password)
	if err != nil {
		return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: %w", err))
	}
	changes, details, err := validation.LaterChanges(ctx, f, len(p.file.Revisions())-1)
	switch {
	case cancelled(err):
		return fail(CodeCancelled, err)
	case err != nil:
		return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: %w", err))
	case changes == validation.ChangesPermitted:
		return nil
	}
	hides := func(d validation.Detail) bool { return d.Params["kind"] == validation.ChangeHides }
	if slices.ContainsFunc(details, hides) {
		return fail(CodeBoxHides, fmt.Errorf("place box: it hides what earlier signatures stand for: %v", details))
	}
	return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: it harms earlier signatures: %v", details))
}
