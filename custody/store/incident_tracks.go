package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sokyso/custody"
)

// StepRow is a recorded step with the words that go with it.
type StepRow struct {
	custody.Step
	ByName string // "" = the service
	Note   string
	Source string // of a revocation: the address or the paper that says so
}

// TrackRow is an incident with its track, as its page shows it.
type TrackRow struct {
	IncidentRow
	Track     custody.Track
	Steps     []StepRow
	Deadlines []custody.Deadline
	Doubtful  []DoubtfulSignature
}

// Open lists the deadlines that are not met.
func (r TrackRow) Open() []custody.Deadline {
	return slices.DeleteFunc(slices.Clone(r.Deadlines), func(d custody.Deadline) bool { return d.Met != nil })
}

// IncidentTrack returns an incident that the actor may see, with its track.
func (s *Store) IncidentTrack(ctx context.Context, actor custody.Actor, id custody.IncidentID) (TrackRow, error) {
	rows, err := s.tracks(ctx, actor, ` AND i.id = ?`, string(id))
	if err != nil {
		return TrackRow{}, err
	}
	if len(rows) == 0 {
		return TrackRow{}, custody.NotFound("incident")
	}
	if rows[0].Doubtful, err = s.doubtful(ctx, actor, rows[0].Incident); err != nil {
		return TrackRow{}, err
	}
	return rows[0], nil
}

// IncidentTracks lists the incidents that the actor may see with their tracks,
// open ones first, then the newest; without their doubtful signatures.
func (s *Store) IncidentTracks(ctx context.Context, actor custody.Actor) ([]TrackRow, error) {
	rows, err := s.tracks(ctx, actor, "")
	slices.SortStableFunc(rows, func(a, b TrackRow) int { return openFirst(b) - openFirst(a) })
	return rows, err
}

func openFirst(r TrackRow) int {
	if r.State == string(custody.IncidentOpen) {
		return 1
	}
	return 0
}

// IncidentDeadline is a deadline that is not met, for who chases it.
type IncidentDeadline struct {
	IncidentRow
	custody.Deadline
}

// IncidentDeadlines lists the deadlines of open incidents that are not met, the
// earliest first. Background work asks as custody.SystemActor.
func (s *Store) IncidentDeadlines(ctx context.Context, actor custody.Actor) ([]IncidentDeadline, error) {
	rows, err := s.tracks(ctx, actor, ` AND i.state = 'open'`)
	if err != nil {
		return nil, err
	}
	var out []IncidentDeadline
	for _, row := range rows {
		for _, d := range row.Open() {
			out = append(out, IncidentDeadline{IncidentRow: row.IncidentRow, Deadline: d})
		}
	}
	slices.SortStableFunc(out, func(a, b IncidentDeadline) int { return a.Due.Compare(b.Due) })
	return out, nil
}

type listedStep struct {
	stepRow
	ByName string `db:"by_name"`
	Note   string `db:"note"`
	Source string `db:"source"`
}

// The condition on incidents comes twice: each query reads the rows of all.
func (s *Store) tracks(ctx context.Context, actor custody.Actor, condition string, args ...any) ([]TrackRow, error) {
	incidents, err := s.incidents(ctx, actor, nil, condition, args...)
	if err != nil || len(incidents) == 0 {
		return nil, err
	}
	settings, err := s.Settings(ctx, actor)
	if err != nil {
		return nil, err
	}
	all := append([]any{string(actor.School)}, args...)
	var listed []listedStep
	if err := s.reader.list(ctx, &listed, `SELECT x.id, x.school_id, x.incident_id, x.incident_entry, x.token_id, x.step, COALESCE(x.recorded_by, '') AS recorded_by, x.done_at,
		x.paper_number, x.paper_on, x.addressee, x.revocation_entry, x.recorded_at, x.entry_index, `+fmt.Sprintf(nameOf, "x.recorded_by")+` AS by_name, COALESCE(n.value, '') AS note,
		COALESCE((SELECT c.revocation_source FROM certificates c WHERE c.school_id = x.school_id AND c.revocation_entry = x.revocation_entry), '') AS source
		FROM incident_steps x JOIN incidents i ON i.id = x.incident_id
		LEFT JOIN reveals n ON n.school_id = x.school_id AND n.entry_index = x.entry_index AND n.field = 'note'
		WHERE i.school_id = ?`+condition+` ORDER BY x.entry_index`, all...); err != nil {
		return nil, fmt.Errorf("list steps: %w", err)
	}
	steps := map[string][]StepRow{}
	for _, r := range listed {
		steps[r.Incident] = append(steps[r.Incident], StepRow{Step: r.step(), ByName: r.ByName, Note: r.Note, Source: r.Source})
	}
	tokens := make([]string, len(incidents))
	for i, incident := range incidents {
		tokens[i] = string(incident.Token)
	}
	slices.Sort(tokens)
	certificates, err := s.certificatesOfTokens(ctx, actor, slices.Compact(tokens))
	if err != nil {
		return nil, err
	}
	now := s.now()
	rows := make([]TrackRow, 0, len(incidents))
	for _, incident := range incidents {
		row := TrackRow{IncidentRow: incident, Steps: steps[string(incident.ID)], Track: custody.Track{Incident: incident.Incident}}
		for _, step := range row.Steps {
			row.Track.Steps = append(row.Track.Steps, step.Step)
		}
		row.Track.CertificateEnded, row.Track.Askable = certificatesEnded(certificates[string(incident.Token)], now)
		row.Deadlines = row.Track.Deadlines(settings)
		rows = append(rows, row)
	}
	return rows, nil
}

