package store_test

import (
	"slices"
	"testing"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestAccountChangesAreEntries: who got into an account, and by whose hand, is in the log; a
// person's own end of a session is not.
func TestAccountChangesAreEntries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		person, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: "Đỗ Văn Bình", Username: "binh", PasswordHash: "x"})
		s.must(err)
		binh := custody.Actor{School: s.School.ID, Person: person.ID, Via: custody.ViaPage}
		s.must(s.SetPassword(ctx, binh, person.ID, "y"))
		s.must(s.SetPassword(ctx, s.admin, person.ID, "z"))
		s.must(s.BeginSecondFactor(ctx, binh, []byte("12345678901234567890")))
		s.must(s.ConfirmSecondFactor(ctx, binh, 1, []string{"00"}))
		s.must(s.RemoveSecondFactor(ctx, s.admin, person.ID))
		id, err := s.BeginSignIn(ctx, s.School.ID, person.ID, store.SignIn{Agent: "a", Network: "n"})
		s.must(err)
		if _, err := s.EndSignIns(ctx, binh, person.ID, id, false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.EndSignIns(ctx, s.admin, person.ID, "", true); err != nil {
			t.Fatal(err)
		}
		page, err := s.Entries(ctx, s.admin, store.LogFilter{Type: string(signinglog.TypeAccountChange), Person: person.ID})
		s.must(err)
		var got []string
		for _, row := range page.Entries {
			e, err := signinglog.Parse(row.Bytes)
			s.must(err)
			by := "self"
			if e.Actor() == string(s.admin.Person) {
				by = "admin"
			}
			got = append(got, e.Fields["kind"]+" by "+by)
		}
		if want := []string{"signed_out by admin", "factor_removed by admin", "factor_set by self", "password_reset by admin", "password by self"}; !slices.Equal(got, want) {
			t.Errorf("the log has %q, want %q", got, want)
		}
		s.CheckLog()
	})
}
