package store_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// passkey is one that was used five times.
func passkey(credential string) store.Passkey {
	return store.Passkey{Name: "Máy " + credential, Credential: []byte(credential), PublicKey: []byte("khóa " + credential), Transports: "internal hybrid", SignCount: 5}
}

// A passkey is its owner's and its school's; its count only goes forward, and one whose
// count goes back is ended.
func TestPasskeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		var people []custody.Actor
		for _, name := range []string{"sen", "lua"} {
			p, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Phan Thị " + name, Username: name, PasswordHash: "x"})
			if err != nil {
				t.Fatal(err)
			}
			people = append(people, s.Actor(p.ID))
		}
		sen, lua := people[0], people[1]
		if err := s.AddPasskey(ctx, sen, passkey("a")); err != nil {
			t.Fatal(err)
		}
		if err := s.AddPasskey(ctx, lua, passkey("a")); !errors.Is(err, custody.ErrConflict) {
			t.Errorf("another person's credential: %v", err)
		}
		if err := s.AddPasskey(ctx, sen, store.Passkey{Credential: []byte("b"), PublicKey: []byte("b")}); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("without a name: %v", err)
		}
		key, err := s.PasskeyByCredential(ctx, s.School.ID, []byte("a"))
		if err != nil || key.Person != sen.Person || key.Name != "Máy a" || key.SignCount != 5 || key.Transports != "internal hybrid" || key.UsedAt != nil || !bytes.Equal(key.PublicKey, []byte("khóa a")) {
			t.Errorf("the passkey: %+v, %v", key, err)
		}
		if _, err := s.PasskeyByCredential(ctx, "khác", []byte("a")); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("in another school: %v", err)
		}
		if ok, err := s.UsePasskey(ctx, "khác", key.ID, 6); ok || err != nil {
			t.Errorf("used in another school: %v, %v", ok, err)
		}
		size := s.CheckLog().Size
		if ok, err := s.UsePasskey(ctx, s.School.ID, key.ID, 6); !ok || err != nil {
			t.Errorf("a higher count: %v, %v", ok, err)
		}
		if key, _ = s.PasskeyByCredential(ctx, s.School.ID, []byte("a")); key.SignCount != 6 || key.UsedAt == nil {
			t.Errorf("after its use: %+v", key)
		}
		if now := s.CheckLog().Size; now != size {
			t.Errorf("a use made %d entries", now-size)
		}
		if ok, err := s.UsePasskey(ctx, s.School.ID, key.ID, 6); ok || err != nil {
			t.Errorf("the same count again: %v, %v", ok, err)
		}
		if _, err := s.PasskeyByCredential(ctx, s.School.ID, []byte("a")); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("after its count went back: %v", err)
		}
		if ok, err := s.UsePasskey(ctx, s.School.ID, key.ID, 9); ok || err != nil {
			t.Errorf("a passkey that was ended: %v, %v", ok, err)
		}
		if now := s.CheckLog().Size; now != size+1 {
			t.Errorf("the end of a copied passkey made %d entries, want 1", now-size)
		}

		// Those that do not count stay at 0, and are never taken for copies.
		none := passkey("không đếm")
		none.SignCount = 0
		if err := s.AddPasskey(ctx, sen, none); err != nil {
			t.Fatal(err)
		}
		key, err = s.PasskeyByCredential(ctx, s.School.ID, none.Credential)
		for range 3 {
			if err != nil {
				t.Fatal(err)
			}
			var ok bool
			if ok, err = s.UsePasskey(ctx, s.School.ID, key.ID, 0); !ok {
				t.Error("one that does not count is refused")
			}
		}
		if err := s.EndPasskey(ctx, lua, key.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("ended by somebody else: %v", err)
		}
		if _, err := s.EndPasskeysOf(ctx, s.deputy, sen.Person); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("all ended by a deputy: %v", err)
		}
		if err := s.AddPasskey(ctx, sen, passkey("c")); err != nil {
			t.Fatal(err)
		}
		if n, err := s.EndPasskeysOf(ctx, s.admin, sen.Person); n != 2 || err != nil {
			t.Errorf("all ended by an admin: %d, %v", n, err)
		}
		for i := range store.MaxPasskeys {
			if err := s.AddPasskey(ctx, lua, passkey(strings.Repeat("x", i+1))); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.AddPasskey(ctx, lua, passkey("một nữa")); !errors.Is(err, custody.ErrConflict) {
			t.Errorf("one more than the most: %v", err)
		}
		if _, err := s.DeriveNotices(ctx, s.School.ID, nil); err != nil {
			t.Fatal(err)
		}
		notices, err := s.Notices(ctx, sen, "")
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]int{}
		for _, n := range notices {
			told[n.Params["kind"]]++
		}
		if told["passkey_added"] != 3 || told["passkey_cloned"] != 1 || told["passkey_removed"] != 2 {
			t.Errorf("told of %v", told)
		}
		s.CheckLog()
	})
}

