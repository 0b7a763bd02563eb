package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/migrations"
)

// tx is the transaction of one batch: the database, the moment of the change
// that runs, and the log's end.
type tx struct {
	*connection
	store  *Store
	ctx    context.Context
	school custody.SchoolID
	now    time.Time

	head headRow
	from signinglog.Frontier // of the head
	tail logTail             // grows by append; goes back when a change is undone

	wrote bool // the change that runs has written
	// immediate writes everything at once; otherwise the rows of recorded
	// signatures wait for one statement. No change but another record may run
	// before they are written, and two records of one grant meet in the unique
	// index, upon which the batch is run again, immediate.
	immediate bool
	deferred  []signatureRow
	wanted    []string                           // grants whose signatures the batch records
	grants    map[custody.GrantID]*grantToRecord // of wanted, read together; nil before

	recordsOnly bool // no other change is in the batch

	next     *nextKey // signs the log from the end of this transaction on
	known    *known
	given    []grantRecord // grants that wait to be written, before deferred
	requests []requestKey  // of the batch
	earlier  map[requestKey]*grantRecord
}

// exec notes that the change has written.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	t.wrote = true
	return t.connection.exec(ctx, query, args...)
}

// put writes what need not be there before the transaction's next query.
func (t *tx) put(query string, args ...any) error {
	if t.immediate {
		_, err := t.exec(t.ctx, query, args...)
		return err
	}
	t.wrote = true
	return t.later(t.ctx, query, args...)
}

// begin starts a change and returns what undo needs.
func (t *tx) begin() txState {
	t.now, t.wrote = t.store.now(), false
	return txState{tail: t.tail, deferred: len(t.deferred), given: len(t.given)}
}

type txState struct {
	tail     logTail
	deferred int
	given    int
}

func (t *tx) undo(to txState) {
	t.tail, t.deferred, t.given = to.tail, t.deferred[:min(to.deferred, len(t.deferred))], t.given[:min(to.given, len(t.given))]
}

// logTail is what append has added, not yet in the database. Copies share
// memory but never what another copy can see.
type logTail struct {
	frontier signinglog.Frontier
	entries  []pendingEntry
	reveals  []revealRow
}

type pendingEntry struct {
	index  int64
	entry  signinglog.Entry
	bytes  []byte
	hashes []byte
}

type headRow struct {
	Size       int64  `db:"size"`
	Root       []byte `db:"root"`
	Frontier   []byte `db:"frontier"`
	Checkpoint []byte `db:"checkpoint"`
	Origin     string `db:"log_origin"`
	LogKey     string `db:"log_key"` // that the log began with
	KeyChanges string `db:"key_changes"`
}

type revealRow struct {
	Index int64  `db:"entry_index"`
	Field string `db:"field"`
	Salt  []byte `db:"salt"`
	Value string `db:"value"`
}

const queryHead = `SELECT h.size, h.root, h.frontier, h.checkpoint, h.key_changes, s.log_origin, s.log_key
	FROM log_heads h JOIN schools s ON s.id = h.school_id WHERE h.school_id = ?`

