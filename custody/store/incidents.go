package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// clockSkew is how far ahead of this service a phone's clock may be.
const clockSkew = 5 * time.Minute

// ReportIncident reports a token lost, misplaced or suspected. It is blocked
// from this moment, wherever it is.
func (s *Store) ReportIncident(ctx context.Context, actor custody.Actor, n NewIncident) (IncidentRow, error) {
	if err := texts("place", &n.Place, "description!", &n.Description); err != nil {
		return IncidentRow{}, err
	}
	if !n.Kind.Valid() {
		return IncidentRow{}, custody.Invalid("kind", "kind of incident %.40q", string(n.Kind))
	}
	if n.DiscoveredAt.IsZero() {
		return IncidentRow{}, custody.Invalid("discovered_at", "no time of discovery")
	}
	id := newID()
	err := s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.visibleToken(actor, n.Token)
		if err != nil {
			return err
		}
		discovered := n.DiscoveredAt
		if discovered.After(t.now.Add(clockSkew)) {
			return &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid, Params: map[string]string{"field": "discovered_at", "reason": custody.ReasonInFuture}}
		}
		if discovered.After(t.now) {
			discovered = t.now
		}
		row := incidentRow{rowBase: rowBase{ID: id, School: string(t.school)}, Token: string(n.Token), Kind: string(n.Kind), Reporter: string(actor.Person),
			DiscoveredAt: at(discovered), ReportedAt: at(t.now), PINExposed: n.PINExposed, State: "open"}
		fields := row.fields()
		if f.custody != nil {
			fields[signinglog.FieldPerson] = f.custody.Person
		}
		if row.Entry, err = t.append(signinglog.TypeIncident, actor, fields, map[string]string{"place": n.Place, "description": n.Description}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO incidents (id, school_id, token_id, kind, reporter_id, discovered_at, reported_at, pin_exposed, state, entry_index)`,
			row.ID, row.School, row.Token, row.Kind, orNull(row.Reporter), row.DiscoveredAt, row.ReportedAt, row.PINExposed, row.State, row.Entry); err != nil {
			return fmt.Errorf("report incident: %w", err)
		}
		return nil
	})
	if err != nil {
		return IncidentRow{}, err
	}
	rows, err := s.incidents(ctx, actor, ` AND i.id = ?`, id)
	if err != nil {
		return IncidentRow{}, err
	}
	if len(rows) == 0 {
		return IncidentRow{}, custody.NotFound("incident")
	}
	return rows[0], nil
}

type listedIncident struct {
	incidentRow
	Label       string `db:"label"`
	Name        string `db:"reporter_name"`
	Place       string `db:"place"`
	Description string `db:"description"`
}

var queryIncidents = `SELECT ` + incidentColumns + `, COALESCE(l.value, '') AS label, ` + fmt.Sprintf(nameOf, "i.reporter_id") + ` AS reporter_name,
	COALESCE(a.value, '') AS place, COALESCE(d.value, '') AS description
	FROM incidents i JOIN tokens t ON t.id = i.token_id
	LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
	LEFT JOIN reveals a ON a.school_id = i.school_id AND a.entry_index = i.entry_index AND a.field = 'place'
	LEFT JOIN reveals d ON d.school_id = i.school_id AND d.entry_index = i.entry_index AND d.field = 'description'
	WHERE i.school_id = ?`

func (s *Store) incidents(ctx context.Context, actor custody.Actor, condition string, args ...any) ([]IncidentRow, error) {
	query, all := queryIncidents+condition, append([]any{string(actor.School)}, args...)
	if !actor.Roles.Manages() {
		p := string(actor.Person)
		query += ` AND (i.reporter_id = ? OR t.owner_id = ? OR EXISTS (SELECT 1 FROM custodies k WHERE k.token_id = i.token_id AND k.person_id = ? AND k.until_at IS NULL))`
		all = append(all, p, p, p)
	}
	var listed []listedIncident
	if err := s.reader.list(ctx, &listed, query+` ORDER BY i.entry_index DESC`, all...); err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	rows := make([]IncidentRow, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, IncidentRow{Incident: r.incident(), TokenLabel: r.Label, ReporterName: r.Name, Place: r.Place, Description: r.Description, PINExposed: r.PINExposed})
	}
	return rows, nil
}

// Incidents lists reported losses, newest first: all for who manages the
// register, for others those they reported or whose token is theirs.
func (s *Store) Incidents(ctx context.Context, actor custody.Actor) ([]IncidentRow, error) {
	return s.incidents(ctx, actor, "")
}
