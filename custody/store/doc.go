// Package store keeps a school's register in SQLite or PostgreSQL: one [Store],
// one set of queries, both databases under the same tests. Every step that must
// be provable is an entry of the signing log, appended in the transaction that
// makes the step. It knows no HTTP, no PDF and no CMS: callers verify signatures
// before they record them.
//
// # Who may see what
//
// Every lookup carries the school and the actor, in the WHERE. The principal and
// admins see all; others what is theirs. What an actor may not see does not
// exist for them: custody.ErrNotFound.
//
// # Writing
//
// Changes of one school run one after another through its sequencer: a goroutine
// that takes what is waiting (at most 64 changes), runs it in one transaction,
// appends the entries, signs one checkpoint, commits, writes the mark, and only
// then answers. When a change fails half way, the transaction is rolled back and
// run again with a savepoint for each, so that it undoes its own steps only. A lone change waits for nobody; under load one
// commit carries many. The head row is locked first (FOR UPDATE; BEGIN IMMEDIATE
// on SQLite) and replaced by compare-and-swap on the size, so that several
// services on one PostgreSQL append to one log without a fork.
//
// A crash before the commit leaves nothing; after it, everything but perhaps the
// mark, which is then behind the database and catches up with the next change. The
// mark is durable before a change is answered. When it can't be written, what was
// committed is answered all the same, and further changes are refused until it can.
// A caller whose context ends while its change is being written does not know
// what became of it: requests with an identifier of their own (grants, records)
// are sent again and take effect once.
//
// # The mark
//
// The mark is a small file outside the database with the size and root of the
// last checkpoint. A database restored from a backup is behind it, a forked one
// differs from it; both are refused every change, since an agent that has seen
// the newer log would rightly call it altered.
package store
