package store_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// contentionTime is how long the clients contend for the token.
func contentionTime(t *testing.T) time.Duration {
	const variable = "SOKYSO_TEST_CUSTODY_FOR"
	if os.Getenv(variable) == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(os.Getenv(variable))
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return d
}

// contention is one seal that all clients want.
type contention struct {
	*school
	db      *sqlx.DB
	stores  []*store.Store // on PostgreSQL two, as of two replicas
	holders []custody.Actor

	mu    sync.Mutex
	tally map[string]int
}

// TestSixteenClientsOnOneToken: they hand over, accept, decline, return, report, clear
// and ask for grants all at once. Whatever the order that came of it, read from
// the log alone, no grant follows a report before that is cleared, nor was one given
// to somebody else than the custodian.
func TestSixteenClientsOnOneToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		c := &contention{school: s, db: s.DB(), stores: []*store.Store{s.Store}, holders: []custody.Actor{s.officeHead, s.principal, s.deputy}, tally: map[string]int{}}
		allKinds(s, s.principal)
		allKinds(s, s.deputy)
		if !strings.HasPrefix(s.Config.URL, "sqlite:") {
			config := s.Config
			config.MarkFile += ".2"
			other, err := store.Open(ctx, config)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			c.stores = append(c.stores, other)
		}
		deadline := time.Now().Add(contentionTime(t))
		for _, err := range inParallel(17, func(i int) error {
			if i == 16 {
				return c.watch(deadline)
			}
			random := rand.New(rand.NewPCG(uint64(i), 11))
			for time.Now().Before(deadline) || c.missing() != "" && time.Now().Before(deadline.Add(time.Minute)) {
				if err := c.act(random, c.stores[i%len(c.stores)]); err != nil {
					return err
				}
			}
			return nil
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		start := time.Now()
		report := s.CheckLog()
		verified := time.Since(start)
		c.replay()
		t.Logf("%d services, %d entries, verified in %v: %v", len(c.stores), report.Size, verified.Round(time.Millisecond), c.tally)
		if kind := c.missing(); kind != "" {
			t.Errorf("not one %s was done", kind)
		}
	})
}

// watch looks all the time whether two hold the token, or two offers of it are open.
func (c *contention) watch(deadline time.Time) error {
	for time.Now().Before(deadline) {
		for table, open := range map[string]string{"custodies": "until_at IS NULL", "hand_overs": "state = 'offered'"} {
			var n int
			if err := c.db.Get(&n, c.db.Rebind(`SELECT COUNT(*) FROM `+table+` WHERE token_id = ? AND `+open), string(c.sealToken.ID)); err != nil {
				return err
			}
			if n > 1 {
				return errors.New("two are open in " + table)
			}
		}
		c.count("looked at")
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// missing is something that was not done yet; on a slow machine it takes longer.
func (c *contention) missing() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range []string{"offer", "offer back", "accept", "report", "clear", "grant"} {
		if c.tally[kind] == 0 {
			return kind
		}
	}
	return ""
}

func (c *contention) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally[what]++
}

