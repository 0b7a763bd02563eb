package custody

import (
	"slices"
	"time"
)

// IncidentKind says what happened to a token.
type IncidentKind string

// The kinds of incidents.
const (
	Lost      IncidentKind = "lost"      // mất
	Misplaced IncidentKind = "misplaced" // thất lạc
	Suspected IncidentKind = "suspected" // nghi ngờ bị xâm nhập, lộ khóa
)

// IncidentKinds lists them in the order of the form.
var IncidentKinds = []IncidentKind{Lost, Misplaced, Suspected}

// Valid reports whether it is one of the three.
func (k IncidentKind) Valid() bool { return slices.Contains(IncidentKinds, k) }

// Missing reports whether the device is not in anybody's hands, until it is found.
func (k IncidentKind) Missing() bool { return k != Suspected }

// PINExposure says whether somebody else may know the PIN.
type PINExposure string

// What a report says of the PIN. "" is a report from before the question was put.
const (
	PINExposed PINExposure = "yes"
	PINSafe    PINExposure = "no"
	PINUnknown PINExposure = "unknown"
)

// Valid reports whether it is one of the three or "".
func (p PINExposure) Valid() bool {
	return p == "" || p == PINExposed || p == PINSafe || p == PINUnknown
}

// IncidentState says how far an incident is.
type IncidentState string

// The states of an incident. The token is blocked while one is open; it is retired
// once one is closed.
const (
	IncidentOpen    IncidentState = "open"
	IncidentCleared IncidentState = "cleared" // found and given back by the principal's decision
	IncidentClosed  IncidentState = "closed"  // revoked, device gone, token retired
)

// Incident is a reported loss. While one is open the token is blocked.
type Incident struct {
	ID           IncidentID
	Token        TokenID
	Kind         IncidentKind
	Reporter     PersonID
	DiscoveredAt time.Time
	ReportedAt   time.Time
	LastUsedAt   *time.Time // last use that is certain; nil = not known
	PIN          PINExposure
	Alarm        AlarmID // that it came from; "" = none
	State        string  // an IncidentState
	Entry        int64
}

// Doubt says why a signature of a reported token is to be reviewed.
type Doubt string

// The doubts, the gravest last.
const (
	DoubtUncertain   Doubt = "uncertain"    // after the last certain use, before the loss was noticed
	DoubtAfterLoss   Doubt = "after_loss"   // after it was noticed, before the report
	DoubtAfterReport Doubt = "after_report" // under a grant given before the report, recorded after it
)

// DoubtSince is the moment after which signatures of the token are to be
// reviewed: the last certain use, else the moment when the loss was noticed.
func (i Incident) DoubtSince() time.Time {
	if i.LastUsedAt != nil && i.LastUsedAt.Before(i.DiscoveredAt) {
		return *i.LastUsedAt
	}
	return i.DiscoveredAt
}

// DoubtAbout names the doubt about a signature that was recorded after DoubtSince.
func (i Incident) DoubtAbout(recordedAt time.Time) Doubt {
	switch {
	case recordedAt.After(i.ReportedAt):
		return DoubtAfterReport
	case recordedAt.After(i.DiscoveredAt):
		return DoubtAfterLoss
	}
	return DoubtUncertain
}

// Verdict is what the review of a doubtful signature came to.
type Verdict string

// The verdicts.
const (
	Genuine  Verdict = "genuine"  // its signer made it
	Disputed Verdict = "disputed" // its signer did not
)

// Valid reports whether it is one of the two.
func (v Verdict) Valid() bool { return v == Genuine || v == Disputed }

// CanReview decides who says whether a doubtful signature is genuine: who is named
// as its signer, or the principal. An admin knows neither.
func CanReview(a Actor, signer PersonID) error {
	if a.Roles.May(HeadOnly) || a.Person != "" && a.Person == signer {
		return nil
	}
	return Forbidden(ReasonNotReviewer)
}

// DeadlineKind names what is counted.
type DeadlineKind string

// The deadlines of an incident.
const (
	// DeadlineReport: from noticing the loss to telling the authority; the school's
	// regulation says at once, the hours are a setting.
	DeadlineReport DeadlineKind = "report"
	// DeadlineDevice: working days from the notice of revocation to handing the
	// device over or confirming it lost (Decree 68/2024/NĐ-CP, by provincial rules).
	DeadlineDevice DeadlineKind = "device"
)

// Deadline is a moment by which a step is due.
type Deadline struct {
	Kind DeadlineKind
	Due  time.Time
	Met  *time.Time // when the step was done; nil = it is not
}

// Late reports whether the step was or is late.
func (d Deadline) Late(now time.Time) bool {
	if d.Met != nil {
		return d.Met.After(d.Due)
	}
	return now.After(d.Due)
}

// Deadlines are those that run or ran for the track. An incident that was cleared
// has none open.
func (t Track) Deadlines(s Settings) []Deadline {
	var out []Deadline
	add := func(kind DeadlineKind, due time.Time, by ...StepKind) {
		d := Deadline{Kind: kind, Due: due}
		for _, step := range t.Steps {
			if slices.Contains(by, step.Kind) && (d.Met == nil || step.DoneAt.Before(*d.Met)) {
				at := step.DoneAt
				d.Met = &at
			}
		}
		if d.Met != nil || t.Incident.State == string(IncidentOpen) {
			out = append(out, d)
		}
	}
	add(DeadlineReport, t.Incident.DiscoveredAt.Add(s.ReportWithin()), StepAuthorityInformed, StepRevocationAsked)
	if day := t.revocationKnown(); day != "" {
		due, err := time.ParseInLocation(time.DateOnly, string(s.AddWorkingDays(day, s.DeviceWithin())), SchoolZone)
		if err == nil {
			// The whole of the last day counts.
			add(DeadlineDevice, due.AddDate(0, 0, 1), StepDeviceReturned, StepDeviceLost)
		}
	}
	return out
}

// revocationKnown is the day the authority's notice is of; without one, the day
// the service found the certificate revoked.
func (t Track) revocationKnown() Date {
	if step := t.Step(StepRevocationNoticed); step != nil {
		if step.PaperDate != "" {
			return step.PaperDate
		}
		return DateOf(step.DoneAt)
	}
	if step := t.Step(StepCertificateRevoked); step != nil {
		return DateOf(step.DoneAt)
	}
	return ""
}
