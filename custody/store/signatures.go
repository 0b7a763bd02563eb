package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// maxCMS bounds a CMS: a long chain, revocation data and two time-stamps fit.
const maxCMS = 1 << 20

var (
	levelForm  = regexp.MustCompile(`^[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,3}$`)
	reasonForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// RecordSignature records the finished signature of a grant and returns its
// receipt. The caller has verified the CMS against the grant's certificate and
// the digest. Sent again, the same signature gets a receipt of the same entry;
// another one is a conflict with code signature_conflict, and so is one that
// another grant has recorded, or whose output another one has made. A signature that was
// made is never refused because it comes late, after a report or with a time that
// can't be: it is marked.
func (s *Store) RecordSignature(ctx context.Context, actor custody.Actor, grant custody.GrantID, r Record) (signinglog.Receipt, error) {
	outcome := s.RecordSignatures(ctx, actor, []GrantRecord{{grant, r}})[0]
	return outcome.Receipt, outcome.Err
}

// GrantRecord is the finished signature of a grant.
type GrantRecord struct {
	Grant  custody.GrantID
	Record Record
}

// RecordOutcome is what became of one of several records.
type RecordOutcome struct {
	Receipt signinglog.Receipt
	Err     error // as of RecordSignature
}

// RecordSignatures is RecordSignature for several, in few transactions. Each has
// its own outcome, in their order.
func (s *Store) RecordSignatures(ctx context.Context, actor custody.Actor, records []GrantRecord) []RecordOutcome {
	outcomes := make([]RecordOutcome, len(records))
	recorded := make([]recordedAt, len(records))
	var changes []*change
	var asked []int // the record of each change
	for i, r := range records {
		r.Record.Field = signinglog.CleanText(r.Record.Field)
		if outcomes[i].Err = r.Record.check(); outcomes[i].Err != nil {
			continue
		}
		asked = append(asked, i)
		changes = append(changes, &change{ctx: ctx, record: r.Grant, done: make(chan error, 1), run: func(t *tx) error {
			var err error
			recorded[i], err = t.recordSignature(actor, r.Grant, r.Record)
			return err
		}})
	}
	for n, err := range s.submitAll(ctx, actor.School, changes) {
		i := asked[n]
		switch {
		case err != nil:
			outcomes[i].Err = err
		case recorded[i].before:
			outcomes[i].Receipt, outcomes[i].Err = s.storedReceipt(ctx, actor.School, recorded[i].index)
		default:
			outcomes[i].Receipt, outcomes[i].Err = changes[n].proofs.receipt(recorded[i].index)
		}
	}
	return outcomes
}

func (r Record) check() error {
	switch {
	case len(r.CMS) == 0 || len(r.CMS) > maxCMS:
		return custody.Invalid("cms", "CMS of %d bytes", len(r.CMS))
	case !isDigest(r.ByteRangeDigest):
		return custody.Invalid("byte_range_digest", "not 64, 96 or 128 lower-case hexadecimal digits")
	case !isHash(r.SHA256Out):
		return custody.Invalid("sha256_out", "not 64 lower-case hexadecimal digits")
	case !levelForm.MatchString(r.Level):
		return custody.Invalid("level", "level %.40q", r.Level)
	case r.Field == "" || len(r.Field) > 255:
		return custody.Invalid("field", "field name %.40q", r.Field)
	case r.SignedAt.IsZero() || r.SignedAt.Year() < 1970 || r.SignedAt.Year() > 9999:
		return custody.Invalid("signed_at", "time %v", r.SignedAt)
	}
	return nil
}

// recordedAt says where a signature stands in the log.
type recordedAt struct {
	index  int64
	before bool // it was there already
}

func (t *tx) recordSignature(actor custody.Actor, grant custody.GrantID, r Record) (recordedAt, error) {
	g, err := t.grantToRecord(actor, grant)
	if err != nil {
		return recordedAt{}, err
	}
	row := signatureRow{grantRecord: g.grantRecord, SignatureID: newID(), SignedWith: g.Certificate, SHA256Out: r.SHA256Out, ByteRangeDigest: r.ByteRangeDigest, CMS: r.CMS,
		Level: r.Level, Field: r.Field, SignedAt: at(r.SignedAt), RecordedAt: at(t.now), Late: t.now.After(g.ExpiresAt.Time), AfterReport: g.Reported > 0}
	if g.SignatureEntry != nil {
		return recordedAt{index: *g.SignatureEntry, before: true}, t.sameSignature(row)
	}
	private := map[string]string{"signer": g.Signer, "summary": g.Summary, "file_name": g.FileName}
	if private["signer"] == "" {
		private["signer"] = "(erased)" // the field is required; a name may be gone
	}
	if row.Index, err = t.append(signinglog.TypeSignature, actor, row.fields(), private); err != nil {
		return recordedAt{}, err
	}
	t.deferred = append(t.deferred, row)
	if t.immediate {
		err = t.flush()
		if errors.Is(err, ErrUnique) { // another grant's: the same signature, or another one for the same output
			err = &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeSignatureConflict, Err: err}
		}
	}
	return recordedAt{index: row.Index}, err
}

