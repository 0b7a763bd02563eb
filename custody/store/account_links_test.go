package store_test

import (
	"errors"
	"sync"
	"testing"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// A link sets a password once, for seven days, unless it was withdrawn or a newer one was
// made; a reset waits for a second person. Only its hash is in the database.
func TestAccountLinks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		use := func(link store.NewAccountLink) error { return s.UseLink(ctx, s.School.ID, link.Secret, "h") }
		expect := func(name string, err error, want string) {
			t.Helper()
			if reason(err) != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		_, _, err := s.InvitePerson(ctx, s.deputy, store.NewPerson{Name: "Hồ Văn Lúa", Username: "lua"})
		if !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("invited by a deputy: %v", err)
		}
		p, first, err := s.InvitePerson(ctx, s.admin, store.NewPerson{Name: "Hồ Văn Lúa", Username: "Lua"})
		must(err)
		var found int
		must(s.DB().Get(&found, s.DB().Rebind(`SELECT COUNT(*) FROM account_changes WHERE secret_sha256 = ? OR id = ?`), first.Secret, first.Secret))
		if found != 0 {
			t.Error("the secret itself is in the database")
		}
		_, err = s.AskReset(ctx, s.admin, p.ID)
		expect("a reset before the first password", err, custody.ReasonAccountUnused)
		second, err := s.Invite(ctx, s.admin, p.ID, "")
		must(err)
		expect("an earlier link", use(first), custody.ReasonLinkWithdrawn)
		links, err := s.AccountLinks(ctx, s.admin)
		must(err)
		if len(links) != 1 || links[0].ID != second.ID || links[0].State != custody.LinkOpen || links[0].Username != "lua" {
			t.Errorf("open links: %+v", links)
		}
		if links, err := s.AccountLinks(ctx, s.deputy); err != nil || len(links) != 0 {
			t.Errorf("a deputy sees %+v, %v", links, err)
		}
		if err := s.WithdrawLink(ctx, s.deputy, second.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("withdrawn by a deputy: %v", err)
		}
		must(s.WithdrawLink(ctx, s.admin, second.ID))
		expect("withdrawn", use(second), custody.ReasonLinkWithdrawn)
		third, err := s.Invite(ctx, s.admin, p.ID, "")
		must(err)
		s.Clock.Advance(custody.AccountLinkLifetime)
		expect("after seven days", use(third), custody.ReasonLinkExpired)
		fourth, err := s.Invite(ctx, s.admin, p.ID, "")
		must(err)

		// Of many at once one gets it.
		var won, used int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				err := use(fourth)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if reason(err) == custody.ReasonLinkUsed {
					used++
				}
			})
		}
		all.Wait()
		if won != 1 || used != 7 {
			t.Errorf("of eight at once %d set the password, %d were told that it was used", won, used)
		}
		_, err = s.Invite(ctx, s.admin, p.ID, "")
		expect("invited with a password", err, custody.ReasonAccountOpen)
		if err := s.UseLink(ctx, s.School.ID, "x"+fourth.Secret, "h"); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("an unknown link: %v", err)
		}

		must(s.begin(p.ID, "phiên", s.Clock.Now()))
		reset, err := s.AskReset(ctx, s.admin, p.ID)
		must(err)
		expect("not confirmed", use(reset), custody.ReasonLinkWaits)
		expect("confirmed by who made it", s.ConfirmReset(ctx, s.admin, reset.ID), custody.ReasonSecondPerson)
		if err := s.ConfirmReset(ctx, s.Actor(p.ID), reset.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("confirmed by its owner: %v", err)
		}
		if links, err := s.AccountLinks(ctx, s.deputy); err != nil || len(links) != 1 {
			t.Errorf("a deputy sees %+v, %v", links, err)
		}
		must(s.ConfirmReset(ctx, s.deputy, reset.ID))
		expect("confirmed twice", s.ConfirmReset(ctx, s.principal, reset.ID), custody.ReasonLinkConfirmed)
		must(use(reset))
		if rows, err := s.AccountSessions(ctx, s.Actor(p.ID), p.ID, "", s.Clock.Now()); err != nil || len(rows) != 0 {
			t.Errorf("sessions of the old password: %+v, %v", rows, err)
		}
		expect("used twice", use(reset), custody.ReasonLinkUsed)
		ofAdmin, err := s.AskReset(ctx, s.admin, s.admin.Person)
		expect("one's own", err, custody.ReasonSecondPerson)
		if ofAdmin.Secret != "" {
			t.Error("a link for oneself")
		}

		// Whose account has ended can't come back by a link.
		late, err := s.AskReset(ctx, s.admin, p.ID)
		must(err)
		must(s.ConfirmReset(ctx, s.principal, late.ID))
		must(s.End(ctx, s.admin, store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: p.ID, Until: custody.DateOf(s.Clock.Now()).AddDays(-1)}, Reason: "nghỉ"}))
		if err := use(late); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("after the account's end: %v", err)
		}
		s.CheckLog()
	})
}

// Whoever made a link for somebody without a password, or for a forgotten one, may still
// have it: it opens nothing any more once the password was set in another way.
func TestALinkEndsWithThePasswordSet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		p, invitation, err := s.InvitePerson(ctx, s.admin, store.NewPerson{Name: "Hồ Văn Lúa", Username: "lua"})
		s.must(err)
		s.must(s.SetPassword(ctx, s.System, p.ID, "by the command line"))
		if err := s.UseLink(ctx, s.School.ID, invitation.Secret, "by the link"); reason(err) != custody.ReasonLinkWithdrawn {
			t.Errorf("an invitation replaced a password: %v", err)
		}
		reset, err := s.AskReset(ctx, s.admin, p.ID)
		s.must(err)
		s.must(s.ConfirmReset(ctx, s.deputy, reset.ID))
		s.must(s.SetPassword(ctx, s.Actor(p.ID), p.ID, "remembered after all"))
		if err := s.UseLink(ctx, s.School.ID, reset.Secret, "by the link"); reason(err) != custody.ReasonLinkWithdrawn {
			t.Errorf("a reset replaced a password that its owner set: %v", err)
		}
		account, err := s.AccountOf(ctx, s.School.ID, p.ID)
		s.must(err)
		if account.PasswordHash != "remembered after all" {
			t.Errorf("the password is the one set %s", account.PasswordHash)
		}
		s.CheckLog()
	})
}
