package store

import (
	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// keepIncident notes what ends incidents and answers alarms.
func (v *verification) keepIncident(s step) error {
	f := s.entry.Fields
	switch s.entry.Type {
	case signinglog.TypeIncidentStep:
		state := custody.StepKind(f["step"]).Ends()
		if state == "" {
			return nil
		}
		if _, twice := v.incidentEnds[f["incident"]]; twice {
			return &signinglog.BadEntryError{Index: s.index, Reason: "the incident ended before"}
		}
		v.incidentEnds[f["incident"]] = s
	case signinglog.TypeAlarmDecision:
		if _, twice := v.alarmDecisions[f["alarm"]]; twice {
			return &signinglog.BadEntryError{Index: s.index, Reason: "the alarm was answered before"}
		}
		v.alarmDecisions[f["alarm"]] = s
	}
	return nil
}

// checkIncidentState compares an incident's state with the step that ended it.
func (v *verification) checkIncidentState(r incidentRow) {
	s, ended := v.incidentEnds[r.ID]
	want := custody.IncidentOpen
	if ended {
		want = custody.StepKind(s.entry.Fields["step"]).Ends()
	}
	if r.State == string(want) {
		return
	}
	if !ended {
		v.found(r.Entry, "incident %s is %s in the register, but no entry ended it", r.ID, r.State)
		return
	}
	v.found(r.Entry, "incident %s is %s in the register, but entry %d made it %s", r.ID, r.State, s.index, want)
}

// checkAlarm compares what became of an alarm with the entry that says so.
func (v *verification) checkAlarm(r alarmRow) {
	s, decided := v.alarmDecisions[r.ID]
	if !decided {
		if r.State != string(custody.AlarmOpen) || r.DecidedAt != nil || r.DecidedEntry != nil || r.DecidedBy != "" || r.Incident != "" {
			v.found(r.Entry, "the alarm is %s in the register, but no entry answered it", r.State)
		}
		return
	}
	f := s.entry.Fields
	if r.State != f["outcome"] || r.Incident != f["incident"] || r.DecidedBy != s.entry.Actor() || !equalMoments(r.DecidedAt, s.entry.At) ||
		r.DecidedEntry == nil || *r.DecidedEntry != s.index || f["alarm_entry"] != count(r.Entry) {
		v.found(s.index, "the alarm is %s in the register, not %s by this entry", r.State, f["outcome"])
	}
}
