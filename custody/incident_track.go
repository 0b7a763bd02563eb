package custody

import (
	"slices"
	"time"
)

// StepKind names a step of an incident's track.
type StepKind string

// The steps.
const (
	StepPrincipalInformed  StepKind = "principal_informed"
	StepRevocationAsked    StepKind = "revocation_asked"    // form 05 sent
	StepAuthorityInformed  StepKind = "authority_informed"  // police or another authority, where needed
	StepRevocationNoticed  StepKind = "revocation_noticed"  // the authority's notice of revocation came
	StepCertificateRevoked StepKind = "certificate_revoked" // the service found it on the CA's CRL or OCSP
	StepFound              StepKind = "found"               // a note: the device is there again
	StepCleared            StepKind = "cleared"             // the principal's written decision: back to use
	StepDeviceReturned     StepKind = "device_returned"     // form 08
	StepDeviceLost         StepKind = "device_lost"         // form 09
	StepLessons            StepKind = "lessons"
	StepClosed             StepKind = "closed" // the token is retired
)

// StepMaker says who records a step.
type StepMaker string

// The makers.
const (
	ByAnyone    StepMaker = "anyone"    // who may see the incident
	ByManager   StepMaker = "manager"   // the principal or an admin
	ByPrincipal StepMaker = "principal" // the principal alone
	ByService   StepMaker = "service"   // the service itself; a manager by the notice where the certificate can't be asked about
)

// StepRule is what a step asks of the track and of its record.
type StepRule struct {
	Kind   StepKind
	By     StepMaker
	After  [][]StepKind // of each group, one must have been recorded
	Before []StepKind   // none of these may have been
	// Missing: only where the device is not in hand (true: it must not have been
	// found). Present: only where it is.
	Missing, Present bool
	Repeats          bool
	Optional         bool // the track closes without it
	Paper            bool // number and date of its paper are asked for
	Addressee        bool // and to whom it went
	Note             bool // and words
}

// StepRules are the track, in the order in which its page shows it. What is not
// here is refused.
//
// Sources: the report to the competent authority at once, Article 11 of the
// school's regulation; forms 05, 08 and 09, Decree 68/2024/NĐ-CP; a device that is
// found again goes back to use only by a written decision before form 05 was sent,
// since a key that was out of sight is no secret any more.
var StepRules = []StepRule{
	{Kind: StepPrincipalInformed, By: ByAnyone},
	{Kind: StepFound, By: ByAnyone, Missing: true, Before: []StepKind{StepDeviceReturned, StepDeviceLost}, Optional: true, Note: true},
	{Kind: StepCleared, By: ByPrincipal, Present: true, Before: []StepKind{StepRevocationAsked, StepRevocationNoticed, StepCertificateRevoked}, Optional: true, Paper: true, Note: true},
	{Kind: StepRevocationAsked, By: ByManager, After: [][]StepKind{{StepPrincipalInformed}}, Before: []StepKind{StepCertificateRevoked}, Paper: true, Addressee: true},
	{Kind: StepAuthorityInformed, By: ByManager, After: [][]StepKind{{StepPrincipalInformed}}, Repeats: true, Optional: true, Addressee: true},
	{Kind: StepRevocationNoticed, By: ByManager, After: [][]StepKind{{StepRevocationAsked, StepCertificateRevoked}}, Optional: true, Paper: true},
	{Kind: StepCertificateRevoked, By: ByService},
	{Kind: StepDeviceReturned, By: ByManager, Present: true, After: [][]StepKind{{StepRevocationNoticed, StepCertificateRevoked}}, Before: []StepKind{StepDeviceLost}, Paper: true, Addressee: true},
	{Kind: StepDeviceLost, By: ByManager, Missing: true, After: [][]StepKind{{StepRevocationAsked, StepCertificateRevoked}}, Before: []StepKind{StepDeviceReturned}, Paper: true, Addressee: true},
	{Kind: StepLessons, By: ByManager, After: [][]StepKind{{StepDeviceReturned, StepDeviceLost}}, Note: true},
	{Kind: StepClosed, By: ByManager, After: [][]StepKind{{StepPrincipalInformed}, {StepRevocationAsked, StepCertificateRevoked}, {StepDeviceReturned, StepDeviceLost}, {StepLessons}}},
}

// RuleOfStep finds a step's rule.
func RuleOfStep(kind StepKind) (StepRule, bool) {
	i := slices.IndexFunc(StepRules, func(r StepRule) bool { return r.Kind == kind })
	if i < 0 {
		return StepRule{}, false
	}
	return StepRules[i], true
}

// Step is a step that was recorded.
type Step struct {
	ID          StepID
	Kind        StepKind
	By          PersonID // "" = the service
	DoneAt      time.Time
	RecordedAt  time.Time
	PaperNumber string
	PaperDate   Date
	Addressee   string
	Revocation  int64 // log index of the revocation it rests on; 0 = none
	Entry       int64
}

// Track is an incident with what was done about it.
type Track struct {
	Incident Incident
	Steps    []Step // in the order they were recorded
	// CertificateEnded: each certificate of the token is revoked or has expired.
	CertificateEnded bool
	// Askable: a certificate of the token says where its revocation can be asked
	// about, so that nobody needs to be believed.
	Askable bool
}

