package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// StandingQuery names a signature by its certificate and digest, or by the file
// that it made. Where the log does not have it, At is the time asked about.
type StandingQuery struct {
	Certificate     string // SHA-256 of the DER, hex
	ByteRangeDigest string // hex; "" = not known
	SHA256Out       string // of the output, hex; "" = not known
	At              time.Time
}

// Standing is what the register knows of a signature and of the token it was
// made with. Each statement has its entry among the receipts.
type Standing struct {
	Token     custody.Token      // without its label and state
	Signature int64              // log index; 0 = the log does not have it
	Custody   *CustodyThen       // it was made under, or in force at the time asked about; nil = in the safe
	Assigned  *Assignment        // what lent its capacity; nil = none was used
	Incidents []custody.Incident // of the token, oldest first

	Receipts   []signinglog.Receipt
	Checkpoint []byte // signed note: that of all receipts
}

// CustodyThen is who held a token at some time.
type CustodyThen struct {
	custody.Custody
	Name       string // "" once erased
	UntilEntry int64  // 0 = goes on
}

// Assignment is a scope as it stood when a grant rested on it.
type Assignment struct {
	custody.Scope
	Entry int64
}

type standingRow struct {
	Index        int64        `db:"signature_entry"`
	GrantEntry   int64        `db:"grant_entry"`
	CustodyEntry int64        `db:"custody_entry"`
	Person       string       `db:"person_id"`
	Act          custody.Act  `db:"act"`
	Kind         string       `db:"document_kind"`
	Capacity     string       `db:"capacity"`
	GrantedAt    stamp        `db:"granted_at"`
	Authority    *int64       `db:"authority_entry"`
	Day          custody.Date `db:"-"`
}

// Standing tells the standing of a signature to anybody of the school: who has a
// document in hands and checks it has to know. Who held the token of a signature that
// the log does not have, which anybody can make up, is told only to whom it is about
// and to who manages the register. What was told about an incident stays with those
// who may see it. A certificate that is not registered with the actor's school is not
// found.
func (s *Store) Standing(ctx context.Context, actor custody.Actor, q StandingQuery) (Standing, error) {
	switch {
	case !isHash(q.Certificate):
		return Standing{}, custody.Invalid("certificate", "not 64 lower-case hexadecimal digits")
	case q.ByteRangeDigest != "" && !isDigest(q.ByteRangeDigest):
		return Standing{}, custody.Invalid("digest", "not 64, 96 or 128 lower-case hexadecimal digits")
	case q.SHA256Out != "" && !isHash(q.SHA256Out):
		return Standing{}, custody.Invalid("sha256", "not 64 lower-case hexadecimal digits")
	}
	out, err := s.standingToken(ctx, actor, q.Certificate)
	if err != nil {
		return Standing{}, err
	}
	row, err := s.loggedSignature(ctx, actor, q)
	if err != nil {
		return Standing{}, err
	}
	condition, args := `k.since_at <= ? AND (k.until_at IS NULL OR k.until_at > ?)`, []any{at(q.At), at(q.At)}
	if row != nil {
		out.Signature = row.Index
		condition, args = `k.entry_index = ?`, []any{row.CustodyEntry}
	}
	if row != nil || !q.At.IsZero() {
		if out.Custody, err = s.custodyThen(ctx, actor, string(out.Token.ID), condition, args); err != nil {
			return Standing{}, err
		}
		if c := out.Custody; row == nil && c != nil && !actor.Roles.May(custody.ReadRegister) && c.Person != actor.Person && out.Token.Owner != actor.Person {
			out.Custody = nil
		}
	}
	if row != nil && (row.Capacity != "" || row.Authority != nil) {
		if out.Assigned, err = s.assigned(ctx, actor, row); err != nil {
			return Standing{}, err
		}
	}
	var incidents []incidentRow
	if err := s.reader.list(ctx, &incidents, `SELECT `+incidentColumns+` FROM incidents i WHERE i.school_id = ? AND i.token_id = ? ORDER BY i.entry_index`,
		string(actor.School), string(out.Token.ID)); err != nil {
		return Standing{}, fmt.Errorf("read incidents: %w", err)
	}
	for _, incident := range incidents {
		out.Incidents = append(out.Incidents, incident.incident())
	}
	// The head is read last: the log only grows, so that it has all entries found before.
	h, err := s.head(ctx, actor.School)
	if err != nil {
		return Standing{}, err
	}
	out.Checkpoint = h.Checkpoint
	out.Receipts, err = s.standingReceipts(ctx, actor.School, h, out)
	return out, err
}

