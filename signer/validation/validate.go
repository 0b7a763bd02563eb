package validation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"sokyso/signer/cms"
	"sokyso/signer/pdf"
)

// Validate judges the signatures of the PDF in r. An error means that the file can't be read as a PDF (it wraps
// *pdf.Error) or that ctx ended; whatever is wrong with a signature stands in the report.
func Validate(ctx context.Context, r io.ReaderAt, size int64, opt Options) (*Report, error) {
	f, err := pdf.OpenWithPassword(r, size, opt.Password)
	if err != nil {
		return nil, fmt.Errorf("open PDF: %w", err)
	}
	return ValidateFile(ctx, f, r, opt)
}

// Bounds on what is hashed behind the gaps of all signatures together, in bytes: so much, and so many times the file.
const (
	hashingBase   = 64 << 20
	hashingFactor = 4
)

// ValidateFile is Validate for a file that is open already; r is what it was opened on.
func ValidateFile(ctx context.Context, f *pdf.File, r io.ReaderAt, opt Options) (*Report, error) {
	if opt.Cache == nil {
		opt.Cache = &Cache{} // signer and time-stamping authority often have the same issuers
	}
	opt.network = &network{}
	f.LimitUnpacking(unpackingBase + unpackingFactor*f.Size())
	defer f.LimitUnpacking(-1)
	h := newHistory(f)
	candidates, err := find(ctx, h, opt.Field)
	if err != nil {
		return nil, fmt.Errorf("find signatures: %w", err)
	}
	candidates = slices.DeleteFunc(candidates, func(c *candidate) bool { return c.start < opt.After })
	var runs []*run
	for _, c := range candidates {
		v := &run{f: f, h: h, r: r, opt: &opt, c: c}
		v.sig = Signature{Field: c.field, Indication: TotalPassed, Revision: c.revision, LaterChanges: ChangesNone, BestTime: opt.at()}
		runs = append(runs, v)
		if err := v.format(); err != nil {
			return nil, err
		}
	}
	var jobs []*job
	left := hashingBase + hashingFactor*f.Size()
	for _, v := range runs {
		if v.job == nil {
			continue
		}
		// The bytes behind each gap are hashed for each signature. Of honest ones they end with its own revision.
		if left -= v.sig.ByteRange[3]; left < 0 {
			v.job = nil
			v.sig.judge(Indeterminate, SigConstraintsFailure, detail(DetailTooComplex, "reason", "the signatures overlap more than can be hashed"))
		} else {
			jobs = append(jobs, v.job)
		}
	}
	if err := digest(ctx, r, jobs, opt.Prefix); err != nil {
		return nil, fmt.Errorf("digest: %w", err)
	}
	report := &Report{}
	for _, revision := range f.Revisions() {
		report.Revisions = append(report.Revisions, revision.End)
	}
	if err := judgeAll(ctx, runs, &proofs{store: readStore(ctx, f, h), opt: &opt}); err != nil {
		return nil, err
	}
	var ambiguities []ambiguity
	if opt.Field == "" && len(runs) > 0 {
		if ambiguities, err = h.ambiguities(ctx); err != nil {
			return nil, err
		}
	}
	for _, v := range runs {
		v.rebuilt()
		v.ambiguous(ambiguities)
		report.Signatures = append(report.Signatures, v.sig)
	}
	report.relate()
	return report, nil
}

// relate marks signatures whose permitted later changes were made under a signature that is broken: nobody then
// vouches for those changes.
func (r *Report) relate() {
	for i := range r.Signatures {
		s := &r.Signatures[i]
		if s.LaterChanges != ChangesPermitted || s.Indication != TotalPassed {
			continue
		}
		for _, later := range r.Signatures[i+1:] {
			if later.Indication == TotalFailed {
				s.LaterChanges = ChangesSuspicious
				s.judge(Indeterminate, SigConstraintsFailure, detail(DetailLaterBroken, "field", later.Field))
				break
			}
		}
	}
}

// run is the validation of one signature.
type run struct {
	f   *pdf.File
	h   *history
	r   io.ReaderAt
	opt *Options
	c   *candidate
	sig Signature
	sd  *cms.SignedData
	cms *cms.Signer
	ts  *cms.Timestamp // of a document time-stamp
	job *job           // nil when the format leaves nothing to digest

	inner []byte // the digest inside an adbe.pkcs7.sha1

	proofs  *proofs
	stamp   *cms.SignedData // of the signature time-stamp, believed or not
	stamped *stamped        // nil when no signature time-stamp is believed
	shownIn int             // newest revision with a part of what LongTerm is about
	doubted bool            // because the cross-reference was rebuilt
	dated   bool            // the claimed time is that of /M
	zoned   bool            // it has a zone
}

