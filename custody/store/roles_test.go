package store_test

import (
	"errors"
	"testing"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestRolesAreGivenAndEnded: a reviewer reads everything and reviews, and changes nothing; an
// admin that was made is one, and is ended by another.
func TestRolesAreGivenAndEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		person, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Lê Thị Bình", Username: "binh", PasswordHash: "x"})
		if err != nil {
			t.Fatal(err)
		}
		may := func(p custody.Permission) bool { return s.Actor(person.ID).Roles.May(p) }
		if may(custody.ReadLog) {
			t.Fatal("reads the log without a role")
		}
		if err := s.GiveRole(ctx, s.principal, person.ID, custody.RoleReviewer); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("the principal gave a role: %v", err)
		}
		if err := s.GiveRole(ctx, s.admin, s.deputy.Person, custody.RoleReviewer); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("given to who has no account: %v", err)
		}
		size := func() int64 {
			n, err := s.LogSize(ctx, s.School.ID)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := size()
		for range 2 { // the second time changes nothing
			if err := s.GiveRole(ctx, s.admin, person.ID, custody.RoleReviewer); err != nil {
				t.Fatal(err)
			}
		}
		if n := size() - before; n != 1 {
			t.Errorf("%d entries of one giving", n)
		}
		if !may(custody.ReadLog) || !may(custody.ReviewLog) || !may(custody.ReadRegister) || may(custody.RunRegister) {
			t.Errorf("a reviewer: %v", s.Actor(person.ID).Roles)
		}
		reviewer := s.Actor(person.ID)
		if page, err := s.Entries(ctx, reviewer, store.LogFilter{}); err != nil || page.Size != size() || len(page.Entries) == 0 {
			t.Errorf("the log: %v", err)
		}
		if _, err := s.CreatePerson(ctx, reviewer, store.NewPerson{Name: "X"}); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("registered a person: %v", err)
		}
		if err := s.GiveRole(ctx, s.admin, person.ID, custody.RoleAdmin); err != nil {
			t.Fatal(err)
		}
		second := s.Actor(person.ID)
		if !second.Roles.Admin || reason(s.EndRole(ctx, second, person.ID, custody.RoleAdmin)) != custody.ReasonOwnRole {
			t.Error("an admin that was made")
		}
		if err := s.EndRole(ctx, second, s.admin.Person, custody.RoleAdmin); !errors.Is(err, custody.ErrNotFound) && reason(err) != custody.ReasonRoleOfAccount {
			t.Errorf("the first admin's role: %v", err)
		}
		if err := s.GiveRole(ctx, s.admin, person.ID, custody.RoleDepartment); err != nil {
			t.Fatal(err)
		}
		for _, role := range custody.GivenRoles {
			if err := s.EndRole(ctx, s.admin, person.ID, role); err != nil {
				t.Error(err)
			}
			if err := s.EndRole(ctx, s.admin, person.ID, role); !errors.Is(err, custody.ErrNotFound) {
				t.Errorf("ended twice: %v", err)
			}
		}
		if roles := s.Actor(person.ID).Roles; len(roles.Names()) != 0 {
			t.Errorf("left: %v", roles.Names())
		}
		if page, err := s.Entries(ctx, s.admin, store.LogFilter{Type: string(signinglog.TypeRoleChange)}); err != nil || len(page.Entries) != 6 {
			t.Errorf("%d entries: %v", len(page.Entries), err)
		}
		if _, err := s.VerifyLog(ctx, s.School.ID, s.VKey); err != nil {
			t.Error(err)
		}
	})
}
