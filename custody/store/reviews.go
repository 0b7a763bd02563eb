package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// LogReview is a review of the log that was finished.
type LogReview struct {
	From, Until int64 // the entries from From up to, not including, Until
	Signatures  int64
	Points      int64 // entries that wanted a look
	Unseen      int64 // of these, which nobody had looked at
	Skipped     bool  // nothing was looked for
	By          custody.PersonID
	ByName      string
	At          time.Time
	Note        string
	Entry       int64
}

// LastEntry is the last entry that was looked through.
func (r LogReview) LastEntry() int64 { return r.Until - 1 }

// ReviewStep is what was said of an entry.
type ReviewStep struct {
	Kind   custody.ReviewStepKind
	By     custody.PersonID
	ByName string
	At     time.Time
	Note   string
	Entry  int64
}

// EntryReview is what was said of an entry, oldest first, and what the asking actor
// may say now.
type EntryReview struct {
	Steps []ReviewStep
	May   []custody.ReviewStepKind
}

// Last is the latest step's kind, "" for none.
func (r EntryReview) Last() custody.ReviewStepKind {
	if len(r.Steps) == 0 {
		return ""
	}
	return r.Steps[len(r.Steps)-1].Kind
}

type logReviewRow struct {
	rowBase
	From       int64  `db:"from_entry"`
	Until      int64  `db:"until_entry"`
	Signatures int64  `db:"signatures"`
	Points     int64  `db:"points"`
	Unseen     int64  `db:"unseen"`
	Skipped    bool   `db:"skipped"`
	By         string `db:"reviewed_by"`
	At         stamp  `db:"reviewed_at"`
}

const logReviewColumns = `w.id, w.school_id, w.from_entry, w.until_entry, w.signatures, w.points, w.unseen, w.skipped, w.reviewed_by, w.reviewed_at, w.entry_index`

func (r logReviewRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeLogReview, r.At.Time
}

func (r logReviewRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: r.By, "review": r.ID, "from_entry": count(r.From), "until_entry": count(r.Until), "signatures": count(r.Signatures),
		"points": count(r.Points), "unseen": count(r.Unseen), "skipped": flag(r.Skipped)}
}

type reviewStepRow struct {
	rowBase
	Subject int64  `db:"subject_entry"`
	Step    string `db:"step"`
	Person  string `db:"person_id"`
	Token   string `db:"token_id"`
	By      string `db:"stepped_by"`
	At      stamp  `db:"stepped_at"`
}

const reviewStepColumns = `w.id, w.school_id, w.subject_entry, w.step, COALESCE(w.person_id, '') AS person_id, COALESCE(w.token_id, '') AS token_id, w.stepped_by, w.stepped_at, w.entry_index`

func (r reviewStepRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeReviewStep, r.At.Time
}

func (r reviewStepRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: r.By, "review_step": r.ID, "subject_entry": count(r.Subject), "step": r.Step, signinglog.FieldPerson: r.Person,
		signinglog.FieldToken: r.Token}
}

// LogReviews lists the finished reviews, the newest first.
func (s *Store) LogReviews(ctx context.Context, actor custody.Actor, limit int) ([]LogReview, error) {
	if err := custody.CanReviewLog(actor); err != nil {
		return nil, err
	}
	var rows []struct {
		logReviewRow
		ByName string `db:"by_name"`
		Note   string `db:"note"`
	}
	if err := s.reader.list(ctx, &rows, `SELECT `+logReviewColumns+`, `+fmt.Sprintf(nameOf, "w.reviewed_by")+` AS by_name, `+revealOf("w", "note")+` AS note
		FROM log_reviews w WHERE w.school_id = ? ORDER BY w.until_entry DESC LIMIT ?`, string(actor.School), limit); err != nil {
		return nil, fmt.Errorf("list reviews of the log: %w", err)
	}
	out := make([]LogReview, len(rows))
	for i, r := range rows {
		out[i] = LogReview{From: r.From, Until: r.Until, Signatures: r.Signatures, Points: r.Points, Unseen: r.Unseen, Skipped: r.Skipped, By: custody.PersonID(r.By), ByName: r.ByName,
			At: r.At.Time, Note: r.Note, Entry: r.Entry}
	}
	return out, nil
}