// rebuilt doubts a file whose cross-reference does not hold. That may show only when an object is asked for.
func (v *run) rebuilt() {
	if reason, rebuilt := v.f.Rebuilt(); rebuilt && !v.doubted {
		v.doubted = true
		v.sig.judge(Indeterminate, SigConstraintsFailure, detail(DetailXRefRebuilt, "reason", reason))
	}
}

// ambiguous doubts a document that readers show differently. One that only became so after it was signed is told with
// the later changes.
func (v *run) ambiguous(list []ambiguity) {
	for _, a := range list {
		if a.revision <= v.sig.Revision {
			v.sig.judge(Indeterminate, SigConstraintsFailure, detail(DetailAmbiguous, "object", a.where(), "key", string(a.key)))
		}
	}
}

func (v *run) fail(sub string, d Detail) { v.sig.judge(TotalFailed, sub, d) }

// format reads the signature dictionary, ByteRange and CMS. The error is only that of reading the file.
func (v *run) format() error {
	s, c := &v.sig, v.c
	v.claims()
	v.rebuilt()
	if c.broken != "" {
		v.fail(FormatFailure, detail(DetailFieldBroken, "reason", c.broken))
		return nil
	}
	if c.loose {
		v.fail(FormatFailure, detail(DetailNotInField))
	}
	if c.shared {
		v.fail(FormatFailure, detail(DetailFieldBroken, "reason", "another field has the same signature as its value"))
	}
	if last := len(v.f.Revisions()) - 1; !c.loose && c.last < last {
		v.fail(FormatFailure, detail(DetailRemoved, "revision", strconv.Itoa(c.last+2)))
	}
	if c.twice != "" {
		v.fail(FormatFailure, detail(DetailFieldBroken, "reason", "the signature dictionary has the key /"+string(c.twice)+" twice"))
		return nil
	}
	sub, _ := c.dict["SubFilter"].(pdf.Name)
	want := pdf.Name("Sig")
	switch sub {
	case "ETSI.CAdES.detached", "adbe.pkcs7.detached", "adbe.pkcs7.sha1", "adbe.x509.rsa_sha1":
	case "ETSI.RFC3161":
		want = "DocTimeStamp"
	default:
		// What is in Contents may be a CMS all the same; no more than a doubt can come of it.
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailSubFilter, "subfilter", string(sub)))
	}
	if t, ok := c.dict["Type"]; ok && t != want {
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailSubFilter, "subfilter", fmt.Sprint(t)))
	}
	reach, err := byteRange(v.f, v.r, c)
	s.ByteRange, s.Revision = reach.numbers, reach.revision
	if err != nil {
		v.fail(FormatFailure, detail(DetailByteRange, "reason", err.Error()))
		return nil
	}
	if reach.unusual != "" {
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailByteRange, "reason", reach.unusual))
	}
	if reach.unknown { // the file was rebuilt: nobody can tell what came later
		s.LaterChanges = ChangesSuspicious
	}
	s.Covers = CoversRevision
	end := s.ByteRange[2] + s.ByteRange[3]
	if end == v.f.Size() {
		s.Covers = CoversFile
	}
	v.trailing(end)
	return v.readCMS(sub)
}

// trailing looks for bytes behind the last revision, which no revision accounts for.
func (v *run) trailing(end int64) {
	if revisions := v.f.Revisions(); len(revisions) > 0 {
		end = max(end, revisions[len(revisions)-1].End)
	}
	rest := v.f.Size() - end
	if rest > 0 && (rest > 1024 || !blank(v.r, end, v.f.Size())) {
		v.sig.LaterChanges = ChangesSuspicious
		v.sig.judge(Indeterminate, SigConstraintsFailure, detail(DetailTrailingBytes, "count", strconv.FormatInt(rest, 10)))
	}
}

// claims copies what the signature dictionary says of itself.
func (v *run) claims() {
	d := v.c.dict
	text := func(k pdf.Name) string {
		s, _ := d[k].(pdf.String)
		return s.Text()
	}
	v.sig.Name, v.sig.Reason, v.sig.Location = text("Name"), text("Reason"), text("Location")
	v.readClaimed()
}

