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

// NewIncident is what ReportIncident reports.
type NewIncident struct {
	Token        custody.TokenID
	Kind         custody.IncidentKind
	DiscoveredAt time.Time
	LastUsedAt   time.Time // last use that is certain; zero = not known
	Place        string
	Description  string
	PIN          custody.PINExposure // "" counts as unknown
}

// IncidentRow is a reported loss.
type IncidentRow struct {
	custody.Incident
	TokenLabel    string
	TokenSerial   string
	TokenKind     custody.TokenKind
	ReporterName  string
	CustodianName string // who held the token when it was reported; "" = the safe
	Custodian     custody.PersonID
	Place         string
	Description   string
}

// ReportIncident reports a token lost, misplaced or suspected. It is blocked
// from this moment, wherever it is.
func (s *Store) ReportIncident(ctx context.Context, actor custody.Actor, n NewIncident) (IncidentRow, error) {
	if err := n.check(); err != nil {
		return IncidentRow{}, err
	}
	id := newID()
	err := s.write(ctx, actor.School, func(t *tx) error {
		_, err := t.reportIncident(actor, id, n, "")
		return err
	})
	if err != nil {
		return IncidentRow{}, err
	}
	return s.Incident(ctx, actor, custody.IncidentID(id))
}

func (n *NewIncident) check() error {
	if err := texts("place", &n.Place, "description!", &n.Description); err != nil {
		return err
	}
	switch {
	case !n.Kind.Valid():
		return custody.Invalid("kind", "kind of incident %.40q", string(n.Kind))
	case !n.PIN.Valid():
		return custody.Invalid("pin", "exposure of the PIN %.40q", string(n.PIN))
	case n.DiscoveredAt.IsZero():
		return custody.Invalid("discovered_at", "no time of discovery")
	case !n.LastUsedAt.IsZero() && n.LastUsedAt.After(n.DiscoveredAt):
		return &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid, Params: map[string]string{"field": "last_used_at", "reason": custody.ReasonAfterDiscovery}}
	}
	if n.PIN == "" {
		n.PIN = custody.PINUnknown
	}
	return nil
}

