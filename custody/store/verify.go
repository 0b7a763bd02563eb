package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/migrations"
)

// VerifyLog recomputes the log from its stored bytes with the verifier key vkey
// ("" = the one in the register, which only tells that the register agrees with
// itself) and compares every row of the register with the entry that proves it.
// A *signinglog.BadEntryError names the first entry at which something was
// altered, dropped or added; everything is read in one snapshot.
//
// Not covered, because the log does not hold it: accounts and their passwords,
// browser sessions, pairing codes. A value that was erased together with its salt
// is counted, not reported.
func (s *Store) VerifyLog(ctx context.Context, school custody.SchoolID, vkey string) (VerifyReport, error) {
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if s.dialect == migrations.SQLite {
		options = nil // a read transaction in WAL mode is a snapshot
	}
	snapshot, err := s.reader.db.BeginTxx(ctx, options)
	if err != nil {
		return VerifyReport{}, fmt.Errorf("verify log: %w", driverError(err))
	}
	defer snapshot.Rollback()
	v := &verification{store: s, ctx: ctx, tx: snapshot, school: string(school), report: VerifyReport{ByType: map[string]int64{}},
		decisions: map[int64]step{}, begun: map[string]step{}, ended: map[int64]step{}, revoked: map[string]step{},
		tokens: map[int64]map[string]string{}, incidentEnds: map[string]step{}, alarmDecisions: map[string]step{}}
	if err := v.run(vkey); err != nil {
		return VerifyReport{}, err
	}
	return v.report, nil
}

// step is what an entry says about the custody of a token or a certificate.
type step struct {
	index int64
	entry signinglog.Entry
}

type verification struct {
	store  *Store
	ctx    context.Context
	tx     *sqlx.Tx
	school string
	report VerifyReport
	bad    *signinglog.BadEntryError // the finding of the lowest index

	frontier  signinglog.Frontier
	first     signinglog.Entry // entry 0
	decisions map[int64]step   // by the offer's index
	begun     map[string]step  // by custody id
	ended     map[int64]step   // by the custody's index
	revoked   map[string]step  // by certificate: the latest

	tokens map[int64]map[string]string // fields of the entries that registered certificates, with tokens or alone

	incidentEnds   map[string]step // by incident id: what cleared or closed it
	alarmDecisions map[string]step // by alarm id

	keys []step // that changed the log's key
}

func (v *verification) run(vkey string) error {
	var school schoolRow
	err := v.tx.GetContext(v.ctx, &school, v.tx.Rebind(`SELECT `+schoolColumns+` FROM schools WHERE id = ?`), v.school)
	if errors.Is(err, sql.ErrNoRows) {
		return custody.NotFound("school")
	}
	if err != nil {
		return fmt.Errorf("verify log: read school: %w", driverError(err))
	}
	if vkey == "" {
		vkey = school.LogKey
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("verify log: %w: %w", signinglog.ErrMalformedKey, err)
	}
	var head headRow
	err = v.tx.GetContext(v.ctx, &head, v.tx.Rebind(queryHead), v.school)
	if errors.Is(err, sql.ErrNoRows) {
		return &signinglog.BadEntryError{Index: 0, Reason: "the log has no head"}
	}
	if err != nil {
		return fmt.Errorf("verify log: read head: %w", driverError(err))
	}
	var current storedRow
	c, err := signinglog.Verify(v.entries(&current), head.Checkpoint, verifier, func(index int64, e signinglog.Entry) error {
		return v.inspect(index, e, current)
	})
	if err != nil {
		return err
	}
	if head.Size != c.Size || !bytes.Equal(head.Root, c.Root[:]) || !bytes.Equal(head.Frontier, v.frontier.Bytes()) {
		return &signinglog.BadEntryError{Index: max(c.Size-1, 0), Reason: "the head is not that of the entries"}
	}
	if err := v.keyChanges(head.KeyChanges, c, verifier); err != nil {
		return err
	}
	if school.Origin != verifier.Name() || school.LogKey != vkey || school.Entry != 0 {
		return &signinglog.BadEntryError{Index: 0, Reason: "the school's log key, origin or entry was altered"}
	}
	v.report.Size, v.report.Root, v.report.Checkpoint = c.Size, c.Root, head.Checkpoint
	school.Bytes, err = v.first.Marshal()
	if err != nil {
		return fmt.Errorf("verify log: %w", err)
	}
	v.compare(school)
	if err := v.records(); err != nil {
		return err
	}
	if v.bad != nil {
		return v.bad
	}
	return nil
}

// storedRow is a row of log_entries.
type storedRow struct {
	Index  int64   `db:"entry_index"`
	Type   string  `db:"entry_type"`
	Actor  *string `db:"actor_id"`
	Person *string `db:"person_id"`
	Token  *string `db:"token_id"`
	At     stamp   `db:"logged_at"`
	Bytes  []byte  `db:"bytes"`
	Hashes []byte  `db:"hashes"`
}