// IncidentFacts are what the official papers about an incident state: the report of
// the loss, forms 05, 08 and 09, and the register of incidents.
type IncidentFacts struct {
	TrackRow
	School            custody.School
	Certificates      []custody.Certificate
	ReporterTitle     string // position on the day of the report
	CustodianTitle    string // same
	ReporterPhone     string // "" once erased, or to who may not see it
	ReporterEmail     string
	PrincipalName     string // on the day of the report; "" = none is registered
	PrincipalInformed *time.Time
	AuthorityTold     *custody.Step // the first report to an authority, or form 05
	Revoked           *custody.Step
	Device            *custody.Step // form 08 or 09
	ManagingBody      string        // by the settings; "" = the school
	RevokeTo          string        // who takes form 05, by the settings
}

// IncidentFacts collects the facts for the papers about an incident that the actor
// may see.
func (s *Store) IncidentFacts(ctx context.Context, actor custody.Actor, id custody.IncidentID) (IncidentFacts, error) {
	track, err := s.IncidentTrack(ctx, actor, id)
	if err != nil {
		return IncidentFacts{}, err
	}
	f := IncidentFacts{TrackRow: track}
	if f.School, err = s.schoolByID(ctx, actor.School); err != nil {
		return IncidentFacts{}, err
	}
	settings, err := s.Settings(ctx, actor)
	if err != nil {
		return IncidentFacts{}, err
	}
	f.ManagingBody, f.RevokeTo = settings.Value(custody.SettingManagingBody), settings.Value(custody.SettingRevokeTo)
	certificates, err := s.certificatesOfTokens(ctx, actor, []string{string(track.Token)})
	if err != nil {
		return IncidentFacts{}, err
	}
	f.Certificates = certificates[string(track.Token)]
	people, err := s.People(ctx, actor)
	if err != nil {
		return IncidentFacts{}, err
	}
	day := custody.DateOf(track.ReportedAt)
	for _, p := range people {
		position, _ := custody.PositionOn(p.Positions, day)
		if p.ID == track.Reporter {
			f.ReporterTitle, f.ReporterPhone, f.ReporterEmail = position.Title, p.Phone, p.Email
		}
		if p.ID == track.Custodian {
			f.CustodianTitle = position.Title
		}
		if position.Kind == custody.Principal {
			f.PrincipalName = p.Name
		}
	}
	t := track.Track
	if step := t.Step(custody.StepPrincipalInformed); step != nil {
		f.PrincipalInformed = &step.DoneAt
	}
	for i, step := range t.Steps {
		if f.AuthorityTold == nil && (step.Kind == custody.StepRevocationAsked || step.Kind == custody.StepAuthorityInformed) {
			f.AuthorityTold = &t.Steps[i]
		}
	}
	f.Revoked, f.Device = t.Step(custody.StepCertificateRevoked), t.Step(custody.StepDeviceReturned)
	if f.Device == nil {
		f.Device = t.Step(custody.StepDeviceLost)
	}
	return f, nil
}