func (s *Store) standingToken(ctx context.Context, actor custody.Actor, certificate string) (Standing, error) {
	var row tokenRow
	err := s.reader.get(ctx, &row, `SELECT `+tokenColumns+` FROM tokens t JOIN certificates c ON c.token_id = t.id WHERE c.school_id = ? AND c.sha256 = ?`,
		string(actor.School), certificate)
	if errors.Is(err, sql.ErrNoRows) {
		return Standing{}, custody.NotFound("certificate")
	}
	if err != nil {
		return Standing{}, fmt.Errorf("read token: %w", err)
	}
	return Standing{Token: custody.Token{ID: custody.TokenID(row.ID), Serial: row.Serial, Model: row.Model, Kind: custody.TokenKind(row.Kind),
		Owner: custody.PersonID(row.Owner)}}, nil
}

// loggedSignature is the signature's record, nil when the log does not have it.
func (s *Store) loggedSignature(ctx context.Context, actor custody.Actor, q StandingQuery) (*standingRow, error) {
	column, value := "byte_range_digest", q.ByteRangeDigest
	if value == "" {
		column, value = "sha256_out", q.SHA256Out
	}
	if value == "" {
		return nil, nil
	}
	var row standingRow
	err := s.reader.get(ctx, &row, `SELECT s.entry_index AS signature_entry, g.entry_index AS grant_entry, g.custody_entry, g.person_id, g.act, g.document_kind,
		g.capacity, g.granted_at, g.authority_entry FROM signatures s JOIN grants g ON g.id = s.grant_id WHERE s.school_id = ? AND s.certificate_sha256 = ? AND s.`+column+` = ?`,
		string(actor.School), q.Certificate, value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read signature: %w", err)
	}
	row.Day = custody.DateOf(row.GrantedAt.Time)
	return &row, nil
}