// EntryReview returns what was said of an entry that the actor may see.
func (s *Store) EntryReview(ctx context.Context, actor custody.Actor, index int64) (EntryReview, error) {
	row, err := s.entryRow(ctx, actor, index)
	if err != nil {
		return EntryReview{}, err
	}
	e, err := signinglog.Parse(row.Bytes)
	if err != nil {
		return EntryReview{}, fmt.Errorf("entry %d: %w", index, err)
	}
	var rows []struct {
		reviewStepRow
		ByName string `db:"by_name"`
		Note   string `db:"note"`
	}
	if err := s.reader.list(ctx, &rows, `SELECT `+reviewStepColumns+`, `+fmt.Sprintf(nameOf, "w.stepped_by")+` AS by_name, `+revealOf("w", "note")+` AS note
		FROM review_steps w WHERE w.school_id = ? AND w.subject_entry = ? ORDER BY w.entry_index`, string(actor.School), index); err != nil {
		return EntryReview{}, fmt.Errorf("list steps of a review: %w", err)
	}
	var review EntryReview
	for _, r := range rows {
		review.Steps = append(review.Steps, ReviewStep{Kind: custody.ReviewStepKind(r.Step), By: custody.PersonID(r.By), ByName: r.ByName, At: r.At.Time, Note: r.Note, Entry: r.Entry})
	}
	review.May = custody.ReviewSteps(actor, whoseAct(e), review.Last())
	return review, nil
}

// whoseAct is who signed, asked for leave, or held the token; "" for the service.
func whoseAct(e signinglog.Entry) custody.PersonID {
	if e.Type == signinglog.TypeUnlogged {
		return custody.PersonID(e.Fields[signinglog.FieldPerson])
	}
	return custody.PersonID(e.Actor())
}

// maxReviewSteps bounds the entries of one StepReview.
const maxReviewSteps = 500

// StepReview says the same of entries, of all or of none. All but ReviewSeen needs a
// note: the question, the answer, what is wrong, what was done about it.
func (s *Store) StepReview(ctx context.Context, actor custody.Actor, entries []int64, step custody.ReviewStepKind, note string) error {
	field := "note!"
	if step == custody.ReviewSeen {
		field = "note"
	}
	if err := texts(field, &note); err != nil {
		return err
	}
	if len(entries) == 0 || len(entries) > maxReviewSteps {
		return custody.Invalid("entries", "%d entries: not within 1 and %d", len(entries), maxReviewSteps)
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		for _, index := range entries {
			if err := t.stepReview(actor, index, step, note); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) stepReview(actor custody.Actor, index int64, step custody.ReviewStepKind, note string) error {
	if index < 0 || index >= t.from.Size() {
		return custody.NotFound("entry")
	}
	e, _, err := t.entryAt(index)
	if err != nil {
		return err
	}
	whose := whoseAct(e)
	if !actor.Roles.May(custody.ReviewLog) && (actor.Person == "" || actor.Person != whose) {
		return custody.NotFound("entry") // as for who only reads
	}
	last, err := optional[string](t, `SELECT step FROM review_steps WHERE school_id = ? AND subject_entry = ? ORDER BY entry_index DESC LIMIT 1`, string(t.school), index)
	if err != nil {
		return fmt.Errorf("read steps of a review: %w", err)
	}
	var before custody.ReviewStepKind
	if last != nil {
		before = custody.ReviewStepKind(*last)
	}
	if err := custody.CanStepReview(actor, whose, before, step); err != nil {
		return err
	}
	row := reviewStepRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Subject: index, Step: string(step), Person: string(whose), Token: e.Token(),
		By: string(actor.Person), At: at(t.now)}
	if row.Entry, err = t.append(signinglog.TypeReviewStep, actor, row.fields(), map[string]string{"note": note}); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO review_steps (id, school_id, subject_entry, step, person_id, token_id, stepped_by, stepped_at, entry_index)`,
		row.ID, row.School, row.Subject, row.Step, orNull(row.Person), orNull(row.Token), row.By, row.At, row.Entry); err != nil {
		return fmt.Errorf("write step of a review: %w", err)
	}
	return nil
}

// FinishReview ends the review of the entries from the end of the one before up to,
// not including, until. It fails with custody.ReasonReviewMoved when somebody else has
// ended one in between, and with custody.ReasonUnseen while nobody has looked at an
// entry that wants it, unless the note says why they are left.
func (s *Store) FinishReview(ctx context.Context, actor custody.Actor, from, until int64, note string) error {
	if err := texts("note", &note); err != nil {
		return err
	}
	page, err := s.reviewSpan(ctx, actor, from, until)
	if err != nil {
		return err
	}
	unseen := int64(page.Unseen())
	if unseen > 0 && note == "" {
		return custody.Conflict(custody.ReasonUnseen, "unseen", count(unseen))
	}
	return s.endReview(ctx, actor, logReviewRow{From: from, Until: until, Signatures: int64(page.Signatures), Points: int64(len(page.Items)), Unseen: unseen}, note)
}

// SkipReview leaves what was logged before a day without a review, with the reason:
// the first review of a log that is years old begins somewhere.
func (s *Store) SkipReview(ctx context.Context, actor custody.Actor, before time.Time, reason string) error {
	if err := texts("reason!", &reason); err != nil {
		return err
	}
	if err := custody.CanReviewLog(actor); err != nil {
		return err
	}
	from, err := s.reviewed(ctx, actor.School)
	if err != nil {
		return err
	}
	h, err := s.head(ctx, actor.School)
	if err != nil {
		return err
	}
	// By each entry's own time, since a computer's clock may have gone back for a while.
	until := h.Size
	var younger []int64
	if err := s.reader.list(ctx, &younger, `SELECT entry_index FROM log_entries WHERE school_id = ? AND entry_index >= ? AND logged_at >= ? ORDER BY entry_index LIMIT 1`,
		string(actor.School), from, at(before)); err != nil {
		return fmt.Errorf("look for the first entry of a day: %w", err)
	}
	if len(younger) > 0 {
		until = younger[0]
	}
	if until <= from {
		return custody.Invalid("before", "nothing before that day waits for a review")
	}
	return s.endReview(ctx, actor, logReviewRow{From: from, Until: until, Skipped: true}, reason)
}

func (s *Store) endReview(ctx context.Context, actor custody.Actor, row logReviewRow, note string) error {
	return s.write(ctx, actor.School, func(t *tx) error {
		last, err := optional[int64](t, `SELECT until_entry FROM log_reviews WHERE school_id = ? ORDER BY until_entry DESC LIMIT 1`, string(t.school))
		if err != nil {
			return fmt.Errorf("read reviews of the log: %w", err)
		}
		if row.From != indexOr0(last) {
			return custody.Conflict(custody.ReasonReviewMoved)
		}
		row.rowBase, row.By, row.At = rowBase{ID: newID(), School: string(t.school)}, string(actor.Person), at(t.now)
		if row.Entry, err = t.append(signinglog.TypeLogReview, actor, row.fields(), map[string]string{"note": note}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO log_reviews (id, school_id, from_entry, until_entry, signatures, points, unseen, skipped, reviewed_by, reviewed_at, entry_index)`,
			row.ID, row.School, row.From, row.Until, row.Signatures, row.Points, row.Unseen, row.Skipped, row.By, row.At, row.Entry); err != nil {
			return fmt.Errorf("end review of the log: %w", err)
		}
		return nil
	})
}

