package httpapi_test

import (
	"encoding/base32"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// Whatever an account was let do, or had begun, on its last day opens nothing on the next. The
// same ways are gone by accounts that go on: there they open.
func TestAnEndedAccountDoesNothing(t *testing.T) {
	for _, database := range storetest.Databases() {
		for what, ends := range map[string]bool{"goes on": false, "has ended": true} {
			t.Run(database+"/"+what, func(t *testing.T) {
				s := newSchool(t, storetest.Open(t, database), httpapi.Config{})
				s.give()
				ways := s.waysIn(t)
				if ends {
					for _, m := range []*member{s.deputy, s.deputyTwo} {
						if err := s.End(ctx, s.admin.actor, store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: m.actor.Person, Until: custody.DateOf(s.Clock.Now())},
							Reason: "chuyển công tác", HoldingKnown: true}); err != nil {
							t.Fatal(err)
						}
					}
				}
				s.Clock.Advance(3 * time.Minute) // past midnight
				for name, in := range ways {
					if in() == ends {
						t.Errorf("%s: let in %v", name, !ends)
					}
				}
				s.CheckLog()
			})
		}
	}
}

// waysIn prepares, three minutes before midnight at the school and shortly before, each way in
// that there is, and returns what goes it to its end and says whether it opened.
func (s *school) waysIn(t *testing.T) map[string]func() bool {
	t.Helper()
	public := s.public()
	midnight := s.Clock.Now().In(custody.SchoolZone).Truncate(time.Hour)
	for midnight.Hour() != 0 {
		midnight = midnight.Add(time.Hour)
	}
	s.Clock.Advance(midnight.Sub(s.Clock.Now()) - 2*time.Minute)
	fresh := func() *visitor {
		v := s.visitor(t)
		v.base = public
		return v
	}
	ok := func(err error) bool { return err == nil }
	sees := func(v *visitor) bool { status, _ := v.get("/hand-overs"); return status == http.StatusOK }

	page, d := fresh(), newDevice(t)
	d.origin = public
	page.signIn(s.deputy)
	page.addPasskey(d)
	session := s.signIn(s.deputy)
	code, _, err := s.CreatePairingCode(ctx, s.deputy.actor)
	if err != nil {
		t.Fatal(err)
	}
	waiting := fresh()
	number := s.deputy.number(t, waiting.waits("/hand-overs"))
	claiming := fresh().waits("/hand-overs")

	// The second deputy has a code, and has typed the password only.
	secret := []byte("01234567890123456789")
	if err := s.BeginSecondFactor(ctx, s.deputyTwo.actor, secret); err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmSecondFactor(ctx, s.deputyTwo.actor, 1, nil); err != nil {
		t.Fatal(err)
	}
	half := fresh()
	half.signIn(s.deputyTwo)
	reset, err := s.AskReset(ctx, s.admin.actor, s.deputyTwo.actor.Person)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmReset(ctx, s.principal.actor, reset.ID); err != nil {
		t.Fatal(err)
	}
	// A link that the first deputy may confirm.
	other, err := s.AskReset(ctx, s.admin.actor, s.officeHead.actor.Person)
	if err != nil {
		t.Fatal(err)
	}

	return map[string]func() bool{
		"the session of a browser": func() bool { return sees(page) },
		"the session of a program": func() bool { _, err := session.Me(ctx); return ok(err) },
		"confirming a reset in it": func() bool { return ok(session.ConfirmReset(ctx, string(other.ID))) },
		"the password on the page": func() bool {
			v := fresh()
			v.post("/sign-in", url.Values{"username": {s.deputy.username}, "password": {password}})
			return sees(v)
		},
		"the password by the API": func() bool {
			_, err := s.client(wire.ClientConfig{}).SignIn(ctx, wire.SignIn{Username: s.deputy.username, Password: password})
			return ok(err)
		},
		"a passkey": func() bool { v := fresh(); v.enter(d); return sees(v) },
		"a passkey in the name field": func() bool {
			v := fresh()
			_, asked := v.get("/sign-in")
			v.post("/sign-in/passkey/field", url.Values{"passkey": {d.get(asked)}})
			return sees(v)
		},
		"the agent's key": func() bool { _, err := s.deputy.agent.MyTokens(ctx); return ok(err) },
		"a pairing code": func() bool {
			_, err := s.client(wire.ClientConfig{}).Pair(ctx, wire.Pair{Code: code, Device: "máy mới"})
			return ok(err)
		},
		"the number of a token":       func() bool { waiting.types(number); return sees(waiting) },
		"a token that is yet to sign": func() bool { _, err := s.deputy.claim(claiming); return ok(err) },
		"a grant": func() bool {
			_, err := s.deputy.agent.Grant(ctx, s.deputy.request(newDocument("KH"), wire.ActApprove, "KT"))
			return ok(err)
		},
		"a code after the password": func() bool {
			half.post("/sign-in/code", url.Values{"code": {s.code(t, base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret))}})
			return sees(half)
		},
		"a confirmed link, as to look": func() bool { status, _ := fresh().get("/join/" + reset.Secret); return status == http.StatusOK },
	}
}

// A key of a program outlives the account of the admin who made it, for the school's programs
// go on; the page says whose it was, since they may have kept it.
func TestKeysOfAnAdminWhoLeft(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	leaver := s.member("Đỗ Thị Lan", "lan", "")
	key, err := s.MakeProgramKey(ctx, leaver.actor, "Phần mềm của Sở", "log", custody.DateOf(s.Clock.Now()).AddDays(300))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.MakeProgramKey(ctx, s.admin.actor, "Phần mềm khác", "log", custody.DateOf(s.Clock.Now()).AddDays(300)); err != nil {
		t.Fatal(err)
	}
	v := s.visitor(t)
	v.signIn(s.admin)
	said := func() (int, int) {
		t.Helper()
		_, keys := v.get("/program-keys")
		_, home := v.get("/")
		return strings.Count(keys, "đã nghỉ"), strings.Count(home, "Phần mềm của Sở")
	}
	if keys, home := said(); keys != 0 || home != 0 {
		t.Errorf("before they left: %d, %d", keys, home)
	}
	if err := s.End(ctx, s.admin.actor, store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: leaver.actor.Person, Until: custody.DateOf(s.Clock.Now())}, Reason: "nghỉ việc"}); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(24 * time.Hour)
	v.signIn(s.admin)
	if keys, home := said(); keys != 1 || home != 1 {
		t.Errorf("afterwards: %d, %d", keys, home)
	}
	if _, err := s.ActorByProgramKey(ctx, key); err != nil {
		t.Errorf("the key: %v", err)
	}
}
