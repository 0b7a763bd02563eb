package store

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// ReviewItem is an entry that wants a look, or of which something was said that is
// still open.
type ReviewItem struct {
	Entry     int64
	Type      signinglog.Type
	At        time.Time
	Points    []custody.Point // "" for an entry that was only asked about
	Whose     custody.PersonID
	WhoseName string
	Token     custody.TokenID
	Act       custody.Act
	Kind      string // of the document
	Number    string
	Symbol    string
	Summary   string
	Code      string // why it was refused, or not used
	Last      custody.ReviewStepKind
	Note      string // of the last step
}

// ReviewSpan is what a review has before it.
type ReviewSpan struct {
	From, Until int64 // the entries from From up to, not including, Until
	Size        int64 // of the log: more waits when it is larger than Until
	Signatures  int
	Items       []ReviewItem // in the span, gravest first, whatever was said of them
	Earlier     []ReviewItem // of earlier spans: something is still open
}

// Unseen counts the entries that nobody has looked at.
func (p ReviewSpan) Unseen() int {
	n := 0
	for _, item := range p.Items {
		if item.Last == "" {
			n++
		}
	}
	return n
}

// reviewEntries bounds the entries of a review: what a person can look through.
const reviewEntries = 2000

// habitLength is how many earlier signatures of a person tell how they sign.
const habitLength = 500

// Review returns what is new in the log since the last review, at most 2,000 entries,
// the oldest first, with what wants a look.
func (s *Store) Review(ctx context.Context, actor custody.Actor) (ReviewSpan, error) {
	if err := custody.CanReviewLog(actor); err != nil {
		return ReviewSpan{}, err
	}
	from, err := s.reviewed(ctx, actor.School)
	if err != nil {
		return ReviewSpan{}, err
	}
	h, err := s.head(ctx, actor.School)
	if err != nil {
		return ReviewSpan{}, err
	}
	return s.reviewSpan(ctx, actor, from, min(h.Size, from+reviewEntries))
}

func (s *Store) reviewSpan(ctx context.Context, actor custody.Actor, from, until int64) (ReviewSpan, error) {
	if err := custody.CanReviewLog(actor); err != nil {
		return ReviewSpan{}, err
	}
	h, err := s.head(ctx, actor.School)
	if err != nil {
		return ReviewSpan{}, err
	}
	if from < 0 || until < from || until > h.Size || until-from > reviewEntries {
		return ReviewSpan{}, custody.Invalid("until", "entries %d to %d of %d", from, until, h.Size)
	}
	settings, err := s.Settings(ctx, actor)
	if err != nil {
		return ReviewSpan{}, err
	}
	g := &reviewing{ctx: ctx, store: s, school: actor.School, settings: settings, now: s.now(), from: from, until: until, ends: map[string]time.Time{}, items: map[int64]*ReviewItem{}}
	for _, gather := range []func() error{g.signatures, g.unused, g.refusals, g.unlogged, g.said} {
		if err := gather(); err != nil {
			return ReviewSpan{}, err
		}
	}
	span := ReviewSpan{From: from, Until: until, Size: h.Size, Signatures: g.count}
	for _, item := range g.items {
		switch {
		case item.Entry < from:
			span.Earlier = append(span.Earlier, *item)
		default:
			span.Items = append(span.Items, *item)
		}
	}
	for _, items := range [][]ReviewItem{span.Items, span.Earlier} {
		slices.SortFunc(items, func(a, b ReviewItem) int {
			if c := custody.ComparePoints(a.Points, b.Points); c != 0 {
				return c
			}
			return int(a.Entry - b.Entry)
		})
	}
	return span, nil
}

// reviewing gathers the items of a span.
type reviewing struct {
	ctx         context.Context
	store       *Store
	school      custody.SchoolID
	settings    custody.Settings
	now         time.Time
	from, until int64

	count int                  // of signatures
	ends  map[string]time.Time // of certificates, by SHA-256
	items map[int64]*ReviewItem
}

type reviewedSignature struct {
	signatureRow
	Signer    string `db:"signer"`
	Summary   string `db:"summary"`
	Doubtful  bool   `db:"doubtful"`
	SameInput bool   `db:"same_input"`
}

// querySpan: a signature is doubtful from the last certain use, else from the notice
// of the loss, until the incident is cleared: see queryDoubtful.
var querySpan = `SELECT ` + grantColumns + `, ` + signatureColumns + `, ` + fmt.Sprintf(nameOf, "g.person_id") + ` AS signer, ` + revealOf("s", "summary") + ` AS summary,
	CASE WHEN EXISTS (SELECT 1 FROM incidents i WHERE i.token_id = g.token_id
		AND s.recorded_at > CASE WHEN i.last_used_at < i.discovered_at THEN i.last_used_at ELSE i.discovered_at END
		AND NOT EXISTS (SELECT 1 FROM incident_steps c WHERE c.incident_id = i.id AND c.step = 'cleared' AND c.recorded_at <= g.granted_at)) THEN 1 ELSE 0 END AS doubtful,
	CASE WHEN EXISTS (SELECT 1 FROM grants b JOIN signatures x ON x.grant_id = b.id
		WHERE b.school_id = g.school_id AND b.sha256_in = g.sha256_in AND x.entry_index < s.entry_index) THEN 1 ELSE 0 END AS same_input
	FROM signatures s JOIN grants g ON g.id = s.grant_id WHERE s.school_id = ? AND s.entry_index >= ? AND s.entry_index < ? ORDER BY s.entry_index`