// storedReceipt is the receipt of an entry that was there before.
func (s *Store) storedReceipt(ctx context.Context, school custody.SchoolID, index int64) (signinglog.Receipt, error) {
	var entry []byte
	if err := s.reader.get(ctx, &entry, `SELECT bytes FROM log_entries WHERE school_id = ? AND entry_index = ?`, string(school), index); err != nil {
		return signinglog.Receipt{}, fmt.Errorf("read log entry %d: %w", index, err)
	}
	return s.receipt(ctx, school, index, entry)
}

// flush writes the grants that wait, then the signatures, and closes their grants.
func (t *tx) flush() error {
	if err := t.writeGrants(); err != nil {
		return err
	}
	if len(t.deferred) == 0 {
		return nil
	}
	var rows [][]any
	ids := make([]string, 0, len(t.deferred))
	for _, row := range t.deferred {
		rows = append(rows, []any{row.SignatureID, row.School, row.ID, row.SignedWith, row.SHA256Out, row.ByteRangeDigest, row.CMS, row.Level, row.Field,
			row.SignedAt, row.RecordedAt, row.Late, row.AfterReport, row.Index})
		ids = append(ids, row.ID)
	}
	if err := t.insert(signatureTable, rows); err != nil {
		return fmt.Errorf("write signatures: %w", err)
	}
	if err := t.closeGrants(ids...); err != nil {
		return err
	}
	t.deferred = t.deferred[:0]
	return nil
}

func (t *tx) writeGrants() error {
	if len(t.given) == 0 {
		return nil
	}
	var rows, open [][]any
	for _, g := range t.given {
		rows = append(rows, []any{g.ID, g.School, g.Person, g.Token, g.Request, g.Certificate, g.SHA256In, g.Act, g.Capacity, g.Number, g.Symbol, g.Kind, g.Title,
			g.CustodyEntry, g.AuthorityEntry, g.ApprovalEntry, g.ApprovalCertificate, g.ApprovalDigest, g.GrantedAt, g.ExpiresAt, g.Entry})
		open = append(open, []any{g.ID, g.School, g.ExpiresAt})
	}
	t.given = t.given[:0]
	if err := t.insert(grantTable, rows); err != nil {
		return fmt.Errorf("write grants: %w", err)
	}
	if err := t.insert(openTable, open); err != nil {
		return fmt.Errorf("write grants: %w", err)
	}
	return nil
}

// closeGrants: nobody waits for their signatures any more.
func (t *tx) closeGrants(ids ...string) error {
	condition, args := t.among("grant_id", ids)
	if err := t.put(`DELETE FROM open_grants WHERE `+condition, args...); err != nil {
		return fmt.Errorf("close grants: %w", err)
	}
	return nil
}

// grantToRecord is a grant with what its signature's entry repeats.
type grantToRecord struct {
	grantRecord
	Signer         string `db:"signer"`
	Summary        string `db:"summary"`
	FileName       string `db:"file_name"`
	SignatureEntry *int64 `db:"signature_entry"`
	Abandoned      *int64 `db:"abandonment_entry"`
	Reported       int    `db:"reported"` // open incidents of the token
}

// queryGrantToRecord asks by identifiers alone, which are of one school only: SQLite
// without statistics takes the school's index and walks all of its grants for a list of
// eight. Whether they are the school's is looked at afterwards.
var queryGrantToRecord = `SELECT ` + grantColumns + `, ` + fmt.Sprintf(nameOf, "g.person_id") + ` AS signer,
	` + revealOf("g", "summary") + ` AS summary, ` + revealOf("g", "file_name") + ` AS file_name, s.entry_index AS signature_entry, a.entry_index AS abandonment_entry,
	(SELECT COUNT(*) FROM incidents i WHERE i.token_id = g.token_id AND i.state = 'open') AS reported
	FROM grants g
	LEFT JOIN signatures s ON s.grant_id = g.id
	LEFT JOIN abandonments a ON a.grant_id = g.id
	WHERE `

// ownGrant reads a grant of the actor's as it is now.
func (t *tx) ownGrant(actor custody.Actor, id custody.GrantID) (*grantToRecord, error) {
	g, err := optional[grantToRecord](t, queryGrantToRecord+`g.id = ?`, string(id))
	if err != nil {
		return nil, fmt.Errorf("read grant: %w", err)
	}
	if g == nil || g.School != string(t.school) || g.Person != string(actor.Person) {
		return nil, custody.NotFound("grant")
	}
	return g, nil
}

