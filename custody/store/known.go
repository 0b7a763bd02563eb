package store

import (
	"bytes"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// known keeps what the register says of people and tokens from one transaction of a
// school to the next. Nothing of it changes without an entry, so it holds as long as only
// signatures are appended, by this service or another: an entry of another kind, and
// everything is read anew.
type known struct {
	size   int64 // of the log
	root   []byte
	people map[custody.PersonID]*knownPerson
	tokens map[string]*knownToken // by serial

	last   *lastEntry // nil: none yet
	shared int        // transactions for which others' entries are still asked for
}

// lastEntry is the entry that this service appended last.
type lastEntry struct {
	index int64
	leaf  tlog.Hash
}

const (
	sharedFor  = 64   // transactions since another service appended: it may again
	laterLimit = 1000 // entries of others that are looked at; reading anew is cheaper than more
)

// laterRow tells of the entries from the last of this service's on.
type laterRow struct {
	Leaf   []byte `db:"leaf"`   // of that entry itself
	Others int64  `db:"others"` // after it, that are not of grants
}

// ofGrants are the entries that change nothing of what is known.
var ofGrants = []string{string(signinglog.TypeGrant), string(signinglog.TypeRefusal), string(signinglog.TypeAbandonment), string(signinglog.TypeSignature)}

// askLater reads what was appended since this service's last entry, where others append
// too. It goes with the head's query and is there after send.
func (t *tx) askLater(rows *[]laterRow) error {
	last := t.known.last
	if last == nil || t.known.shared == 0 {
		return nil
	}
	among, kinds := t.among("later.entry_type", ofGrants)
	args := append([]any{string(t.school), last.index, string(t.school), last.index, laterLimit}, kinds...)
	return listLater(t.ctx, t.connection, rows, `SELECT (SELECT substr(hashes, 1, 32) FROM log_entries WHERE school_id = ? AND entry_index = ?) AS leaf,
		(SELECT COUNT(*) FROM (SELECT entry_type FROM log_entries WHERE school_id = ? AND entry_index > ? ORDER BY entry_index LIMIT ?) later WHERE NOT (`+among+`)) AS others`, args...)
}

// knownLimit bounds people and tokens each: a school has some dozens.
const knownLimit = 1000

type knownPerson struct {
	accountUntil custody.Date // "" = the account has no end
	positions    []custody.Position
	scopes       []custody.Scope
}

type knownToken struct {
	facts        *tokenFacts // nil: there is no such token
	certificates []custody.Certificate
}

// startAt forgets what was read when more than signatures came since, or the log is another.
func (k *known) startAt(head headRow, later []laterRow) {
	moved := k.size != head.Size || !bytes.Equal(k.root, head.Root)
	switch {
	case moved:
		k.shared = sharedFor
	case k.shared > 0:
		k.shared--
	}
	if k.people == nil || moved && !k.reaches(head, later) || len(k.people) > knownLimit || len(k.tokens) > knownLimit {
		k.forget()
	}
	k.size, k.root = head.Size, head.Root
}

// reaches reports that the log has this service's last entry and after it nothing but
// signatures.
func (k *known) reaches(head headRow, later []laterRow) bool {
	return k.last != nil && len(later) == 1 && bytes.Equal(later[0].Leaf, k.last.leaf[:]) && later[0].Others == 0 && head.Size-k.last.index-1 <= laterLimit
}

// moveTo: the log ends elsewhere by signatures alone, the last of them appended here.
func (k *known) moveTo(size int64, root []byte, appended []pendingEntry) {
	k.size, k.root = size, root
	if n := len(appended); n > 0 {
		k.last = &lastEntry{appended[n-1].index, tlog.Hash(appended[n-1].hashes)}
	}
}

// forget keeps only that others append.
func (k *known) forget() {
	*k = known{people: map[custody.PersonID]*knownPerson{}, tokens: map[string]*knownToken{}, shared: k.shared}
}

// signer is a person who asks for a grant: one of the school whose account has not ended
// since the request was let in.
func (t *tx) signer(id custody.PersonID) (*knownPerson, error) {
	p := t.known.people[id]
	if p == nil {
		if err := t.requirePerson(id); err != nil {
			return nil, err
		}
		p = &knownPerson{}
		var err error
		if p.accountUntil, err = t.accountUntil(id); err != nil {
			return nil, err
		}
		if p.positions, p.scopes, err = t.personFacts(id); err != nil {
			return nil, err
		}
		t.known.people[id] = p
	}
	return p, accountGoesOn(p.accountUntil, custody.DateOf(t.now))
}

// signingToken is the token of a grant.
func (t *tx) signingToken(serial string) (*knownToken, error) {
	k := t.known.tokens[serial]
	if k == nil {
		k = &knownToken{}
		var err error
		if k.facts, err = t.tokenBy("serial", serial); err != nil {
			return nil, err
		}
		if k.facts != nil {
			if k.certificates, err = t.certificates(string(k.facts.token.ID)); err != nil {
				return nil, err
			}
		}
		t.known.tokens[serial] = k
	}
	return k, nil
}

// earlierGrant is the grant that a request got before, nil when it is new.
func (t *tx) earlierGrant(person custody.PersonID, request string) (*grantRecord, error) {
	if t.earlier != nil {
		return t.earlier[requestKey{person, request}], nil
	}
	return optional[grantRecord](t, `SELECT `+grantColumns+` FROM grants g WHERE g.person_id = ? AND g.request = ?`, string(person), request)
}

// requestKey names a grant as its agent does.
type requestKey struct {
	person  custody.PersonID
	request string
}

// askEarlier reads the grants that the requests of the batch got before; they are there
// after send.
func (t *tx) askEarlier(rows *[]grantRecord) error {
	if len(t.requests) == 0 {
		return nil
	}
	var people, requests []string
	for _, r := range t.requests {
		people, requests = append(people, string(r.person)), append(requests, r.request)
	}
	ofPeople, args := t.among("g.person_id", people)
	named, more := t.among("g.request", requests)
	return listLater(t.ctx, t.connection, rows, `SELECT `+grantColumns+` FROM grants g WHERE `+ofPeople+` AND `+named, append(args, more...)...)
}

func (t *tx) keepEarlier(rows []grantRecord) {
	t.earlier = make(map[requestKey]*grantRecord, len(rows))
	for i, r := range rows {
		t.earlier[requestKey{custody.PersonID(r.Person), r.Request}] = &rows[i]
	}
}
