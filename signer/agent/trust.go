package agent

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"
)

const maxRoots = 16 << 20

// Roots is what a person trusts: the certificates of one PEM file.
type Roots struct {
	Pool          *x509.CertPool
	Anchors       []*x509.Certificate // those of Pool
	Intermediates []*x509.Certificate
	path          string // of the file, absolute
}

// LoadRoots reads a PEM file. Self-issued certificates are trust anchors, the
// others help to build chains; a file with no self-issued one is taken whole as
// trust anchors. An empty path gives nil: nothing is trusted.
func LoadRoots(path string) (*Roots, error) {
	if path == "" {
		return nil, nil
	}
	content, err := readBounded(path, maxRoots)
	if err != nil {
		return nil, fail("roots_unreadable", err, "file", path)
	}
	var anchors, others []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fail("roots_unreadable", fmt.Errorf("certificate: %w", err), "file", path)
		}
		if bytes.Equal(certificate.RawSubject, certificate.RawIssuer) {
			anchors = append(anchors, certificate)
		} else {
			others = append(others, certificate)
		}
	}
	if len(anchors) == 0 {
		anchors, others = others, nil
	}
	if len(anchors) == 0 {
		return nil, fail("roots_empty", nil, "file", path)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fail("roots_unreadable", err, "file", path)
	}
	roots := &Roots{path: absolute, Pool: x509.NewCertPool(), Anchors: anchors, Intermediates: others}
	for _, certificate := range anchors {
		roots.Pool.AddCert(certificate)
	}
	return roots, nil
}

// chainOf is the leaf and its issuers among the candidates, without the
// self-issued root: who checks has that, or does not trust it.
func chainOf(leaf *x509.Certificate, candidates []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for range 8 {
		last := chain[len(chain)-1]
		var issuer *x509.Certificate
		for _, candidate := range candidates {
			if bytes.Equal(candidate.RawSubject, last.RawIssuer) && !bytes.Equal(candidate.RawSubject, candidate.RawIssuer) &&
				!bytes.Equal(candidate.Raw, last.Raw) && last.CheckSignatureFrom(candidate) == nil {
				issuer = candidate
				break
			}
		}
		if issuer == nil {
			return chain
		}
		chain = append(chain, issuer)
	}
	return chain
}
