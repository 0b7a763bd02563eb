package store

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"sokyso/custody"
)

const (
	keyedFor   = 24 * time.Hour   // a key is kept
	carriedFor = 30 * time.Second // an attempt may take; then a repeat may begin in its place
	answerFor  = 3 * time.Second  // from the change until its answer is kept
)

// keyedContext sets apart what else is derived from the log's key.
const keyedContext = "sokyso idempotency fingerprint key 1"

// NewKeyedRequest is a request to which its sender has given a key, so that it is carried
// out once however often it is sent.
type NewKeyedRequest struct {
	Key       string // of the sender's choice; somebody else's same key is another
	Operation string
	Content   []byte        // what is asked for, in bytes that are the same for a repeat
	File      func() string // SHA-256 of a file that is read while the request is carried out; nil = there is none
	Silent    bool          // it is answered with nothing: the answer is known before the change is made
}

// KeyedRequest is an attempt to carry such a request out. Only one holds the key at a time,
// on all services together; the first change that it makes, in whichever use case, takes the
// key's row with it into its transaction, see [WithKeyedRequest].
//
// A crash leaves one of three states. Before the change: the key is held for half a minute
// and then free. After the change and before the answer is kept: what was done is known, and
// the answer is not. After that: both.
type KeyedRequest struct {
	school custody.SchoolID
	caller string
	key    string
	holder string
	file   func() string
	silent bool
	done   bool // a change was made, and committed
}

// Done reports that the request has changed something.
func (k *KeyedRequest) Done() bool { return k.done }

// KeptAnswer is what is known of a request that was sent before.
type KeptAnswer struct {
	Answer []byte // as given to AnswerKeyed; nil: Err
	File   string // SHA-256 of the file that came with it; "" = none did
	Err    error  // why there is no answer: it is still carried out, or was done and its answer is not kept
}

type keyedRow struct {
	Operation   string  `db:"operation"`
	Fingerprint string  `db:"fingerprint"`
	File        *string `db:"file_sha256"`
	HeldUntil   stamp   `db:"held_until_at"`
	Done        *stamp  `db:"done_at"`
	Entry       *int64  `db:"entry_index"`
	Answer      []byte  `db:"answer"`
}

// BeginKeyed takes the key for an attempt, or returns what is known of the request where the
// key was used in the last 24 hours. The same key with other content is a conflict. What
// failed is not remembered.
func (s *Store) BeginKeyed(ctx context.Context, actor custody.Actor, n NewKeyedRequest) (*KeyedRequest, *KeptAnswer, error) {
	fingerprint, err := s.fingerprint(n.Operation, n.Content)
	if err != nil {
		return nil, nil, err
	}
	k := &KeyedRequest{school: actor.School, caller: callerOf(actor), key: n.Key, holder: newID(), file: n.File, silent: n.Silent}
	now := s.now()
	taken, err := s.writer.exec(ctx, `INSERT INTO idempotency_keys (school_id, caller, request_key, operation, fingerprint, holder, held_until_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (school_id, caller, request_key) DO UPDATE SET operation = excluded.operation, fingerprint = excluded.fingerprint, file_sha256 = NULL, holder = excluded.holder,
		held_until_at = excluded.held_until_at, expires_at = excluded.expires_at, done_at = NULL, entry_index = NULL, answer = NULL
		WHERE idempotency_keys.expires_at <= ? OR (idempotency_keys.done_at IS NULL AND idempotency_keys.held_until_at <= ?)`,
		string(k.school), k.caller, k.key, n.Operation, fingerprint, k.holder, at(now.Add(carriedFor)), at(now.Add(keyedFor)), at(now), at(now))
	if err != nil {
		return nil, nil, fmt.Errorf("take request key: %w", err)
	}
	if taken == 1 {
		return k, nil, nil
	}
	// Where it was written. A replica of the database may lag behind.
	var rows []keyedRow
	if err := s.writer.list(ctx, &rows, `SELECT operation, fingerprint, file_sha256, held_until_at, done_at, entry_index, answer FROM idempotency_keys
		WHERE school_id = ? AND caller = ? AND request_key = ?`, string(k.school), k.caller, k.key); err != nil {
		return nil, nil, fmt.Errorf("read request key: %w", err)
	}
	if len(rows) == 0 { // the attempt that held it has failed just now
		return nil, &KeptAnswer{Err: requestRunning()}, nil
	}
	row := rows[0]
	if row.Operation != n.Operation || !hmac.Equal([]byte(row.Fingerprint), []byte(fingerprint)) {
		return nil, nil, custody.Conflict(custody.ReasonRequestReused)
	}
	kept := &KeptAnswer{Answer: row.Answer}
	if row.File != nil {
		kept.File = *row.File
	}
	switch {
	case row.Answer != nil:
	case row.HeldUntil.After(now):
		kept.Err = requestRunning()
	default:
		kept.Err = requestDone(row.Operation, row.Entry)
	}
	return nil, kept, nil
}

func requestRunning() error {
	return &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeRequestRunning}
}

