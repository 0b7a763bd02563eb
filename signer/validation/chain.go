package validation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"sokyso/signer/cms"
)

// CertificateSHA256 is how certificates are named: the SHA-256 of their DER in lower-case hex.
func CertificateSHA256(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Usable tells whether a certificate may sign documents: its key usage has digitalSignature or contentCommitment, or
// it has none (RFC 5280 §4.2.1.3), and so it is ForDocuments.
func Usable(c *x509.Certificate) bool { return forSignatures(c) && ForDocuments(c) }

func forSignatures(c *x509.Certificate) bool {
	return c.KeyUsage == 0 || c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0
}

// documentUsages are the extended key usages under which persons and organisations get certificates to sign with.
// Public CAs give e-mail protection and client authentication rather than one for documents.
var documentUsages = []asn1.ObjectIdentifier{
	{2, 5, 29, 37, 0},                  // any, RFC 5280 §4.2.1.12
	{1, 3, 6, 1, 5, 5, 7, 3, 2},        // client authentication
	{1, 3, 6, 1, 5, 5, 7, 3, 4},        // e-mail protection
	{1, 3, 6, 1, 5, 5, 7, 3, 36},       // document signing, RFC 9336
	{1, 3, 6, 1, 4, 1, 311, 10, 3, 12}, // the same of Microsoft
	{1, 2, 840, 113583, 1, 1, 5},       // and of Adobe
}

// ForDocuments tells whether the extended key usage, critical or not, leaves room for signing documents. A certificate
// without one, as those of the government's CA are, is for all that its key usage allows (RFC 5280 §4.2.1.12); one of
// a server, for code or for time-stamps is not. A CA's narrows what it issues in the same way.
func ForDocuments(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidExtKeyUsage) {
			continue
		}
		var usages []asn1.ObjectIdentifier
		rest, err := asn1.Unmarshal(e.Value, &usages)
		return err == nil && len(rest) == 0 && slices.ContainsFunc(usages, func(id asn1.ObjectIdentifier) bool {
			return slices.ContainsFunc(documentUsages, id.Equal)
		})
	}
	return true
}

var oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}

// judgeUsage looks for what the certificates of a path are meant for. That of a document time-stamp is for
// time-stamping alone, which package cms has seen to.
func judgeUsage(s *Signature, leaf *x509.Certificate, path []*x509.Certificate) {
	if !forSignatures(leaf) || !s.Timestamp && !ForDocuments(leaf) {
		s.judge(Indeterminate, ChainConstraintsFailure, detail(DetailKeyUsage))
	}
	if len(path) < 3 || s.Timestamp {
		return
	}
	for _, ca := range path[1 : len(path)-1] {
		if !ForDocuments(ca) {
			s.judge(Indeterminate, ChainConstraintsFailure, detail(DetailChainConstraints, "reason", ca.Subject.CommonName+" is not for signing documents"))
		}
	}
}

// judgeCertificate looks at the signer's certificate at best time and answers its path, leaf first. The error is that
// of ctx.
func (v *run) judgeCertificate(ctx context.Context) ([]*x509.Certificate, error) {
	s := &v.sig
	path := v.judgePath(ctx, slices.Concat(v.sd.Certificates, v.proofs.certificates))
	judgeUsage(s, s.Certificate, path)
	return path, ctx.Err()
}

func (v *run) judgePath(ctx context.Context, others []*x509.Certificate) []*x509.Certificate {
	s := &v.sig
	leaf, at := s.Certificate, s.BestTime
	if v.opt.Roots == nil {
		s.judge(Indeterminate, NoCertificateChainFound, detail(DetailNoRoots))
		judgeValidity(s, leaf, at)
		return nil
	}
	path, err := v.path(ctx, leaf, others, at)
	if err != nil {
		// A certificate out of its time still has a path: it is looked for at a time when the leaf was valid, so
		// that an unknown issuer is told from an old certificate.
		if outOfTime(leaf, at) {
			if path, err := v.path(ctx, leaf, others, leaf.NotBefore.Add(time.Second)); err == nil {
				judgeValidity(s, leaf, at)
				return path
			}
		}
		judgeChainError(s, err)
		judgeValidity(s, leaf, at)
		return nil
	}
	return path
}

func outOfTime(c *x509.Certificate, at time.Time) bool {
	return at.Before(c.NotBefore) || at.After(c.NotAfter)
}

