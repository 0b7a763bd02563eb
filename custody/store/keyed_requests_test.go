package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// createOnce registers a person by a request with a key, as a handler does: the answer is the
// person's number. What was sent before is answered with what is known of it.
func createOnce(s *store.Store, actor custody.Actor, key, name string) (string, error) {
	keyed, kept, err := s.BeginKeyed(ctx, actor, store.NewKeyedRequest{Key: key, Operation: "createPerson", Content: []byte(name)})
	switch {
	case err != nil:
		return "", err
	case kept != nil && kept.Err != nil:
		return "", kept.Err
	case kept != nil:
		return string(kept.Answer), nil
	}
	p, err := s.CreatePerson(store.WithKeyedRequest(ctx, keyed), actor, store.NewPerson{Name: name})
	if err != nil {
		if keyed.Done() {
			return "", err
		}
		return "", errors.Join(err, s.DropKeyed(ctx, keyed))
	}
	return string(p.ID), s.AnswerKeyed(ctx, keyed, []byte(p.ID))
}

func codeOf(err error) string {
	var known *custody.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return fmt.Sprint(err)
}

// named counts the people of a name.
func named(r *storetest.Register, name string) (n int) {
	r.TB.Helper()
	rows, err := r.People(ctx, r.System)
	if err != nil {
		r.TB.Fatal(err)
	}
	for _, row := range rows {
		if row.Name == name {
			n++
		}
	}
	return n
}

func TestARequestWithAKeyIsCarriedOutOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		an, binh := r.AddPerson("Nguyễn Văn An", custody.Principal), r.AddPerson("Lê Thị Bình", custody.Deputy)
		an.Roles.Admin, binh.Roles.Admin = true, true
		first, err := createOnce(r.Store, an, "k1", "Hồ Thị Cúc")
		if err != nil {
			t.Fatal(err)
		}
		size := r.CheckLog().Size
		for range 2 {
			if again, err := createOnce(r.Store, an, "k1", "Hồ Thị Cúc"); err != nil || again != first {
				t.Errorf("again: %s, %v; the first time %s", again, err, first)
			}
		}
		if _, err := createOnce(r.Store, an, "k1", "Hồ Thị Đào"); codeOf(err) != custody.CodeConflict || reason(err) != custody.ReasonRequestReused {
			t.Errorf("other content: %v", err)
		}
		if now := r.CheckLog().Size; now != size {
			t.Errorf("repeats have grown the log from %d to %d", size, now)
		}
		// Keys are everybody's own, and an agent's are not its person's.
		agent := an
		agent.Via, agent.Key = custody.ViaAgent, "agent-1"
		for _, other := range []custody.Actor{binh, agent} {
			if second, err := createOnce(r.Store, other, "k1", "Hồ Thị Cúc"); err != nil || second == first {
				t.Errorf("%s%s: %s, %v", other.Person, other.Key, second, err)
			}
		}
		if n := named(r, "Hồ Thị Cúc"); n != 3 {
			t.Errorf("%d of them", n)
		}
		// What failed is not remembered.
		if _, err := createOnce(r.Store, an, "k2", ""); codeOf(err) != custody.CodeInvalid {
			t.Errorf("%v", err)
		}
		if _, err := createOnce(r.Store, an, "k2", "Hồ Thị Mơ"); err != nil {
			t.Errorf("after a failure: %v", err)
		}
		// A day later a key is new, and what is old goes.
		r.Clock.Advance(24*time.Hour + time.Second)
		if second, err := createOnce(r.Store, an, "k1", "Hồ Thị Sen"); err != nil || second == first {
			t.Errorf("a day later: %s, %v", second, err)
		}
		if n, err := r.DropOldKeys(ctx, r.School.ID); err != nil || n != 3 {
			t.Errorf("%d old keys, %v", n, err)
		}
		// Somebody's erasure takes with it what answers were kept.
		r.Clock.Advance(time.Minute)
		leaver, err := r.CreatePerson(ctx, r.System, store.NewPerson{Name: "Người đã nghỉ"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ErasePerson(ctx, r.System, leaver.ID, "theo yêu cầu"); err != nil {
			t.Fatal(err)
		}
		if _, err := createOnce(r.Store, an, "k1", "Hồ Thị Sen"); codeOf(err) != custody.CodeRequestDone {
			t.Errorf("after an erasure: %v", err)
		}
	})
}

