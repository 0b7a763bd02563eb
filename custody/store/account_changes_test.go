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

// accountsChanged does with an account what the log has an entry for.
func accountsChanged(s *school, must func(error)) {
	s.TB.Helper()
	p, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Phan Thị Sen", Username: "sen", PasswordHash: "x"})
	must(err)
	sen := s.Actor(p.ID)
	must(s.SetPassword(ctx, sen, p.ID, "y"))
	must(s.BeginSecondFactor(ctx, sen, []byte("01234567890123456789")))
	must(s.ConfirmSecondFactor(ctx, sen, 1, []string{"a", "b"}))
	must(s.RemoveSecondFactor(ctx, s.admin, p.ID))
	for _, credential := range []string{"một", "hai", "ba"} {
		must(s.AddPasskey(ctx, sen, passkey(credential)))
	}
	keys, err := s.Passkeys(ctx, s.School.ID, p.ID)
	must(err)
	must(s.EndPasskey(ctx, sen, keys[2].ID))
	_, err = s.UsePasskey(ctx, s.School.ID, keys[1].ID, 4) // it was at 5
	must(err)
	must(s.begin(p.ID, "một", s.Clock.Now()))
	_, err = s.EndAllSessions(ctx, s.admin, p.ID)
	must(err)
	link, err := s.AskReset(ctx, s.admin, p.ID)
	must(err)
	must(s.ConfirmReset(ctx, s.principal, link.ID))
	must(s.UseLink(ctx, s.School.ID, link.Secret, "z"))
	_, link, err = s.InvitePerson(ctx, s.admin, store.NewPerson{Name: "Hồ Văn Lúa", Username: "lua"})
	must(err)
	must(s.UseLink(ctx, s.School.ID, link.Secret, "z"))
	p, _, err = s.InvitePerson(ctx, s.admin, store.NewPerson{Name: "Hồ Văn Đậu", Username: "dau"})
	must(err)
	_, err = s.Invite(ctx, s.admin, p.ID, "")
	must(err)
	_, err = s.MakeProgramKey(ctx, s.admin, "Phần mềm thống kê", "log", custody.DateOf(s.Clock.Now()).AddDays(30))
	must(err)
	programs, err := s.ProgramKeys(ctx, s.admin)
	must(err)
	must(s.EndProgramKey(ctx, s.admin, programs[0].ID))
	must(s.EndProgramKey(ctx, s.admin, programs[0].ID)) // ended before: no other entry
}

func (s *school) begin(person custody.PersonID, cookie string, now time.Time) error {
	return s.BeginSession(ctx, s.School.ID, store.NewSession{Person: person, Cookie: cookie, Device: "chrome/windows", Agent: "Chrome", Address: "192.0.2.7",
		BeganAt: now, Expires: now.Add(time.Hour), Origin: custody.OriginPassword})
}

// Each change of an account is one entry with who did it and whose account it was.
func TestAccountChangesAreEntries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		accountsChanged(s, func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		})
		log, err := s.Entries(ctx, s.admin, store.LogFilter{Type: string(signinglog.TypeAccountChange)})
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, e := range log.Entries {
			entry, err := signinglog.Parse(e.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			by := map[string]string{string(s.admin.Person): "admin", entry.Fields[signinglog.FieldPerson]: "self"}[entry.Actor()]
			if entry.Fields[signinglog.FieldActor] == signinglog.SystemActor {
				by = "system"
			} else if by == "" {
				by = "other"
			}
			kinds = append(kinds, entry.Fields["kind"]+" "+by)
		}
		want := []string{"key_ended admin", "key_made admin", "invited admin", "link_withdrawn admin", "invited admin", "opened self", "invited admin", "password_reset self", "reset_confirmed other", "reset_asked admin",
			"sessions_ended admin", "passkey_cloned system", "passkey_removed self", "passkey_added self", "passkey_added self", "passkey_added self", "factor_removed admin", "factor_set self", "password_changed self"} // the newest first
		if len(kinds) != len(want) {
			t.Fatalf("entries %v, want %v", kinds, want)
		}
		for i := range want {
			if kinds[i] != want[i] {
				t.Errorf("entries %v, want %v", kinds, want)
				break
			}
		}
		s.CheckLog()
	})
}

// A session is found by its cookie and by the kind of browser that began it, ends when
// nobody has used it, and is ended by its owner or by who manages the register.
func TestAccountSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		p, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Phan Thị Sen", Username: "sen", PasswordHash: "x"})
		if err != nil {
			t.Fatal(err)
		}
		sen, now := s.Actor(p.ID), s.Clock.Now()
		find := func(cookie, agent string, at time.Time) error {
			_, err := s.SessionAccount(ctx, s.School.ID, cookie, agent, at, 30*time.Minute)
			return err
		}
		count := func() int {
			rows, err := s.AccountSessions(ctx, sen, p.ID, "một", now)
			if err != nil {
				t.Fatal(err)
			}
			return len(rows)
		}
		for _, cookie := range []string{"một", "hai", "ba", "bốn"} {
			if err := s.begin(p.ID, cookie, now); err != nil {
				t.Fatal(err)
			}
		}
		if err := find("một", "Chrome", now.Add(20*time.Minute)); err != nil {
			t.Errorf("in use: %v", err)
		}
		if err := find("một", "Chrome", now.Add(45*time.Minute)); err != nil {
			t.Errorf("used in between: %v", err)
		}
		if err := find("hai", "Firefox", now); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("in another browser: %v", err)
		}
		if err := find("hai", "Chrome", now); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("ended by another browser: %v", err)
		}
		if err := find("ba", "Chrome", now.Add(31*time.Minute)); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("idle: %v", err)
		}
		if err := find("một", "Chrome", now.Add(time.Hour)); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("after its last moment: %v", err)
		}
		if count() != 1 {
			t.Errorf("%d sessions are left", count())
		}
		rows, err := s.AccountSessions(ctx, sen, p.ID, "", now)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.EndSession(ctx, s.principal, rows[0].ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("somebody else's: %v", err)
		}
		if _, err := s.AccountSessions(ctx, s.deputy, p.ID, "", now); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("somebody else's list: %v", err)
		}
		if _, err := s.EndAllSessions(ctx, s.deputy, p.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("all of somebody else's: %v", err)
		}
		if err := s.EndSession(ctx, sen, rows[0].ID); err != nil || count() != 0 {
			t.Errorf("one's own: %v, %d left", err, count())
		}
		size := s.CheckLog().Size
		if n, err := s.EndAllSessions(ctx, s.admin, p.ID); n != 0 || err != nil || s.CheckLog().Size != size {
			t.Errorf("none is there: %d, %v", n, err)
		}
	})
}
