package store_test

import (
	"errors"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// day is n days from the clock's today.
func (s *school) day(n int) custody.Date { return custody.DateOf(s.Clock.Now()).AddDays(n) }

// end ends something of a person's, by the admin.
func (s *school) end(e custody.Ending, known bool, writtenOff ...custody.TokenID) error {
	n := store.NewEnding{Ending: e, Reason: "nghỉ hưu theo Quyết định 40/QĐ-UBND", HoldingKnown: known, WriteOffs: map[custody.TokenID]string{}}
	for _, token := range writtenOff {
		n.WriteOffs[token] = "không nộp lại sau hai lần nhắc"
	}
	return s.End(ctx, s.admin, n)
}

func (s *school) person(id custody.PersonID) store.PersonRow {
	s.TB.Helper()
	row, err := s.Person(ctx, s.admin, id)
	if err != nil {
		s.TB.Fatal(err)
	}
	return row
}

// pair pairs an agent of the person's and returns its key.
func (s *school) pair(actor custody.Actor, device string) string {
	s.TB.Helper()
	code, _, err := s.CreatePairingCode(ctx, actor)
	if err != nil {
		s.TB.Fatal(err)
	}
	key, _, err := s.Pair(ctx, s.School.ID, code, device)
	if err != nil {
		s.TB.Fatal(err)
	}
	return key
}

func code(err error) string {
	var e *custody.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestEndedPosition: from the day after the last one the person signs nothing, not
// even under a grant that was given before, and the position is free for another.
func TestEndedPosition(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		position := s.person(s.principal.Person).Positions[0]
		ending := custody.Ending{Kind: custody.EndPosition, Person: s.principal.Person, Position: position.ID, Until: s.day(0)}
		if err := s.end(ending, false); reason(err) != custody.ReasonHoldsTokens {
			t.Errorf("with a token in hand, not said: %v", err)
		}
		if err := s.end(ending, true); err != nil {
			t.Fatal(err)
		}
		asked := s.approval()
		if _, err := s.RequestGrant(ctx, s.principal, asked); err != nil {
			t.Errorf("on the last day: %v", err)
		}
		successor := custody.Position{Kind: custody.Principal, Title: "Hiệu trưởng", From: s.day(0)}
		if err := s.AddPosition(ctx, s.admin, s.deputy.Person, successor); reason(err) != custody.ReasonDuplicate {
			t.Errorf("a second principal on the last day: %v", err)
		}
		s.Clock.Advance(24 * time.Hour)
		for name, request := range map[string]custody.GrantRequest{"again": asked, "another": s.approval()} {
			if _, err := s.RequestGrant(ctx, s.principal, request); refusalCode(err) != custody.RefusedNoPosition {
				t.Errorf("%s after the last day: %v", name, err)
			}
		}
		if actor := s.Actor(s.principal.Person); actor.Roles.Principal {
			t.Errorf("roles after the last day: %+v", actor.Roles)
		}
		successor.From = s.day(0)
		if err := s.AddPosition(ctx, s.admin, s.deputy.Person, successor); err != nil {
			t.Errorf("the successor: %v", err)
		}
		row := s.person(s.principal.Person).Positions[0]
		if row.Until != ending.Until || row.Ended == 0 {
			t.Errorf("listed as %+v", row)
		}
		logged, err := s.Entry(ctx, s.admin, row.Ended)
		if err != nil {
			t.Fatal(err)
		}
		entry, err := signinglog.Parse(logged.Bytes)
		if err != nil || entry.Type != signinglog.TypeEnding || entry.Fields["position"] != string(position.ID) || entry.Fields["until"] != string(ending.Until) ||
			entry.Actor() != string(s.admin.Person) || logged.Reveals["reason"] == "" {
			t.Errorf("entry %+v, %v, %v", entry, logged.Reveals, err)
		}
		s.CheckLog()
	})
}

