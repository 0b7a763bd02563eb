package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sokyso/custody"
)

// CheckRow is a custody check with what pages and the report show.
type CheckRow struct {
	custody.Check
	OpenedByName string // "" = the system, by the settings
	ClosedByName string
	Note         string
	Conclusion   string
	Items        []CheckItemRow // of a list: none, see Counts
	Counts       CheckCounts
	Late         bool // open after its due date
}

// CheckCounts counts the tokens of a check by what was found; Open are those of an
// open check of which nothing is known yet.
type CheckCounts struct {
	Proved, Seen, Excused, Missing, Open int
}

// Total is the number of tokens.
func (c CheckCounts) Total() int { return c.Proved + c.Seen + c.Excused + c.Missing + c.Open }

// Left is the number of tokens that nobody has accounted for.
func (c CheckCounts) Left() int { return c.Missing + c.Open }

// WaitsFor reports whether the check waits for the asking actor's proof of a token.
func (c CheckRow) WaitsFor(token custody.TokenID) bool {
	return slices.ContainsFunc(c.Items, func(i CheckItemRow) bool { return i.Token == token && i.MayProve && i.Outcome == custody.CheckOpen })
}

// CheckItemRow is a token of a check.
type CheckItemRow struct {
	Token         custody.TokenID
	Label         string
	Serial        string
	Kind          custody.TokenKind
	Custodian     custody.PersonID // when the check was opened; "" = the safe
	CustodianName string
	Holder        custody.PersonID // now; "" = the safe
	HolderName    string
	Outcome       custody.CheckOutcome
	Entry         int64 // that says so; 0 = none
	At            *time.Time
	SeenBy        custody.PersonID // who saw it; with Outcome seen, or waiting for the witness
	SeenByName    string
	Witness       custody.PersonID // the second person
	WitnessName   string
	NotAtHand     string // the custodian's reason
	SaidNotAtHand bool   // the custodian has said so, whatever became of the words
	Excuse        string // the reason that was taken
	Unprovable    bool   // its certificate is no longer good
	Reported      bool   // an incident is open
	Moved         bool   // another holder than at the opening

	// What the asking actor may do; of an open check only.
	MayProve, MaySee, MayWitness, MaySayWhy, MayExcuse bool
}

// CheckChase is a person who is waited for in the open check.
type CheckChase struct {
	Check      custody.CheckID
	Kind       custody.CheckKind
	Due        custody.Date
	Late       bool
	Person     custody.PersonID // "" = principal and admins: a token in the safe that nobody has looked at
	PersonName string
	Token      custody.TokenID
	TokenLabel string
	Serial     string
	Witness    bool // to confirm what somebody else has seen, not to prove
}

// held returns the tokens that the actor holds now.
func (s *Store) held(ctx context.Context, actor custody.Actor) (map[custody.TokenID]bool, error) {
	var ids []string
	if err := s.reader.list(ctx, &ids, `SELECT token_id FROM custodies WHERE school_id = ? AND person_id = ? AND until_at IS NULL`, string(actor.School), string(actor.Person)); err != nil {
		return nil, fmt.Errorf("read custodies: %w", err)
	}
	held := map[custody.TokenID]bool{}
	for _, id := range ids {
		held[custody.TokenID(id)] = true
	}
	return held, nil
}

// personNames returns the names of all persons that are not erased.
func (s *Store) personNames(ctx context.Context, school custody.SchoolID) (map[custody.PersonID]string, error) {
	var rows []struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	if err := s.reader.list(ctx, &rows, `SELECT p.id, r.value AS name FROM persons p JOIN reveals r ON r.school_id = p.school_id AND r.entry_index = p.entry_index
		AND r.field = 'name' WHERE p.school_id = ?`, string(school)); err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	names := make(map[custody.PersonID]string, len(rows))
	for _, row := range rows {
		names[custody.PersonID(row.ID)] = row.Name
	}
	return names, nil
}

