package validation

import (
	"crypto"
	"crypto/x509"
	"net/http"
	"time"

	"sokyso/signer/pdf"
)

// Indication is the verdict on a signature (ETSI EN 319 102-1 §5.1.3).
type Indication string

// The three indications.
const (
	TotalPassed   Indication = "TOTAL-PASSED"
	TotalFailed   Indication = "TOTAL-FAILED"
	Indeterminate Indication = "INDETERMINATE"
)

// Sub-indications in use here (ETSI EN 319 102-1 §5.1.3, table 5).
const (
	FormatFailure              = "FORMAT_FAILURE"
	HashFailure                = "HASH_FAILURE"
	SigCryptoFailure           = "SIG_CRYPTO_FAILURE"
	SigConstraintsFailure      = "SIG_CONSTRAINTS_FAILURE"
	ChainConstraintsFailure    = "CHAIN_CONSTRAINTS_FAILURE"
	CryptoConstraintsFailure   = "CRYPTO_CONSTRAINTS_FAILURE"
	NoSigningCertificateFound  = "NO_SIGNING_CERTIFICATE_FOUND"
	NoCertificateChainFound    = "NO_CERTIFICATE_CHAIN_FOUND"
	OutOfBoundsNoPOE           = "OUT_OF_BOUNDS_NO_POE"
	RevokedNoPOE               = "REVOKED_NO_POE"
	RevokedCANoPOE             = "REVOKED_CA_NO_POE"
	TryLater                   = "TRY_LATER"
	CertificateChainGeneralErr = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
)

// What a signature covers.
const (
	CoversFile     = "whole-file"
	CoversRevision = "revision"
)

// What later revisions did to what the signature covers.
const (
	ChangesNone       = "none"
	ChangesPermitted  = "permitted"
	ChangesSuspicious = "suspicious"
	ChangesForbidden  = "forbidden"
)

// Options say against what and how far signatures are judged.
type Options struct {
	Roots         *x509.CertPool      // trust anchors; nil = nothing is trusted, at best INDETERMINATE
	Intermediates []*x509.Certificate // besides those in the CMS
	At            time.Time           // time of validation; zero = Now()
	Offline       bool                // no network: revocation is not checked, a detail says so
	Now           func() time.Time    // nil = time.Now
	HTTP          *http.Client        // nil = a client of this package with bounds
	AllowPrivate  bool                // fetch from private and loopback addresses too
	// PrivateIssuers lets issuers' certificates be fetched from private and loopback addresses too. AllowPrivate does
	// not: revocation is asked for where a trusted certificate says, issuers where anybody's does.
	PrivateIssuers bool
	Cache          *Cache       // nil = nothing is remembered between calls
	Field          string       // judge only the signature in this field; "" = all
	After          int64        // judge only signatures whose Contents stand behind this byte; 0 = all
	Prefix         *Prefix      // nil = all bytes are read
	Password       pdf.Password // of an encrypted file, for Validate

	network *network            // what one validation may ask; nil = no bound
	known   []*x509.Certificate // of the file: OCSP responders that leave their certificate out may be among them
}

// Prefix is the state of a hash after the first Length bytes of the file, for a caller that has just read these bytes
// and would otherwise have them read twice. The caller answers for it.
type Prefix struct {
	Hash   crypto.Hash // 0 = SHA-256
	Length int64
	State  []byte // of encoding.BinaryMarshaler
}

func (o *Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

func (o *Options) at() time.Time {
	if !o.At.IsZero() {
		return o.At
	}
	return o.now()
}

// Report lists the signatures of a file, oldest first. A file without signatures has none.
type Report struct {
	Signatures []Signature
	Revisions  []int64 // where each revision of the file ends, oldest first
}

// Indication is the worst of the signatures' indications; INDETERMINATE for a file without signatures.
func (r *Report) Indication() Indication {
	worst := TotalPassed
	for _, s := range r.Signatures {
		switch {
		case s.Indication == TotalFailed:
			return TotalFailed
		case s.Indication != TotalPassed:
			worst = Indeterminate
		}
	}
	if len(r.Signatures) == 0 {
		return Indeterminate
	}
	return worst
}

// Signature is the verdict on one signature.
type Signature struct {
	Field             string // full name of the field; "" when the signature stands in none
	Indication        Indication
	SubIndication     string            // "" with TOTAL-PASSED
	Signer            string            // common name
	Certificate       *x509.Certificate // nil when it was not found
	CertificateSHA256 string            // hex, lower case
	Level             string            // B-B, B-T, B-LT, B-LTA; "" when it is no PAdES baseline signature
	Timestamp         bool              // a document time-stamp: its signer is the time-stamping authority
	Name              string            // /Name, /Reason, /Location: claims, like the time
	Reason, Location  string
	ClaimedTime       time.Time // /M, or the signing-time attribute; zero when there is none
	BestTime          time.Time // time the certificate was judged at
	Covers            string    // CoversFile, CoversRevision; "" when ByteRange is not in order
	LaterChanges      string    // ChangesNone ...
	Details           []Detail
	CMS               []byte // DER without padding
	ByteRange         [4]int64
	ByteRangeDigest   []byte
	Revision          int // index of the revision that the signature covers, 0 = the first

	// What the levels above B-B rest on, said of signatures too that are not of the PAdES baseline.
	Proven   bool    // a time-stamp that holds shows that it was there at BestTime
	LongTerm bool    // and the file itself shows the standing of all certificates that this rests on
	Archived bool    // and a document time-stamp that holds covers what shows it
	Chains   []Chain // the signer's, and that of the signature time-stamp; none when they lead to no root
}

// judge sets the verdict unless a worse one stands: the first failure found is the one reported, a TOTAL-FAILED
// replaces an INDETERMINATE.
func (s *Signature) judge(i Indication, sub string, d Detail) {
	s.Details = append(s.Details, d)
	if s.Indication == TotalPassed || s.Indication == Indeterminate && i == TotalFailed {
		s.Indication, s.SubIndication = i, sub
	}
}

func (s *Signature) note(code string, params ...string) {
	s.Details = append(s.Details, detail(code, params...))
}
