package signer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"sokyso/signer/validation"
)

// checkServices looks whether the options name what a level above LevelBB needs.
func checkServices(opt *Options) error {
	if opt.TSA == "" {
		return fail(CodeLevelUnsupported, fmt.Errorf("level %s: no time-stamping authority given", opt.Level), "level", string(opt.Level))
	}
	if opt.Level != LevelBT && opt.Roots == nil {
		return fail(CodeRootsMissing, fmt.Errorf("level %s: no roots given", opt.Level), "level", string(opt.Level))
	}
	return nil
}

// evidence is what was found out before the key is used.
type evidence struct {
	room     int // for a time-stamp token, in bytes
	material *validation.Material
}

// Foresee asks the network for all that the level needs and that can be had without the key: a trial time-stamp, which
// tells that the authority can be reached and believed and how long its tokens are, and from LevelBLT on the standing of
// all certificates. Sign does the same; with Options.Stamping and Options.Cache kept from here to there it asks nothing
// twice. The error is an *Error: timestamp_failed, timestamp_untrusted, certificate_revoked, revocation_unknown, or one
// of the certificate's.
func Foresee(ctx context.Context, chain []*x509.Certificate, opt Options) error {
	if err := checkLevel(&opt); err != nil || opt.Level == LevelBB {
		return err
	}
	_, err := opt.foresee(ctx, chain, opt.now())
	return err
}

func (o *Options) foresee(ctx context.Context, chain []*x509.Certificate, at time.Time) (*evidence, error) {
	e := &evidence{material: &validation.Material{}}
	if o.Level == LevelBB {
		return e, nil
	}
	if len(chain) == 0 {
		return nil, fail(CodeCertificateUnusable, errors.New("no certificate given"))
	}
	long := o.Level == LevelBLT || o.Level == LevelBLTA
	if long { // before the authority is troubled
		subject := chain[0].Subject.CommonName
		path, err := validation.Path(chain[0], chain[1:], at, o.validation())
		if err != nil {
			return nil, fail(CodeCertificateUnusable, fmt.Errorf("certificate of %s: %w", subject, err), "subject", subject)
		}
		if err := o.gather(ctx, e.material, path, validation.All(path), at); err != nil {
			return nil, err
		}
	}
	var path []*x509.Certificate
	var err error
	if e.room, path, err = o.tried(ctx); err != nil {
		return nil, err
	}
	if long {
		err = o.gather(ctx, e.material, path, validation.All(path), o.now())
	}
	return e, err
}

// gather adds to m what shows the standing of certificates of a path. The error is an *Error.
func (o *Options) gather(ctx context.Context, m *validation.Material, path []*x509.Certificate, which []int, at time.Time) error {
	found, err := validation.Gather(ctx, path, which, at, o.validation())
	if err == nil {
		m.Add(found)
		return nil
	}
	return standing(err)
}

// standing gives the code to an error of validation.Gather.
func standing(err error) *Error {
	e, ok := errors.AsType[*validation.StandingError](err)
	switch {
	case !ok && cancelled(err):
		return fail(CodeCancelled, err)
	case !ok:
		return fail(CodeRevocationUnknown, err)
	case e.Status == validation.Revoked:
		return fail(CodeCertificateRevoked, err, "subject", e.Subject, "revoked_at", e.RevokedAt.Format(time.RFC3339), "source", e.Source)
	}
	return fail(CodeRevocationUnknown, err, "subject", e.Subject)
}

// noRoom is the error for a CMS that is longer than was foreseen. That can only be the time-stamp's doing: an authority
// whose token has become half as long again since the trial.
func (o *Options) noRoom(size, room int) *Error {
	err := fmt.Errorf("CMS of %d bytes, room for %d", size, room)
	if o.Level == LevelBB {
		return fail(CodeSelfCheckFailed, err)
	}
	return fail(CodeTimestampFailed, err, "url", o.TSA)
}
