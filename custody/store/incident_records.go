package store

import (
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

type incidentRow struct {
	rowBase
	Token        string `db:"token_id"`
	Kind         string `db:"kind"`
	Reporter     string `db:"reporter_id"`
	DiscoveredAt stamp  `db:"discovered_at"`
	ReportedAt   stamp  `db:"reported_at"`
	LastUsedAt   *stamp `db:"last_used_at"`
	PINExposed   bool   `db:"pin_exposed"`
	PIN          string `db:"pin"` // "" in reports from before the question was put
	Alarm        string `db:"alarm_id"`
	State        string `db:"state"`
}

const incidentColumns = `i.id, i.school_id, i.token_id, i.kind, COALESCE(i.reporter_id, '') AS reporter_id, i.discovered_at, i.reported_at,
	i.last_used_at, i.pin_exposed, COALESCE(i.pin, '') AS pin, COALESCE(i.alarm_id, '') AS alarm_id, i.state, i.entry_index`

func (r incidentRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeIncident, r.ReportedAt.Time
}

func (r incidentRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.Reporter), "incident": r.ID, "kind": r.Kind, signinglog.FieldToken: r.Token,
		"discovered_at": signinglog.FormatTime(r.DiscoveredAt.Time), "last_used_at": timeField(r.LastUsedAt),
		"pin_exposed": flag(r.PINExposed), "pin": r.PIN, "alarm": r.Alarm}
}

func (r incidentRow) incident() custody.Incident {
	pin := custody.PINExposure(r.PIN)
	if pin == "" && r.PINExposed {
		pin = custody.PINExposed
	}
	return custody.Incident{ID: custody.IncidentID(r.ID), Token: custody.TokenID(r.Token), Kind: custody.IncidentKind(r.Kind),
		Reporter: custody.PersonID(r.Reporter), DiscoveredAt: r.DiscoveredAt.Time, ReportedAt: r.ReportedAt.Time, LastUsedAt: r.LastUsedAt.moment(),
		PIN: pin, Alarm: custody.AlarmID(r.Alarm), State: r.State, Entry: r.Entry}
}

// timeField is a moment that may be missing, as entries have it.
func timeField(s *stamp) string {
	if s == nil {
		return ""
	}
	return signinglog.FormatTime(s.Time)
}

// stepRow is a step of an incident's track.
type stepRow struct {
	rowBase
	Incident      string       `db:"incident_id"`
	IncidentEntry int64        `db:"incident_entry"`
	Token         string       `db:"token_id"`
	Step          string       `db:"step"`
	By            string       `db:"recorded_by"`
	DoneAt        stamp        `db:"done_at"`
	PaperNumber   string       `db:"paper_number"`
	PaperOn       custody.Date `db:"paper_on"`
	Addressee     string       `db:"addressee"`
	Revocation    *int64       `db:"revocation_entry"`
	RecordedAt    stamp        `db:"recorded_at"`
}

const stepColumns = `id, school_id, incident_id, incident_entry, token_id, step, COALESCE(recorded_by, '') AS recorded_by, done_at, paper_number, paper_on,
	addressee, revocation_entry, recorded_at, entry_index`

func (r stepRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeIncidentStep, r.RecordedAt.Time
}

func (r stepRow) fields() map[string]string {
	f := map[string]string{signinglog.FieldActor: actorField(r.By), "step_id": r.ID, "incident": r.Incident, "incident_entry": count(r.IncidentEntry),
		signinglog.FieldToken: r.Token, "step": r.Step, "done_at": signinglog.FormatTime(r.DoneAt.Time), "paper_number": r.PaperNumber,
		"paper_on": string(r.PaperOn), "addressee": r.Addressee}
	if r.Revocation != nil {
		f["revocation_entry"] = count(*r.Revocation)
	}
	return f
}

func (r stepRow) step() custody.Step {
	return custody.Step{ID: custody.StepID(r.ID), Kind: custody.StepKind(r.Step), By: custody.PersonID(r.By), DoneAt: r.DoneAt.Time, RecordedAt: r.RecordedAt.Time,
		PaperNumber: r.PaperNumber, PaperDate: r.PaperOn, Addressee: r.Addressee, Revocation: indexOr0(r.Revocation), Entry: r.Entry}
}

// alarmRow is an alarm and what became of it.
type alarmRow struct {
	rowBase
	Kind         string `db:"kind"`
	ReceivedAt   stamp  `db:"received_at"`
	State        string `db:"state"`
	DecidedBy    string `db:"decided_by"`
	DecidedAt    *stamp `db:"decided_at"`
	DecidedEntry *int64 `db:"decided_entry"`
	Incident     string `db:"incident_id"`
}

const alarmColumns = `a.id, a.school_id, a.kind, a.received_at, a.entry_index, a.state, COALESCE(a.decided_by, '') AS decided_by, a.decided_at, a.decided_entry,
	COALESCE(a.incident_id, '') AS incident_id`

func (r alarmRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeAlarm, r.ReceivedAt.Time
}

func (r alarmRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: signinglog.SystemActor, "alarm": r.ID, "kind": r.Kind}
}

func (r alarmRow) alarm() custody.Alarm {
	a := custody.Alarm{ID: custody.AlarmID(r.ID), Kind: custody.IncidentKind(r.Kind), ReceivedAt: r.ReceivedAt.Time, State: custody.AlarmState(r.State),
		DecidedBy: custody.PersonID(r.DecidedBy), DecidedAt: r.DecidedAt.moment(), Incident: custody.IncidentID(r.Incident), Entry: r.Entry}
	if r.DecidedEntry != nil {
		a.Entry = *r.DecidedEntry
	}
	return a
}

// reviewRow is what the review of a doubtful signature came to.
type reviewRow struct {
	rowBase
	Incident       string `db:"incident_id"`
	Signature      string `db:"signature_id"`
	SignatureEntry int64  `db:"signature_entry"`
	Token          string `db:"token_id"`
	Signer         string `db:"signer_id"`
	Verdict        string `db:"verdict"`
	By             string `db:"reviewed_by"`
	ReviewedAt     stamp  `db:"reviewed_at"`
}

const reviewColumns = `id, school_id, incident_id, signature_id, signature_entry, token_id, signer_id, verdict, reviewed_by, reviewed_at, entry_index`

func (r reviewRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeSignatureReview, r.ReviewedAt.Time
}

func (r reviewRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: r.By, "review": r.ID, "incident": r.Incident, "signature": r.Signature, "signature_entry": count(r.SignatureEntry),
		signinglog.FieldToken: r.Token, signinglog.FieldPerson: r.Signer, "verdict": r.Verdict}
}
