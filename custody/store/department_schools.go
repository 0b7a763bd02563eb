package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
)

// SchoolRead is a school that lets somebody of the department read, with what they need
// to see at a glance.
type SchoolRead struct {
	ID     custody.SchoolID
	Person custody.PersonID // who they are there
	Name   string
	Code   string
	Origin string // of its log

	Size     int64     // entries of its log
	LatestAt time.Time // of the latest entry

	Losses   int // open
	Alarms   int // that nobody has answered
	Tokens   int // that are not retired
	Held     int // of these, in somebody's hands and not reported
	Reported int // of these, lost or suspected

	ReviewedAt *time.Time // of the latest review of the log; nil = none was finished
	Unreviewed int64      // entries since
	Waits      bool       // signatures are among them
	Witnesses  int        // that have cosigned a checkpoint
	Witnessed  int64      // entries up to which the one that is furthest has
}

// querySchoolsRead are the schools that let a person of the department read.
var querySchoolsRead = `SELECT s.id, p.id AS person_id, s.name, s.code, s.log_origin, h.size,
	COALESCE((SELECT e.logged_at FROM log_entries e WHERE e.school_id = s.id AND e.entry_index = h.size - 1), 0) AS latest_at
	FROM department_changes c JOIN persons p ON p.id = c.person_id AND p.school_id = c.school_id
	JOIN schools s ON s.id = c.school_id JOIN log_heads h ON h.school_id = c.school_id
	WHERE c.kind = 'linked' AND c.home_school_id = ? AND c.home_person_id = ? AND ` + readsForDepartment

type schoolReadRow struct {
	ID     string `db:"id"`
	Person string `db:"person_id"`
	Name   string `db:"name"`
	Code   string `db:"code"`
	Origin string `db:"log_origin"`
	Size   int64  `db:"size"`
	Latest stamp  `db:"latest_at"`
}

func (s *Store) schoolsRead(ctx context.Context, actor custody.Actor, condition string, args ...any) ([]SchoolRead, error) {
	if !actor.Roles.May(custody.ReadSchools) {
		return nil, custody.Forbidden("")
	}
	var rows []schoolReadRow
	if err := s.reader.list(ctx, &rows, querySchoolsRead+condition+` ORDER BY s.name, s.id`,
		append([]any{string(actor.School), string(actor.Person), string(custody.DateOf(s.now()))}, args...)...); err != nil {
		return nil, fmt.Errorf("list schools of the department: %w", err)
	}
	schools := make([]SchoolRead, len(rows))
	for i, r := range rows {
		schools[i] = SchoolRead{ID: custody.SchoolID(r.ID), Person: custody.PersonID(r.Person), Name: r.Name, Code: r.Code, Origin: r.Origin, Size: r.Size, LatestAt: r.Latest.Time}
	}
	return schools, nil
}

// SchoolRead is one school that lets the actor, of the department, read; without figures.
func (s *Store) SchoolRead(ctx context.Context, actor custody.Actor, school custody.SchoolID) (SchoolRead, error) {
	found, err := s.schoolsRead(ctx, actor, ` AND s.id = ?`, string(school))
	if err == nil && len(found) == 0 {
		err = custody.NotFound("school")
	}
	if err != nil {
		return SchoolRead{}, err
	}
	return found[0], nil
}

// SchoolsRead lists the schools that let the actor, of the department, read, with figures
// that the role opens at each: it reads register and log. What other schools have is not
// counted, nor that they are there.
func (s *Store) SchoolsRead(ctx context.Context, actor custody.Actor) ([]SchoolRead, error) {
	schools, err := s.schoolsRead(ctx, actor, "")
	if err != nil || len(schools) == 0 {
		return schools, err
	}
	places := make(map[string]*SchoolRead, len(schools))
	for i := range schools {
		places[string(schools[i].ID)] = &schools[i]
	}
	// One query for each figure, not for each school: a department has a thousand.
	const among = `school_id IN (SELECT c.school_id FROM department_changes c WHERE c.kind = 'linked' AND c.home_school_id = ? AND c.home_person_id = ?) `
	for _, figure := range []struct {
		query string
		take  func(*SchoolRead, figureRow)
	}{
		{`SELECT school_id, COUNT(*) AS first FROM incidents WHERE state = 'open' AND ` + among + `GROUP BY school_id`, func(r *SchoolRead, f figureRow) { r.Losses = int(f.First) }},
		{`SELECT school_id, COUNT(*) AS first FROM alarms WHERE state = 'open' AND ` + among + `GROUP BY school_id`, func(r *SchoolRead, f figureRow) { r.Alarms = int(f.First) }},
		{`SELECT school_id, COUNT(*) AS first, SUM(reported) AS second, SUM(CASE WHEN reported = 0 THEN held ELSE 0 END) AS third FROM (
			SELECT t.school_id, CASE WHEN EXISTS (SELECT 1 FROM incidents i WHERE i.token_id = t.id AND i.state = 'open') THEN 1 ELSE 0 END AS reported,
			CASE WHEN EXISTS (SELECT 1 FROM custodies k WHERE k.token_id = t.id AND k.until_at IS NULL) THEN 1 ELSE 0 END AS held
			FROM tokens t WHERE t.` + among + `AND NOT EXISTS (SELECT 1 FROM retirements x WHERE x.token_id = t.id)
			AND NOT EXISTS (SELECT 1 FROM incident_steps x WHERE x.token_id = t.id AND x.step = 'closed')) AS kept GROUP BY school_id`,
			func(r *SchoolRead, f figureRow) {
				r.Tokens, r.Reported, r.Held = int(f.First), int(f.Second), int(f.Third)
			}},
		{`SELECT school_id, MAX(until_entry) AS first, MAX(reviewed_at) AS second FROM log_reviews WHERE ` + among + `GROUP BY school_id`, func(r *SchoolRead, f figureRow) {
			at := time.UnixMicro(f.Second).UTC()
			r.Unreviewed, r.ReviewedAt = r.Size-f.First, &at
		}},
		{`SELECT c.school_id, 1 AS first FROM department_changes c WHERE c.kind = 'linked' AND c.home_school_id = ? AND c.home_person_id = ? AND EXISTS (SELECT 1 FROM signatures x
			WHERE x.school_id = c.school_id AND x.entry_index >= COALESCE((SELECT MAX(w.until_entry) FROM log_reviews w WHERE w.school_id = c.school_id), 0))`,
			func(r *SchoolRead, _ figureRow) { r.Waits = true }},
		{`SELECT school_id, COUNT(*) AS first, MAX(size) AS second FROM cosignatures WHERE ` + among + `GROUP BY school_id`,
			func(r *SchoolRead, f figureRow) { r.Witnesses, r.Witnessed = int(f.First), f.Second }},
	} {
		var rows []figureRow
		if err := s.reader.list(ctx, &rows, figure.query, string(actor.School), string(actor.Person)); err != nil {
			return nil, fmt.Errorf("count at schools: %w", err)
		}
		for _, row := range rows {
			if place := places[row.School]; place != nil {
				figure.take(place, row)
			}
		}
	}
	for i := range schools {
		if schools[i].ReviewedAt == nil {
			schools[i].Unreviewed = schools[i].Size
		}
	}
	return schools, nil
}

// figureRow are figures of one school.
type figureRow struct {
	School string `db:"school_id"`
	First  int64  `db:"first"`
	Second int64  `db:"second"`
	Third  int64  `db:"third"`
}