// Step returns the latest step of a kind, nil when there is none.
func (t Track) Step(kind StepKind) *Step {
	for i := len(t.Steps) - 1; i >= 0; i-- {
		if t.Steps[i].Kind == kind {
			return &t.Steps[i]
		}
	}
	return nil
}

func (t Track) has(kinds ...StepKind) bool {
	return slices.ContainsFunc(t.Steps, func(s Step) bool { return slices.Contains(kinds, s.Kind) })
}

// Missing reports whether the device is not in anybody's hands.
func (t Track) Missing() bool {
	return t.Incident.Kind.Missing() && !t.has(StepFound, StepDeviceReturned)
}

// Obstacle says why a step can't be recorded now, whoever does: nil when it can.
// Conflicts name the step that must come first.
func (t Track) Obstacle(kind StepKind) *Error {
	rule, ok := RuleOfStep(kind)
	switch {
	case !ok:
		return Invalid("step", "step %.40q", string(kind))
	case t.Incident.State != string(IncidentOpen):
		return Conflict(ReasonTrackEnded)
	case !rule.Repeats && t.has(kind):
		return Conflict(ReasonStepDone, "step", string(kind))
	case kind == StepCleared && t.has(rule.Before...):
		return Conflict(ReasonRevocationBegun)
	case t.has(rule.Before...):
		return Conflict(ReasonStepTooLate, "step", string(kind))
	case rule.Missing && !t.Missing():
		return Conflict(ReasonDeviceThere)
	case rule.Present && t.Missing():
		return Conflict(ReasonStepFirst, "step", string(kind), "first", string(StepFound))
	}
	for _, group := range rule.After {
		if !t.has(group...) {
			return Conflict(ReasonStepFirst, "step", string(kind), "first", string(group[0]))
		}
	}
	switch {
	case kind == StepCertificateRevoked && !t.Askable && !t.has(StepRevocationNoticed):
		return Conflict(ReasonStepFirst, "step", string(kind), "first", string(StepRevocationNoticed))
	case kind == StepClosed && !t.CertificateEnded:
		return Conflict(ReasonStepFirst, "step", string(kind), "first", string(StepCertificateRevoked))
	}
	return nil
}

// CanStep decides whether this actor may record this step now. That the actor may
// see the incident was found out before.
func (t Track) CanStep(a Actor, s Step, now time.Time) error {
	rule, ok := RuleOfStep(s.Kind)
	switch {
	case !ok:
		return Invalid("step", "step %.40q", string(s.Kind))
	case rule.By == ByPrincipal && !a.Roles.May(HeadOnly):
		return Forbidden(ReasonPrincipalOnly)
	case rule.By == ByService && t.Askable:
		return Forbidden(ReasonByService)
	case (rule.By == ByManager || rule.By == ByService) && !a.Roles.May(RunRegister):
		return Forbidden(ReasonManagersOnly)
	}
	if err := t.Obstacle(s.Kind); err != nil {
		return err
	}
	earliest := DateOf(t.Incident.DiscoveredAt)
	switch {
	case s.DoneAt.IsZero():
		return Invalid("done_at", "no time")
	case s.DoneAt.After(now):
		return invalidFor("done_at", ReasonInFuture)
	case DateOf(s.DoneAt) < earliest:
		return invalidFor("done_at", ReasonBeforeLoss)
	case rule.Paper && s.PaperNumber == "":
		return invalidFor("paper_number", ReasonPaperNeeded)
	case rule.Paper && s.PaperDate == "":
		return invalidFor("paper_date", ReasonPaperNeeded)
	case s.PaperDate > DateOf(now):
		return invalidFor("paper_date", ReasonInFuture)
	case s.PaperDate != "" && s.PaperDate < earliest:
		return invalidFor("paper_date", ReasonBeforeLoss)
	case rule.Addressee && s.Addressee == "":
		return Invalid("addressee", "no addressee")
	}
	return nil
}

func invalidFor(field, reason string) *Error {
	return &Error{Kind: ErrInvalid, Code: CodeInvalid, Params: map[string]string{"field": field, "reason": reason}}
}

// Next is the step that has to be done next; "" when the track has ended. What is
// optional is never next.
func (t Track) Next() StepKind {
	if t.Incident.State != string(IncidentOpen) {
		return ""
	}
	for _, rule := range StepRules {
		switch {
		case rule.Optional, t.has(rule.Kind),
			rule.Kind == StepCertificateRevoked && t.CertificateEnded,
			rule.Kind == StepRevocationAsked && t.has(StepCertificateRevoked),
			rule.Kind == StepDeviceLost && !t.Missing(),
			rule.Kind == StepDeviceReturned && (t.Missing() || t.has(StepDeviceLost)):
			continue
		}
		return rule.Kind
	}
	return ""
}

// Ends is the state that a step brings the incident into; "" when it stays open.
func (k StepKind) Ends() IncidentState {
	switch k {
	case StepCleared:
		return IncidentCleared
	case StepClosed:
		return IncidentClosed
	}
	return ""
}