// Check returns a check with its tokens: all for who manages the register, for
// others those that they hold or are to see.
func (s *Store) Check(ctx context.Context, actor custody.Actor, id custody.CheckID) (CheckRow, error) {
	state, err := readCheck(ctx, s.reader, actor.School, id)
	if err != nil {
		return CheckRow{}, err
	}
	held, err := s.held(ctx, actor)
	if err != nil {
		return CheckRow{}, err
	}
	if !state.concerns(actor, held) {
		return CheckRow{}, custody.NotFound("check")
	}
	names, err := s.personNames(ctx, actor.School)
	if err != nil {
		return CheckRow{}, err
	}
	tokens, err := s.tokens(ctx, actor, nil, "")
	if err != nil {
		return CheckRow{}, err
	}
	row := CheckRow{Check: state.check(), Counts: state.counts()}
	row.OpenedByName, row.ClosedByName = names[row.OpenedBy], names[row.ClosedBy]
	now := s.now()
	row.Late = row.ClosedAt == nil && row.Due < custody.DateOf(now)
	texts, err := s.checkTexts(ctx, actor.School, state)
	if err != nil {
		return CheckRow{}, err
	}
	row.Note, row.Conclusion = texts[revealKey{state.row.Entry, "note"}], texts[revealKey{row.Closing, "conclusion"}]
	for _, ts := range state.states {
		if !ts.concerns(actor, held) {
			continue
		}
		item := CheckItemRow{Token: ts.item.Token, Custodian: ts.item.Custodian, CustodianName: names[ts.item.Custodian], Outcome: ts.outcome, Entry: ts.entry, At: ts.at,
			SeenBy: ts.seenBy, SeenByName: names[ts.seenBy], Witness: ts.witness, WitnessName: names[ts.witness]}
		if ts.why != nil {
			item.SaidNotAtHand, item.NotAtHand = true, texts[revealKey{ts.why.Entry, "reason"}]
		}
		if ts.excuse != nil {
			item.Excuse = texts[revealKey{ts.excuse.Entry, "reason"}]
		}
		if i := slices.IndexFunc(tokens, func(t TokenRow) bool { return t.ID == item.Token }); i >= 0 {
			t := tokens[i]
			item.Label, item.Serial, item.Kind, item.Holder, item.HolderName = t.Label, t.Serial, t.Kind, t.Custodian, t.CustodianName
			item.Reported, item.Unprovable = t.State == custody.Blocked, !provable(t.Certificate, now)
		}
		item.Moved = item.Holder != item.Custodian
		if state.closing == nil {
			item.rights(actor)
		}
		row.Items = append(row.Items, item)
	}
	return row, nil
}

// rights says what the actor may do, for pages; CanStepCheck decides.
func (i *CheckItemRow) rights(actor custody.Actor) {
	if i.Outcome == custody.CheckProved || i.Outcome == custody.CheckSeen {
		return
	}
	own := actor.Person != "" && actor.Person == i.Holder
	i.MayProve = own && !i.Unprovable && !i.Reported
	i.MaySayWhy = own
	i.MayWitness = actor.Person != "" && actor.Person == i.Witness
	i.MaySee = actor.Roles.May(custody.RunRegister) && actor.Person != "" && !own && (i.Holder == "" || i.Unprovable) && i.Witness == ""
	i.MayExcuse = actor.Roles.May(custody.RunRegister) && !own && i.Outcome == custody.CheckOpen
}

type revealKey struct {
	entry int64
	field string
}

// checkTexts reads the values behind a check's commitments.
func (s *Store) checkTexts(ctx context.Context, school custody.SchoolID, state *checkState) (map[revealKey]string, error) {
	closing := int64(-1)
	if state.closing != nil {
		closing = state.closing.Entry
	}
	var rows []revealRow
	if err := s.reader.list(ctx, &rows, `SELECT entry_index, field, salt, value FROM reveals WHERE school_id = ? AND (entry_index IN (?, ?)
		OR entry_index IN (SELECT z.entry_index FROM check_steps z WHERE z.check_id = ?))`, string(school), state.row.Entry, closing, state.row.ID); err != nil {
		return nil, fmt.Errorf("read check's reasons: %w", err)
	}
	texts := make(map[revealKey]string, len(rows))
	for _, row := range rows {
		texts[revealKey{row.Index, row.Field}] = row.Value
	}
	return texts, nil
}

// maxListedChecks bounds a list: monthly checks of sixteen years.
const maxListedChecks = 200

type listedCheck struct {
	checkRow
	Proved   *int   `db:"proved"`
	Seen     *int   `db:"seen"`
	Missing  *int   `db:"missing"`
	Excused  *int   `db:"excused"`
	ClosedBy string `db:"closed_by"`
	ClosedAt *stamp `db:"closed_at"`
	Closing  *int64 `db:"closing_entry"`
	Witness  int    `db:"witness"` // how often the actor was named as the second person
}

// Checks lists checks, the newest first, without their tokens: all for who manages
// the register, for others those that concern them.
func (s *Store) Checks(ctx context.Context, actor custody.Actor) ([]CheckRow, error) {
	return s.ChecksPage(ctx, actor, &Page{Limit: maxListedChecks})
}

