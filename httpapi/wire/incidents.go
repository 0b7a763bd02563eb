package wire

import "time"

// NewIncident reports a loss. Kind is lost, misplaced or suspected. PIN says
// whether somebody else may know it: yes, no or unknown; PINExposed is the same as
// yes, for programs from before the question had three answers.
type NewIncident struct {
	TokenID      string     `json:"token_id"`
	Kind         string     `json:"kind"`
	DiscoveredAt time.Time  `json:"discovered_at"`
	LastUsedAt   *time.Time `json:"last_used_at,omitempty"` // last use that is certain
	Place        string     `json:"place,omitempty"`
	Description  string     `json:"description"`
	PIN          string     `json:"pin,omitempty"`
	PINExposed   bool       `json:"pin_exposed,omitempty"`
}

// Incident is a reported loss.
type Incident struct {
	ID           string     `json:"id"`
	TokenID      string     `json:"token_id"`
	TokenLabel   string     `json:"token_label"`
	Kind         string     `json:"kind"`
	Reporter     string     `json:"reporter"`
	DiscoveredAt time.Time  `json:"discovered_at"`
	ReportedAt   time.Time  `json:"reported_at"`
	LastUsedAt   *time.Time `json:"last_used_at,omitempty"`
	PIN          string     `json:"pin,omitempty"` // yes no unknown
	State        string     `json:"state"`         // open cleared closed
	Entry        int64      `json:"entry"`
}

// Incidents is a list of incidents, newest first.
type Incidents struct {
	Incidents []Incident `json:"incidents"`
	Next      string     `json:"next,omitempty"` // cursor of the page that follows
}

// IncidentTrack is an incident with what was done about it, what is next, what is
// due, and the signatures that are to be reviewed.
type IncidentTrack struct {
	Incident
	Custodian   string              `json:"custodian,omitempty"` // when it was reported; absent: the safe
	Place       string              `json:"place,omitempty"`
	Description string              `json:"description,omitempty"`
	Steps       []IncidentStep      `json:"steps"`
	Next        string              `json:"next,omitempty"` // step
	Deadlines   []IncidentDeadline  `json:"deadlines"`
	Doubtful    []DoubtfulSignature `json:"doubtful"`
}

// IncidentStep is a step that was recorded.
type IncidentStep struct {
	Step            string    `json:"step"`
	By              string    `json:"by,omitempty"` // absent: the service itself
	DoneAt          time.Time `json:"done_at"`
	RecordedAt      time.Time `json:"recorded_at"`
	PaperNumber     string    `json:"paper_number,omitempty"`
	PaperDate       string    `json:"paper_date,omitempty"`
	Addressee       string    `json:"addressee,omitempty"`
	Note            string    `json:"note,omitempty"`
	Source          string    `json:"source,omitempty"`           // of a revocation: who says so
	RevocationEntry int64     `json:"revocation_entry,omitempty"` // log index of it
	Entry           int64     `json:"entry"`
}

// NewIncidentStep records a step. What each step asks for is said in a problem when
// it is missing. DoneAt absent is now.
type NewIncidentStep struct {
	Step        string     `json:"step"`
	DoneAt      *time.Time `json:"done_at,omitempty"`
	PaperNumber string     `json:"paper_number,omitempty"`
	PaperDate   string     `json:"paper_date,omitempty"` // 2026-10-07
	Addressee   string     `json:"addressee,omitempty"`
	Note        string     `json:"note,omitempty"`
}

// IncidentDeadline is a moment by which something is due. Kind is report (to the
// authority) or device.
type IncidentDeadline struct {
	Kind       string     `json:"kind"`
	Due        time.Time  `json:"due"`
	Met        *time.Time `json:"met,omitempty"`
	Late       bool       `json:"late"`
	IncidentID string     `json:"incident_id"`
	TokenLabel string     `json:"token_label"`
}

// IncidentDeadlines is a list of deadlines that are not met, the earliest first.
type IncidentDeadlines struct {
	Deadlines []IncidentDeadline `json:"deadlines"`
}

// DoubtfulSignature is a signature of a reported token that is to be reviewed.
type DoubtfulSignature struct {
	ID         string     `json:"id"`
	Entry      int64      `json:"entry"`
	Signer     string     `json:"signer"`
	Act        string     `json:"act"`
	Number     string     `json:"number,omitempty"`
	Symbol     string     `json:"symbol,omitempty"`
	Kind       string     `json:"kind,omitempty"`
	Summary    string     `json:"summary,omitempty"`
	RecordedAt time.Time  `json:"recorded_at"`
	Doubt      string     `json:"doubt"`             // uncertain after_loss after_report
	Verdict    string     `json:"verdict,omitempty"` // genuine disputed; absent: not reviewed
	ReviewedBy string     `json:"reviewed_by,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	Note       string     `json:"note,omitempty"`
	MayReview  bool       `json:"may_review"`
}

// NewReview says what a doubtful signature is: genuine or disputed.
type NewReview struct {
	SignatureID string `json:"signature_id"`
	Verdict     string `json:"verdict"`
	Note        string `json:"note,omitempty"`
}

// AuthorityAnswer is what the authorities of an incident's certificates say now:
// revoked, good or unknown.
type AuthorityAnswer struct {
	Status    string        `json:"status"`
	RevokedAt *time.Time    `json:"revoked_at,omitempty"`
	Source    string        `json:"source,omitempty"`
	Track     IncidentTrack `json:"track"`
}

// NewAlarm tells of a loss without a sign-in. It blocks nothing by itself; the
// answer is the same whatever is written.
type NewAlarm struct {
	Kind        string `json:"kind"`
	Name        string `json:"name" maxLength:"120"`
	Contact     string `json:"contact" maxLength:"120"`
	Description string `json:"description" maxLength:"1000"`
}

// Alarm is an alarm and what became of it.
type Alarm struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Contact     string     `json:"contact"`
	Description string     `json:"description"`
	ReceivedAt  time.Time  `json:"received_at"`
	State       string     `json:"state"` // open blocked dismissed
	DecidedBy   string     `json:"decided_by,omitempty"`
	DecidedAt   *time.Time `json:"decided_at,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	IncidentID  string     `json:"incident_id,omitempty"`
	Entry       int64      `json:"entry"`
}

// Alarms is a list of alarms, those that wait first.
type Alarms struct {
	Alarms []Alarm `json:"alarms"`
	Next   string  `json:"next,omitempty"` // cursor of the page that follows
}

// BlockByAlarm names the token that an alarm is about.
type BlockByAlarm struct {
	TokenID string `json:"token_id"`
}

// DismissAlarm says why an alarm is none.
type DismissAlarm struct {
	Reason string `json:"reason"`
}
