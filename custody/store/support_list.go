package store

import (
	"context"
	"fmt"

	"sokyso/custody"
)

type listedSupport struct {
	supportRow
	Label       string       `db:"label"`
	Serial      string       `db:"serial"`
	TokenKind   string       `db:"token_kind"`
	PersonName  string       `db:"person_name"`
	AskedByName string       `db:"asked_by_name"`
	Description string       `db:"description"`
	Present     string       `db:"present"`
	Wanted      string       `db:"wanted"`
	State       string       `db:"state"`
	SteppedAt   *stamp       `db:"stepped_at"`
	Addressee   string       `db:"addressee"`
	PaperNumber string       `db:"paper_number"`
	PaperOn     custody.Date `db:"paper_on"`
	DueOn       custody.Date `db:"due_on"`
}

var querySupport = `SELECT ` + supportColumns + `, COALESCE(l.value, '') AS label, t.serial, t.kind AS token_kind, ` + fmt.Sprintf(nameOf, "q.person_id") + ` AS person_name, ` +
	fmt.Sprintf(nameOf, "q.asked_by") + ` AS asked_by_name, COALESCE(d.value, '') AS description, COALESCE(b.value, '') AS present, COALESCE(w.value, '') AS wanted,
	COALESCE(z.state, 'asked') AS state, z.stepped_at, COALESCE(s.addressee, '') AS addressee, COALESCE(s.paper_number, '') AS paper_number, s.paper_on, s.due_on
	FROM support_requests q JOIN tokens t ON t.id = q.token_id
	LEFT JOIN support_steps z ON z.request_id = q.id AND z.entry_index = (SELECT MAX(y.entry_index) FROM support_steps y WHERE y.request_id = q.id)
	LEFT JOIN support_steps s ON s.request_id = q.id AND s.entry_index = (SELECT MAX(y.entry_index) FROM support_steps y WHERE y.request_id = q.id AND y.state = 'sent')
	LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
	LEFT JOIN reveals d ON d.school_id = q.school_id AND d.entry_index = q.entry_index AND d.field = 'description'
	LEFT JOIN reveals b ON b.school_id = q.school_id AND b.entry_index = q.entry_index AND b.field = 'present'
	LEFT JOIN reveals w ON w.school_id = q.school_id AND w.entry_index = q.entry_index AND w.field = 'wanted'
	WHERE q.school_id = ?`

func (s *Store) support(ctx context.Context, actor custody.Actor, condition string, limit int, args ...any) ([]SupportRow, error) {
	query, all := querySupport+condition, append([]any{string(actor.School)}, args...)
	if !actor.Roles.May(custody.ReadRegister) {
		p := string(actor.Person)
		query, all = query+` AND (q.asked_by = ? OR q.person_id = ?)`, append(all, p, p)
	}
	var listed []listedSupport
	if err := s.reader.list(ctx, &listed, query+` ORDER BY q.entry_index DESC LIMIT ?`, append(all, limit)...); err != nil {
		return nil, fmt.Errorf("list support requests: %w", err)
	}
	settings, err := s.Settings(ctx, actor)
	if err != nil {
		return nil, err
	}
	today := custody.DateOf(s.now())
	rows := make([]SupportRow, 0, len(listed))
	for _, r := range listed {
		row := SupportRow{SupportRequest: custody.SupportRequest{ID: custody.SupportID(r.ID), Token: custody.TokenID(r.Token), Kind: custody.SupportKind(r.Kind),
			AskedBy: custody.PersonID(r.AskedBy), AskedAt: r.AskedAt.Time, State: custody.SupportState(r.State), Entry: r.Entry},
			TokenLabel: r.Label, TokenSerial: r.Serial, TokenKind: custody.TokenKind(r.TokenKind), Person: custody.PersonID(r.Person), PersonName: r.PersonName,
			AskedByName: r.AskedByName, Description: r.Description, Present: r.Present, Wanted: r.Wanted,
			Addressee: r.Addressee, PaperNumber: r.PaperNumber, PaperOn: r.PaperOn}
		since := r.AskedAt
		if r.SteppedAt != nil {
			since = *r.SteppedAt
		}
		row.Due = custody.SupportDue(row.State, custody.DateOf(since.Time), r.DueOn, settings)
		row.Late = row.Overdue(today)
		rows = append(rows, row)
	}
	return rows, nil
}

// supportStates are the conditions of SupportFilter.State.
var supportStates = map[string]string{
	"open": ` AND (z.state IS NULL OR z.state IN ('sent', 'answered'))`,
	"done": ` AND z.state IN ('solved', 'refused', 'withdrawn')`,
	"":     ``,
}

