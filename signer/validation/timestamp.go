package validation

import (
	"bytes"
	"slices"
	"time"

	"sokyso/signer/cms"
)

// clockSkew is how far two clocks may differ.
const clockSkew = 5 * time.Minute

// timestamp takes the time of a signature time-stamp as best time if it holds.
func (v *run) timestamp() {
	s := &v.sig
	ts, err := v.cms.VerifyTimestamp()
	switch {
	case err != nil:
		// EN 319 102-1 §5.5 would go on as if there were none. But nobody makes a signature with a broken time-stamp:
		// it was changed afterwards, and who looks at the file shall know.
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailTimestampInvalid, "reason", err.Error()))
		return
	case ts == nil:
		s.note(DetailTimestampAbsent)
		return
	}
	if err := checkStructure(ts.SignedData, ts.Raw); err != nil {
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailTimestampInvalid, "reason", err.Error()))
		return
	}
	if v.opt.Roots == nil {
		s.note(DetailTimestampNoTrust, "reason", "no trusted roots")
		return
	}
	others := append(slices.Clone(ts.SignedData.Certificates), v.sd.Certificates...)
	path, err := v.opt.Cache.path(ts.Certificate, others, v.opt, ts.GenTime)
	if err != nil {
		s.note(DetailTimestampNoTrust, "reason", err.Error())
		return
	}
	judgeEmbedded(s, ts.SignedData, path)
	if ts.GenTime.After(v.opt.at().Add(clockSkew)) {
		s.note(DetailTimestampNoTrust, "reason", "its time is after the time of validation")
		return
	}
	s.BestTime = ts.GenTime
	if s.Level == "B-B" {
		s.Level = "B-T"
	}
	s.note(DetailTimestamp, "time", ts.GenTime.Format(time.RFC3339), "tsa", ts.Certificate.Subject.CommonName)
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
	s.Timestamp, s.ClaimedTime, s.Certificate = true, ts.GenTime, ts.Certificate
	if s.Certificate != nil {
		s.Signer, s.CertificateSHA256 = s.Certificate.Subject.CommonName, CertificateSHA256(s.Certificate)
	}
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
	if v.cms.WeakHash() {
		s.judge(Indeterminate, CryptoConstraintsFailure, detail(DetailWeak, "algorithm", v.ts.Hash.String()))
	}
	s.note(DetailTimestamp, "time", v.ts.GenTime.Format(time.RFC3339), "tsa", s.Signer)
}
