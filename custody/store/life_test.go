package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// rapidDefault sets a flag of rapid's for this test, unless the command line did.
func rapidDefault(t *testing.T, name, value string) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	before := flag.Lookup(name).Value.String()
	t.Cleanup(func() { flag.Set(name, before) })
	flag.Set(name, value)
}

// life is a personal token and a seal, what replaced them, and those who have to do with them.
type life struct {
	*school
	rapid     *rapid.T
	db        *sqlx.DB
	deputy    custody.Actor // owns the personal one
	clerk     custody.Actor
	people    []custody.Actor
	positions map[custody.PersonID]custody.PositionID
	left      map[custody.PersonID]bool // their position has ended
	tokens    []*tokenLife
	size      int64 // of the log
}

// TestLifeOfATokenAtRandom takes steps that chance chooses, by people that chance
// chooses. After each the register says what the test's own model says: where the
// token is, who has it, whether the step was for that person to take, whether its
// custodian gets a grant now, and how many entries that made; custody has neither a gap nor two at once, and no grant was given
// for what could not be used. -rapid.checks and -rapid.steps have it go on longer.
func TestLifeOfATokenAtRandom(t *testing.T) {
	inOneGoroutine(t)
	rapidDefault(t, "rapid.checks", "8")
	rapidDefault(t, "rapid.steps", "60")
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		allKinds(s, s.principal)
		db, tally := s.DB(), map[string]int{}
		rapid.Check(t, func(rt *rapid.T) {
			l := newLife(s, rt, db)
			rt.Repeat(map[string]func(*rapid.T){"step": func(*rapid.T) { l.step(tally) }})
			if l.size < 3000 {
				l.CheckLog()
			}
		})
		report := s.CheckLog()
		t.Logf("%d entries; %v", report.Size, tally)
	})
}

// allKinds lets somebody copy every kind of document with the seal.
func allKinds(s *school, who custody.Actor) {
	if err := s.AddScope(ctx, s.admin, who.Person, custody.Scope{Acts: []custody.Act{custody.Copy}, Kinds: []string{custody.AnyKind},
		Capacities: []custody.Capacity{custody.None}, From: "2026-01-01", Paper: "16/QĐ-MNHS"}); err != nil {
		s.TB.Fatal(err)
	}
}

func newLife(s *school, rt *rapid.T, db *sqlx.DB) *life {
	l := &life{school: s, rapid: rt, db: db, left: map[custody.PersonID]bool{}, positions: map[custody.PersonID]custody.PositionID{}}
	l.deputy, l.clerk = s.AddPerson("Trần Thị Hòa", custody.Deputy), s.AddPerson("Vũ Thị Lan", custody.Staff)
	for _, p := range []custody.Actor{l.deputy, l.clerk} {
		allKinds(s, p)
		l.positions[p.Person] = s.person(p.Person).Positions[0].ID
	}
	l.people = []custody.Actor{s.admin, s.principal, l.deputy, l.clerk, s.officeHead}
	for _, kind := range []custody.TokenKind{custody.Personal, custody.Seal} {
		if err := l.register(kind); err != nil {
			s.TB.Fatal(err)
		}
	}
	for i, to := range []custody.Actor{l.deputy, l.clerk} { // most begin at their custodians
		if k := l.tokens[i]; rapid.IntRange(0, 3).Draw(rt, "given") < 3 {
			s.Give(k.token.ID, to)
			k.custodian = to.Person
		}
	}
	l.size = l.logSize()
	return l
}

// register registers a token whose certificate goes on for less than an hour.
func (l *life) register(kind custody.TokenKind) error {
	k := &tokenLife{until: l.Clock.Now().Add(50 * time.Minute).Truncate(time.Second)}
	k.cert = certificateUntil(l.school, k.until)
	n := store.NewToken{Serial: randomHash()[:16], Label: "USB ký số", Kind: kind, Certificate: k.cert}
	if kind == custody.Personal {
		n.Owner = l.deputy.Person
	}
	var err error
	if k.token, err = l.RegisterToken(ctx, l.System, n); err == nil {
		l.tokens = append(l.tokens, k)
	}
	return err
}

func certificateUntil(s *school, until time.Time) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.TB.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(until.UnixNano()), Subject: pkix.Name{CommonName: "Trần Thị Hòa"}, NotBefore: until.AddDate(-1, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.TB.Fatal(err)
	}
	return der
}

// step takes one step, mostly one that is for its person to take.
func (l *life) step(tally map[string]int) {
	type choice struct {
		who, token int
		move       move
	}
	rare := rapid.IntRange(0, 7).Draw(l.rapid, "rare") == 7
	proper := rapid.IntRange(0, 3).Draw(l.rapid, "proper") < 3
	choices := map[string][]choice{}
	for _, s := range lifeSteps() {
		if s.rare != rare {
			continue
		}
		for token, k := range l.tokens {
			for who, a := range l.people {
				if m := s.plan(l, k, a); !m.none && (m.may || !proper) {
					choices[s.name] = append(choices[s.name], choice{who, token, m})
				}
			}
		}
	}
	names := make([]string, 0, len(choices))
	for name := range choices {
		names = append(names, name)
	}
	if len(names) == 0 {
		return
	}
	for _, often := range []string{"offer", "accept", "accept", string(custody.StepFound), string(custody.StepCleared)} {
		if choices[often] != nil { // else few would ever be handed over, or given back
			names = append(names, often)
		}
	}
	slices.Sort(names)
	name := rapid.SampledFrom(names).Draw(l.rapid, "step")
	c := choices[name][rapid.IntRange(0, len(choices[name])-1).Draw(l.rapid, "who and which")]
	k := l.tokens[c.token]
	l.take(name, k, l.people[c.who], c.move, tally)
	// Whatever it was, who has the token or had it last tries to sign now.
	if k.custodian != "" {
		k.last = k.custodian
	}
	if who := slices.IndexFunc(l.people, func(a custody.Actor) bool { return a.Person == k.last }); who >= 0 {
		l.take("grant", k, l.people[who], l.grant(k, l.people[who]), tally)
	}
}