// grantToRecord reads a grant for its record. Those of a batch are read
// together, once all other changes of the batch have run.
func (t *tx) grantToRecord(actor custody.Actor, id custody.GrantID) (*grantToRecord, error) {
	if t.grants == nil {
		var rows []grantToRecord
		if err := errors.Join(t.askGrants(&rows), t.send(t.ctx)); err != nil {
			return nil, fmt.Errorf("read grants: %w", err)
		}
		t.keepGrants(rows)
	}
	if g := t.grants[id]; g != nil && g.Person == string(actor.Person) {
		return g, nil
	}
	return t.ownGrant(actor, id)
}

// askGrants reads the grants of wanted; they are there after send.
func (t *tx) askGrants(rows *[]grantToRecord) error {
	if len(t.wanted) == 0 {
		return nil
	}
	condition, args := t.among("g.id", t.wanted)
	return listLater(t.ctx, t.connection, rows, queryGrantToRecord+condition, args...)
}

func (t *tx) keepGrants(rows []grantToRecord) {
	t.grants = make(map[custody.GrantID]*grantToRecord, len(rows))
	for i := range rows {
		if rows[i].School == string(t.school) {
			t.grants[custody.GrantID(rows[i].ID)] = &rows[i]
		}
	}
}

// sameSignature compares a repeated record with the one that is there. The
// agent's claims (field, level, time) follow from the same CMS and file.
func (t *tx) sameSignature(row signatureRow) error {
	var there struct {
		SHA256Out       string `db:"sha256_out"`
		ByteRangeDigest string `db:"byte_range_digest"`
		CMS             []byte `db:"cms"`
	}
	err := t.get(t.ctx, &there, `SELECT sha256_out, byte_range_digest, cms FROM signatures WHERE grant_id = ?`, row.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return custody.NotFound("signature")
	}
	if err != nil {
		return fmt.Errorf("read signature: %w", err)
	}
	if there.SHA256Out != row.SHA256Out || there.ByteRangeDigest != row.ByteRangeDigest || string(there.CMS) != string(row.CMS) {
		return &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeSignatureConflict}
	}
	return nil
}

// AbandonGrant notes that a grant was not used. Sent again it changes nothing;
// for a grant with a signature it is a conflict. A signature that turns up after
// all is still recorded.
func (s *Store) AbandonGrant(ctx context.Context, actor custody.Actor, grant custody.GrantID, reason string) error {
	return s.AbandonGrants(ctx, actor, []GrantAbandon{{Grant: grant, Reason: reason}})[0]
}

// GrantAbandon says why a grant was not used.
type GrantAbandon struct {
	Grant   custody.GrantID
	Request string // in place of Grant; where no grant came of it there is nothing to do
	Reason  string // a code
}

// AbandonGrants is AbandonGrant for several, in few transactions, with an answer for each.
func (s *Store) AbandonGrants(ctx context.Context, actor custody.Actor, abandons []GrantAbandon) []error {
	changes := make([]*change, len(abandons))
	for i, a := range abandons {
		changes[i] = &change{ctx: ctx, done: make(chan error, 1), abandons: true, run: func(t *tx) error { return t.abandonGrant(actor, a) }}
	}
	return s.submitAll(ctx, actor.School, changes)
}

func (t *tx) abandonGrant(actor custody.Actor, a GrantAbandon) error {
	if !reasonForm.MatchString(a.Reason) {
		return custody.Invalid("reason", "reason %.40q is no code", a.Reason)
	}
	if a.Request != "" {
		earlier, err := optional[grantRecord](t, `SELECT `+grantColumns+` FROM grants g WHERE g.person_id = ? AND g.request = ?`, string(actor.Person), a.Request)
		if err != nil {
			return fmt.Errorf("read grant: %w", err)
		}
		if earlier == nil {
			return nil
		}
		a.Grant = custody.GrantID(earlier.ID)
	}
	g, err := t.ownGrant(actor, a.Grant)
	if err != nil {
		return err
	}
	if g.SignatureEntry != nil {
		return custody.Conflict("signed")
	}
	if g.Abandoned != nil {
		return nil
	}
	row := abandonmentRow{grantRecord: g.grantRecord, Reason: a.Reason, AbandonedAt: at(t.now)}
	if row.Index, err = t.append(signinglog.TypeAbandonment, actor, row.fields(), nil); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO abandonments (grant_id, school_id, reason, abandoned_at, entry_index)`,
		row.ID, row.School, row.Reason, row.AbandonedAt, row.Index); err != nil {
		return fmt.Errorf("abandon grant: %w", err)
	}
	return t.closeGrants(g.ID)
}
