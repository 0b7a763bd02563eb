package validation

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"sokyso/signer/cms"
)

// clockSkew is how far two clocks may differ.
const clockSkew = 5 * time.Minute

// timestamp takes the time of a signature time-stamp as best time if it holds, and its authority's certificate is
// known not to be revoked. The error is that of ctx.
func (v *run) timestamp(ctx context.Context) error {
	s := &v.sig
	ts, err := v.cms.VerifyTimestamp(v.proofs.elsewhere()...)
	switch {
	case errors.Is(err, cms.ErrNoCertificate) && ts != nil && len(ts.SignedData.Certificates)+len(ts.SignedData.Unreadable) == 0:
		// Authorities leave it out unless they are asked for it (RFC 3161 §2.4.1). Nobody can tell then whether the
		// time-stamp is genuine.
		s.judge(Indeterminate, NoSigningCertificateFound, detail(DetailTimestampNoTrust, "reason", "its authority's certificate is not in the file"))
		return nil
	case err != nil:
		// EN 319 102-1 §5.5 would go on as if there were none. But nobody makes a signature with a broken time-stamp:
		// it was changed afterwards, and who looks at the file shall know.
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailTimestampInvalid, "reason", err.Error()))
		return nil
	case ts == nil:
		if proof := v.proofs.covering(s.Revision + 1); proof != nil {
			s.note(DetailTimestampCovering, "time", proof.at.Format(time.RFC3339), "tsa", proof.run.sig.Signer)
		} else {
			s.note(DetailTimestampAbsent)
		}
		return nil
	}
	v.stamp = ts.SignedData
	if err := checkStructure(ts.SignedData, ts.Raw); err != nil {
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailTimestampInvalid, "reason", err.Error()))
		return nil
	}
	if weak := ts.WeakHash(); weak != 0 {
		s.judge(Indeterminate, CryptoConstraintsFailure, detail(DetailWeak, "algorithm", weak.String()))
		return nil
	}
	if v.opt.Roots == nil {
		s.note(DetailTimestampNoTrust, "reason", "no trusted roots")
		return nil
	}
	others := append(slices.Clone(ts.SignedData.Certificates), v.sd.Certificates...)
	path, err := v.path(ctx, ts.Certificate, append(others, v.proofs.certificates...), ts.GenTime)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		s.note(DetailTimestampNoTrust, "reason", err.Error())
		return nil
	}
	judgeEmbedded(s, ts.SignedData, path)
	if judgeKeys(s, path) {
		return nil
	}
	// The time-stamp is known to have been there by then; what happened to its authority later is of no consequence.
	known := v.proofs.coveredAt(s.Revision + 1)
	if ts.GenTime.After(known.Add(clockSkew)) {
		s.note(DetailTimestampNoTrust, "reason", "its time is after the time by which it was there")
		return nil
	}
	for _, cert := range path[:len(path)-1] {
		if outOfTime(cert, known) {
			s.note(DetailTimestampExpired, "subject", cert.Subject.CommonName, "not_after", cert.NotAfter.Format(time.RFC3339))
			return nil
		}
	}
	if believed, err := v.timestampRevocation(ctx, path, ts.GenTime, known); err != nil || !believed {
		return err
	}
	v.stamped = &stamped{path: path, at: ts.GenTime, others: ts.SignedData.Certificates}
	s.BestTime = earlier(ts.GenTime, s.BestTime)
	s.note(DetailTimestamp, "time", ts.GenTime.Format(time.RFC3339), "tsa", ts.Certificate.Subject.CommonName)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// timestampRevocation tells whether the authority of a signature time-stamp may be believed: who has a revoked key can
// give any time with it, so that the signature is then judged as if it had no time-stamp. The same goes for one of
// which nobody knows. made is the time-stamp's own time, known the time by which it was there. The error is that of
// ctx.
func (v *run) timestampRevocation(ctx context.Context, path []*x509.Certificate, made, known time.Time) (bool, error) {
	s := &v.sig
	for i, cert := range path[:len(path)-1] {
		subject := cert.Subject.CommonName
		r, err := v.standing(ctx, cert, path[i+1], v.proofs.needed(made, s.Revision+1))
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case errors.Is(err, errOffline):
			s.noteOffline()
		case err != nil:
			s.note(DetailTimestampUnknown, "subject", subject, "reason", err.Error())
			return false, nil
		case r.status == Revoked && !r.at.After(known):
			s.note(DetailTimestampRevoked, "subject", subject, "revoked_at", r.at.Format(time.RFC3339), "source", r.source)
			return false, nil
		}
	}
	return true, nil
}

// readTimestamp reads the token of a document time-stamp (ISO 32000-2 §12.8.5).
func (v *run) readTimestamp(der []byte) {
	s := &v.sig
	ts, err := cms.ParseTimestamp(der)
	if err != nil {
		v.fail(FormatFailure, detail(DetailCMS, "reason", err.Error()))
		return
	}
	v.ts, v.sd, v.cms = ts, ts.SignedData, ts.Signer
	s.Timestamp, s.ClaimedTime = true, ts.GenTime
	v.identify(ts.Certificate)
	if err := checkStructure(ts.SignedData, der); err != nil {
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailCMS, "reason", err.Error()))
	}
	if ts.Hash == 0 || !ts.Hash.Available() {
		s.judge(Indeterminate, CryptoConstraintsFailure, detail(DetailUnsupported, "reason", "digest algorithm"))
		return
	}
	v.job = &job{hash: ts.Hash, br: s.ByteRange}
}

// tokenIntegrity is the mathematical check of a document time-stamp.
func (v *run) tokenIntegrity() {
	s := &v.sig
	if !bytes.Equal(v.ts.Imprint, s.ByteRangeDigest) {
		v.fail(HashFailure, detail(DetailDigest))
		return
	}
	v.judgeMath(v.ts.Verify(s.ByteRangeDigest))
	if weak := v.ts.WeakHash(); weak != 0 {
		s.judge(Indeterminate, CryptoConstraintsFailure, detail(DetailWeak, "algorithm", weak.String()))
	}
}
