package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

// provenStanding is an answer of a service and the entries behind it: custody 10,
// grant 20, signature 22.
func provenStanding() (*validation.Signature, proof) {
	signed := time.Date(2026, 10, 7, 2, 15, 0, 0, time.UTC)
	s := &validation.Signature{CMS: []byte("cms"), ByteRangeDigest: []byte{7}, CertificateSHA256: "cert", Indication: validation.TotalPassed, BestTime: signed}
	cms := sha256.Sum256(s.CMS)
	index := int64(22)
	fields := func(pairs ...string) map[string]string {
		m := map[string]string{signinglog.FieldToken: "token"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	return s, proof{
		answer: wire.Standing{SignatureEntry: &index, TokenID: "token", Custody: &wire.StandingCustody{PersonID: "hoa", Person: "Trần Thị Hòa", Entry: 10},
			Assignment: &wire.StandingScope{Entry: 5}},
		entries: map[int64]signinglog.Entry{
			22: {Type: signinglog.TypeSignature, At: signed.Add(time.Second), Fields: fields("cms_sha256", hex.EncodeToString(cms[:]), "byte_range_digest", "07",
				signinglog.FieldCertificate, "cert", signinglog.FieldActor, "hoa", "custody_entry", "10", "grant_entry", "20", "capacity", "KT", "sha256_out", "out")},
			10: {Type: signinglog.TypeAcceptance, At: signed.AddDate(0, -1, 0), Fields: fields(signinglog.FieldReceiver, "hoa")},
			5:  {Type: signinglog.TypeScope, Fields: fields(signinglog.FieldPerson, "hoa", "paper", "25/QĐ-MNHS")},
		},
	}
}

// TestTheServiceIsBelievedAsFarAsItsLog: each statement without its entry, and each
// entry that says something else, is a contradiction.
func TestTheServiceIsBelievedAsFarAsItsLog(t *testing.T) {
	output := func(name string) (bool, error) { return name == "out", nil }
	s, p := provenStanding()
	report, err := p.report(s, output)
	if err != nil || report.State != LogRecorded || *report.Entry != 22 || report.Custody.Person != "Trần Thị Hòa" || report.Paper != "25/QĐ-MNHS" || report.Capacity != "KT" {
		t.Fatalf("%+v, %v", report, err)
	}
	change := func(index int64, name, value string) func(*proof) {
		return func(p *proof) { p.entries[index].Fields[name] = value }
	}
	for name, spoil := range map[string]func(*proof){
		"no entry of the signature":   func(p *proof) { delete(p.entries, 22) },
		"another certificate":         change(22, signinglog.FieldCertificate, "other"),
		"another CMS":                 change(22, "cms_sha256", "00"),
		"another digest":              change(22, "byte_range_digest", "08"),
		"another output":              change(22, "sha256_out", "other"),
		"another token":               change(22, signinglog.FieldToken, "other"),
		"made under another custody":  change(22, "custody_entry", "11"),
		"no entry of the custody":     func(p *proof) { delete(p.entries, 10) },
		"custody of another token":    change(10, signinglog.FieldToken, "other"),
		"custody of another person":   change(10, signinglog.FieldReceiver, "nghia"),
		"custody withheld":            func(p *proof) { p.answer.Custody = nil },
		"custody is something else":   func(p *proof) { e := p.entries[10]; e.Type = signinglog.TypeOffer; p.entries[10] = e },
		"end of custody not proved":   func(p *proof) { n := int64(30); p.answer.Custody.UntilEntry = &n },
		"assignment of somebody else": change(5, signinglog.FieldPerson, "nghia"),
		"no entry of the assignment":  func(p *proof) { delete(p.entries, 5) },
		"no entry of the loss":        func(p *proof) { p.answer.Incidents = []wire.StandingReport{{Kind: "lost", Entry: 40}} },
	} {
		s, p := provenStanding()
		spoil(&p)
		if report, err := p.report(s, output); err == nil {
			t.Errorf("%s: %+v", name, report)
		}
	}
}

// TestWhenALossWasReported: the log's order decides for what it has, and a proven
// time for the rest. A claimed time decides nothing.
func TestWhenALossWasReported(t *testing.T) {
	const hour = time.Hour
	for name, test := range map[string]struct {
		logged, proven       bool
		entry                int64
		reported, discovered time.Duration // from the signature on
		want                 string
		matters              bool
	}{
		"logged, before":                 {true, false, 15, -hour, -2 * hour, ReportedBefore, true},
		"logged, between":                {true, false, 21, hour, hour, ReportedBetween, true},
		"logged, after":                  {true, false, 30, 2 * hour, hour, ReportedAfter, false},
		"logged, discovered before":      {true, false, 30, 2 * hour, -hour, ReportedDiscovered, true},
		"time-stamped, before":           {false, true, 30, -hour, -2 * hour, ReportedBefore, true},
		"time-stamped, discovered":       {false, true, 30, hour, -hour, ReportedDiscovered, true},
		"time-stamped, after":            {false, true, 30, 2 * hour, hour, ReportedAfter, false},
		"claimed to be before, unproven": {false, false, 30, 2 * hour, hour, ReportedUnproven, true},
	} {
		s, p := provenStanding()
		s.Proven = test.proven
		if !test.logged {
			p.answer.SignatureEntry, p.answer.Assignment = nil, nil
		}
		p.answer.Incidents = []wire.StandingReport{{Kind: "misplaced", Entry: test.entry}} // what the answer says beside the entry counts for nothing
		p.entries[test.entry] = signinglog.Entry{Type: signinglog.TypeIncident, At: s.BestTime.Add(test.reported), Fields: map[string]string{
			signinglog.FieldToken: "token", "kind": "lost", "discovered_at": signinglog.FormatTime(s.BestTime.Add(test.discovered))}}
		report, err := p.report(s, func(string) (bool, error) { return true, nil })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if x := report.Incidents[0]; x.When != test.want || x.Kind != "lost" {
			t.Errorf("%s: %+v", name, x)
		}
		if reportedLoss(report) != test.matters {
			t.Errorf("%s: matters %v", name, !test.matters)
		}
	}
}

// TestConclusions: what weighs most decides.
func TestConclusions(t *testing.T) {
	passed := SignatureReport{Indication: "TOTAL-PASSED", Signer: "A", LaterChanges: "none"}
	with := func(change func(*SignatureReport)) SignatureReport { s := passed; s.Signer = "B"; change(&s); return s }
	sub := func(indication, sub, changes string) SignatureReport {
		return with(func(s *SignatureReport) { s.Indication, s.SubIndication, s.LaterChanges = indication, sub, changes })
	}
	log := func(state, when string) SignatureReport {
		return with(func(s *SignatureReport) {
			s.Log = &LogReport{State: state}
			if when != "" {
				s.Log.Incidents = []LogIncident{{When: when}}
			}
		})
	}
	stamp := SignatureReport{Indication: "TOTAL-PASSED", Timestamp: true}
	for name, test := range map[string]struct {
		file             FileReport
		decision, reason string
	}{
		"one that holds":           {FileReport{Signatures: []SignatureReport{passed}}, Accept, ReasonValid},
		"and a time-stamp":         {FileReport{Signatures: []SignatureReport{passed, stamp}}, Accept, ReasonValid},
		"a time-stamp alone":       {FileReport{Signatures: []SignatureReport{stamp}}, Refuse, ReasonUnsigned},
		"nothing":                  {FileReport{}, Refuse, ReasonUnsigned},
		"no PDF":                   {FileReport{Error: "x", ErrorCode: "not_pdf"}, Refuse, ReasonDamaged},
		"a password":               {FileReport{Error: "x", ErrorCode: "password_needed"}, Ask, ReasonUnreadable},
		"altered":                  {FileReport{Signatures: []SignatureReport{passed, sub("TOTAL-FAILED", "HASH_FAILURE", "none")}}, Refuse, ReasonAltered},
		"altered later":            {FileReport{Signatures: []SignatureReport{sub("TOTAL-FAILED", "FORMAT_FAILURE", "forbidden")}}, Refuse, ReasonAlteredLater},
		"failed and doubted":       {FileReport{Signatures: []SignatureReport{sub("INDETERMINATE", "TRY_LATER", "none"), sub("TOTAL-FAILED", "SIG_CRYPTO_FAILURE", "none")}}, Refuse, ReasonBroken},
		"suspicious":               {FileReport{Signatures: []SignatureReport{sub("INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "suspicious")}}, Ask, ReasonSuspicious},
		"revoked":                  {FileReport{Signatures: []SignatureReport{sub("INDETERMINATE", "REVOKED_NO_POE", "none")}}, Ask, ReasonRevoked},
		"no root":                  {FileReport{Signatures: []SignatureReport{sub("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND", "none")}}, Ask, ReasonUntrusted},
		"weak":                     {FileReport{Signatures: []SignatureReport{sub("INDETERMINATE", "CRYPTO_CONSTRAINTS_FAILURE", "none")}}, Ask, ReasonWeak},
		"odd":                      {FileReport{Signatures: []SignatureReport{sub("INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", "none")}}, Ask, ReasonDoubtful},
		"logged":                   {FileReport{Signatures: []SignatureReport{log(LogRecorded, "")}}, Accept, ReasonValid},
		"lost afterwards":          {FileReport{Signatures: []SignatureReport{log(LogRecorded, ReportedAfter)}}, Accept, ReasonValid},
		"lost before":              {FileReport{Signatures: []SignatureReport{passed, log(LogRecorded, ReportedBefore)}}, Ask, ReasonLoss},
		"of the school, unlogged":  {FileReport{Signatures: []SignatureReport{log(LogMissing, "")}}, Ask, ReasonNotLogged},
		"of another school":        {FileReport{Signatures: []SignatureReport{log(LogForeign, "")}}, Accept, ReasonValid},
		"the service is down":      {FileReport{Signatures: []SignatureReport{log(LogUnreachable, "")}}, Accept, ReasonValid},
		"the log says another":     {FileReport{Signatures: []SignatureReport{log(LogContradicted, "")}}, Ask, ReasonContradicted},
		"revocation not asked for": {FileReport{Signatures: []SignatureReport{with(func(s *SignatureReport) { s.Details = []DetailReport{{Code: "revocation_not_checked"}} })}}, Ask, ReasonNotChecked},
	} {
		for _, language := range []string{Vietnamese, English} {
			c := Verification{Catalogue: NewCatalogue(language)}.conclude(test.file)
			if c.Decision != test.decision || c.Reason != test.reason || strings.HasPrefix(c.Message, "conclusion.") || c.Message == "" {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}