// TestEndedScope: what stood on it is refused, and an approval after its last day
// is none, even where the decision arrived later.
func TestEndedScope(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		kt := func() custody.GrantRequest {
			d := document
			d.Kind = "TB"
			return custody.GrantRequest{Request: randomHash()[:32], TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: randomHash(), Act: custody.Approve, Capacity: custody.KT, Document: d}
		}
		seal := func(rec store.Record) string {
			issue := custody.GrantRequest{Request: randomHash()[:32], TokenSerial: "B2001", Certificate: s.sealCert, SHA256In: rec.SHA256Out, Document: kt().Document, Act: custody.Issue}
			if _, err := s.RequestGrant(ctx, s.officeHead, issue); err != nil {
				return refusalCode(err)
			}
			return ""
		}
		_, before, _ := s.sign(s.deputy, kt())
		s.Clock.Advance(48 * time.Hour)
		_, after, _ := s.sign(s.deputy, kt())
		again := kt()
		if _, err := s.RequestGrant(ctx, s.deputy, again); err != nil {
			t.Fatal(err)
		}
		scope := s.person(s.deputy.Person).Scopes[0]
		if err := s.end(custody.Ending{Kind: custody.EndScope, Person: s.deputy.Person, Scope: scope.ID, Until: s.day(-1)}, false); err != nil {
			t.Fatal(err)
		}
		for name, request := range map[string]custody.GrantRequest{"another": kt(), "again": again} {
			if _, err := s.RequestGrant(ctx, s.deputy, request); refusalCode(err) != custody.RefusedOutOfScope {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := seal(before); got != "" {
			t.Errorf("sealing what was approved in time: %s", got)
		}
		if got := seal(after); got != custody.RefusedNoCompetentSignature {
			t.Errorf("sealing what was approved after the last day: %s", got)
		}
		if row := s.person(s.deputy.Person).Scopes[0]; row.Until != s.day(-1) || row.Ended == 0 {
			t.Errorf("listed as %+v", row)
		}
		s.CheckLog()
	})
}

// TestEndedAccount: nobody signs in with it, no agent of it is let in or paired,
// and a request that was let in just before is refused.
func TestEndedAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		for _, name := range []string{"hang", "nghia"} {
			if _, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: name, Username: name, PasswordHash: "x", Admin: name == "hang"}); err != nil {
				t.Fatal(err)
			}
		}
		account, err := s.AccountByUsername(ctx, s.School.ID, "nghia")
		if err != nil {
			t.Fatal(err)
		}
		person := s.Actor(account.PersonID)
		if err := s.AddPosition(ctx, s.admin, person.Person, custody.Position{Kind: custody.Deputy, Title: "Phó Hiệu trưởng", From: "2026-01-01"}); err != nil {
			t.Fatal(err)
		}
		token, cert := s.AddToken("A1009", person.Person)
		s.Give(token.ID, person)
		key := s.pair(person, "PC phòng họp")
		open, _, err := s.CreatePairingCode(ctx, person)
		if err != nil {
			t.Fatal(err)
		}
		ending := custody.Ending{Kind: custody.EndAccount, Person: person.Person, Until: s.day(0)}
		if err := s.end(ending, false); reason(err) != custody.ReasonHoldsTokens {
			t.Errorf("with a token in hand, not said: %v", err)
		}
		if err := s.end(ending, true); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ActorByAPIKey(ctx, key); err != nil {
			t.Errorf("on the last day: %v", err)
		}
		ending.Until = s.day(-1)
		if err := s.end(ending, true); reason(err) != custody.ReasonNotWrittenOff {
			t.Errorf("at once, with a token in hand: %v", err)
		}
		if err := s.end(ending, false, token.ID); err != nil {
			t.Fatal(err)
		}
		if row, err := s.Token(ctx, s.admin, token.ID); err != nil || row.State != custody.Blocked || row.Custodian != person.Person {
			t.Errorf("written off: %+v, %v", row, err)
		}
		if _, err := s.ActorByAPIKey(ctx, key); code(err) != custody.CodeAccountEnded || !errors.Is(err, custody.ErrUnauthenticated) {
			t.Errorf("agent: %v", err)
		}
		if _, _, err := s.ActorOf(ctx, s.School.ID, person.Person, custody.ViaPage); code(err) != custody.CodeAccountEnded {
			t.Errorf("session: %v", err)
		}
		if _, _, err := s.Pair(ctx, s.School.ID, open, "PC"); code(err) != custody.CodeAccountEnded {
			t.Errorf("pairing: %v", err)
		}
		if row := s.person(person.Person); row.AccountUntil != ending.Until {
			t.Errorf("listed as %+v", row)
		}
		request := s.approval()
		request.TokenSerial, request.Certificate, request.Act = "A1009", cert, custody.Initial
		if _, err := s.RequestGrant(ctx, person, request); code(err) != custody.CodeAccountEnded {
			t.Errorf("a request that was let in before: %v", err)
		}
		s.CheckLog()
	})
}

