package validation

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sokyso/signer/cms"
)

// Bounds on the search for issuers' certificates.
const (
	maxIssuer     = 256 << 10 // bytes of an answer, which may be a bundle
	maxIssuerURLs = 2         // tried for one certificate
	maxIssuers    = 4         // certificates between the leaf and a root that are fetched
	// How long an issuer's certificate is kept without asking again. It is checked by its signature all the same.
	maxIssuerAge = 24 * time.Hour
)

// path answers the chain of a certificate at that time with what is at hand, else with issuers' certificates from the
// addresses in the certificates themselves (caIssuers, RFC 5280 §4.2.2.1). The error is that of buildPath, or of ctx.
func (v *run) path(ctx context.Context, leaf *x509.Certificate, others []*x509.Certificate, at time.Time) ([]*x509.Certificate, error) {
	path, err := v.opt.Cache.path(leaf, others, v.opt, at)
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown || v.opt.Offline {
		return path, err
	}
	known := slices.Concat(others, v.opt.Intermediates, v.proofs.fetched)
	if len(v.proofs.fetched) > 0 {
		if path, err = v.opt.Cache.path(leaf, known, v.opt, at); err == nil {
			return path, nil
		}
	}
	top, problem := leaf, error(nil)
	for range maxIssuers {
		for range maxTreeDepth { // up as far as is known
			up := issuerAmong(known, top)
			if up == nil || up.Equal(top) {
				break
			}
			top = up
		}
		var issuer *x509.Certificate
		var source string
		if issuer, source, problem = fetchIssuer(ctx, v.opt, top); issuer == nil {
			break
		}
		v.noteIssuer(issuer, source)
		known, v.proofs.fetched = append(known, issuer), append(v.proofs.fetched, issuer)
		path, err = v.opt.Cache.path(leaf, known, v.opt, at)
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
			return path, err
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case problem != nil:
		return nil, fmt.Errorf("%w; %w", err, problem)
	}
	return nil, err
}

func (v *run) noteIssuer(c *x509.Certificate, source string) {
	d := detail(DetailIssuerFetched, "subject", c.Subject.CommonName, "source", source)
	if !slices.ContainsFunc(v.sig.Details, func(old Detail) bool {
		return old.Code == d.Code && old.Params["subject"] == d.Params["subject"]
	}) {
		v.sig.Details = append(v.sig.Details, d)
	}
}

// issuerAmong answers the certificate that issued c; nil if it is not there.
func issuerAmong(list []*x509.Certificate, c *x509.Certificate) *x509.Certificate {
	for _, up := range list {
		if issued(up, c) {
			return up
		}
	}
	return nil
}

// issued tells whether up issued c: by name and by signature, as a CA.
func issued(up, c *x509.Certificate) bool {
	return bytes.Equal(up.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(up) == nil
}

// fetchIssuer asks the addresses in a certificate for its issuer's. None of what it gets is trusted: it has to have
// issued c, and a path over it has to end at a root. Without an address all results are nil.
func fetchIssuer(ctx context.Context, opt *Options, c *x509.Certificate) (issuer *x509.Certificate, source string, err error) {
	if bytes.Equal(c.RawIssuer, c.RawSubject) {
		return nil, "", nil // a root that is not trusted
	}
	// Nobody vouches for a certificate without a path, so that it leads into one's own network only by leave.
	asking := *opt
	asking.AllowPrivate = opt.PrivateIssuers
	urls := slices.DeleteFunc(slices.Clone(c.IssuingCertificateURL), func(u string) bool { return !strings.HasPrefix(u, "http") })
	var problems []error
	for i, url := range urls {
		if i >= maxIssuerURLs {
			break
		}
		err := fetchKept(ctx, &asking, url, "", nil, maxIssuer, func(body []byte) (time.Time, error) {
			list, err := parseCertificates(body)
			if err != nil {
				return time.Time{}, err
			}
			if issuer = issuerAmong(list, c); issuer == nil {
				return time.Time{}, errors.New("the certificate there is not that of the issuer")
			}
			return opt.now().Add(maxIssuerAge), nil
		})
		if err == nil {
			return issuer, url, nil
		}
		problems = append(problems, fmt.Errorf("issuer at %s: %w", url, err))
	}
	return nil, "", errors.Join(problems...)
}

// maxBundle bounds the certificates of a bundle.
const maxBundle = 64

// parseCertificates reads what is found at such addresses: one certificate in DER, a PKCS #7 bundle in DER or BER (RFC
// 5280 §4.2.2.1), or either of them in PEM.
func parseCertificates(b []byte) ([]*x509.Certificate, error) {
	if bytes.Contains(b[:min(len(b), 1024)], []byte("-----BEGIN ")) {
		var list []*x509.Certificate
		for block, rest := pem.Decode(b); block != nil && len(list) < maxBundle; block, rest = pem.Decode(rest) {
			part, err := parseCertificates(block.Bytes)
			if err != nil {
				return nil, err
			}
			list = append(list, part...)
		}
		return list, nil
	}
	c, err := x509.ParseCertificate(b)
	if err == nil {
		return []*x509.Certificate{c}, nil
	}
	bundle, bundleErr := cms.Parse(b)
	if bundleErr != nil {
		return nil, fmt.Errorf("neither a certificate nor a bundle: %w", err)
	}
	return bundle.Certificates[:min(len(bundle.Certificates), maxBundle)], nil
}