func judgeValidity(s *Signature, leaf *x509.Certificate, at time.Time) {
	switch {
	case at.After(leaf.NotAfter):
		s.judge(Indeterminate, OutOfBoundsNoPOE, detail(DetailExpired, "not_after", leaf.NotAfter.Format(time.RFC3339)))
	case at.Before(leaf.NotBefore):
		s.judge(Indeterminate, OutOfBoundsNoPOE, detail(DetailNotYetValid, "not_before", leaf.NotBefore.Format(time.RFC3339)))
	}
}

func judgeChainError(s *Signature, err error) {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			s.judge(Indeterminate, OutOfBoundsNoPOE, detail(DetailChainConstraints, "reason", err.Error()))
			return
		}
		s.judge(Indeterminate, ChainConstraintsFailure, detail(DetailChainConstraints, "reason", err.Error()))
		return
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		s.judge(Indeterminate, ChainConstraintsFailure, detail(DetailChainConstraints, "reason", err.Error()))
		return
	}
	s.judge(Indeterminate, NoCertificateChainFound, detail(DetailNoChain, "reason", err.Error()))
}

// judgeKeys looks for keys that are too short, the root's too: who can work out a CA's key makes certificates at will.
// It tells whether there are any.
func judgeKeys(s *Signature, certs []*x509.Certificate) bool {
	found := false
	for _, c := range certs {
		if key := cms.WeakKey(c); key != "" {
			s.judge(Indeterminate, CryptoConstraintsFailure, detail(DetailWeakKey, "subject", c.Subject.CommonName, "key", key))
			found = true
		}
	}
	return found
}

// Path answers the chain from leaf to one of opt.Roots at that time, leaf first, with the help of the other
// certificates. It says nothing about revocation.
func Path(leaf *x509.Certificate, others []*x509.Certificate, at time.Time, opt Options) ([]*x509.Certificate, error) {
	return opt.Cache.path(leaf, others, &opt, at)
}

// ChainOf answers the chain of a signature's certificate to one of opt.Roots at that time, leaf first, with the help of
// the certificates that its CMS carries. It says nothing about revocation.
func ChainOf(s Signature, at time.Time, opt Options) ([]*x509.Certificate, error) {
	sd, err := cms.Parse(s.CMS)
	if err != nil {
		return nil, err
	}
	return Path(s.Certificate, sd.Certificates, at, opt)
}

// buildPath verifies the leaf up to a root at that time (RFC 5280 §6).
func buildPath(leaf *x509.Certificate, embedded []*x509.Certificate, opt *Options, at time.Time) ([]*x509.Certificate, error) {
	pool := x509.NewCertPool()
	for _, c := range embedded {
		if c != leaf {
			pool.AddCert(c)
		}
	}
	for _, c := range opt.Intermediates {
		pool.AddCert(c)
	}
	paths, err := leaf.Verify(x509.VerifyOptions{
		Roots: opt.Roots, Intermediates: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, err
	}
	return paths[0], nil
}

// maxStrayChecks bounds the signatures of stray certificates that are verified; of honest signers there are a few.
const maxStrayChecks = 128

// judgeEmbedded looks at the certificates that the CMS carries besides the path. One that names an issuer who is at
// hand, but was not signed by it, has been altered; so has a double of a certificate of the path. Others are strays:
// common, and of no consequence.
func judgeEmbedded(s *Signature, sd *cms.SignedData, path []*x509.Certificate) {
	for _, u := range sd.Unreadable {
		s.judge(Indeterminate, CertificateChainGeneralErr, detail(DetailUnreadableCert, "reason", u.Reason.Error()))
	}
	if path == nil {
		return
	}
	checks := 0
	known := append([]*x509.Certificate{}, path...)
	known = append(known, sd.Certificates...)
	for _, c := range sd.Certificates {
		inPath, double := false, false
		for _, p := range path {
			inPath = inPath || p.Equal(c)
			double = double || bytes.Equal(p.RawSubject, c.RawSubject) || bytes.Equal(p.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo)
		}
		if inPath {
			continue
		}
		named, signed := false, false
		for _, issuer := range known {
			if bytes.Equal(issuer.RawSubject, c.RawIssuer) {
				named = true
				if checks++; checks > maxStrayChecks {
					s.judge(Indeterminate, CertificateChainGeneralErr, detail(DetailCertificateBroken, "subject", c.Subject.String()))
					return
				}
				if issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
					signed = true
					break
				}
			}
		}
		if !signed && (named || double) {
			s.judge(Indeterminate, CertificateChainGeneralErr, detail(DetailCertificateBroken, "subject", c.Subject.String()))
		}
	}
}