// ChecksPage is a page of Checks: it covers so many checks, of which who does not manage
// the register gets those that concern them.
func (s *Store) ChecksPage(ctx context.Context, actor custody.Actor, page *Page) ([]CheckRow, error) {
	var listed []listedCheck
	query, args := page.order(`SELECT `+checkColumns+`, z.proved, z.seen, z.missing, z.excused, COALESCE(z.closed_by, '') AS closed_by, z.closed_at,
		z.entry_index AS closing_entry, (SELECT COUNT(*) FROM check_steps y WHERE y.check_id = c.id AND y.kind = 'seen' AND y.person_id = ?) AS witness
		FROM checks c LEFT JOIN check_closings z ON z.check_id = c.id WHERE c.school_id = ?`,
		[]any{string(actor.Person), string(actor.School)}, "c.entry_index", true)
	if err := s.reader.list(ctx, &listed, query, args...); err != nil {
		return nil, fmt.Errorf("list checks: %w", err)
	}
	listed = cut(page, listed, func(r *listedCheck) int64 { return r.Entry })
	held, err := s.held(ctx, actor)
	if err != nil {
		return nil, err
	}
	names, err := s.personNames(ctx, actor.School)
	if err != nil {
		return nil, err
	}
	today := custody.DateOf(s.now())
	var rows []CheckRow
	for _, r := range listed {
		items, err := custody.ParseCheckItems(r.Items)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w: %w", r.ID, ErrDamaged, err)
		}
		if !actor.Roles.May(custody.ReadRegister) && r.Witness == 0 && !slices.ContainsFunc(items, func(item custody.CheckItem) bool {
			return actor.Person != "" && item.Custodian == actor.Person || held[item.Token]
		}) {
			continue
		}
		row := CheckRow{Check: r.check()}
		if r.Closing == nil {
			state, err := readCheck(ctx, s.reader, actor.School, row.ID)
			if err != nil {
				return nil, err
			}
			row.Counts, row.Late = state.counts(), row.Due < today
		} else {
			row.ClosedBy, row.ClosedAt, row.Closing = custody.PersonID(r.ClosedBy), r.ClosedAt.moment(), *r.Closing
			row.Counts = CheckCounts{Proved: *r.Proved, Seen: *r.Seen, Missing: *r.Missing, Excused: *r.Excused}
		}
		row.OpenedByName, row.ClosedByName = names[row.OpenedBy], names[row.ClosedBy]
		rows = append(rows, row)
	}
	return rows, nil
}

// OpenCheckOf returns the check that is open, as far as it concerns the actor; nil
// when there is none.
func (s *Store) OpenCheckOf(ctx context.Context, actor custody.Actor) (*CheckRow, error) {
	var ids []string
	if err := s.reader.list(ctx, &ids, `SELECT c.id FROM checks c WHERE c.school_id = ? AND NOT EXISTS (SELECT 1 FROM check_closings z WHERE z.check_id = c.id)
		ORDER BY c.entry_index DESC LIMIT 1`, string(actor.School)); err != nil {
		return nil, fmt.Errorf("read open check: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	row, err := s.Check(ctx, actor, custody.CheckID(ids[0]))
	if errors.Is(err, custody.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &row, nil
}

// CheckChases lists who is waited for in the open check, for who manages the
// register: custodians who have not proven, witnesses who have not confirmed, and
// the principal and admins for what lies in the safe.
func (s *Store) CheckChases(ctx context.Context, actor custody.Actor) ([]CheckChase, error) {
	if err := custody.CanRegister(actor); err != nil {
		return nil, err
	}
	row, err := s.OpenCheckOf(ctx, actor)
	if err != nil || row == nil {
		return nil, err
	}
	var chases []CheckChase
	for _, item := range row.Items {
		if item.Outcome != custody.CheckOpen || item.Reported {
			continue
		}
		chase := CheckChase{Check: row.ID, Kind: row.Kind, Due: row.Due, Late: row.Late, Person: item.Holder, PersonName: item.HolderName,
			Token: item.Token, TokenLabel: item.Label, Serial: item.Serial}
		switch {
		case item.Witness != "":
			chase.Person, chase.PersonName, chase.Witness = item.Witness, item.WitnessName, true
		case item.Unprovable, item.SaidNotAtHand: // what is left is for who runs the register
			chase.Person, chase.PersonName = "", ""
		}
		chases = append(chases, chase)
	}
	return chases, nil
}
