package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// inParallel runs the function n times at once and returns the errors.
func inParallel(n int, run func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = run(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// TestTwoDecideOneHandOver: of many who accept, decline and withdraw the same
// offer at once, one wins.
func TestTwoDecideOneHandOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		for range 5 {
			offer, err := s.OfferHandOver(ctx, s.admin, store.NewHandOver{Token: s.deputyToken.ID, To: s.deputy.Person})
			if err != nil {
				t.Fatal(err)
			}
			won := 0
			for _, err := range inParallel(12, func(i int) error {
				var err error
				switch i % 3 {
				case 0, 1:
					_, err = s.AcceptHandOver(ctx, s.deputy, offer.ID)
				default:
					_, err = s.WithdrawHandOver(ctx, s.principal, offer.ID)
				}
				return err
			}) {
				if err == nil {
					won++
				} else if !errors.Is(err, custody.ErrConflict) {
					t.Errorf("loser: %v", err)
				}
			}
			if won != 1 {
				t.Errorf("%d decided one offer", won)
			}
			s.CheckLog()
			row, err := s.Token(ctx, s.admin, s.deputyToken.ID)
			if err != nil {
				t.Fatal(err)
			}
			if row.State != custody.Held {
				continue
			}
			back, err := s.OfferHandOver(ctx, s.deputy, store.NewHandOver{Token: s.deputyToken.ID})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.AcceptHandOver(ctx, s.admin, back.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSameRecordInParallel: one record sent twenty times is one entry.
func TestSameRecordInParallel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		request := s.approval()
		grants := make([]store.GrantRow, 20)
		for _, err := range inParallel(20, func(i int) error {
			var err error
			grants[i], err = s.RequestGrant(ctx, s.principal, request)
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, g := range grants {
			if g.ID != grants[0].ID {
				t.Fatal("one request has two grants")
			}
		}
		rec := record()
		rec.SignedAt = s.Clock.Now()
		receipts := make([]signinglog.Receipt, 20)
		for _, err := range inParallel(20, func(i int) error {
			var err error
			receipts[i], err = s.RecordSignature(ctx, s.principal, grants[0].ID, rec)
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, receipt := range receipts {
			if receipt.Index != receipts[0].Index || string(receipt.Entry) != string(receipts[0].Entry) {
				t.Fatal("one record has two entries")
			}
			if _, _, err := signinglog.CheckReceipt(receipt, s.verifier()); err != nil {
				t.Error(err)
			}
		}
		report := s.CheckLog()
		if report.ByType["signature"] != 1 || report.ByType["grant"] != 1 {
			t.Errorf("log has %v", report.ByType)
		}
		// Another signature for the same grant is none.
		other := record()
		other.SignedAt = rec.SignedAt
		_, err := s.RecordSignature(ctx, s.principal, grants[0].ID, other)
		var e *custody.Error
		if !errors.As(err, &e) || e.Code != custody.CodeSignatureConflict || !errors.Is(err, custody.ErrConflict) {
			t.Errorf("another signature: %v", err)
		}
		if err := s.AbandonGrant(ctx, s.principal, grants[0].ID, "other"); !errors.Is(err, custody.ErrConflict) {
			t.Errorf("abandoning what was signed: %v", err)
		}
		request.SHA256In = randomHash()
		if _, err := s.RequestGrant(ctx, s.principal, request); reason(err) != custody.ReasonRequestReused {
			t.Errorf("request reused: %v", err)
		}
	})
}

// TestManyAtOnce: fifty callers sign, others fail in the same transactions, and
// the log stays in order; every receipt extends every earlier checkpoint.
func TestManyAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		before := s.CheckLog()
		receipts := make([]signinglog.Receipt, 50)
		for i, err := range inParallel(80, func(i int) error {
			if i >= 50 { // fail, between those that succeed
				_, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Đỗ Văn Bình", Username: "binh", PasswordHash: "x"})
				return err
			}
			request := s.approval()
			request.Request = fmt.Sprint("request ", i)
			g, err := s.RequestGrant(ctx, s.principal, request)
			if err != nil {
				return err
			}
			rec := record()
			rec.SignedAt = time.Now()
			receipts[i], err = s.RecordSignature(ctx, s.principal, g.ID, rec)
			return err
		}) {
			if err != nil && (i < 50 || !errors.Is(err, custody.ErrConflict)) {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		report := s.CheckLog()
		if want := before.Size + 50*2 + 1; report.Size != want {
			t.Errorf("log has %d entries, want %d", report.Size, want)
		}
		newest, err := signinglog.ParseCheckpoint(noteText(report.Checkpoint))
		if err != nil {
			t.Fatal(err)
		}
		for i, receipt := range receipts {
			_, checkpoint, err := signinglog.CheckReceipt(receipt, s.verifier())
			if err != nil {
				t.Fatalf("receipt %d: %v", i, err)
			}
			proof, err := s.ConsistencyProof(ctx, s.School.ID, checkpoint.Size, newest.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := signinglog.CheckConsistency(checkpoint, newest, proof); err != nil {
				t.Errorf("receipt %d: %v", i, err)
			}
		}
	})
}

func noteText(signed []byte) []byte {
	for i := range signed {
		if i > 0 && signed[i] == '\n' && signed[i-1] == '\n' {
			return signed[:i]
		}
	}
	return nil
}

// TestTwoServices: two stores on one PostgreSQL append to one log.
func TestTwoServices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		c := s.Config
		c.MarkFile += ".2"
		second, err := store.Open(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		for i, err := range inParallel(40, func(i int) error {
			service := s.Store
			if i%2 == 1 {
				service = second
			}
			g, err := service.RequestGrant(ctx, s.principal, s.approval())
			if err != nil {
				return err
			}
			rec := record()
			rec.SignedAt = time.Now()
			_, err = service.RecordSignature(ctx, s.principal, g.ID, rec)
			return err
		}) {
			if err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		if report := s.CheckLog(); report.ByType["signature"] != 40 {
			t.Errorf("log has %v", report.ByType)
		}
		for _, service := range []*store.Store{s.Store, second} {
			if err := service.CheckMark(ctx, s.School.ID); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestIsolationIsOurs: a server whose defaults are others is told what is needed,
// and two services that meet there wait for each other.
func TestIsolationIsOurs(t *testing.T) {
	if !slices.Contains(storetest.Databases(), "postgres") {
		return
	}
	s := handedOut(storetest.Open(t, "postgres"))
	s.Config.URL += "&default_transaction_isolation=serializable&default_transaction_read_only=off&synchronous_commit=off"
	s.Config.MarkFile = ""
	s.Reopen()
	other, err := store.Open(ctx, s.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, err := range inParallel(60, func(i int) error {
		_, err := []*store.Store{s.Store, other}[i%2].RequestGrant(ctx, s.principal, s.approval())
		return err
	}) {
		if err != nil {
			t.Errorf("with other defaults: %v", err)
		}
	}
	s.CheckLog()
}

// TestABusyDatabaseIsSaid: who can't begin is told that the database is busy, not
// that there was nothing to roll back.
func TestABusyDatabaseIsSaid(t *testing.T) {
	s := handedOut(storetest.Open(t, "sqlite"))
	s.Config.MarkFile = ""
	db := s.DB()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	_, err := s.RequestGrant(ctx, s.principal, s.approval())
	if !errors.Is(err, store.ErrBusy) || strings.Contains(err.Error(), "roll back") {
		t.Errorf("locked by another program: %v", err)
	}
	if _, err := db.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	s.sign(s.principal, s.approval())
	s.CheckLog()
}