func (v *run) readCMS(sub pdf.Name) error {
	s := &v.sig
	raw, unusual, err := v.c.contents(v.r)
	if errors.Is(err, errContents) {
		v.fail(FormatFailure, detail(DetailContents, "reason", err.Error()))
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Contents: %w", err)
	}
	if unusual != "" {
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailContents, "reason", unusual))
	}
	der, err := cms.Trim(raw)
	if der == nil {
		v.fail(FormatFailure, detail(DetailContents, "reason", err.Error()))
		return nil
	}
	if err != nil {
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailContents, "reason", err.Error()))
	}
	s.CMS = der
	if sub == "ETSI.RFC3161" {
		v.readTimestamp(der)
		return nil
	}
	sd, err := v.parse(sub, der)
	if err != nil {
		v.fail(FormatFailure, detail(DetailCMS, "reason", err.Error()))
		return nil
	}
	// One signer exactly (ETSI EN 319 142-1 §6.3, ISO 32000-2 §12.8.3.3.1).
	if len(sd.Signers) != 1 {
		v.fail(FormatFailure, detail(DetailCMS, "reason", fmt.Sprintf("%d signers", len(sd.Signers))))
		return nil
	}
	switch {
	case sub == "adbe.pkcs7.sha1":
		if v.inner = sd.Content; len(v.inner) == 0 {
			v.fail(FormatFailure, detail(DetailCMS, "reason", "the CMS lacks the digest that it should hold"))
			return nil
		}
	case sd.EmptyContent():
		s.note(DetailNotBaseline, "reason", "the CMS has an empty content")
	case !sd.Detached:
		v.fail(FormatFailure, detail(DetailCMS, "reason", "the CMS has content of its own"))
		return nil
	}
	v.sd, v.cms = sd, sd.Signers[0]
	if sub != "adbe.x509.rsa_sha1" {
		if err := checkStructure(sd, der); err != nil {
			s.judge(Indeterminate, SigConstraintsFailure, detail(DetailCMS, "reason", err.Error()))
		}
	}
	v.baseline(sub)
	v.identify(v.cms.Certificate)
	if s.ClaimedTime.IsZero() && v.cms.SigningTime != nil {
		s.ClaimedTime, v.zoned = *v.cms.SigningTime, true
	}
	if v.cms.Hash == 0 || !v.cms.Hash.Available() {
		s.judge(Indeterminate, CryptoConstraintsFailure, detail(DetailUnsupported, "reason", "digest algorithm"))
		return nil
	}
	v.job = &job{hash: v.cms.Hash, br: s.ByteRange}
	if v.inner != nil {
		v.job.hash = crypto.SHA1
	}
	return nil
}

// identify says whose signature it is; nobody's when the certificate is nil.
func (v *run) identify(c *x509.Certificate) {
	if s := &v.sig; c != nil {
		s.Certificate, s.Signer, s.CertificateSHA256 = c, c.Subject.CommonName, CertificateSHA256(c)
	}
}

// parse reads Contents as its SubFilter says.
func (v *run) parse(sub pdf.Name, der []byte) (*cms.SignedData, error) {
	if sub != "adbe.x509.rsa_sha1" {
		return cms.ParseWith(der, v.opt.Cache.certificate)
	}
	// Cert is one certificate, or an array of the signer's and those above (ISO 32000-2 table 255).
	list, ok := v.c.dict["Cert"].(pdf.Array)
	if !ok {
		list = pdf.Array{v.c.dict["Cert"]}
	}
	certificates := make([][]byte, 0, len(list))
	for _, o := range list {
		b, err := v.h.at(v.c.revision).String(o)
		if err != nil {
			return nil, fmt.Errorf("read Cert: %w", err)
		}
		certificates = append(certificates, b)
	}
	return cms.ParsePKCS1(der, certificates)
}

// baseline tells the PAdES level, B-B before time-stamps are looked at (ETSI EN 319 142-1 §6.3).
func (v *run) baseline(sub pdf.Name) {
	s, g := &v.sig, v.cms
	reason := ""
	switch {
	case sub != "ETSI.CAdES.detached":
		reason = "SubFilter is " + string(sub)
	case !g.HasSignedAttributes || g.SigningCertificate == nil:
		// The format demands the reference to the certificate: without it another certificate for the same key
		// could be put in its place.
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailAttributes, "reason", "no signing-certificate attribute"))
		return
	case g.SigningTime != nil:
		reason = "the CMS has a signing-time attribute"
	}
	if reason != "" {
		s.note(DetailNotBaseline, "reason", reason)
		return
	}
	s.Level = "B-B"
}