func (g *reviewing) signatures() error {
	var rows []reviewedSignature
	if err := g.store.reader.list(g.ctx, &rows, querySpan, string(g.school), g.from, g.until); err != nil {
		return fmt.Errorf("list signatures to review: %w", err)
	}
	g.count = len(rows)
	habits := map[string]*custody.Habit{}
	for _, r := range rows {
		habit := habits[r.Person]
		if habit == nil {
			var err error
			if habit, err = g.habit(r.Person); err != nil {
				return err
			}
			habits[r.Person] = habit
		}
		ends, err := g.certificateEnds(r.Certificate)
		if err != nil {
			return err
		}
		day := custody.DateOf(r.GrantedAt.Time)
		ofDay := habit.Days[day] + 1
		delete(habit.Days, day) // a day is not measured by itself
		points := custody.PointsOf(custody.SignatureFacts{Kind: r.Kind, GrantedAt: r.GrantedAt.Time, Late: r.Late, AfterReport: r.AfterReport, ClockOff: r.clockOff(), Doubtful: r.Doubtful,
			SameInput: r.SameInput, CertificateEnds: ends, OfDay: ofDay, Habit: *habit}, g.settings)
		habit.Days[day] = ofDay
		habit.Kinds[r.Kind]++
		if len(points) > 0 {
			g.items[r.Index] = &ReviewItem{Entry: r.Index, Type: signinglog.TypeSignature, At: r.RecordedAt.Time, Points: points, Whose: custody.PersonID(r.Person), WhoseName: r.Signer,
				Token: custody.TokenID(r.Token), Act: custody.Act(r.Act), Kind: r.Kind, Number: r.Number, Symbol: r.Symbol, Summary: r.Summary}
		}
	}
	return nil
}

// habit reads how somebody signed before the span.
func (g *reviewing) habit(person string) (*custody.Habit, error) {
	var rows []struct {
		Kind      string `db:"document_kind"`
		GrantedAt stamp  `db:"granted_at"`
	}
	if err := g.store.reader.list(g.ctx, &rows, `SELECT g.document_kind, g.granted_at FROM grants g
		WHERE g.person_id = ? AND g.entry_index < ? AND EXISTS (SELECT 1 FROM signatures s WHERE s.grant_id = g.id AND s.entry_index < ?) ORDER BY g.entry_index DESC LIMIT ?`,
		person, g.from, g.from, habitLength); err != nil {
		return nil, fmt.Errorf("list earlier signatures: %w", err)
	}
	habit := &custody.Habit{Kinds: map[string]int{}, Days: map[custody.Date]int{}}
	for _, r := range rows {
		habit.Kinds[r.Kind]++
		habit.Days[custody.DateOf(r.GrantedAt.Time)]++
	}
	return habit, nil
}

