package httpapi

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

// Bounds of the public check: a file, how many are read at a time, and how long
// it may take and somebody waits for their turn. One is judged at a time, apart from what people who
// are signed in have judged.
const (
	maxPublicFile   = 20 << 20
	publicReaders   = 8
	publicTime      = 2 * time.Minute // for a whole request: 20 MB at 1.4 Mbit/s
	publicPatience  = 15 * time.Second
	maxPublicListed = 50 // signatures that are told of
)

// What the school says of a signature, and of a document as its gravest.
const (
	checkAccepted = "accepted" // intact, and in the school's log
	checkForeign  = "foreign"  // intact, by a certificate that is not registered here
	checkUnlogged = "unlogged" // intact, by a registered certificate, and not in the log
	checkUnclear  = "unclear"  // could not be judged
	checkLost     = "lost"     // made after the token was reported
	checkBroken   = "broken"   // the document was changed, or the signature is none
)

// Who stands behind a certificate, as far as the roots go that the service was given.
const (
	issuerOfficial  = "official"    // the State's own
	issuerPublic    = "public"      // a licensed authority
	issuerUnknown   = "unknown"     // its chain leads to none of them
	issuerOutOfTime = "out_of_time" // it does, and the certificate was not valid when it was used
)

var checkGravity = []string{checkAccepted, checkForeign, checkUnlogged, checkUnclear, checkLost, checkBroken}

// checkedSignature is what is told of a signature to whoever has the document: what
// the document itself shows, and what the school's log proves of it.
type checkedSignature struct {
	Signer string
	At     time.Time // as the log has it, else as the document claims
	Stamp  bool      // a document time-stamp
	Word   string
	Entry  int64 // of the log; with Logged
	Logged bool
	Held   bool // the token was handed out under the register's custody then
	Seal   bool
	Issuer string // one of issuer...; "" where the service was given no roots, or nothing is intact
	// Reports of a loss of the token, by the day; After says that the signature is older.
	Reports []checkedReport
}

type checkedReport struct {
	At    time.Time
	After bool // the report came after the signature
}

// checkedDocument is the answer to a file.
type checkedDocument struct {
	Word       string // of the whole; "unsigned" without signatures
	Signatures []checkedSignature
	More       int // that are not listed
}

// checkDocument judges a file that anybody may send. It is held in memory only, and
// not longer than its answer takes.
func (s *server) checkDocument(ctx context.Context, r io.Reader) (checkedDocument, error) {
	if err := takeTurn(ctx, s.publicReading); err != nil {
		return checkedDocument{}, err
	}
	defer func() { <-s.publicReading }()
	file, err := gather(r, maxPublicFile)
	switch {
	case err != nil:
		return checkedDocument{}, err
	case file.size == 0:
		return checkedDocument{}, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "file", "reason": "no_file"}}
	}
	if err := takeTurn(ctx, s.publicJudging); err != nil {
		return checkedDocument{}, err
	}
	defer func() { <-s.publicJudging }()
	report, err := validation.Validate(ctx, file, file.size, validation.Options{Offline: true, Now: s.now})
	if err != nil {
		return checkedDocument{}, noPDF(err)
	}
	doc := checkedDocument{Word: checkAccepted}
	if len(report.Signatures) == 0 {
		doc.Word = "unsigned"
	}
	for _, signature := range report.Signatures {
		checked, err := s.checkedSignature(ctx, signature)
		if err != nil {
			return checkedDocument{}, err
		}
		if !checked.Stamp || checked.Word == checkBroken {
			doc.Word = graver(doc.Word, checked.Word)
		}
		if len(doc.Signatures) == maxPublicListed {
			doc.More++
			continue
		}
		checked.Issuer = s.issuerOf(signature, checked)
		doc.Signatures = append(doc.Signatures, checked)
	}
	return doc, nil
}

// issuerOf tells by which of the two worlds' roots a certificate was issued, at the time of
// its signature. It changes no verdict: that a signature is the school's, the log says. Of
// one that is not, the name in its certificate is worth as much as whoever issued it.
func (s *server) issuerOf(v validation.Signature, checked checkedSignature) string {
	if len(s.roots.Official)+len(s.roots.Public) == 0 || v.Certificate == nil || v.Timestamp || checked.Word == checkBroken {
		return ""
	}
	at := checked.At
	if at.IsZero() {
		at = s.now()
	}
	for _, world := range []struct {
		word  string
		roots []*x509.Certificate
	}{{issuerOfficial, s.roots.Official}, {issuerPublic, s.roots.Public}} {
		if len(world.roots) == 0 {
			continue
		}
		pool := x509.NewCertPool()
		for _, root := range world.roots {
			pool.AddCert(root)
		}
		if _, err := validation.ChainOf(v, at, validation.Options{Roots: pool}); err == nil {
			return world.word
		}
		if at.Before(v.Certificate.NotBefore) || at.After(v.Certificate.NotAfter) {
			if _, err := validation.ChainOf(v, v.Certificate.NotBefore.Add(time.Second), validation.Options{Roots: pool}); err == nil {
				return issuerOutOfTime
			}
		}
	}
	return issuerUnknown
}

func takeTurn(ctx context.Context, turn chan struct{}) error {
	patience := time.NewTimer(publicPatience)
	defer patience.Stop()
	select {
	case turn <- struct{}{}:
		return nil
	case <-patience.C:
		return errRateLimited
	case <-ctx.Done():
		return ctx.Err()
	}
}

func graver(a, b string) string {
	for _, word := range checkGravity {
		if word == a {
			return b
		}
		if word == b {
			return a
		}
	}
	return a
}

func (s *server) checkedSignature(ctx context.Context, v validation.Signature) (checkedSignature, error) {
	out := checkedSignature{Signer: v.Signer, At: v.ClaimedTime, Stamp: v.Timestamp, Word: checkUnclear}
	intact := v.LaterChanges == validation.ChangesNone || v.LaterChanges == validation.ChangesPermitted
	switch {
	case v.Indication == validation.TotalFailed:
		out.Word = checkBroken
		return out, nil
	case v.Timestamp:
		out.Word = checkForeign
		return out, nil
	case !intact || v.CertificateSHA256 == "":
		return out, nil
	}
	out.Word = checkForeign
	return s.standing(ctx, out, store.StandingQuery{Certificate: v.CertificateSHA256, ByteRangeDigest: hex.EncodeToString(v.ByteRangeDigest)})
}

// standing adds what the log proves of this very signature, and nothing of others: whoever
// has the signature has the document.
func (s *server) standing(ctx context.Context, out checkedSignature, query store.StandingQuery) (checkedSignature, error) {
	st, err := s.store.Standing(ctx, custody.SystemActor(s.school.ID), query)
	if errors.Is(err, custody.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Seal, out.Word = st.Token.Kind == custody.Seal, checkUnlogged
	if st.Signature == 0 {
		return out, nil // that a certificate is registered is all that is said
	}
	out.Word, out.Logged, out.Entry, out.Held = checkAccepted, true, st.Signature, st.Custody != nil
	for _, receipt := range st.Receipts {
		if receipt.Index == st.Signature {
			if entry, _, err := s.ownReceipt(receipt); err == nil {
				out.At = entry.At
			}
		}
	}
	for _, incident := range st.Incidents {
		report := checkedReport{At: incident.ReportedAt, After: incident.ReportedAt.After(out.At)}
		if !report.After && incident.State == string(custody.IncidentOpen) {
			out.Word = checkLost
		}
		out.Reports = append(out.Reports, report)
	}
	return out, nil
}
