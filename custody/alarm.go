package custody

import "time"

// AlarmState says what became of an alarm.
type AlarmState string

// The states of an alarm.
const (
	AlarmOpen      AlarmState = "open"
	AlarmBlocked   AlarmState = "blocked"   // a token was reported and so blocked because of it
	AlarmDismissed AlarmState = "dismissed" // with a reason
)

// Alarm is what somebody who is not signed in has told: nobody knows whether it is
// true or who they are, so that it blocks nothing by itself.
type Alarm struct {
	ID         AlarmID
	Kind       IncidentKind
	ReceivedAt time.Time
	State      AlarmState
	DecidedBy  PersonID
	DecidedAt  *time.Time
	Incident   IncidentID // that it led to
	Entry      int64      // log index of the latest step
}

// AlarmsPerHour bounds how many alarms a school takes in an hour, wherever they
// come from: more are no help to who must answer them.
const AlarmsPerHour = 20

// CanDecideAlarm decides who answers an alarm: the principal or an admin.
func CanDecideAlarm(a Actor, alarm Alarm) error {
	if !a.Roles.May(RunRegister) {
		return Forbidden(ReasonManagersOnly)
	}
	if alarm.State != AlarmOpen {
		return Conflict(ReasonAlarmDecided, "alarm", string(alarm.State))
	}
	return nil
}
