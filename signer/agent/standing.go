package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

// What the paired service's log says of a signature.
const (
	LogRecorded     = "recorded"     // it is in the log
	LogMissing      = "missing"      // made with a token of the school, but not in the log
	LogForeign      = "foreign"      // the certificate is not one of the school's
	LogContradicted = "contradicted" // what the service says does not agree with its log, or the log with the file
	LogUnreachable  = "unreachable"  // the service did not answer
)

// When a loss was reported, seen from the signature.
const (
	ReportedBefore     = "before"
	ReportedBetween    = "between"    // between the leave for the signature and its record
	ReportedDiscovered = "discovered" // after it, but the loss was discovered before it
	ReportedAfter      = "after"
	ReportedUnproven   = "unproven" // nothing proves when the signature was made
)

// LogReport is what the log of the paired service proves about a signature.
type LogReport struct {
	State     string        `json:"state"`           // LogRecorded ...
	Entry     *int64        `json:"entry,omitempty"` // of the signature
	At        string        `json:"at,omitempty"`    // when the log took it, RFC 3339
	Act       string        `json:"act,omitempty"`
	Capacity  string        `json:"capacity,omitempty"`
	Title     string        `json:"title,omitempty"`
	Custody   *LogCustody   `json:"custody,omitempty"` // under which it was made, or that was in force then
	Paper     string        `json:"paper,omitempty"`   // that lent the capacity
	PaperAt   *int64        `json:"paper_entry,omitempty"`
	Incidents []LogIncident `json:"incidents,omitempty"` // losses reported of the token
	Reason    string        `json:"reason,omitempty"`    // of LogContradicted and LogUnreachable, for a person
}

// LogCustody is who held the token.
type LogCustody struct {
	Person     string `json:"person"` // the service's word; "" once erased
	Since      string `json:"since"`
	Entry      int64  `json:"entry"`
	Until      string `json:"until,omitempty"`
	UntilEntry *int64 `json:"until_entry,omitempty"`
}

// LogIncident is a reported loss of the token.
type LogIncident struct {
	Kind         string `json:"kind"` // lost, misplaced, suspected
	When         string `json:"when"` // ReportedBefore ...
	DiscoveredAt string `json:"discovered_at"`
	ReportedAt   string `json:"reported_at"`
	Entry        int64  `json:"entry"`
}

// ask asks about one signature of the file. It is nil for a document time-stamp
// and for what is not worth asking about: a broken signature is in no log.
func (r *Register) ask(ctx context.Context, catalogue *Catalogue, source io.ReaderAt, found *validation.Report, i int) *LogReport {
	s := &found.Signatures[i]
	if r == nil || s.Timestamp || s.Certificate == nil || len(s.ByteRangeDigest) == 0 || s.Indication == validation.TotalFailed {
		return nil
	}
	at := s.ClaimedTime
	if s.Proven {
		at = s.BestTime
	}
	answer, entries, err := r.standing(ctx, wire.StandingQuery{Certificate: s.CertificateSHA256, Digest: hex.EncodeToString(s.ByteRangeDigest), At: at})
	var problem *wire.Problem
	if errors.As(err, &problem) && problem.Code == wire.CodeNotFound {
		return &LogReport{State: LogForeign}
	}
	if err != nil {
		report := &LogReport{State: LogUnreachable}
		var own *Error
		if errors.As(err, &own) && (own.Code == "log_forked" || own.Code == "receipt_invalid") {
			report.State = LogContradicted
		}
		_, report.Reason = catalogue.Explain(err, "")
		var unreachable *wire.UnreachableError
		if errors.As(err, &unreachable) { // the sentence speaks of signing
			report.Reason = unreachable.URL
		}
		return report
	}
	p := proof{answer: answer, entries: entries}
	report, err := p.report(s, func(sha256Out string) (bool, error) { return wasOutput(source, found, i, sha256Out) })
	if err != nil {
		return &LogReport{State: LogContradicted, Reason: err.Error()}
	}
	return report
}

// proof is an answer and the entries that prove it.
type proof struct {
	answer    wire.Standing
	entries   map[int64]signinglog.Entry
	signature signinglog.Entry // of the zero type when the log does not have it
	err       error            // the first statement without its proof
}

// entry is the proved entry of that index, type and token.
func (p *proof) entry(index int64, kind signinglog.Type, what string) signinglog.Entry {
	entry, ok := p.entries[index]
	if p.err == nil && (!ok || entry.Type != kind || kind != signinglog.TypeScope && entry.Token() != p.answer.TokenID) {
		p.err = fmt.Errorf("entry %d does not prove %s", index, what)
	}
	return entry
}