// SupportRequests lists requests, newest first: all for who manages the register,
// for others those they asked for or that are for their token. next is the From of
// the following page, 0 on the last one.
func (s *Store) SupportRequests(ctx context.Context, actor custody.Actor, f SupportFilter) (rows []SupportRow, next int64, err error) {
	limit := f.Limit
	if limit == 0 {
		limit = 50
	}
	if limit < 1 || limit > 200 {
		return nil, 0, custody.Invalid("limit", "limit %d is not within 1 and 200", f.Limit)
	}
	condition, known := supportStates[f.State]
	var args []any
	if !known {
		condition, args = ` AND COALESCE(z.state, 'asked') = ?`, []any{f.State}
	}
	if f.Kind != "" {
		condition, args = condition+` AND q.kind = ?`, append(args, string(f.Kind))
	}
	if f.Token != "" {
		condition, args = condition+` AND q.token_id = ?`, append(args, string(f.Token))
	}
	if f.From > 0 {
		condition, args = condition+` AND q.entry_index <= ?`, append(args, f.From)
	}
	if rows, err = s.support(ctx, actor, condition, limit+1, args...); err != nil {
		return nil, 0, err
	}
	if len(rows) > limit {
		next, rows = rows[limit].Entry, rows[:limit]
	}
	return rows, next, nil
}

// SupportOverdue lists the open requests whose next step is overdue: to be chased.
func (s *Store) SupportOverdue(ctx context.Context, actor custody.Actor) ([]SupportRow, error) {
	rows, err := s.support(ctx, actor, supportStates["open"], 1000)
	if err != nil {
		return nil, err
	}
	late := rows[:0]
	for _, row := range rows {
		if row.Late {
			late = append(late, row)
		}
	}
	return late, nil
}

type listedSupportStep struct {
	supportStepRow
	Name string `db:"name"`
	Note string `db:"note"`
}

// Support returns one request with its history.
func (s *Store) Support(ctx context.Context, actor custody.Actor, id custody.SupportID) (SupportRow, error) {
	rows, err := s.support(ctx, actor, ` AND q.id = ?`, 1, string(id))
	if err != nil {
		return SupportRow{}, err
	}
	if len(rows) == 0 {
		return SupportRow{}, custody.NotFound("support")
	}
	row := rows[0]
	var steps []listedSupportStep
	if err := s.reader.list(ctx, &steps, `SELECT `+supportStepColumns+`, `+fmt.Sprintf(nameOf, "z.stepped_by")+` AS name, COALESCE(n.value, '') AS note FROM `+supportStepsOf+`
		LEFT JOIN reveals n ON n.school_id = z.school_id AND n.entry_index = z.entry_index AND n.field = 'note'
		WHERE z.school_id = ? AND z.request_id = ? ORDER BY z.entry_index`, string(actor.School), string(id)); err != nil {
		return SupportRow{}, fmt.Errorf("list support steps: %w", err)
	}
	for _, step := range steps {
		row.Steps = append(row.Steps, SupportStepRow{SupportStep: custody.SupportStep{To: custody.SupportState(step.State), Addressee: step.Addressee,
			PaperNumber: step.PaperNumber, PaperOn: step.PaperOn, Due: step.DueOn, Note: step.Note},
			By: custody.PersonID(step.By), ByName: step.Name, At: step.At.Time, Entry: step.Entry})
	}
	for _, to := range row.State.Steps() {
		if actor.Roles.May(custody.RunRegister) || to == custody.SupportWithdrawn && actor.Person == row.AskedBy {
			row.May = append(row.May, to)
		}
	}
	return row, nil
}

// SupportFacts returns what the request's form says, for who manages the register.
func (s *Store) SupportFacts(ctx context.Context, actor custody.Actor, id custody.SupportID) (SupportFacts, error) {
	if err := custody.CanRegister(actor); err != nil {
		return SupportFacts{}, err
	}
	var f SupportFacts
	var err error
	if f.Request, err = s.Support(ctx, actor, id); err != nil {
		return SupportFacts{}, err
	}
	if f.Token, err = s.Token(ctx, actor, f.Request.Token); err != nil {
		return SupportFacts{}, err
	}
	if f.Request.Person != "" {
		if f.Person, err = s.Person(ctx, actor, f.Request.Person); err != nil {
			return SupportFacts{}, err
		}
		if position, ok := custody.PositionOn(f.Person.Positions, custody.DateOf(f.Request.AskedAt)); ok {
			f.Title = position.Title
		}
	}
	if f.School, err = s.schoolByID(ctx, actor.School); err != nil {
		return SupportFacts{}, err
	}
	settings, err := s.Settings(ctx, actor)
	if err != nil {
		return SupportFacts{}, err
	}
	f.ManagingBody = settings.Value(custody.SettingManagingBody)
	if f.Addressee = f.Request.Addressee; f.Addressee == "" {
		f.Addressee = custody.SupportAddressee(f.Request.Kind, settings)
	}
	return f, nil
}