// reportIncident blocks the token: the incident's row is what every grant asks
// for, in the same transaction that appends the grant.
func (t *tx) reportIncident(actor custody.Actor, id string, n NewIncident, alarm custody.AlarmID) (incidentRow, error) {
	f, err := t.visibleToken(actor, n.Token)
	if err != nil {
		return incidentRow{}, err
	}
	discovered := n.DiscoveredAt
	if discovered.After(t.now.Add(clockSkew)) {
		return incidentRow{}, &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid, Params: map[string]string{"field": "discovered_at", "reason": custody.ReasonInFuture}}
	}
	if discovered.After(t.now) {
		discovered = t.now
	}
	row := incidentRow{rowBase: rowBase{ID: id, School: string(t.school)}, Token: string(n.Token), Kind: string(n.Kind), Reporter: string(actor.Person),
		DiscoveredAt: at(discovered), ReportedAt: at(t.now), PINExposed: n.PIN == custody.PINExposed, PIN: string(n.PIN), Alarm: string(alarm), State: string(custody.IncidentOpen)}
	if !n.LastUsedAt.IsZero() {
		used := at(n.LastUsedAt)
		if used.After(discovered) {
			used = at(discovered)
		}
		row.LastUsedAt = &used
	}
	fields := row.fields()
	if f.custody != nil {
		fields[signinglog.FieldPerson] = f.custody.Person
	}
	var used any
	if row.LastUsedAt != nil {
		used = *row.LastUsedAt
	}
	err = t.takeStep(f, custody.TokenReport, func() error {
		if row.Entry, err = t.append(signinglog.TypeIncident, actor, fields, map[string]string{"place": n.Place, "description": n.Description}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO incidents (id, school_id, token_id, kind, reporter_id, discovered_at, reported_at, last_used_at, pin_exposed, pin, alarm_id, state, entry_index)`,
			row.ID, row.School, row.Token, row.Kind, orNull(row.Reporter), row.DiscoveredAt, row.ReportedAt, used, row.PINExposed, row.PIN, orNull(row.Alarm), row.State, row.Entry); err != nil {
			return fmt.Errorf("report incident: %w", err)
		}
		return nil
	})
	if err != nil {
		return incidentRow{}, err
	}
	return row, t.knownAtOnce(actor, row)
}

// knownAtOnce records the steps that a report brings with it: the principal who
// reports knows of it, and what was revoked before is revoked.
func (t *tx) knownAtOnce(actor custody.Actor, row incidentRow) error {
	if actor.Roles.Principal {
		if _, err := t.writeStep(actor, row, custody.Step{Kind: custody.StepPrincipalInformed, DoneAt: t.now}, ""); err != nil {
			return err
		}
	}
	var revocation *int64
	if err := t.get(t.ctx, &revocation, `SELECT MAX(revocation_entry) FROM certificates WHERE token_id = ? AND revoked_at IS NOT NULL`, row.Token); err != nil {
		return fmt.Errorf("read revocation: %w", err)
	}
	if revocation == nil {
		return nil
	}
	return t.revokedIn(custody.SystemActor(t.school), row, *revocation)
}

type listedIncident struct {
	incidentRow
	Label         string `db:"label"`
	Serial        string `db:"serial"`
	TokenKind     string `db:"token_kind"`
	Name          string `db:"reporter_name"`
	Custodian     string `db:"custodian_id"`
	CustodianName string `db:"custodian_name"`
	Place         string `db:"place"`
	Description   string `db:"description"`
}

// custodianThen is who held the incident's token when it was reported: custody
// only changes by entries, so that the entry's place in the log decides.
const custodianThen = `(SELECT k.person_id FROM custodies k WHERE k.token_id = i.token_id AND k.entry_index < i.entry_index
	AND (k.until_entry IS NULL OR k.until_entry > i.entry_index))`

var queryIncidents = `SELECT ` + incidentColumns + `, COALESCE(l.value, '') AS label, t.serial, t.kind AS token_kind, ` + fmt.Sprintf(nameOf, "i.reporter_id") + ` AS reporter_name,
	COALESCE(` + custodianThen + `, '') AS custodian_id, ` + fmt.Sprintf(nameOf, custodianThen) + ` AS custodian_name,
	COALESCE(a.value, '') AS place, COALESCE(d.value, '') AS description
	FROM incidents i JOIN tokens t ON t.id = i.token_id
	LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
	LEFT JOIN reveals a ON a.school_id = i.school_id AND a.entry_index = i.entry_index AND a.field = 'place'
	LEFT JOIN reveals d ON d.school_id = i.school_id AND d.entry_index = i.entry_index AND d.field = 'description'
	WHERE i.school_id = ?`

// seesIncident is the condition under which who does not manage the register sees
// an incident: they reported it, held the token then or hold it now, or own it.
const seesIncident = ` AND (i.reporter_id = ? OR t.owner_id = ? OR EXISTS (SELECT 1 FROM custodies k WHERE k.token_id = i.token_id AND k.person_id = ?
	AND (k.until_at IS NULL OR k.entry_index < i.entry_index AND k.until_entry > i.entry_index)))`

func (s *Store) incidents(ctx context.Context, actor custody.Actor, page *Page, condition string, args ...any) ([]IncidentRow, error) {
	query, all := queryIncidents+condition, append([]any{string(actor.School)}, args...)
	if !actor.Roles.May(custody.ReadRegister) {
		p := string(actor.Person)
		query, all = query+seesIncident, append(all, p, p, p)
	}
	var listed []listedIncident
	query, all = page.order(query, all, "i.entry_index", true)
	if err := s.reader.list(ctx, &listed, query, all...); err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	listed = cut(page, listed, func(r *listedIncident) int64 { return r.Entry })
	rows := make([]IncidentRow, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, IncidentRow{Incident: r.incident(), TokenLabel: r.Label, TokenSerial: r.Serial, TokenKind: custody.TokenKind(r.TokenKind), ReporterName: r.Name,
			Custodian: custody.PersonID(r.Custodian), CustodianName: r.CustodianName, Place: r.Place, Description: r.Description})
	}
	return rows, nil
}

// Incidents lists reported losses, newest first: all for who manages the
// register, for others those they reported or whose token is theirs.
func (s *Store) Incidents(ctx context.Context, actor custody.Actor) ([]IncidentRow, error) {
	return s.incidents(ctx, actor, nil, "")
}

// IncidentsPage is a page of Incidents.
func (s *Store) IncidentsPage(ctx context.Context, actor custody.Actor, page *Page) ([]IncidentRow, error) {
	return s.incidents(ctx, actor, page, "")
}

// Incident returns one that the actor may see.
func (s *Store) Incident(ctx context.Context, actor custody.Actor, id custody.IncidentID) (IncidentRow, error) {
	rows, err := s.incidents(ctx, actor, nil, ` AND i.id = ?`, string(id))
	if err != nil {
		return IncidentRow{}, err
	}
	if len(rows) == 0 {
		return IncidentRow{}, custody.NotFound("incident")
	}
	return rows[0], nil
}

// TokenLastUsed returns when a signature with each of the tokens was last
// recorded, for the report's question; tokens without one are left out. Only
// tokens that the actor sees are asked about.
func (s *Store) TokenLastUsed(ctx context.Context, actor custody.Actor) (map[custody.TokenID]time.Time, error) {
	tokens, err := s.Tokens(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := map[custody.TokenID]time.Time{}
	for _, token := range tokens {
		var last *stamp
		if err := s.reader.get(ctx, &last, `SELECT MAX(s.recorded_at) FROM grants g JOIN signatures s ON s.grant_id = g.id WHERE g.school_id = ? AND g.token_id = ?`,
			string(actor.School), string(token.ID)); err != nil {
			return nil, fmt.Errorf("read last use: %w", err)
		}
		if last != nil {
			out[token.ID] = last.Time
		}
	}
	return out, nil
}
