package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// NewAlarm is what somebody tells who is not signed in. All of it is taken as
// written: whether it names a person or a token of the school is not looked up.
type NewAlarm struct {
	Kind        custody.IncidentKind
	Name        string // as they write it
	Contact     string // phone or e-mail, as they write it
	Description string
}

// AlarmRow is an alarm with what was told.
type AlarmRow struct {
	custody.Alarm
	Name          string
	Contact       string
	Description   string
	DecidedByName string
	Reason        string // of a dismissal
	TokenLabel    string // that it blocked
}

// RaiseAlarm takes an alarm. It blocks nothing, and says nothing: the answer is the
// same whatever was written. More than custody.AlarmsPerHour are not taken.
func (s *Store) RaiseAlarm(ctx context.Context, school custody.SchoolID, n NewAlarm) error {
	if err := texts("name!", &n.Name, "contact!", &n.Contact, "description!", &n.Description); err != nil {
		return err
	}
	if !n.Kind.Valid() {
		return custody.Invalid("kind", "kind of incident %.40q", string(n.Kind))
	}
	return s.write(ctx, school, func(t *tx) error {
		var taken int
		if err := t.get(t.ctx, &taken, `SELECT COUNT(*) FROM alarms WHERE school_id = ? AND received_at > ?`, string(t.school), at(t.now.Add(-time.Hour))); err != nil {
			return fmt.Errorf("count alarms: %w", err)
		}
		if taken >= custody.AlarmsPerHour {
			return custody.Conflict(custody.ReasonTooManyAlarms)
		}
		row := alarmRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Kind: string(n.Kind), ReceivedAt: at(t.now), State: string(custody.AlarmOpen)}
		var err error
		row.Entry, err = t.append(signinglog.TypeAlarm, custody.Actor{School: school, Via: custody.ViaPage}, row.fields(),
			map[string]string{"name": n.Name, "contact": n.Contact, "description": n.Description})
		if err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO alarms (id, school_id, kind, received_at, entry_index, state)`,
			row.ID, row.School, row.Kind, row.ReceivedAt, row.Entry, row.State); err != nil {
			return fmt.Errorf("raise alarm: %w", err)
		}
		return nil
	})
}

// BlockByAlarm answers an alarm by reporting the token that it is about: in one
// transaction the token is blocked, its incident open and the alarm answered.
func (s *Store) BlockByAlarm(ctx context.Context, actor custody.Actor, id custody.AlarmID, token custody.TokenID) (IncidentRow, error) {
	incident := newID()
	err := s.write(ctx, actor.School, func(t *tx) error {
		row, err := t.openAlarm(actor, id)
		if err != nil {
			return err
		}
		told, err := t.revealed(row.Entry)
		if err != nil {
			return err
		}
		// Noticed, at the latest, when the alarm was raised.
		n := NewIncident{Token: token, Kind: custody.IncidentKind(row.Kind), DiscoveredAt: row.ReceivedAt.Time, PIN: custody.PINUnknown, Description: told["description"]}
		if n.Description == "" {
			n.Description = "…" // erased since
		}
		if _, err := t.reportIncident(actor, incident, n, id); err != nil {
			return err
		}
		return t.decideAlarm(actor, *row, custody.AlarmBlocked, custody.IncidentID(incident), token, "")
	})
	if err != nil {
		return IncidentRow{}, err
	}
	return s.Incident(ctx, actor, custody.IncidentID(incident))
}

// DismissAlarm answers an alarm that is about no token of the school, or not true.
func (s *Store) DismissAlarm(ctx context.Context, actor custody.Actor, id custody.AlarmID, reason string) error {
	if err := texts("reason!", &reason); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		row, err := t.openAlarm(actor, id)
		if err != nil {
			return err
		}
		return t.decideAlarm(actor, *row, custody.AlarmDismissed, "", "", reason)
	})
}

func (t *tx) openAlarm(actor custody.Actor, id custody.AlarmID) (*alarmRow, error) {
	row, err := optional[alarmRow](t, `SELECT `+alarmColumns+` FROM alarms a WHERE a.school_id = ? AND a.id = ?`, string(t.school), string(id))
	if err != nil {
		return nil, fmt.Errorf("read alarm: %w", err)
	}
	if row == nil || !actor.Roles.May(custody.RunRegister) {
		return nil, custody.NotFound("alarm")
	}
	return row, custody.CanDecideAlarm(actor, row.alarm())
}

// revealed returns the values behind an entry's commitments that still exist.
func (t *tx) revealed(index int64) (map[string]string, error) {
	var rows []revealRow
	if err := t.list(t.ctx, &rows, `SELECT entry_index, field, salt, value FROM reveals WHERE school_id = ? AND entry_index = ?`, string(t.school), index); err != nil {
		return nil, fmt.Errorf("read reveals: %w", err)
	}
	values := map[string]string{}
	for _, r := range rows {
		values[r.Field] = r.Value
	}
	return values, nil
}

func (t *tx) decideAlarm(actor custody.Actor, row alarmRow, state custody.AlarmState, incident custody.IncidentID, token custody.TokenID, reason string) error {
	index, err := t.append(signinglog.TypeAlarmDecision, actor, map[string]string{"alarm": row.ID, "alarm_entry": count(row.Entry), "outcome": string(state),
		"incident": string(incident), signinglog.FieldToken: string(token)}, map[string]string{"reason": reason})
	if err != nil {
		return err
	}
	changed, err := t.exec(t.ctx, `UPDATE alarms SET state = ?, decided_by = ?, decided_at = ?, decided_entry = ?, incident_id = ? WHERE id = ? AND state = 'open'`,
		string(state), orNull(actor.Person), at(t.now), index, orNull(incident), row.ID)
	if err != nil {
		return fmt.Errorf("decide alarm: %w", err)
	}
	if changed != 1 {
		return custody.Conflict(custody.ReasonAlarmDecided)
	}
	return nil
}

type listedAlarm struct {
	alarmRow
	Name          string `db:"name"`
	Contact       string `db:"contact"`
	Description   string `db:"description"`
	DecidedByName string `db:"decided_by_name"`
	Reason        string `db:"reason"`
	TokenLabel    string `db:"token_label"`
}

var queryAlarms = `SELECT ` + alarmColumns + `, COALESCE(n.value, '') AS name, COALESCE(c.value, '') AS contact, COALESCE(d.value, '') AS description, ` +
	fmt.Sprintf(nameOf, "a.decided_by") + ` AS decided_by_name, COALESCE(r.value, '') AS reason,
	COALESCE((SELECT l.value FROM incidents i JOIN tokens t ON t.id = i.token_id
		JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label' WHERE i.id = a.incident_id), '') AS token_label
	FROM alarms a
	LEFT JOIN reveals n ON n.school_id = a.school_id AND n.entry_index = a.entry_index AND n.field = 'name'
	LEFT JOIN reveals c ON c.school_id = a.school_id AND c.entry_index = a.entry_index AND c.field = 'contact'
	LEFT JOIN reveals d ON d.school_id = a.school_id AND d.entry_index = a.entry_index AND d.field = 'description'
	LEFT JOIN reveals r ON r.school_id = a.school_id AND r.entry_index = a.decided_entry AND r.field = 'reason'
	WHERE a.school_id = ?`

// Alarms lists the alarms for who manages the register, open ones first, then the
// newest. Nobody else sees them.
func (s *Store) Alarms(ctx context.Context, actor custody.Actor) ([]AlarmRow, error) {
	return s.alarms(ctx, actor, nil, queryAlarms+` ORDER BY CASE WHEN a.state = 'open' THEN 0 ELSE 1 END, a.entry_index DESC LIMIT 200`, string(actor.School))
}

// AlarmsPage is a page of Alarms, the newest first whatever their state.
func (s *Store) AlarmsPage(ctx context.Context, actor custody.Actor, page *Page) ([]AlarmRow, error) {
	query, args := page.order(queryAlarms, []any{string(actor.School)}, "a.entry_index", true)
	return s.alarms(ctx, actor, page, query, args...)
}

func (s *Store) alarms(ctx context.Context, actor custody.Actor, page *Page, query string, args ...any) ([]AlarmRow, error) {
	if !actor.Roles.May(custody.ReadRegister) {
		return nil, custody.Forbidden(custody.ReasonManagersOnly)
	}
	var listed []listedAlarm
	if err := s.reader.list(ctx, &listed, query, args...); err != nil {
		return nil, fmt.Errorf("list alarms: %w", err)
	}
	listed = cut(page, listed, func(r *listedAlarm) int64 { return r.Entry })
	rows := make([]AlarmRow, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, AlarmRow{Alarm: r.alarm(), Name: r.Name, Contact: r.Contact, Description: r.Description, DecidedByName: r.DecidedByName, Reason: r.Reason, TokenLabel: r.TokenLabel})
	}
	return rows, nil
}

// OpenAlarms counts the alarms that wait for an answer; 0 for who does not manage
// the register.
func (s *Store) OpenAlarms(ctx context.Context, actor custody.Actor) (int, error) {
	if !actor.Roles.May(custody.ReadRegister) {
		return 0, nil
	}
	var n int
	if err := s.reader.get(ctx, &n, `SELECT COUNT(*) FROM alarms WHERE school_id = ? AND state = 'open'`, string(actor.School)); err != nil {
		return 0, fmt.Errorf("count alarms: %w", err)
	}
	return n, nil
}
