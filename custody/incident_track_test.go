package custody

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var trackStart = time.Date(2026, 10, 7, 2, 0, 0, 0, time.UTC)

func newTrack(kind IncidentKind, askable bool) Track {
	return Track{Askable: askable, Incident: Incident{Kind: kind, DiscoveredAt: trackStart, ReportedAt: trackStart.Add(time.Minute), State: string(IncidentOpen)}}
}

var (
	trackPrincipal = Actor{Person: "p", Roles: Roles{Principal: true}}
	trackAdmin     = Actor{Person: "a", Roles: Roles{Admin: true}}
	trackCustodian = Actor{Person: "c"}
)

func fullStep(kind StepKind, at time.Time) Step {
	return Step{Kind: kind, DoneAt: at, PaperNumber: "1/CV", PaperDate: DateOf(at), Addressee: "Cục"}
}

// take records a step as the store does.
func (t Track) take(kind StepKind, at time.Time) Track {
	t.Steps = append(slices.Clone(t.Steps), Step{Kind: kind, DoneAt: at})
	if kind == StepCertificateRevoked {
		t.CertificateEnded = true
	}
	if state := kind.Ends(); state != "" {
		t.Incident.State = string(state)
	}
	return t
}

// Whatever is tried in whatever order by whomever, what the law and the school's
// regulation want holds of what was let through.
func TestNoOrderOfStepsBreaksTheTrack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		track := newTrack(rapid.SampledFrom(IncidentKinds).Draw(t, "kind"), rapid.Bool().Draw(t, "askable"))
		now := trackStart.Add(time.Hour)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Hour)
			rule := rapid.SampledFrom(StepRules).Draw(t, "step")
			actor := rapid.SampledFrom([]Actor{trackPrincipal, trackAdmin, trackCustodian}).Draw(t, "actor")
			before := track
			byService := rule.Kind == StepCertificateRevoked && track.Askable && rapid.Bool().Draw(t, "ca")
			if byService {
				if before.Incident.State != string(IncidentOpen) || before.has(rule.Kind) {
					continue
				}
			} else if track.CanStep(actor, fullStep(rule.Kind, now), now) != nil {
				continue
			}
			track = track.take(rule.Kind, now)
			switch {
			case before.Incident.State != string(IncidentOpen):
				t.Fatalf("%s after the end", rule.Kind)
			case !rule.Repeats && before.has(rule.Kind):
				t.Fatalf("%s twice", rule.Kind)
			case rule.Kind == StepCleared && (!actor.Roles.Principal || before.Missing() || before.has(StepRevocationAsked, StepCertificateRevoked)):
				t.Fatalf("cleared by %+v after %v", actor, before.Steps)
			case rule.Kind == StepClosed && (!before.CertificateEnded || !before.has(StepDeviceReturned, StepDeviceLost) || !before.has(StepLessons) || !before.has(StepPrincipalInformed)):
				t.Fatalf("closed after %v", before.Steps)
			case rule.Kind == StepCertificateRevoked && !byService && before.Askable:
				t.Fatal("somebody was believed who need not be")
			case rule.Kind == StepDeviceLost && !before.Missing():
				t.Fatal("a device that is there is confirmed lost")
			case rule.Kind == StepDeviceReturned && before.Missing():
				t.Fatal("a device that is not there is handed over")
			case actor == trackCustodian && !byService && rule.By != ByAnyone:
				t.Fatalf("a custodian recorded %s", rule.Kind)
			}
		}
	})
}

// Whoever always does the next step comes to the end.
func TestTheNextStepLeadsToTheEnd(t *testing.T) {
	for _, kind := range IncidentKinds {
		for _, found := range []bool{false, true} {
			track, now := newTrack(kind, true), trackStart.Add(time.Hour)
			if found && kind.Missing() {
				track = track.take(StepFound, now)
			}
			for n := 0; track.Incident.State == string(IncidentOpen); n++ {
				next := track.Next()
				if next == "" || n > 10 {
					t.Fatalf("%s, found %v: stuck after %v", kind, found, track.Steps)
				}
				if next != StepCertificateRevoked {
					if err := track.CanStep(trackAdmin, fullStep(next, now), now); err != nil {
						t.Fatalf("%s, found %v: the next step %s is refused: %v", kind, found, next, err)
					}
				}
				track = track.take(next, now)
			}
		}
	}
}

func TestAStepsTimesAndPapers(t *testing.T) {
	now := trackStart.Add(26 * time.Hour)
	track := newTrack(Lost, true).take(StepPrincipalInformed, now)
	for name, c := range map[string]struct {
		change func(*Step)
		want   string
		field  string
	}{
		"no time":             {func(s *Step) { s.DoneAt = time.Time{} }, "", "done_at"},
		"in the future":       {func(s *Step) { s.DoneAt = now.Add(time.Minute) }, ReasonInFuture, "done_at"},
		"before the loss":     {func(s *Step) { s.DoneAt = trackStart.Add(-24 * time.Hour) }, ReasonBeforeLoss, "done_at"},
		"no number":           {func(s *Step) { s.PaperNumber = "" }, ReasonPaperNeeded, "paper_number"},
		"no date":             {func(s *Step) { s.PaperDate = "" }, ReasonPaperNeeded, "paper_date"},
		"a paper of tomorrow": {func(s *Step) { s.PaperDate = "2026-10-09" }, ReasonInFuture, "paper_date"},
		"an older paper":      {func(s *Step) { s.PaperDate = "2026-10-06" }, ReasonBeforeLoss, "paper_date"},
		"to nobody":           {func(s *Step) { s.Addressee = "" }, "", "addressee"},
	} {
		step := fullStep(StepRevocationAsked, now)
		c.change(&step)
		var e *Error
		if err := track.CanStep(trackAdmin, step, now); !errors.As(err, &e) || !errors.Is(err, ErrInvalid) || e.Params["reason"] != c.want || e.Params["field"] != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := track.CanStep(trackAdmin, fullStep(StepRevocationAsked, now), now); err != nil {
		t.Error(err)
	}
}

func TestWhatIsDoubtful(t *testing.T) {
	used := trackStart.Add(-time.Hour)
	i := Incident{DiscoveredAt: trackStart, ReportedAt: trackStart.Add(time.Hour), LastUsedAt: &used}
	if !i.DoubtSince().Equal(used) {
		t.Errorf("doubtful since %s", i.DoubtSince())
	}
	for at, want := range map[time.Time]Doubt{used.Add(time.Minute): DoubtUncertain, trackStart.Add(time.Minute): DoubtAfterLoss, trackStart.Add(2 * time.Hour): DoubtAfterReport} {
		if got := i.DoubtAbout(at); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	i.LastUsedAt = nil
	if !i.DoubtSince().Equal(trackStart) {
		t.Errorf("without a last use: since %s", i.DoubtSince())
	}
}