// TestWhoMayEndWhat: what is refused leaves no entry.
func TestWhoMayEndWhat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		first, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: "Đỗ Văn Bình", Username: "binh", PasswordHash: "x", Admin: true})
		if err != nil {
			t.Fatal(err)
		}
		position, scope := s.person(s.deputy.Person).Positions[0].ID, s.person(s.deputy.Person).Scopes[0].ID
		before := s.CheckLog().Size
		try := func(actor custody.Actor, e custody.Ending) error {
			return s.End(ctx, actor, store.NewEnding{Ending: e, Reason: "thử", HoldingKnown: true})
		}
		of := custody.Ending{Kind: custody.EndPosition, Person: s.deputy.Person, Position: position, Until: s.day(0)}
		for _, actor := range []custody.Actor{s.principal, s.deputy} {
			if err := try(actor, of); reason(err) != custody.ReasonAdminOnly || !errors.Is(err, custody.ErrForbidden) {
				t.Errorf("by %+v: %v", actor.Roles, err)
			}
		}
		for name, test := range map[string]struct {
			ending       custody.Ending
			kind         error
			field, which string
		}{
			"another's position":      {custody.Ending{Kind: custody.EndPosition, Person: s.principal.Person, Position: position, Until: s.day(0)}, custody.ErrNotFound, "what", "position"},
			"another's scope":         {custody.Ending{Kind: custody.EndScope, Person: s.principal.Person, Scope: scope, Until: s.day(0)}, custody.ErrNotFound, "what", "scope"},
			"an account that is none": {custody.Ending{Kind: custody.EndAccount, Person: s.deputy.Person, Until: s.day(0)}, custody.ErrNotFound, "what", "account"},
			"nobody":                  {custody.Ending{Kind: custody.EndAccount, Person: "x", Until: s.day(0)}, custody.ErrNotFound, "what", "person"},
			"no day":                  {custody.Ending{Kind: custody.EndPosition, Person: s.deputy.Person, Position: position}, custody.ErrInvalid, "field", "until"},
			"neither nor":             {custody.Ending{Kind: custody.EndPosition, Person: s.deputy.Person, Scope: scope, Until: s.day(0)}, custody.ErrInvalid, "field", "kind"},
			"before it began":         {custody.Ending{Kind: custody.EndPosition, Person: s.deputy.Person, Position: position, Until: "2025-12-30"}, custody.ErrInvalid, "reason", custody.ReasonTooEarly},
			"the last admin":          {custody.Ending{Kind: custody.EndAccount, Person: first.ID, Until: s.day(0)}, custody.ErrConflict, "reason", custody.ReasonLastAdmin},
		} {
			err := try(s.admin, test.ending)
			var e *custody.Error
			if !errors.As(err, &e) || !errors.Is(err, test.kind) || e.Params[test.field] != test.which {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.End(ctx, s.admin, store.NewEnding{Ending: of}); code(err) != custody.CodeInvalid {
			t.Errorf("no reason: %v", err)
		}
		if after := s.CheckLog().Size; after != before {
			t.Errorf("what was refused made %d entries", after-before)
		}

		// With a second admin the first may go; then that one is the last, though the
		// first goes on until the day comes.
		second, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: "Vũ Thị Lan", Username: "lan", PasswordHash: "x", Admin: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := try(s.Actor(first.ID), custody.Ending{Kind: custody.EndAccount, Person: first.ID, Until: s.day(10)}); err != nil {
			t.Errorf("an admin of two ends their own: %v", err)
		}
		if err := try(s.Actor(first.ID), custody.Ending{Kind: custody.EndAccount, Person: second.ID, Until: s.day(0)}); reason(err) != custody.ReasonLastAdmin {
			t.Errorf("the other one, too: %v", err)
		}
		if err := try(s.admin, custody.Ending{Kind: custody.EndAccount, Person: first.ID, Until: s.day(-2)}); reason(err) != custody.ReasonTooEarly {
			t.Errorf("an account before yesterday: %v", err)
		}
		// Ended twice: earlier moves the day, the same or later does not.
		if err := try(s.admin, of); err != nil {
			t.Fatal(err)
		}
		for _, day := range []custody.Date{s.day(0), s.day(3)} {
			of.Until = day
			if err := try(s.admin, of); reason(err) != custody.ReasonEndsAlready {
				t.Errorf("until %s again: %v", day, err)
			}
		}
		of.Until = s.day(-1)
		if err := try(s.admin, of); err != nil {
			t.Errorf("earlier still: %v", err)
		}
		if row := s.person(s.deputy.Person).Positions[0]; row.Until != s.day(-1) {
			t.Errorf("listed as %+v", row)
		}
		s.CheckLog()
	})
}