// judge verifies and validates what format has read.
func (v *run) judge(ctx context.Context) error {
	if v.ts != nil && v.sig.Certificate == nil {
		v.ts.Adopt(v.proofs.elsewhere())
		v.identify(v.ts.Certificate)
	}
	if v.job != nil {
		v.sig.ByteRangeDigest = v.job.digest
		if v.ts != nil {
			v.tokenIntegrity()
		} else {
			v.integrity()
		}
	}
	switch {
	case v.sig.Covers == "":
	case v.job == nil && v.sig.Indication == TotalFailed:
		// Nothing was signed; a file may have hundreds of such, and comparing is dear.
		if v.sig.Revision < v.h.last {
			v.sig.LaterChanges = ChangesSuspicious
		}
	default:
		if err := v.later(ctx); err != nil {
			return err
		}
	}
	if v.cms != nil && v.sig.Certificate == nil {
		for _, u := range v.sd.Unreadable {
			v.sig.note(DetailUnreadableCert, "reason", u.Reason.Error())
		}
	}
	if v.cms == nil || v.sig.Certificate == nil || v.sig.Indication == TotalFailed {
		return nil
	}
	v.sig.BestTime = v.proofs.coveredAt(v.sig.Revision + 1)
	if v.ts == nil {
		if err := v.timestamp(ctx); err != nil {
			return err
		}
	}
	v.claimedTime()
	path, err := v.judgeCertificate(ctx)
	if err != nil {
		return err
	}
	if path != nil {
		judgeKeys(&v.sig, path)
	} else {
		judgeKeys(&v.sig, []*x509.Certificate{v.sig.Certificate})
	}
	judgeEmbedded(&v.sig, v.sd, path)
	if err := v.revocation(ctx, path); err != nil {
		return err
	}
	v.longTerm(path)
	if v.ts != nil && v.sig.Indication == TotalPassed {
		v.sig.note(DetailTimestamp, "time", v.ts.GenTime.Format(time.RFC3339), "tsa", v.sig.Signer)
	}
	return nil
}

// integrity is the mathematical check.
func (v *run) integrity() {
	s := &v.sig
	weak := v.cms.WeakHash()
	if v.inner == nil {
		v.judgeMath(v.cms.Verify(s.ByteRangeDigest))
	} else {
		// The CMS is over the SHA-1 digest that it holds (ISO 32000-2 §12.8.3.3.2).
		weak = crypto.SHA1
		if !bytes.Equal(v.inner, s.ByteRangeDigest) {
			v.fail(HashFailure, detail(DetailDigest))
		}
		h := v.cms.Hash.New()
		h.Write(v.inner)
		v.judgeMath(v.cms.Verify(h.Sum(nil)))
	}
	if weak != 0 {
		s.judge(Indeterminate, CryptoConstraintsFailure, detail(DetailWeak, "algorithm", weak.String()))
	}
}

// judgeMath turns what a check of digest and signature found into a verdict.
func (v *run) judgeMath(err error) {
	s := &v.sig
	switch {
	case err == nil:
	case errors.Is(err, cms.ErrDigest):
		v.fail(HashFailure, detail(DetailDigest))
	case errors.Is(err, cms.ErrSignature):
		v.fail(SigCryptoFailure, detail(DetailSignature))
	case errors.Is(err, cms.ErrNoCertificate):
		s.judge(Indeterminate, NoSigningCertificateFound, detail(DetailNoSigningCertificate))
	case errors.Is(err, cms.ErrSigningCertificate):
		s.judge(Indeterminate, NoSigningCertificateFound, detail(DetailSigningCertificate))
	case errors.Is(err, cms.ErrUnsupported):
		s.judge(Indeterminate, CryptoConstraintsFailure, detail(DetailUnsupported, "reason", err.Error()))
	default:
		v.fail(FormatFailure, detail(DetailAttributes, "reason", err.Error()))
	}
}

// later looks at the revisions after the one that is covered.
func (v *run) later(ctx context.Context) error {
	s := &v.sig
	limits, err := restrictionsOf(v.h.at(s.Revision), v.c)
	if err != nil {
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailFieldBroken, "reason", err.Error()))
		limits = &Restrictions{}
	}
	verdict, details, err := laterChanges(ctx, v.h, s.Revision, limits)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case pdf.KindOf(err) == pdf.KindRead:
		return fmt.Errorf("compare revisions: %w", err)
	case err != nil:
		s.LaterChanges = ChangesSuspicious
		s.judge(Indeterminate, SigConstraintsFailure, detail(DetailTooComplex, "reason", err.Error()))
		return nil
	}
	switch verdict {
	case ChangesForbidden:
		s.LaterChanges = verdict
		for _, d := range details {
			v.fail(FormatFailure, d)
		}
	case ChangesSuspicious:
		s.LaterChanges = verdict
		for _, d := range details {
			s.judge(Indeterminate, SigConstraintsFailure, d)
		}
	case ChangesPermitted:
		if s.LaterChanges == ChangesNone {
			s.LaterChanges = verdict
		}
		s.note(DetailChangesPermitted)
	}
	return nil
}
