package store

import (
	"bytes"

	"sokyso/custody"
)

// known keeps what the register says of people and tokens from one transaction of a
// school to the next. Nothing of it changes without an entry, so it holds as long as the
// log ends where this service has left it and only signatures came in between: another
// service's append, or a change of another kind, and everything is read anew.
type known struct {
	size   int64 // of the log
	root   []byte
	people map[custody.PersonID]*knownPerson
	tokens map[string]*knownToken // by serial
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

// startAt forgets what was read when the log had another end.
func (k *known) startAt(head headRow) {
	if k.people == nil || k.size != head.Size || !bytes.Equal(k.root, head.Root) || len(k.people) > knownLimit || len(k.tokens) > knownLimit {
		k.forget()
	}
	k.size, k.root = head.Size, head.Root
}

// moveTo: the log ends elsewhere by signatures alone.
func (k *known) moveTo(size int64, root []byte) { k.size, k.root = size, root }

func (k *known) forget() {
	*k = known{people: map[custody.PersonID]*knownPerson{}, tokens: map[string]*knownToken{}}
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