// lockHead reads the head and keeps other services from appending. It refuses a
// log that can't be continued.
func (t *tx) lockHead() error {
	query := queryHead
	if t.store.dialect == migrations.Postgres {
		query += " FOR UPDATE OF h"
	}
	var heads []headRow
	err := listLater(t.ctx, t.connection, &heads, query, string(t.school))
	var grants []grantToRecord
	var earlier []grantRecord
	var later []laterRow
	if err == nil {
		err = t.askLater(&later)
	}
	if err == nil && t.recordsOnly { // else the others may change them first
		err = t.askGrants(&grants)
	}
	if err == nil {
		err = t.askEarlier(&earlier)
	}
	if err == nil {
		err = t.send(t.ctx)
	}
	if err != nil {
		return fmt.Errorf("read log head: %w", err)
	}
	if len(heads) == 0 {
		return custody.NotFound("school")
	}
	t.head = heads[0]
	t.known.startAt(t.head, later)
	if t.recordsOnly {
		t.keepGrants(grants)
	}
	if len(t.requests) > 0 {
		t.keepEarlier(earlier)
	}
	current, err := signinglog.CurrentKey(t.head.LogKey, t.head.KeyChanges)
	if err != nil {
		return fmt.Errorf("read log head: %w: %w", ErrDamaged, err)
	}
	if t.store.signer == nil || t.store.signer.Name() != t.head.Origin || t.store.vkey != current {
		return &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable,
			Params: map[string]string{"reason": custody.ReasonLogKey, "origin": t.head.Origin},
			Err:    errors.New("the configured log key is not the one that signs this log: configure that, and start again where it was changed")}
	}
	t.tail.frontier, err = signinglog.ParseFrontier(t.head.Size, t.head.Frontier)
	if err != nil {
		return fmt.Errorf("read log head: %w: %w", ErrDamaged, err)
	}
	// A flipped bit in the head must not be signed.
	root, err := t.tail.frontier.Root()
	if err != nil || !bytes.Equal(root[:], t.head.Root) {
		return fmt.Errorf("read log head: %w: frontier and root differ: run custodyd log verify", ErrDamaged)
	}
	t.from = t.tail.frontier
	if err := t.store.checkMark(t.ctx, t.connection, t.school, t.head); err != nil {
		return err
	}
	return t.store.settleMark(t.head)
}

// append adds an entry to the log and returns its index. private are the values
// that go in as commitments. Actor and via come from the actor.
func (t *tx) append(kind signinglog.Type, actor custody.Actor, fields, private map[string]string) (int64, error) {
	index := t.tail.frontier.Size()
	e := signinglog.Entry{Type: kind, At: t.now, School: string(t.school), Fields: maps.Clone(fields)}
	if e.Fields == nil {
		e.Fields = map[string]string{}
	}
	e.Fields[signinglog.FieldActor] = signinglog.SystemActor
	if actor.Person != "" {
		e.Fields[signinglog.FieldActor] = string(actor.Person)
	}
	e.Fields[signinglog.FieldVia] = string(actor.Via)
	reveals := t.tail.reveals
	for field, value := range private {
		if value == "" {
			continue
		}
		commitment, salt := signinglog.Commit(value)
		e.Fields[field] = commitment
		reveals = append(reveals[:len(reveals):len(reveals)], revealRow{Index: index, Field: field, Salt: salt, Value: value})
	}
	if err := e.Check(); err != nil {
		return 0, fmt.Errorf("append to log: %w", err)
	}
	b, err := e.Marshal()
	if err != nil {
		return 0, fmt.Errorf("append to log: %w", err)
	}
	frontier, hashes, err := t.tail.frontier.Append(signinglog.LeafHash(b))
	if err != nil {
		return 0, fmt.Errorf("append to log: %w", err)
	}
	pending := pendingEntry{index: index, entry: e, bytes: b, hashes: make([]byte, 0, len(hashes)*tlog.HashSize)}
	for _, h := range hashes {
		pending.hashes = append(pending.hashes, h[:]...)
	}
	entries := t.tail.entries
	t.tail = logTail{frontier: frontier, entries: append(entries[:len(entries):len(entries)], pending), reveals: reveals}
	return index, nil
}