func (p *proof) report(s *validation.Signature, wasOutput func(string) (bool, error)) (*LogReport, error) {
	report := &LogReport{State: LogMissing}
	if index := p.answer.SignatureEntry; index != nil {
		p.signature = p.entry(*index, signinglog.TypeSignature, "the signature")
		if p.err == nil && !entryNames(p.signature, s) {
			p.err = fmt.Errorf("entry %d is about another signature by the same certificate over the same document", *index)
		}
		if p.err != nil {
			return nil, p.err
		}
		same, err := wasOutput(p.signature.Fields["sha256_out"])
		if err != nil {
			return nil, err
		}
		if !same {
			return nil, errors.New("the file was another when it was signed")
		}
		report.State, report.Entry, report.At = LogRecorded, index, formatTime(p.signature.At)
		report.Act, report.Capacity, report.Title = p.signature.Fields["act"], p.signature.Fields["capacity"], p.signature.Fields["title"]
	}
	p.custody(report)
	if given := p.answer.Assignment; given != nil {
		scope := p.entry(given.Entry, signinglog.TypeScope, "the assignment")
		if p.err == nil && scope.Fields[signinglog.FieldPerson] != p.signature.Actor() {
			p.err = fmt.Errorf("entry %d assigns another person", given.Entry)
		}
		report.Paper, report.PaperAt = scope.Fields["paper"], &given.Entry
	}
	for _, given := range p.answer.Incidents {
		incident := p.entry(given.Entry, signinglog.TypeIncident, "the reported loss")
		discovered, err := signinglog.ParseTime(incident.Fields["discovered_at"])
		if p.err == nil && err != nil {
			p.err = fmt.Errorf("entry %d: %w", given.Entry, err)
		}
		report.Incidents = append(report.Incidents, LogIncident{Kind: incident.Fields["kind"], When: p.when(s, given.Entry, incident.At, discovered),
			DiscoveredAt: formatTime(discovered), ReportedAt: formatTime(incident.At), Entry: given.Entry})
	}
	return report, p.err
}

// custody fills in who held the token: of a logged signature it is the custody
// that its own entry names.
func (p *proof) custody(report *LogReport) {
	given := p.answer.Custody
	if given == nil {
		if p.err == nil && report.Entry != nil {
			p.err = fmt.Errorf("custody entry %s is withheld", p.signature.Fields["custody_entry"])
		}
		return
	}
	begun := p.entry(given.Entry, signinglog.TypeAcceptance, "the custody")
	switch {
	case p.err != nil:
	case begun.Fields[signinglog.FieldReceiver] != given.PersonID:
		p.err = fmt.Errorf("entry %d gives the token to another person", given.Entry)
	case report.Entry != nil && p.signature.Fields["custody_entry"] != strconv.FormatInt(given.Entry, 10):
		p.err = fmt.Errorf("the signature was made under another custody than entry %d", given.Entry)
	}
	report.Custody = &LogCustody{Person: given.Person, Since: formatTime(begun.At), Entry: given.Entry}
	if given.UntilEntry != nil {
		ended := p.entry(*given.UntilEntry, signinglog.TypeAcceptance, "the end of the custody")
		report.Custody.Until, report.Custody.UntilEntry = formatTime(ended.At), given.UntilEntry
	}
}

// when sets a reported loss in relation to the signature. The order of a logged
// signature is the log's own; any other has only the time that is proven for it,
// since a claimed time is what a thief writes.
func (p *proof) when(s *validation.Signature, index int64, reported, discovered time.Time) string {
	signed := s.BestTime
	switch {
	case p.answer.SignatureEntry != nil:
		granted, err := strconv.ParseInt(p.signature.Fields["grant_entry"], 10, 64)
		switch {
		case err != nil || index < granted:
			return ReportedBefore
		case index < *p.answer.SignatureEntry:
			return ReportedBetween
		}
		signed = p.signature.At
	case !s.Proven:
		return ReportedUnproven
	case !reported.After(signed):
		return ReportedBefore
	}
	if !discovered.After(signed) {
		return ReportedDiscovered
	}
	return ReportedAfter
}

// Codes of details about the log.
const (
	DetailLogEntry        = "log_entry"        // entry, at
	DetailLogMissing      = "log_missing"      //
	DetailLogContradicted = "log_contradicted" // reason
	DetailLogUnreachable  = "log_unreachable"  // reason
	DetailLogCustody      = "log_custody"      // person, since, entry, until, until_entry
	DetailLogAssignment   = "log_assignment"   // capacity, paper, entry
	DetailLogIncident     = "log_incident"     // loss, when, discovered_at, reported_at, entry
)

// LogDetailCodes lists them, for tests of catalogues.
var LogDetailCodes = []string{DetailLogEntry, DetailLogMissing, DetailLogContradicted, DetailLogUnreachable, DetailLogCustody,
	DetailLogAssignment, DetailLogIncident}

// details are the report's statements as sentences. A certificate of somebody else
// is nothing to tell of: most documents that come in have one.
func (v Verification) logDetails(report *LogReport, receipted bool) []DetailReport {
	if report == nil || report.State == LogForeign {
		return nil
	}
	var details []DetailReport
	add := func(code string, params ...string) {
		values := map[string]string{}
		for i := 0; i+1 < len(params); i += 2 {
			if params[i+1] != "" {
				values[params[i]] = params[i+1]
			}
		}
		details = append(details, v.detail(code, values))
	}
	switch report.State {
	case LogContradicted:
		add(DetailLogContradicted, "reason", report.Reason)
	case LogUnreachable:
		add(DetailLogUnreachable, "reason", report.Reason)
	case LogMissing:
		add(DetailLogMissing)
	case LogRecorded:
		if !receipted { // the receipt beside the file has said it
			add(DetailLogEntry, "entry", decimal(*report.Entry), "at", report.At)
		}
	}
	if c := report.Custody; c != nil {
		until := ""
		if c.UntilEntry != nil {
			until = decimal(*c.UntilEntry)
		}
		add(DetailLogCustody, "person", c.Person, "since", c.Since, "entry", decimal(c.Entry), "until", c.Until, "until_entry", until)
	}
	if report.PaperAt != nil {
		add(DetailLogAssignment, "capacity", report.Capacity, "paper", report.Paper, "entry", decimal(*report.PaperAt))
	}
	for _, x := range report.Incidents {
		add(DetailLogIncident, "loss", x.Kind, "when", x.When, "discovered_at", x.DiscoveredAt, "reported_at", x.ReportedAt, "entry", decimal(x.Entry))
	}
	return details
}