// take takes a step and looks at what it came to.
func (l *life) take(name string, k *tokenLife, a custody.Actor, m move, tally map[string]int) {
	before := k.state()
	what := fmt.Sprintf("%s of the %s one, %s, by %s", name, k.token.Kind, before, l.name(a))
	err := m.run()
	var refusal *custody.Refusal
	var known *custody.Error
	entries := m.entries
	switch {
	case err == nil && !m.may:
		l.rapid.Fatalf("%s: taken, and must not be", what)
	case err == nil:
		m.then()
		tally[name]++
	case !errors.As(err, &refusal) && !errors.As(err, &known):
		l.rapid.Fatalf("%s: %v", what, err)
	case m.may:
		l.rapid.Fatalf("%s: refused, and must not be: %v", what, err)
	default:
		tally[name+" refused"]++
		if entries = 0; m.logged {
			entries = 1
		}
	}
	if after := k.state(); after != before {
		tally["to "+string(after)]++
	}
	size := l.logSize()
	if size != l.size+entries {
		l.rapid.Fatalf("%s (%v): the log grew by %d entries, want %d", what, err, size-l.size, entries)
	}
	l.size = size
	for _, k := range l.tokens {
		l.check(k)
	}
}

func (l *life) name(a custody.Actor) string {
	i := slices.IndexFunc(l.people, func(p custody.Actor) bool { return p.Person == a.Person })
	return []string{"admin", "principal", "deputy", "clerk", "office head"}[i]
}

func (l *life) logSize() (n int64) {
	l.read(&n, `SELECT COUNT(*) FROM log_entries WHERE school_id = ?`, string(l.School.ID))
	return n
}

func (l *life) read(into any, query string, args ...any) {
	if err := l.db.Get(into, l.db.Rebind(query), args...); err != nil {
		l.rapid.Fatal(err)
	}
}

// custodySpan is a custody as the database has it.
type custodySpan struct {
	ID     string `db:"id"`
	Person string `db:"person_id"`
	Since  int64  `db:"since_at"`
	Until  *int64 `db:"until_at"`
	Begin  int64  `db:"entry_index"`
	End    *int64 `db:"until_entry"`
}

// check compares what the database has of a token with the model.
func (l *life) check(k *tokenLife) {
	row, err := l.Token(ctx, l.admin, k.token.ID)
	if err != nil {
		l.rapid.Fatal(err)
	}
	if row.State != k.state() || row.Custodian != k.custodian {
		l.rapid.Fatalf("listed as %s with %q, is %s with %q", row.State, row.Custodian, k.state(), k.custodian)
	}
	var spans []custodySpan
	if err := l.db.Select(&spans, l.db.Rebind(`SELECT id, person_id, since_at, until_at, entry_index, until_entry FROM custodies WHERE token_id = ? ORDER BY entry_index`), string(k.token.ID)); err != nil {
		l.rapid.Fatal(err)
	}
	l.checkSpans(k, spans)
	var grants int
	l.read(&grants, `SELECT COUNT(*) FROM grants WHERE token_id = ?`, string(k.token.ID))
	if grants != len(k.grants) {
		l.rapid.Fatalf("%d grants, %d of them could be given", grants, len(k.grants))
	}
}

// checkSpans: one custody begins where the one before ended, or after the token lay
// in the safe, each by an entry that says so; only the last goes on.
func (l *life) checkSpans(k *tokenLife, spans []custodySpan) {
	holds := ""
	for i, span := range spans {
		begin := l.entry(span.Begin)
		if begin.Type != signinglog.TypeAcceptance || begin.Fields["custody"] != span.ID || begin.Fields[signinglog.FieldToken] != string(k.token.ID) || begin.Fields[signinglog.FieldReceiver] != span.Person {
			l.rapid.Fatalf("custody of %s begins by %+v", span.Person, begin)
		}
		if i > 0 {
			before := spans[i-1]
			direct := before.End != nil && *before.End == span.Begin
			switch {
			case before.End == nil || *before.End > span.Begin || *before.Until > span.Since:
				l.rapid.Fatalf("custody %+v overlaps with %+v", span, before)
			case direct != (begin.Fields["ends"] != ""), direct && *before.Until != span.Since:
				l.rapid.Fatalf("between custody %+v and %+v is a gap: %+v", before, span, begin)
			}
		}
		if span.End == nil {
			holds = span.Person
			continue
		}
		end := l.entry(*span.End)
		ends := []signinglog.Type{signinglog.TypeAcceptance, signinglog.TypeRetirement, signinglog.TypeIncidentStep}
		if !slices.Contains(ends, end.Type) || end.Fields["ends"] != strconv.FormatInt(span.Begin, 10) || *span.Until < span.Since {
			l.rapid.Fatalf("custody %+v ends by %+v", span, end)
		}
	}
	if holds != string(k.custodian) {
		l.rapid.Fatalf("held by %q, want %q", holds, k.custodian)
	}
}

func (l *life) entry(index int64) signinglog.Entry {
	var bytes []byte
	l.read(&bytes, `SELECT bytes FROM log_entries WHERE school_id = ? AND entry_index = ?`, string(l.School.ID), index)
	e, err := signinglog.Parse(bytes)
	if err != nil {
		l.rapid.Fatal(err)
	}
	return e
}