// writeHead writes the new entries, signs the new checkpoint and moves the head.
func (t *tx) writeHead() ([]byte, error) {
	if len(t.tail.entries) == 0 {
		return t.head.Checkpoint, nil
	}
	var rows [][]any
	for _, p := range t.tail.entries {
		rows = append(rows, []any{string(t.school), p.index, string(p.entry.Type), orNull(p.entry.Actor()), orNull(p.entry.Subject()),
			orNull(p.entry.Token()), at(p.entry.At), p.bytes, p.hashes})
	}
	if err := t.insert(entryTable, rows); err != nil {
		return nil, fmt.Errorf("write log entries: %w", err)
	}
	rows = nil
	for _, r := range t.tail.reveals {
		rows = append(rows, []any{string(t.school), r.Index, r.Field, r.Salt, r.Value})
	}
	if err := t.insert(revealTable, rows); err != nil {
		return nil, fmt.Errorf("write reveals: %w", err)
	}
	root, err := t.tail.frontier.Root()
	if err != nil {
		return nil, fmt.Errorf("log root: %w", err)
	}
	c := signinglog.Checkpoint{Origin: t.head.Origin, Size: t.tail.frontier.Size(), Root: root}
	signed, keyChanges, err := t.signHead(c)
	if err != nil {
		return nil, err
	}
	// The head is locked. Should it have moved all the same, the statement fails for its
	// NULL, also where the commit is on its way behind it.
	if err := t.put(`UPDATE log_heads SET size = CASE WHEN size = ? THEN CAST(? AS BIGINT) END, root = ?, frontier = ?, checkpoint = ?, key_changes = ?, updated_at = ? WHERE school_id = ?`,
		t.head.Size, c.Size, root[:], t.tail.frontier.Bytes(), signed, keyChanges, at(t.store.now()), string(t.school)); err != nil {
		return nil, fmt.Errorf("move log head: %w", err)
	}
	return signed, nil
}

// end is where the log ends with what this transaction appends.
func (t *tx) end() (int64, []byte) {
	if len(t.tail.entries) == 0 {
		return t.head.Size, t.head.Root
	}
	root, err := t.tail.frontier.Root()
	if err != nil {
		return 0, nil // no log ends there
	}
	return t.tail.frontier.Size(), root[:]
}

func (t *tx) advanceMark() {
	if t.store.mark == nil || len(t.tail.entries) == 0 {
		return
	}
	root, err := t.tail.frontier.Root()
	if err == nil {
		err = t.store.mark.advance(markState{Origin: t.head.Origin, Size: t.tail.frontier.Size(), Root: root})
	}
	if err != nil {
		// The entries are durable, and their callers are told so; only the guard
		// against old backups is not up to date. No change goes on before it is.
		t.store.log.Error("mark not written", "error", err)
	}
}

// batchProofs makes receipts of the entries of one transaction without reading:
// the frontier from before and the hashes that the new entries completed hold
// every hash on their way to the root.
type batchProofs struct {
	from       signinglog.Frontier
	entries    []pendingEntry
	checkpoint []byte
}

func (t *tx) proofs(signed []byte) *batchProofs {
	return &batchProofs{from: t.from, entries: t.tail.entries, checkpoint: signed}
}

// ReadHashes implements tlog.HashReader.
func (p *batchProofs) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		entry := (n+1)<<level - 1 - p.from.Size()
		if entry >= 0 && entry < int64(len(p.entries)) {
			found[i] = tlog.Hash(p.entries[entry].hashes[level*tlog.HashSize : (level+1)*tlog.HashSize])
			continue
		}
		old, err := p.from.ReadHashes(indexes[i : i+1])
		if err != nil {
			return nil, err
		}
		found[i] = old[0]
	}
	return found, nil
}

func (p *batchProofs) receipt(index int64) (signinglog.Receipt, error) {
	proof, err := tlog.ProveRecord(p.from.Size()+int64(len(p.entries)), index, p)
	if err != nil {
		return signinglog.Receipt{}, fmt.Errorf("prove entry %d: %w", index, err)
	}
	return signinglog.Receipt{Index: index, Entry: p.entries[index-p.from.Size()].bytes, Proof: proof, Checkpoint: p.checkpoint}, nil
}

// tell reports the commit to who counts.
func (t *tx) tell(changes int, began time.Time) {
	if t.store.config.Committed == nil || len(t.tail.entries) == 0 {
		return
	}
	c := Commit{School: t.school, Changes: changes, Entries: map[string]int{}, Took: time.Since(began)}
	for _, p := range t.tail.entries {
		c.Entries[string(p.entry.Type)]++
	}
	t.store.config.Committed(c)
}