// Two services on one database get the same request many times at once.
func TestAKeyHoldsAcrossServices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		config := r.Config
		config.MarkFile = filepath.Join(t.TempDir(), "mark")
		other, err := store.Open(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		an := r.AddPerson("Nguyễn Văn An", custody.Principal)
		an.Roles.Admin = true
		const keys, tries = 4, 6
		var group sync.WaitGroup
		for key := range keys {
			for try := range tries {
				s := []*store.Store{r.Store, other}[try%2]
				group.Go(func() {
					if _, err := createOnce(s, an, fmt.Sprint("k", key), fmt.Sprint("Người ", key)); err != nil && codeOf(err) != custody.CodeRequestRunning {
						t.Errorf("key %d: %v", key, err)
					}
				})
			}
		}
		group.Wait()
		for key := range keys {
			name := fmt.Sprint("Người ", key)
			if n := named(r, name); n != 1 {
				t.Errorf("%d of %s", n, name)
			}
			first, err := createOnce(r.Store, an, fmt.Sprint("k", key), name)
			second, err2 := createOnce(other, an, fmt.Sprint("k", key), name)
			if err != nil || err2 != nil || first != second {
				t.Errorf("afterwards: %s %v, %s %v", first, err, second, err2)
			}
		}
	})
}

// An attempt that takes longer than a repeat waits loses its key, and then changes nothing.
func TestALateAttemptChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		an := r.AddPerson("Nguyễn Văn An", custody.Principal)
		an.Roles.Admin = true
		asked := store.NewKeyedRequest{Key: "k1", Operation: "createPerson", Content: []byte("Hồ Thị Cúc")}
		late, kept, err := r.BeginKeyed(ctx, an, asked)
		if err != nil || kept != nil {
			t.Fatal(kept, err)
		}
		r.Clock.Advance(29 * time.Second)
		if _, err := createOnce(r.Store, an, "k1", "Hồ Thị Cúc"); codeOf(err) != custody.CodeRequestRunning {
			t.Errorf("while it is carried out: %v", err)
		}
		r.Clock.Advance(time.Second)
		if _, err := createOnce(r.Store, an, "k1", "Hồ Thị Cúc"); err != nil {
			t.Errorf("in its place: %v", err)
		}
		size := r.CheckLog().Size
		if _, err := r.CreatePerson(store.WithKeyedRequest(ctx, late), an, store.NewPerson{Name: "Hồ Thị Cúc"}); codeOf(err) != custody.CodeRequestRunning {
			t.Errorf("the late one: %v", err)
		}
		if err := r.DropKeyed(ctx, late); err != nil {
			t.Error(err)
		}
		if now := r.CheckLog().Size; now != size || named(r, "Hồ Thị Cúc") != 1 {
			t.Errorf("%d entries, before %d; %d of them", now, size, named(r, "Hồ Thị Cúc"))
		}
		if _, err := createOnce(r.Store, an, "k1", "Hồ Thị Cúc"); err != nil {
			t.Errorf("the key of the second: %v", err)
		}
		// What is found on the way is not what was asked for.
		_, cert := r.AddToken("A1001", an.Person)
		asked.Key = "k2"
		keyed, _, err := r.BeginKeyed(ctx, an, asked)
		if err != nil {
			t.Fatal(err)
		}
		sum, revokedAt := sha256.Sum256(cert), r.Clock.Now()
		if err := r.SetRevocation(store.WithKeyedRequest(ctx, keyed), r.System, hex.EncodeToString(sum[:]), &revokedAt, "http://crl.example"); err != nil || keyed.Done() {
			t.Errorf("%v, done %v", err, keyed.Done())
		}
		// Who was told of a failure although the change came through drops nothing.
		if _, err := r.CreatePerson(store.WithKeyedRequest(ctx, keyed), an, store.NewPerson{Name: "Hồ Thị Mơ"}); err != nil || !keyed.Done() {
			t.Fatalf("%v, done %v", err, keyed.Done())
		}
		if err := r.DropKeyed(ctx, keyed); err != nil {
			t.Error(err)
		}
		if _, kept, err := r.BeginKeyed(ctx, an, asked); err != nil || kept == nil || codeOf(kept.Err) != custody.CodeRequestRunning {
			t.Errorf("%+v, %v", kept, err)
		}
	})
}

// Each school has its own keys, also of one database.
func TestKeysOfAnotherSchool(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		r.Config.Many = true
		r.Reopen()
		key, _, err := signinglog.GenerateKey("sokyso/truong-khac")
		if err != nil {
			t.Fatal(err)
		}
		other, err := r.Of(store.SchoolConfig{LogKey: key, MarkFile: filepath.Join(t.TempDir(), "mark")})
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		school, err := other.CreateSchool(ctx, store.NewSchool{Name: "Trường khác", Code: "TK", Further: true})
		if err != nil {
			t.Fatal(err)
		}
		first, err := createOnce(r.Store, r.System, "k1", "Hồ Thị Cúc")
		if err != nil {
			t.Fatal(err)
		}
		if second, err := createOnce(other, custody.SystemActor(school.ID), "k1", "Hồ Thị Cúc"); err != nil || second == first {
			t.Errorf("%s, %v", second, err)
		}
	})
}