// Who writes a key of their own into the register, or brings back one that was ended, is
// found by verifying the log.
func TestAForgedPasskeyIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		p, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Phan Thị Sen", Username: "sen", PasswordHash: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.AddPasskey(ctx, s.Actor(p.ID), passkey("a")); err != nil {
			t.Fatal(err)
		}
		db := s.DB()
		row := rowsOf(t, db, "passkeys")[0]
		forge := func(what, column string, value any) {
			t.Helper()
			if _, err := db.Exec(db.Rebind(`UPDATE passkeys SET `+column+` = ? WHERE id = ?`), value, row["id"]); err != nil {
				t.Fatal(err)
			}
			if _, err := s.VerifyLog(ctx, s.School.ID, s.VKey); err == nil {
				t.Errorf("%s is not found", what)
			}
			if _, err := db.Exec(db.Rebind(`UPDATE passkeys SET `+column+` = ? WHERE id = ?`), row[column], row["id"]); err != nil {
				t.Fatal(err)
			}
			s.CheckLog()
		}
		forge("another key", "public_key", []byte("khóa của kẻ gian"))
		forge("another credential", "credential_id", []byte("z"))
		// A row that nobody registered is no fault of an entry but the latest, so that what is
		// wrong before it is named first.
		added := rowsOf(t, db, "passkey_changes")[0]
		unchecked(t, db, strings.TrimPrefix(t.Name(), "TestAForgedPasskeyIsFound/"))
		if _, err := db.Exec(`DELETE FROM passkey_changes`); err != nil {
			t.Fatal(err)
		}
		expectFound(t, s, "deleted registration", added["entry_index"].(int64))
		insertRow(t, db, "passkey_changes", added)
		s.CheckLog()
		if err := s.EndPasskey(ctx, s.Actor(p.ID), row["id"].(string)); err != nil {
			t.Fatal(err)
		}
		s.CheckLog()
		insertRow(t, db, "passkeys", row)
		if _, err := s.VerifyLog(ctx, s.School.ID, s.VKey); err == nil {
			t.Error("one that was ended and brought back is not found")
		}
	})
}

// Who is erased leaves no passkey and no name of one; what the log has of them stays whole.
func TestErasedPasskeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		p, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Phan Thị Sen", Username: "sen", PasswordHash: "x"})
		if err != nil {
			t.Fatal(err)
		}
		for _, credential := range []string{"a", "b"} {
			if err := s.AddPasskey(ctx, s.Actor(p.ID), passkey(credential)); err != nil {
				t.Fatal(err)
			}
		}
		key, err := s.PasskeyByCredential(ctx, s.School.ID, []byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.EndPasskey(ctx, s.Actor(p.ID), key.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.AskPasskey(ctx, s.School.ID, store.PasskeyChallenge{Session: "phiên", Purpose: store.PasskeyRegister, Person: p.ID, Name: "Máy", Asked: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		if err := s.End(ctx, s.admin, store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: p.ID, Until: custody.DateOf(s.Clock.Now()).AddDays(-1)}, Reason: "nghỉ"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ErasePerson(ctx, s.admin, p.ID, "đã nghỉ"); err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{`SELECT COUNT(*) FROM passkeys`, `SELECT COUNT(*) FROM passkey_challenges`, `SELECT COUNT(*) FROM reveals WHERE value LIKE 'Máy%'`} {
			var left int
			if err := s.DB().Get(&left, query); err != nil || left != 0 {
				t.Errorf("%s: %d, %v", query, left, err)
			}
		}
		s.CheckLog()
	})
}

// A challenge is one session's, for one purpose and person, for five minutes, and once.
func TestPasskeyChallenges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		person := s.deputy.Person
		ask := func(asked string) {
			t.Helper()
			if err := s.AskPasskey(ctx, s.School.ID, store.PasskeyChallenge{Session: "phiên", Purpose: store.PasskeyConfirm, Person: person, Asked: []byte(asked)}); err != nil {
				t.Fatal(err)
			}
		}
		take := func(school custody.SchoolID, session string, purpose store.PasskeyPurpose, person custody.PersonID) string {
			t.Helper()
			c, err := s.TakePasskeyChallenge(ctx, school, session, purpose, person)
			if err != nil && !errors.Is(err, custody.ErrNotFound) {
				t.Fatal(err)
			}
			return string(c.Asked)
		}
		ask("một")
		ask("hai")
		for what, got := range map[string]string{
			"another session": take(s.School.ID, "phiên khác", store.PasskeyConfirm, person),
			"no session":      take(s.School.ID, "", store.PasskeyConfirm, person),
			"another purpose": take(s.School.ID, "phiên", store.PasskeySignIn, person),
			"another school":  take("khác", "phiên", store.PasskeyConfirm, person),
		} {
			if got != "" {
				t.Errorf("%s gets %q", what, got)
			}
		}
		if got := take(s.School.ID, "phiên", store.PasskeyConfirm, person); got != "hai" {
			t.Errorf("got %q, want the latest", got)
		}
		if got := take(s.School.ID, "phiên", store.PasskeyConfirm, person); got != "" {
			t.Errorf("taken twice: %q", got)
		}
		ask("ba")
		if got := take(s.School.ID, "phiên", store.PasskeyConfirm, s.admin.Person); got != "" {
			t.Errorf("another person gets %q", got)
		}
		ask("bốn")
		s.Clock.Advance(store.PasskeyChallengeLifetime - time.Second)
		if got := take(s.School.ID, "phiên", store.PasskeyConfirm, person); got != "bốn" {
			t.Errorf("just in time: %q", got)
		}
		ask("năm")
		s.Clock.Advance(store.PasskeyChallengeLifetime)
		if got := take(s.School.ID, "phiên", store.PasskeyConfirm, person); got != "" {
			t.Errorf("too late: %q", got)
		}
		ask("sáu")
		var once sync.WaitGroup
		got := make(chan string, 8)
		for range cap(got) {
			once.Go(func() {
				c, err := s.TakePasskeyChallenge(ctx, s.School.ID, "phiên", store.PasskeyConfirm, person)
				if err != nil && !errors.Is(err, custody.ErrNotFound) {
					t.Error(err)
				}
				got <- string(c.Asked)
			})
		}
		once.Wait()
		close(got)
		taken := 0
		for asked := range got {
			if asked != "" {
				taken++
			}
		}
		if taken != 1 {
			t.Errorf("%d of %d at the same time got it", taken, cap(got))
		}
	})
}