// TestOneOfTwoAdminsStays: both end themselves at once; one is refused.
func TestOneOfTwoAdminsStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		var admins []custody.Actor
		for _, name := range []string{"binh", "lan"} {
			p, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: name, Username: name, PasswordHash: "x", Admin: true})
			if err != nil {
				t.Fatal(err)
			}
			admins = append(admins, s.Actor(p.ID))
		}
		until, ended := s.day(-1), 0
		for _, err := range inParallel(2, func(i int) error {
			return s.End(ctx, admins[i], store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: admins[i].Person, Until: until}, Reason: "thôi việc"})
		}) {
			if err == nil {
				ended++
			} else if reason(err) != custody.ReasonLastAdmin {
				t.Error(err)
			}
		}
		if ended != 1 {
			t.Errorf("%d of two admins ended", ended)
		}
	})
}

// TestEndedKey: one's own or by who runs the register; it stays ended, another
// agent of the same person goes on, and pairing again works.
func TestEndedKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		key := s.pair(s.deputy, "PC phòng phó hiệu trưởng")
		other := s.pair(s.deputy, "máy ở nhà")
		list, err := s.Pairings(ctx, s.deputy, s.deputy.Person)
		if err != nil || len(list) != 2 || list[0].Device != "máy ở nhà" || list[1].LastUsed != nil {
			t.Fatalf("pairings %+v: %v", list, err)
		}
		if _, err := s.ActorByAPIKey(ctx, key); err != nil {
			t.Fatal(err)
		}
		used, err := s.Pairing(ctx, s.deputy, list[1].ID)
		if err != nil || used.LastUsed == nil {
			t.Fatalf("used: %+v, %v", used, err)
		}
		if _, err := s.ActorByAPIKey(ctx, key); err != nil {
			t.Fatal(err)
		}
		if again, err := s.Pairing(ctx, s.deputy, list[1].ID); err != nil || !again.LastUsed.Equal(*used.LastUsed) {
			t.Errorf("a moment later: %+v, %v", again, err)
		}
		s.Clock.Advance(10 * time.Minute)
		if _, err := s.ActorByAPIKey(ctx, key); err != nil {
			t.Fatal(err)
		}
		if again, err := s.Pairing(ctx, s.deputy, list[1].ID); err != nil || !again.LastUsed.After(*used.LastUsed) {
			t.Errorf("ten minutes later: %+v, %v", again, err)
		}

		// Somebody else neither sees nor ends it.
		if strangers, err := s.Pairings(ctx, s.officeHead, s.deputy.Person); err != nil || len(strangers) != 0 {
			t.Errorf("a colleague sees %+v, %v", strangers, err)
		}
		if err := s.EndPairing(ctx, s.officeHead, list[1].ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("a colleague ends it: %v", err)
		}
		before := s.CheckLog().Size
		for _, err := range inParallel(5, func(int) error { return s.EndPairing(ctx, s.deputy, list[1].ID) }) {
			if err != nil {
				t.Errorf("ending: %v", err)
			}
		}
		if after := s.CheckLog().Size; after != before+1 {
			t.Errorf("ending one key five times made %d entries", after-before)
		}
		if _, err := s.ActorByAPIKey(ctx, key); code(err) != custody.CodeKeyEnded || !errors.Is(err, custody.ErrUnauthenticated) {
			t.Errorf("ended key: %v", err)
		}
		if _, err := s.ActorByAPIKey(ctx, other); err != nil {
			t.Errorf("the other key: %v", err)
		}
		if err := s.EndPairing(ctx, s.admin, list[0].ID); err != nil {
			t.Errorf("by the admin: %v", err)
		}
		if left, err := s.Pairings(ctx, s.deputy, s.deputy.Person); err != nil || len(left) != 0 {
			t.Errorf("left: %+v, %v", left, err)
		}
		if _, err := s.ActorByAPIKey(ctx, s.pair(s.deputy, "PC phòng phó hiệu trưởng")); err != nil {
			t.Errorf("paired again: %v", err)
		}
		s.CheckLog()
	})
}
