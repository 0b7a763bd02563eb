package signer

import (
	"context"
	"fmt"

	"sokyso/signer/validation"
)

// Augment raises all signatures of a document to a level without their keys: opt has Level (LevelBLTA when empty; not
// LevelBB), Roots, TSA, Stamping, HTTP, Cache, Password and Now; the rest does not concern it. The document is the input
// followed by updates, one or several: a document time-stamp where a signature has no time-stamp that holds yet (it can't
// get one of its own any more: that would change what was signed since); the validation material of all signatures and
// time-stamps as far as the document lacks it; for LevelBLTA a document time-stamp over everything. A document that has
// been archived gets material for its last document time-stamp and a new one, as often as wanted.
//
// Validation material and document time-stamps are allowed after any signature, also after a certification that allows
// no changes (ISO 32000-2 §12.8.2.2.2).
//
// Every signature must be valid now; the error, an *Error, is no_signatures, signature_invalid, certificate_revoked,
// revocation_unknown, level_reached when there is nothing to do, or one of Foresee's and Prepare's.
func Augment(ctx context.Context, in Source, opt Options) (*Document, error) {
	if opt.Level == "" {
		opt.Level = LevelBLTA
	}
	if opt.Level == LevelBB {
		return nil, fail(CodeLevelUnsupported, fmt.Errorf("augment to %s", opt.Level), "level", string(opt.Level))
	}
	if err := checkLevel(&opt); err != nil {
		return nil, err
	}
	if opt.Roots == nil {
		return nil, fail(CodeRootsMissing, fmt.Errorf("level %s: no roots given", opt.Level), "level", string(opt.Level))
	}
	if opt.Cache == nil {
		opt.Cache = &validation.Cache{}
	}
	p := &Prepared{in: &input{Source: in}, password: opt.Password, raising: true}
	if err := p.read(ctx, "", nil); err != nil {
		return nil, err
	}
	d := &Document{in: p.in, sumIn: p.sum, sumOut: p.sum, signed: opt.now()}
	report, err := d.mayRaise(ctx, &opt)
	if err != nil {
		return nil, err
	}
	if err := d.augment(ctx, p, report, &opt); err != nil {
		return nil, err
	}
	return d, nil
}

// mayRaise validates the input, with the network: what is not valid is not made to last.
func (d *Document) mayRaise(ctx context.Context, opt *Options) (*validation.Report, error) {
	report, err := validation.Validate(ctx, d.in, d.in.Size(), opt.validation())
	if err != nil {
		return nil, classify(fmt.Errorf("validate: %w", err))
	}
	if len(report.Signatures) == 0 {
		return nil, fail(CodeNoSignatures, errNoSignatures)
	}
	for i := range report.Signatures {
		if err := refusal(&report.Signatures[i]); err != nil {
			return nil, err
		}
	}
	if reached(report, opt.Level) {
		return nil, fail(CodeLevelReached, errNothingToDo, "level", string(opt.Level))
	}
	return report, nil
}

// refusal is the reason not to raise a signature, nil when it is valid.
func refusal(s *validation.Signature) error {
	if s.Indication == validation.TotalPassed {
		return nil
	}
	err := fmt.Errorf("signature in field %q: %s %s: %v", s.Field, s.Indication, s.SubIndication, s.Details)
	for _, d := range s.Details {
		switch {
		case d.Code == validation.DetailRevoked && (s.SubIndication == validation.RevokedNoPOE || s.SubIndication == validation.RevokedCANoPOE):
			return fail(CodeCertificateRevoked, err, "subject", d.Params["subject"], "revoked_at", d.Params["revoked_at"], "source", d.Params["source"])
		case d.Code == validation.DetailRevocationUnknown && s.SubIndication == validation.TryLater:
			return fail(CodeRevocationUnknown, err, "subject", d.Params["subject"])
		}
	}
	return fail(CodeSignatureInvalid, err, "field", s.Field, "signer", s.Signer, "sub_indication", s.SubIndication)
}

// reached tells whether there is nothing to do. An archive time-stamp can always be followed by another.
func reached(report *validation.Report, level Level) bool {
	for _, s := range report.Signatures {
		if level == LevelBLTA || !s.Timestamp && !has(&s, level) {
			return false
		}
	}
	return true
}

// has tells whether a signature has what a level above LevelBB demands, be it of the PAdES baseline otherwise or not.
func has(s *validation.Signature, level Level) bool {
	switch level {
	case LevelBT:
		return s.Proven
	case LevelBLT:
		return s.LongTerm
	}
	return s.Archived
}

func (d *Document) augment(ctx context.Context, p *Prepared, report *validation.Report, opt *Options) error {
	if !reached(report, LevelBT) {
		if err := d.addTimestamp(ctx, p, opt); err != nil {
			return err
		}
		// With the network still: it may have become known meanwhile that a certificate is revoked.
		options := opt.validation()
		var err error
		if report, err = validation.Validate(ctx, d, d.Size(), options); err != nil {
			return classify(fmt.Errorf("validate: %w", err))
		}
	}
	if opt.Level != LevelBT {
		if err := d.addMissing(ctx, p, report, opt); err != nil {
			return err
		}
	}
	if opt.Level == LevelBLTA {
		if err := d.addTimestamp(ctx, p, opt); err != nil {
			return err
		}
	}
	return d.checkRaised(context.WithoutCancel(ctx), p, opt)
}

// addMissing gathers what the document does not show yet of the certificates that its signatures rest on.
func (d *Document) addMissing(ctx context.Context, p *Prepared, report *validation.Report, opt *Options) error {
	var proofs []proof
	for i := range report.Signatures {
		s := &report.Signatures[i]
		if err := refusal(s); err != nil {
			return err
		}
		material := &validation.Material{}
		for _, chain := range s.Chains {
			if len(chain.Missing) == 0 {
				continue
			}
			if err := opt.gather(ctx, material, chain.Path, chain.Missing, s.BestTime); err != nil {
				return err
			}
		}
		if len(material.Certificates) == 0 {
			continue
		}
		key, err := d.keyOf(s)
		if err != nil {
			return err
		}
		proofs = append(proofs, proof{key, material})
	}
	return d.addStore(p, proofs)
}

// checkRaised validates the outcome without the network.
func (d *Document) checkRaised(ctx context.Context, p *Prepared, opt *Options) error {
	report, err := d.validate(ctx, opt, 0)
	if err != nil {
		return err
	}
	for i := range report.Signatures {
		s := &report.Signatures[i]
		if s.Indication != validation.TotalPassed {
			return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: %s in field %s: %v", s.Indication, s.Field, s.Details), "sub_indication", s.SubIndication)
		}
		if !s.Timestamp && !has(s, opt.Level) {
			return fail(CodeSelfCheckFailed, fmt.Errorf("self-check: field %s does not reach %s: %v", s.Field, opt.Level, s.Details))
		}
	}
	return d.harmless(ctx, p)
}