func (s *Store) custodyThen(ctx context.Context, actor custody.Actor, token, condition string, args []any) (*CustodyThen, error) {
	var rows []struct {
		custodyRow
		Name string `db:"name"`
	}
	err := s.reader.list(ctx, &rows, `SELECT k.id, k.school_id, k.token_id, k.person_id, k.since_at, k.entry_index, k.until_at, k.until_entry, `+
		fmt.Sprintf(nameOf, "k.person_id")+` AS name FROM custodies k WHERE k.school_id = ? AND k.token_id = ? AND `+condition+` ORDER BY k.entry_index DESC LIMIT 1`,
		append([]any{string(actor.School), token}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read custody: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &CustodyThen{Custody: rows[0].custody(), Name: rows[0].Name, UntilEntry: indexOr0(rows[0].UntilEntry)}, nil
}

// assigned is the scope, delegation or acting position that a grant under a
// capacity rested on, as it stood then: what was ended afterwards counts. Grants
// from before the log named it are matched with the scopes of their day.
func (s *Store) assigned(ctx context.Context, actor custody.Actor, row *standingRow) (*Assignment, error) {
	if row.Authority != nil {
		return s.authority(ctx, actor, *row.Authority, row.GrantEntry)
	}
	var rows []scopeRow
	err := s.reader.list(ctx, &rows, `SELECT s.id, s.school_id, s.person_id, s.acts, s.kinds, s.capacities, s.from_on,
		COALESCE((SELECT MIN(e.until_on) FROM endings e WHERE e.scope_id = s.id AND e.entry_index < ?), s.until_on) AS until_on, s.paper, s.created_at, s.entry_index
		FROM scopes s WHERE s.school_id = ? AND s.person_id = ? AND s.entry_index < ? ORDER BY s.entry_index DESC`,
		row.GrantEntry, string(actor.School), row.Person, row.GrantEntry)
	if err != nil {
		return nil, fmt.Errorf("read scopes: %w", err)
	}
	for _, r := range rows {
		if scope := r.scope(); scope.Covers(row.Act, row.Kind, custody.Capacity(row.Capacity), row.Day) {
			return &Assignment{Scope: scope, Entry: r.Entry}, nil
		}
	}
	return nil, nil
}

// standingReceipts proves the entries of a standing, all in the log of that head.
func (s *Store) standingReceipts(ctx context.Context, school custody.SchoolID, h headRow, st Standing) ([]signinglog.Receipt, error) {
	var indexes []int64
	if st.Signature != 0 {
		indexes = append(indexes, st.Signature)
	}
	if c := st.Custody; c != nil {
		indexes = append(indexes, c.Entry, c.UntilEntry)
	}
	if st.Assigned != nil {
		indexes = append(indexes, st.Assigned.Entry)
	}
	for _, incident := range st.Incidents {
		indexes = append(indexes, incident.Entry)
	}
	slices.Sort(indexes)
	indexes = slices.DeleteFunc(slices.Compact(indexes), func(index int64) bool { return index == 0 }) // entry 0 is the school
	receipts := make([]signinglog.Receipt, 0, len(indexes))
	for _, index := range indexes {
		var entry []byte
		if err := s.reader.get(ctx, &entry, `SELECT bytes FROM log_entries WHERE school_id = ? AND entry_index = ?`, string(school), index); err != nil {
			return nil, fmt.Errorf("read log entry %d: %w", index, err)
		}
		proof, err := tlog.ProveRecord(h.Size, index, storedHashes{ctx: ctx, q: s.reader, school: school})
		if err != nil {
			return nil, fmt.Errorf("prove entry %d: %w", index, err)
		}
		receipts = append(receipts, signinglog.Receipt{Index: index, Entry: entry, Proof: proof, Checkpoint: h.Checkpoint})
	}
	return receipts, nil
}

// authority reads the paper of an entry as it stood when the grant was given.
func (s *Store) authority(ctx context.Context, actor custody.Actor, entry, grant int64) (*Assignment, error) {
	var paper struct {
		Person   custody.PersonID `db:"person_id"`
		From     custody.Date     `db:"from_on"`
		Until    custody.Date     `db:"until_on"`
		Paper    string           `db:"paper"`
		PaperOn  custody.Date     `db:"paper_on"`
		Delegate string           `db:"delegation"`
		Scope    custody.ScopeID  `db:"scope"`
	}
	err := s.reader.get(ctx, &paper, `SELECT s.person_id, s.from_on, COALESCE((SELECT MIN(e.until_on) FROM endings e WHERE e.scope_id = s.id AND e.entry_index < ?), s.until_on) AS until_on,
			s.paper, '' AS paper_on, '' AS delegation, s.id AS scope FROM scopes s WHERE s.school_id = ? AND s.entry_index = ?
		UNION ALL SELECT p.person_id, p.from_on, COALESCE((SELECT MIN(e.until_on) FROM endings e WHERE e.position_id = p.id AND e.entry_index < ?), p.until_on),
			p.paper, '', '', '' FROM positions p WHERE p.school_id = ? AND p.entry_index = ?
		UNION ALL SELECT d.delegate_id, d.from_on, COALESCE((SELECT MIN(e.until_on) FROM delegation_endings e WHERE e.delegation_id = d.id AND e.entry_index < ?), d.until_on),
			d.paper_number, d.paper_on, d.id, '' FROM delegations d WHERE d.school_id = ? AND d.entry_index = ?`,
		grant, string(actor.School), entry, grant, string(actor.School), entry, grant, string(actor.School), entry)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	if paper.Delegate != "" {
		paper.Paper = custody.Delegation{PaperNumber: paper.Paper, PaperOn: paper.PaperOn}.Paper()
	}
	return &Assignment{Scope: custody.Scope{ID: paper.Scope, Person: paper.Person, From: paper.From, Until: paper.Until, Paper: paper.Paper,
		Delegation: custody.DelegationID(paper.Delegate)}, Entry: entry}, nil
}