// reviewed is the entry from which nobody has reviewed the log.
func (s *Store) reviewed(ctx context.Context, school custody.SchoolID) (int64, error) {
	var until []int64
	if err := s.reader.list(ctx, &until, `SELECT until_entry FROM log_reviews WHERE school_id = ? ORDER BY until_entry DESC LIMIT 1`, string(school)); err != nil {
		return 0, fmt.Errorf("read reviews of the log: %w", err)
	}
	if len(until) == 0 {
		return 0, nil
	}
	return until[0], nil
}

// QuestionsTo lists the entries about which the actor was asked something and has not
// answered, the oldest first.
func (s *Store) QuestionsTo(ctx context.Context, actor custody.Actor) ([]int64, error) {
	var entries []int64
	if err := s.reader.list(ctx, &entries, `SELECT w.subject_entry FROM review_steps w WHERE w.school_id = ? AND w.person_id = ? AND w.step = 'asked' AND `+lastStep+` ORDER BY w.subject_entry`,
		string(actor.School), string(actor.Person)); err != nil {
		return nil, fmt.Errorf("list questions: %w", err)
	}
	return entries, nil
}

// ReviewWaits reports whether there are signatures that nobody has reviewed, and since
// when: the end of the last review, or nil when there was none.
func (s *Store) ReviewWaits(ctx context.Context, actor custody.Actor) (waits bool, since *time.Time, err error) {
	if err := custody.CanReviewLog(actor); err != nil {
		return false, nil, err
	}
	from := int64(0)
	last, err := s.LogReviews(ctx, actor, 1)
	if err != nil {
		return false, nil, err
	}
	if len(last) > 0 {
		from, since = last[0].Until, &last[0].At
	}
	var unseen []int
	if err := s.reader.list(ctx, &unseen, `SELECT 1 FROM signatures WHERE school_id = ? AND entry_index >= ? LIMIT 1`, string(actor.School), from); err != nil {
		return false, nil, fmt.Errorf("look for signatures to review: %w", err)
	}
	return len(unseen) > 0, since, nil
}
