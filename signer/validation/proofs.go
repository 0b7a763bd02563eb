package validation

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"time"
)

// proofs are what the file itself brings to show how things were earlier (ETSI EN 319 102-1 §5.6, in a simple form): a
// document time-stamp that holds shows that all it covers was there at its time, signatures, their time-stamps and the
// answers of the DSS alike; with these answers certificates are judged that expired since. The time-stamps are judged
// from the newest to the oldest: each at the time that a newer one shows, the newest at the time of validation.
type proofs struct {
	*store
	opt   *Options
	times []proof

	answers map[question]answer // what the DSS said of certificates

	fetched []*x509.Certificate // issuers' certificates that the file lacks

	lookups int // so far
}

// spend tells whether another answer may be held against a certificate. Each costs the check of a signature, or going
// through a list: n entries.
func (p *proofs) spend(n int) bool {
	p.lookups += 1 + n/10_000
	return p.lookups <= maxLookups
}

// proof is a document time-stamp that holds.
type proof struct {
	revision int // that it covers, with all before
	at       time.Time
	run      *run
}

// stamped is a signature time-stamp that is believed.
type stamped struct {
	path   []*x509.Certificate
	at     time.Time
	others []*x509.Certificate // that the token holds
}

// judgeAll judges document time-stamps first.
func judgeAll(ctx context.Context, runs []*run, p *proofs) error {
	for i := len(runs) - 1; i >= 0; i-- {
		v := runs[i]
		v.proofs = p
		if v.ts == nil {
			continue
		}
		if err := v.judge(ctx); err != nil {
			return err
		}
		if v.sig.Indication == TotalPassed {
			p.times = append(p.times, proof{v.sig.Revision, v.ts.GenTime, v})
		}
	}
	for _, v := range runs {
		if v.ts == nil {
			if err := v.judge(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// elsewhere are the certificates that may stand in for those that a time-stamp token leaves out.
func (p *proofs) elsewhere() []*x509.Certificate {
	return slices.Concat(p.certificates, p.opt.Intermediates)
}

// covering answers the earliest proof that what stands in a revision was there; nil when there is none. A signature or
// time-stamp that covers a revision stands in it, but what covers it is a revision later at least.
func (p *proofs) covering(revision int) *proof {
	var first *proof
	for i := range p.times {
		if t := &p.times[i]; t.revision >= revision && (first == nil || t.at.Before(first.at)) {
			first = t
		}
	}
	return first
}

// coveredAt is the time by which what stands in a revision is known to have been there: that of validation when no
// document time-stamp covers it.
func (p *proofs) coveredAt(revision int) time.Time {
	if t := p.covering(revision); t != nil {
		return earlier(t.at, p.opt.at())
	}
	return p.opt.at()
}

// needed is the time for which the standing of a time-stamp's authority is asked: that by which the time-stamp is known
// to have been there. Where only the time of validation is known, answers of the time-stamp's own time must do: those
// in a file can't be newer than the file.
func (p *proofs) needed(made time.Time, revision int) time.Time {
	if t := p.covering(revision); t != nil {
		return t.at
	}
	return earlier(made, p.opt.at())
}

// signedBy tells whether the list is the issuer's; a list may be long, so that its signature is checked once.
func (s *stored) signedBy(issuer *x509.Certificate) error {
	err, known := s.issuers[string(issuer.Raw)]
	if !known {
		if s.issuers == nil {
			s.issuers = map[string]error{}
		}
		err = ofIssuer(s.list, issuer)
		s.issuers[string(issuer.Raw)] = err
	}
	return err
}

var errNotStored = errors.New("the file has no answer about the certificate that holds")

// standing looks for the certificate in the DSS: an answer that holds at that time or is of later, and that was there
// while its issuer's certificate was in force. A revocation outweighs anything else, then the newest answer counts.
func (p *proofs) standing(cert, issuer *x509.Certificate, at time.Time) (revocation, error) {
	return p.standingAt(cert, issuer, at, 0)
}

// question and answer spare looking through a large store for each of many signatures. Proofs of time that are found
// later change what is known, so that they are part of it.
type question struct {
	cert, issuer *x509.Certificate
	at           time.Time
	depth, times int
}

type answer struct {
	revocation
	err error
}

func (p *proofs) standingAt(cert, issuer *x509.Certificate, at time.Time, depth int) (revocation, error) {
	q := question{cert, issuer, at, depth, len(p.times)}
	if a, ok := p.answers[q]; ok {
		return a.revocation, a.err
	}
	r, err := p.lookThrough(p.store, cert, issuer, at, depth)
	if p.answers == nil {
		p.answers = map[question]answer{}
	}
	p.answers[q] = answer{r, err}
	return r, err
}

// lookThrough looks in one store; a responder's own standing may be told by the same one.
func (p *proofs) lookThrough(in *store, cert, issuer *x509.Certificate, at time.Time, depth int) (revocation, error) {
	serial, err := asn1.Marshal(cert.SerialNumber)
	if err != nil {
		return revocation{}, err
	}
	var best revocation
	take := func(r revocation, revision int) {
		r.source, r.revision = in.source, revision
		if best.status == "" || r.status == Revoked && best.status != Revoked || r.status == best.status && r.made.After(best.made) {
			best = r
		}
	}
	for _, s := range in.responses {
		if !bytes.Contains(s.der, serial) || !p.spend(0) {
			continue
		}
		r, _, err := readOCSP(s.der, cert, issuer, p.elsewhere(), moments{at, p.coveredAt(s.revision)})
		if err == nil {
			r.behind, err = responderStanding(r.responder, depth, func() (revocation, error) {
				if in != p.store {
					return p.lookThrough(in, r.responder, issuer, at, depth+1)
				}
				return p.standingAt(r.responder, issuer, at, depth+1)
			})
		}
		if err == nil {
			take(r, s.revision)
		}
	}
	for _, s := range in.lists {
		if !bytes.Equal(s.list.RawIssuer, issuer.RawSubject) || !p.spend(len(s.list.RevokedCertificateEntries)) {
			continue
		}
		m := moments{at, p.coveredAt(s.revision)}
		if s.signedBy(issuer) != nil {
			continue
		}
		if _, err := fresh(s.list.ThisUpdate, s.list.NextUpdate, m); err != nil {
			continue
		}
		if r, err := lookUp(s.list, cert, issuer, m); err == nil {
			take(r, s.revision)
		}
	}
	if best.status == "" {
		return revocation{}, errNotStored
	}
	return best, nil
}

// Chain is a certificate path that a signature rests on, leaf first.
type Chain struct {
	Path      []*x509.Certificate
	Timestamp bool // that of a time-stamping authority
	// Missing are the certificates, as indices of Path, whose standing the file does not show, or not for the time by
	// which the signature or time-stamp is known to have been there.
	Missing []int
}

// longTerm finds out how far the file itself shows what the verdict rests on, and the level that comes of it (ETSI EN
// 319 142-1 §6.3).
func (v *run) longTerm(path []*x509.Certificate) {
	s, p := &v.sig, v.proofs
	proof := p.covering(s.Revision + 1)
	s.Proven = v.stamped != nil || proof != nil
	if path == nil {
		return
	}
	last := s.Revision // that has something of what is shown
	whole := true
	show := func(path []*x509.Certificate, timestamp bool, at, missingAt time.Time, own []*x509.Certificate) {
		missing, newest, complete := p.shown(path, at, missingAt, own)
		s.Chains = append(s.Chains, Chain{Path: path, Timestamp: timestamp, Missing: missing})
		whole, last = whole && complete, max(last, newest)
	}
	if v.ts != nil {
		show(path, true, p.needed(v.ts.GenTime, s.Revision+1), s.BestTime, v.sd.Certificates)
	} else {
		show(path, false, s.BestTime, s.BestTime, v.sd.Certificates)
	}
	switch {
	case v.stamped != nil:
		own := slices.Concat(v.sd.Certificates, v.stamped.others)
		show(v.stamped.path, true, p.needed(v.stamped.at, s.Revision+1), p.coveredAt(s.Revision+1), own)
	case proof != nil && v.ts == nil:
		whole = whole && proof.run.sig.LongTerm
		last = max(last, proof.run.shownIn)
	}
	v.shownIn = last
	s.LongTerm = whole && (s.Proven || v.ts != nil)
	s.Archived = s.LongTerm && p.covering(max(last, s.Revision+1)) != nil
	if s.Level != "B-B" {
		return
	}
	switch {
	case s.Archived:
		s.Level = "B-LTA"
	case s.LongTerm:
		s.Level = "B-LT"
	case s.Proven:
		s.Level = "B-T"
	}
}

// shown looks in the file for the certificates of a path, but for the root, which whoever validates has, and for their
// standing at a time. It answers those that are missing for another, mostly later time, and the newest revision with a
// part of what is there.
func (p *proofs) shown(path []*x509.Certificate, at, missingAt time.Time, own []*x509.Certificate) (missing []int, newest int, complete bool) {
	complete = true
	for i, cert := range path[:len(path)-1] {
		r, err := p.standing(cert, path[i+1], at)
		if err != nil || r.status == Revoked && !r.at.After(at) {
			complete = false
		}
		for b := &r; err == nil && b != nil; b = b.behind {
			newest = max(newest, b.revision)
		}
		embedded := slices.ContainsFunc(own, cert.Equal)
		revision, stored := p.brought[string(cert.Raw)]
		if !embedded {
			newest = max(newest, revision)
		}
		complete = complete && (stored || embedded)
		if !missingAt.Equal(at) {
			_, err = p.standing(cert, path[i+1], missingAt)
		}
		if err != nil || !stored && !embedded {
			missing = append(missing, i)
		}
	}
	return missing, newest, complete
}