func (g *reviewing) certificateEnds(sha256 string) (time.Time, error) {
	if ends, known := g.ends[sha256]; known {
		return ends, nil
	}
	var der []byte
	if err := g.store.reader.get(g.ctx, &der, `SELECT der FROM certificates WHERE school_id = ? AND sha256 = ?`, string(g.school), sha256); err != nil {
		return time.Time{}, fmt.Errorf("read certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return time.Time{}, fmt.Errorf("read certificate %s: %w", sha256, err)
	}
	g.ends[sha256] = cert.NotAfter
	return cert.NotAfter, nil
}

// unused lists grants of which nothing was heard in their time, and those that were
// given back.
func (g *reviewing) unused() error {
	var rows []struct {
		grantRecord
		Signer  string `db:"signer"`
		Summary string `db:"summary"`
		Reason  string `db:"reason"`
		Index   int64  `db:"at_entry"`
		At      stamp  `db:"at_time"`
	}
	columns := `SELECT ` + grantColumns + `, ` + fmt.Sprintf(nameOf, "g.person_id") + ` AS signer, ` + revealOf("g", "summary") + ` AS summary, `
	for _, query := range []struct {
		rest string
		args []any
	}{
		{`'' AS reason, g.entry_index AS at_entry, g.granted_at AS at_time FROM grants g WHERE g.school_id = ? AND g.entry_index >= ? AND g.entry_index < ?
			AND g.expires_at < ? AND g.id IN (SELECT o.grant_id FROM open_grants o WHERE o.school_id = g.school_id)`, []any{string(g.school), g.from, g.until, at(g.now)}},
		{`a.reason, a.entry_index AS at_entry, a.abandoned_at AS at_time FROM abandonments a JOIN grants g ON g.id = a.grant_id
			WHERE a.school_id = ? AND a.entry_index >= ? AND a.entry_index < ?`, []any{string(g.school), g.from, g.until}},
	} {
		rows = rows[:0]
		if err := g.store.reader.list(g.ctx, &rows, columns+query.rest, query.args...); err != nil {
			return fmt.Errorf("list grants to review: %w", err)
		}
		for _, r := range rows {
			item := &ReviewItem{Entry: r.Index, Type: signinglog.TypeGrant, At: r.At.Time, Points: []custody.Point{custody.PointUnreported}, Whose: custody.PersonID(r.Person), WhoseName: r.Signer,
				Token: custody.TokenID(r.Token), Act: custody.Act(r.Act), Kind: r.Kind, Number: r.Number, Symbol: r.Symbol, Summary: r.Summary, Code: r.Reason}
			if r.Reason != "" {
				item.Type, item.Points = signinglog.TypeAbandonment, []custody.Point{custody.PointAbandoned}
			}
			g.items[r.Index] = item
		}
	}
	return nil
}

func (g *reviewing) refusals() error {
	return g.entriesOf(`e.entry_type = ? AND e.entry_index >= ? AND e.entry_index < ?`, []custody.Point{custody.PointRefused}, string(signinglog.TypeRefusal), g.from, g.until)
}

func (g *reviewing) unlogged() error {
	return g.entriesOf(`e.entry_type = ? AND e.entry_index >= ? AND e.entry_index < ?`, []custody.Point{custody.PointUnlogged}, string(signinglog.TypeUnlogged), g.from, g.until)
}

type saidRow struct {
	Subject int64  `db:"subject_entry"`
	Step    string `db:"step"`
	Note    string `db:"note"`
}

// The last step of an entry, and one that leaves something open.
const (
	lastStep = `w.entry_index = (SELECT MAX(l.entry_index) FROM review_steps l WHERE l.school_id = w.school_id AND l.subject_entry = w.subject_entry)`
	openStep = lastStep + ` AND w.step IN ('asked', 'answered', 'flagged')`
)

// said adds what was said last of the items, and the entries, of this span and those
// before, of which something is open.
func (g *reviewing) said() error {
	var rows []saidRow
	if err := g.store.reader.list(g.ctx, &rows, `SELECT w.subject_entry, w.step, `+revealOf("w", "note")+` AS note FROM review_steps w WHERE w.school_id = ? AND `+lastStep+`
		AND (w.subject_entry >= ? AND w.subject_entry < ? OR w.step IN ('asked', 'answered', 'flagged') AND w.subject_entry < ?)`, string(g.school), g.from, g.until, g.from); err != nil {
		return fmt.Errorf("list steps of reviews: %w", err)
	}
	if slices.ContainsFunc(rows, func(r saidRow) bool { return g.items[r.Subject] == nil && custody.ReviewStepKind(r.Step).Open() }) {
		if err := g.entriesOf(`e.entry_index IN (SELECT w.subject_entry FROM review_steps w WHERE w.school_id = e.school_id AND w.subject_entry < ? AND `+openStep+`)`, nil, g.until); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if item := g.items[r.Subject]; item != nil {
			item.Last, item.Note = custody.ReviewStepKind(r.Step), r.Note
		}
	}
	return nil
}

// entriesOf adds entries by what their bytes say.
func (g *reviewing) entriesOf(condition string, points []custody.Point, args ...any) error {
	var rows []struct {
		Index   int64  `db:"entry_index"`
		At      stamp  `db:"logged_at"`
		Bytes   []byte `db:"bytes"`
		Name    string `db:"name"`
		Summary string `db:"summary"`
	}
	if err := g.store.reader.list(g.ctx, &rows, `SELECT e.entry_index, e.logged_at, e.bytes, `+fmt.Sprintf(nameOf, "CASE WHEN e.entry_type = 'unlogged' THEN e.person_id ELSE e.actor_id END")+` AS name,
		COALESCE(NULLIF(`+revealOf("e", "summary")+`, ''), `+revealOf("e", "file_name")+`) AS summary
		FROM log_entries e WHERE e.school_id = ? AND `+condition, append([]any{string(g.school)}, args...)...); err != nil {
		return fmt.Errorf("list entries to review: %w", err)
	}
	for _, r := range rows {
		e, err := signinglog.Parse(r.Bytes)
		if err != nil {
			return fmt.Errorf("entry %d: %w", r.Index, err)
		}
		if g.items[r.Index] != nil {
			continue
		}
		code := e.Fields["code"]
		if code == "" {
			code = e.Fields["reason"]
		}
		if signinglog.IsCommitment(code) {
			code = ""
		}
		g.items[r.Index] = &ReviewItem{Entry: r.Index, Type: e.Type, At: r.At.Time, Points: points, Whose: whoseAct(e), WhoseName: r.Name, Token: custody.TokenID(e.Token()),
			Act: custody.Act(e.Fields["act"]), Kind: e.Fields["document_kind"], Number: e.Fields["document_number"], Symbol: e.Fields["document_symbol"], Summary: r.Summary, Code: code}
	}
	return nil
}
