package store_test

import (
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestChangeOfTheLogKey: the log goes on under another key, everything from before stays
// provable with the key it began with, and the old key appends no more.
func TestChangeOfTheLogKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		_, _, before := s.sign(s.principal, s.approval())
		secret := []byte("12345678901234567890")
		person, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: "Đỗ Văn Bình", Username: "binh", PasswordHash: "x"})
		s.must(err)
		binh := custody.Actor{School: s.School.ID, Person: person.ID, Via: custody.ViaPage}
		s.must(s.BeginSecondFactor(ctx, binh, secret))
		s.must(s.ConfirmSecondFactor(ctx, binh, 1, nil))
		oldKey := s.Config.LogKey

		for range 2 {
			newKey, _, err := signinglog.GenerateKey(s.School.Origin)
			s.must(err)
			if is, err := s.LogKeyIsCurrent(ctx, s.School.ID, newKey); err != nil || is {
				t.Fatalf("the new key signs before the change: %v", err)
			}
			s.must(s.ChangeLogKey(ctx, s.System, newKey))
			if is, err := s.LogKeyIsCurrent(ctx, s.School.ID, newKey); err != nil || !is {
				t.Fatalf("the new key does not sign after the change: %v", err)
			}
			// The store that made the change still has the old key.
			if _, err := s.RequestGrant(ctx, s.principal, s.approval()); !refusedFor(err, custody.ReasonLogKey) {
				t.Errorf("appended with the old key: %v", err)
			}
			s.Config.LogKey = newKey
			s.Reopen()
			_, _, after := s.sign(s.principal, s.approval())
			for _, receipt := range []signinglog.Receipt{before, after} {
				if _, _, err := signinglog.CheckReceipt(receipt, s.verifier()); err != nil {
					t.Errorf("receipt of entry %d: %v", receipt.Index, err)
				}
			}
			f, err := s.SecondFactor(ctx, s.School.ID, binh.Person)
			if err != nil || string(f.Secret) != string(secret) {
				t.Errorf("second factor after the change: %v", err)
			}
		}
		if report := s.CheckLog(); report.ByType["key_change"] != 2 {
			t.Errorf("%d changes in the log", report.ByType["key_change"])
		}

		s.Config.LogKey = oldKey
		s.Reopen()
		if _, err := s.RequestGrant(ctx, s.principal, s.approval()); !refusedFor(err, custody.ReasonLogKey) {
			t.Errorf("appended with the first key: %v", err)
		}
		other, _, err := signinglog.GenerateKey("sokyso/other")
		s.must(err)
		for _, key := range []string{other, oldKey, "no key"} {
			if err := s.ChangeLogKey(ctx, s.System, key); err == nil {
				t.Errorf("the log goes on with %.20q", key)
			}
		}

		// The key that was replaced can't stop the service.
		old, err := note.NewSigner(oldKey)
		s.must(err)
		for _, size := range []int64{5, 1 << 40} {
			forged, err := signinglog.Sign(signinglog.Checkpoint{Origin: s.School.Origin, Size: size, Root: tlog.Hash{1}}, old)
			s.must(err)
			if err := s.SeeCheckpoint(ctx, s.School.ID, forged); !errors.Is(err, custody.ErrInvalid) {
				t.Errorf("a checkpoint of the replaced key, of %d entries: %v", size, err)
			}
		}
		genuine, err := s.Checkpoint(ctx, s.School.ID)
		s.must(err)
		s.must(s.SeeCheckpoint(ctx, s.School.ID, genuine))
		s.must(s.CheckMark(ctx, s.School.ID))

		// Who drops a change from the head, or adds one, is found.
		db := s.DB()
		for _, lines := range []string{"", "key-change AAAA\n"} {
			if _, err := db.Exec(db.Rebind(`UPDATE log_heads SET key_changes = ?`), lines); err != nil {
				t.Fatal(err)
			}
			if _, err := s.VerifyLog(ctx, s.School.ID, s.VKey); err == nil {
				t.Errorf("a head with the changes %q is taken", lines)
			}
		}
	})
}

func refusedFor(err error, reason string) bool {
	var refusal *custody.Error
	return errors.As(err, &refusal) && refusal.Params["reason"] == reason
}

// TestTooManyChangesOfTheLogKey: a change that no checkpoint could carry is refused, and the
// log goes on under the key that it has.
func TestTooManyChangesOfTheLogKey(t *testing.T) {
	r := storetest.Open(t, "sqlite")
	s := handedOut(r)
	for n := range signinglog.MaxKeyChanges + 1 {
		newKey, _, err := signinglog.GenerateKey(s.School.Origin)
		s.must(err)
		err = s.ChangeLogKey(ctx, s.System, newKey)
		if n == signinglog.MaxKeyChanges {
			if !errors.Is(err, custody.ErrInvalid) {
				t.Errorf("change %d: %v", n+1, err)
			}
			break
		}
		s.must(err)
		s.Config.LogKey = newKey
		s.Reopen()
	}
	s.sign(s.principal, s.approval())
	s.CheckLog()
}