func requestDone(operation string, entry *int64) error {
	params := map[string]string{"what": operation}
	if entry != nil {
		params["entry"] = fmt.Sprint(*entry)
	}
	return &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeRequestDone, Params: params}
}

// callerOf names who sends a request: an agent or program by its key, else a person.
func callerOf(actor custody.Actor) string {
	if actor.Key != "" {
		return "key:" + string(actor.Key)
	}
	return "person:" + string(actor.Person)
}

// fingerprint is what content is recognised by. Its key is not in the database, since content
// may hold a password: who has the database must not be able to try passwords on it. After a
// change of the log's key, for a day, a repeat is taken for other content.
func (s *Store) fingerprint(operation string, content []byte) (string, error) {
	if s.config.LogKey == "" {
		return "", &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable, Params: map[string]string{"reason": custody.ReasonLogKey}}
	}
	key, err := hkdf.Key(sha256.New, []byte(s.config.LogKey), nil, keyedContext, 32)
	if err != nil {
		return "", fmt.Errorf("key of fingerprints: %w", err)
	}
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%s\n%s", operation, content)
	return hex.EncodeToString(h.Sum(nil)), nil
}

type keyedKey struct{}

// WithKeyedRequest has the first change that is made under the context take the request's key
// into its transaction. Like the request's own number, the key goes with the context: no use
// case has to know of it.
func WithKeyedRequest(ctx context.Context, k *KeyedRequest) context.Context {
	return context.WithValue(ctx, keyedKey{}, k)
}

// apart is the context of a change that is made on the way, and is not what the request asks for.
func apart(ctx context.Context) context.Context { return WithKeyedRequest(ctx, nil) }

func keyedOf(ctx context.Context) *KeyedRequest {
	k, _ := ctx.Value(keyedKey{}).(*KeyedRequest)
	return k
}

// keep says in the change's transaction that the request is done. Who has lost the key
// meanwhile, since they took too long, changes nothing.
func (k *KeyedRequest) keep(run func(*tx) error) func(*tx) error {
	return func(t *tx) error {
		before := len(t.tail.entries)
		if err := run(t); err != nil {
			return err
		}
		var entry *int64
		if len(t.tail.entries) > before {
			entry = &t.tail.entries[before].index
		}
		var answer any
		if k.silent {
			answer = []byte("{}")
		}
		n, err := t.exec(t.ctx, `UPDATE idempotency_keys SET done_at = COALESCE(done_at, ?), entry_index = COALESCE(entry_index, ?), held_until_at = ?, file_sha256 = ?, answer = ?
			WHERE school_id = ? AND caller = ? AND request_key = ? AND holder = ?`,
			at(t.now), entry, at(t.now.Add(answerFor)), k.fileSum(), answer, string(k.school), k.caller, k.key, k.holder)
		if err != nil {
			return fmt.Errorf("keep request key: %w", err)
		}
		if n != 1 {
			return requestRunning()
		}
		return nil
	}
}

func (k *KeyedRequest) fileSum() any {
	if k.file == nil {
		return nil
	}
	return k.file()
}

// AnswerKeyed keeps the answer of a request that was carried out, for its repeats; nil = it is
// a secret, and a repeat is told that it was done. Where the request has changed nothing by a
// transaction of the log, it is done by this.
func (s *Store) AnswerKeyed(ctx context.Context, k *KeyedRequest, answer []byte) error {
	now, kept := s.now(), any(nil)
	if answer != nil {
		kept = answer
	}
	if _, err := s.writer.exec(ctx, `UPDATE idempotency_keys SET answer = ?, done_at = COALESCE(done_at, ?), file_sha256 = ?, held_until_at = ?
		WHERE school_id = ? AND caller = ? AND request_key = ? AND holder = ?`,
		kept, at(now), k.fileSum(), at(now), string(k.school), k.caller, k.key, k.holder); err != nil {
		return fmt.Errorf("keep answer: %w", err)
	}
	return nil
}

// DropKeyed forgets a request that has failed and changed nothing. Whether it has is for the
// database to say: a commit may have come through although its answer was lost.
func (s *Store) DropKeyed(ctx context.Context, k *KeyedRequest) error {
	if _, err := s.writer.exec(ctx, `DELETE FROM idempotency_keys WHERE school_id = ? AND caller = ? AND request_key = ? AND holder = ? AND done_at IS NULL`,
		string(k.school), k.caller, k.key, k.holder); err != nil {
		return fmt.Errorf("drop request key: %w", err)
	}
	return nil
}

// DropOldKeys forgets the school's keys of more than 24 hours ago.
func (s *Store) DropOldKeys(ctx context.Context, school custody.SchoolID) (int64, error) {
	n, err := s.writer.exec(ctx, `DELETE FROM idempotency_keys WHERE school_id = ? AND expires_at <= ?`, string(school), at(s.now()))
	if err != nil {
		return 0, fmt.Errorf("drop old request keys: %w", err)
	}
	return n, nil
}