// find reads one text from behind the store, "" when there is none: by the time that
// it is used it may have changed, and that is the point.
func (c *contention) find(query string) (string, error) {
	var found []string
	if err := c.db.Select(&found, c.db.Rebind(query+` LIMIT 1`), string(c.sealToken.ID)); err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

// act does one thing that may well be refused, and returns what is neither done nor refused.
func (c *contention) act(random *rand.Rand, s *store.Store) error {
	what, who := "", c.holders[random.IntN(len(c.holders))]
	var err error
	switch n := random.IntN(100); {
	case n < 35:
		if random.IntN(4) > 0 {
			if who, err = c.custodian(who); err != nil {
				return err
			}
		}
		what = "grant"
		_, err = s.RequestGrant(ctx, who, custody.GrantRequest{Request: randomHash()[:32], TokenSerial: c.sealToken.Serial, Certificate: c.sealCert,
			SHA256In: randomHash(), Document: document, Act: custody.Copy})
	case n < 50:
		what, err = c.offer(random, s, who)
	case n < 75:
		what, err = c.decide(random, s)
	case n < 77:
		what = "report"
		kind := custody.IncidentKinds[random.IntN(len(custody.IncidentKinds))]
		_, err = s.ReportIncident(ctx, who, store.NewIncident{Token: c.sealToken.ID, Kind: kind, DiscoveredAt: c.Clock.Now(), Description: "không thấy nữa"})
	default:
		what, err = c.clear(s)
	}
	var refusal *custody.Refusal
	var known *custody.Error
	switch {
	case what == "":
		return err
	case err == nil:
		c.count(what)
	case errors.As(err, &refusal) || errors.As(err, &known):
		c.count(what + " refused")
	default:
		return err
	}
	return nil
}

// custodian is who has the token, or else somebody who may do something with it.
func (c *contention) custodian(inSafe custody.Actor) (custody.Actor, error) {
	holder, err := c.find(`SELECT person_id FROM custodies WHERE token_id = ? AND until_at IS NULL`)
	for _, a := range c.holders {
		if string(a.Person) == holder {
			return a, err
		}
	}
	return inSafe, err
}

// offer has the custodian offer the token to another, or back to the safe, or, when
// it lies there, the admin to somebody.
func (c *contention) offer(random *rand.Rand, s *store.Store, to custody.Actor) (string, error) {
	by, err := c.custodian(c.admin)
	if err != nil {
		return "", err
	}
	n := store.NewHandOver{Token: c.sealToken.ID, To: to.Person, Reason: "thay người", PermissionNumber: "12/QĐ-MNHS", PermissionDate: "2026-09-01", PermissionSigner: "Hiệu trưởng"}
	if by.Person != c.admin.Person && random.IntN(2) == 0 {
		n = store.NewHandOver{Token: c.sealToken.ID, Reason: "nộp lại"}
	}
	_, err = s.OfferHandOver(ctx, by, n)
	if n.To == "" {
		return "offer back", err
	}
	return "offer", err
}

// decide accepts the open offer, or declines or withdraws it.
func (c *contention) decide(random *rand.Rand, s *store.Store) (string, error) {
	offer, err := c.find(`SELECT id FROM hand_overs WHERE token_id = ? AND state = 'offered'`)
	if err != nil || offer == "" {
		return "", err
	}
	id := custody.HandOverID(offer)
	row, err := s.HandOver(ctx, c.admin, id)
	if err != nil {
		return "", err
	}
	by := c.admin
	for _, a := range c.holders {
		if a.Person == row.To {
			by = a
		}
	}
	switch random.IntN(8) {
	case 0:
		return "decline", second(s.DeclineHandOver(ctx, by, id))
	case 1:
		for _, a := range c.holders {
			if a.Person == row.From && row.From == row.OfferedBy {
				return "withdraw", second(s.WithdrawHandOver(ctx, a, id))
			}
		}
		return "withdraw", second(s.WithdrawHandOver(ctx, c.admin, id))
	}
	return "accept", second(s.AcceptHandOver(ctx, by, id))
}

// clear has what was found given back by the principal.
func (c *contention) clear(s *store.Store) (string, error) {
	incident, err := c.find(`SELECT id FROM incidents WHERE token_id = ? AND state = 'open'`)
	if err != nil || incident == "" {
		return "", err
	}
	id := custody.IncidentID(incident)
	if _, err := s.RecordStep(ctx, c.admin, id, c.paper(custody.StepFound)); err != nil && reason(err) != custody.ReasonDeviceThere &&
		reason(err) != custody.ReasonStepDone && reason(err) != custody.ReasonTrackEnded {
		return "", err
	}
	return "clear", second(s.RecordStep(ctx, c.principal, id, c.paper(custody.StepCleared)))
}

// replay goes through the log's entries of the token in their order, with nothing but
// them to know where it is.
func (c *contention) replay() {
	var log []struct {
		Index int64  `db:"entry_index"`
		Bytes []byte `db:"bytes"`
	}
	if err := c.db.Select(&log, c.db.Rebind(`SELECT entry_index, bytes FROM log_entries WHERE school_id = ? ORDER BY entry_index`), string(c.School.ID)); err != nil {
		c.TB.Fatal(err)
	}
	var holder, begun, offer string // "" = the safe, none
	reported, grants := map[string]int64{}, 0
	for _, row := range log {
		e, err := signinglog.Parse(row.Bytes)
		if err != nil {
			c.TB.Fatal(err)
		}
		f := e.Fields
		if f[signinglog.FieldToken] != string(c.sealToken.ID) {
			continue
		}
		switch e.Type {
		case signinglog.TypeOffer:
			if offer != "" || f[signinglog.FieldGiver] != holder {
				c.TB.Errorf("entry %d: offered by %q while %q holds it and %q is open", row.Index, f[signinglog.FieldGiver], holder, offer)
			}
			offer = f["hand_over"]
		case signinglog.TypeAcceptance:
			if offer != f["hand_over"] || f["ends"] != begun {
				c.TB.Errorf("entry %d: accepts %q and ends custody %q, where %q is open and %q goes on", row.Index, f["hand_over"], f["ends"], offer, begun)
			}
			offer, holder, begun = "", f[signinglog.FieldReceiver], ""
			if holder != "" {
				begun = strconv.FormatInt(row.Index, 10)
				if len(reported) > 0 {
					c.TB.Errorf("entry %d: handed out while reported by %v", row.Index, reported)
				}
			}
		case signinglog.TypeDecline, signinglog.TypeWithdrawal:
			if offer != f["hand_over"] {
				c.TB.Errorf("entry %d: decides %q, where %q is open", row.Index, f["hand_over"], offer)
			}
			offer = ""
		case signinglog.TypeIncident:
			reported[f["incident"]] = row.Index
		case signinglog.TypeIncidentStep:
			if f["step"] == string(custody.StepCleared) {
				delete(reported, f["incident"])
			}
		case signinglog.TypeGrant:
			grants++
			if len(reported) > 0 || offer != "" || e.Actor() != holder || f["custody_entry"] != begun {
				c.TB.Errorf("entry %d: a grant for %s under custody %s; %q holds it by %q, offer %q, reports %v", row.Index, e.Actor(), f["custody_entry"], holder, begun, offer,
					slices.Sorted(maps.Values(reported)))
			}
		}
	}
	if grants != c.tally["grant"] {
		c.TB.Errorf("%d grants in the log, %d were given", grants, c.tally["grant"])
	}
	if row, err := c.Token(ctx, c.admin, c.sealToken.ID); err != nil || string(row.Custodian) != holder {
		c.TB.Errorf("%q holds it by the log, %q by the register, %v", holder, row.Custodian, err)
	}
}