// entries streams the stored entries; current holds the row last yielded.
func (v *verification) entries(current *storedRow) iter.Seq2[signinglog.StoredEntry, error] {
	return func(yield func(signinglog.StoredEntry, error) bool) {
		rows, err := v.tx.QueryxContext(v.ctx, v.tx.Rebind(`SELECT entry_index, entry_type, actor_id, person_id, token_id, logged_at, bytes, hashes
			FROM log_entries WHERE school_id = ? ORDER BY entry_index`), v.school)
		if err != nil {
			yield(signinglog.StoredEntry{}, driverError(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			*current = storedRow{}
			if err := rows.StructScan(current); err != nil {
				yield(signinglog.StoredEntry{}, err)
				return
			}
			e := signinglog.StoredEntry{Index: current.Index, Bytes: current.Bytes}
			for h := current.Hashes; len(h) >= tlog.HashSize; h = h[tlog.HashSize:] {
				e.Hashes = append(e.Hashes, tlog.Hash(h[:tlog.HashSize]))
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(signinglog.StoredEntry{}, driverError(err))
		}
	}
}

// inspect compares an entry with its columns and keeps what later checks need.
func (v *verification) inspect(index int64, e signinglog.Entry, row storedRow) error {
	differs := func(column string) error {
		return &signinglog.BadEntryError{Index: index, Reason: "column " + column + " is not what the entry says"}
	}
	switch {
	case e.School != v.school:
		return &signinglog.BadEntryError{Index: index, Reason: "entry of another school"}
	case (index == 0) != (e.Type == signinglog.TypeSchool):
		return &signinglog.BadEntryError{Index: index, Reason: "a log begins with its school, and only there"}
	case row.Type != string(e.Type):
		return differs("entry_type")
	case !same(row.Actor, e.Actor()):
		return differs("actor_id")
	case !same(row.Person, e.Subject()):
		return differs("person_id")
	case !same(row.Token, e.Token()):
		return differs("token_id")
	case !row.At.Equal(e.At):
		return differs("logged_at")
	case len(row.Hashes)%tlog.HashSize != 0:
		return differs("hashes")
	}
	if index == 0 {
		v.first = e
	}
	var err error
	if v.frontier, _, err = v.frontier.Append(signinglog.LeafHash(row.Bytes)); err != nil {
		return fmt.Errorf("verify log: %w", err)
	}
	v.report.ByType[string(e.Type)]++
	for _, value := range e.Fields {
		if signinglog.IsCommitment(value) {
			v.report.Erased++ // until its value is found
		}
	}
	return v.keep(step{index: index, entry: e})
}

func same(column *string, want string) bool {
	if column == nil {
		return want == ""
	}
	return *column == want && want != ""
}

// keep notes the steps of custody; there are few of them.
func (v *verification) keep(s step) error {
	f := s.entry.Fields
	switch s.entry.Type {
	case signinglog.TypeAcceptance, signinglog.TypeDecline, signinglog.TypeWithdrawal:
		offer, err := index(f["offer"])
		if err != nil {
			return &signinglog.BadEntryError{Index: s.index, Reason: err.Error()}
		}
		if _, twice := v.decisions[offer]; twice {
			return &signinglog.BadEntryError{Index: s.index, Reason: "the offer was decided before"}
		}
		v.decisions[offer] = s
		if id := f["custody"]; id != "" {
			v.begun[id] = s
		}
		return v.keepEnd(s)
	case signinglog.TypeRetirement:
		return v.keepEnd(s)
	case signinglog.TypeToken, signinglog.TypeCertificate:
		v.tokens[s.index] = f
	case signinglog.TypeKeyChange:
		v.keys = append(v.keys, s)
	case signinglog.TypeRevocation:
		v.revoked[f[signinglog.FieldCertificate]] = s
	case signinglog.TypeIncidentStep, signinglog.TypeAlarmDecision:
		if err := v.keepEnd(s); err != nil {
			return err
		}
		return v.keepIncident(s)
	}
	return nil
}

// keepEnd notes which custody the entry ended, if any.
func (v *verification) keepEnd(s step) error {
	if s.entry.Fields["ends"] == "" {
		return nil
	}
	ends, err := index(s.entry.Fields["ends"])
	if err != nil {
		return &signinglog.BadEntryError{Index: s.index, Reason: err.Error()}
	}
	if _, twice := v.ended[ends]; twice {
		return &signinglog.BadEntryError{Index: s.index, Reason: "the custody was ended before"}
	}
	v.ended[ends] = s
	return nil
}

// found keeps the finding of the lowest index.
func (v *verification) found(index int64, format string, args ...any) {
	if v.bad == nil || index < v.bad.Index {
		v.bad = &signinglog.BadEntryError{Index: index, Reason: fmt.Sprintf(format, args...)}
	}
}

// equalMoments compares an optional column with a moment; zero = none.
func equalMoments(column *stamp, want time.Time) bool {
	if column == nil {
		return want.IsZero()
	}
	return !want.IsZero() && column.Equal(want)
}
