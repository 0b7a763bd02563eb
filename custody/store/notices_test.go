package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// derive goes through the log to its end.
func derive(t *testing.T, s *store.Store, school custody.SchoolID, channels ...store.Channel) int {
	t.Helper()
	total := 0
	for {
		n, err := s.DeriveNotices(ctx, school, channels)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return total
		}
		total += n
	}
}

func kinds(rows []store.NoticeRow) []string {
	var all []string
	for _, row := range rows {
		all = append(all, string(row.Kind))
	}
	return all
}

func noticesOf(t *testing.T, s *store.Store, actor custody.Actor) []store.NoticeRow {
	t.Helper()
	rows, err := s.Notices(ctx, actor, "")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestACustodianHearsOfWhatTouchesThem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		derive(t, r.Store, r.School.ID)
		before := len(noticesOf(t, r.Store, s.deputy))
		if _, err := r.ReportIncident(ctx, s.admin, store.NewIncident{Token: s.deputyToken.ID, Kind: custody.Lost, DiscoveredAt: r.Clock.Now(), Description: "rơi trên xe buýt"}); err != nil {
			t.Fatal(err)
		}
		if n := derive(t, r.Store, r.School.ID); n != 1 {
			t.Errorf("went through %d entries", n)
		}
		rows := noticesOf(t, r.Store, s.deputy)
		if len(rows) != before+1 || rows[0].Kind != custody.NoticeIncident || !rows[0].Urgent || rows[0].TokenLabel != "USB ký số A1002" ||
			rows[0].Names["actor"] != "Phạm Thu Hằng" || rows[0].Names["person"] != "Trần Thị Hòa" || rows[0].Params["kind"] != "lost" || rows[0].Entry == nil {
			t.Fatalf("the custodian is told %+v", rows[:1])
		}
		if rows := noticesOf(t, r.Store, s.admin); slices.Contains(kinds(rows), string(custody.NoticeIncident)) {
			t.Error("who reported it is told too")
		}
		if rows := noticesOf(t, r.Store, s.officeHead); slices.Contains(kinds(rows), string(custody.NoticeIncident)) {
			t.Error("somebody whom it does not concern is told")
		}
		if n := derive(t, r.Store, r.School.ID); n != 0 {
			t.Errorf("a second time: %d entries", n)
		}

		// Read one, then the rest; other people's notices are out of reach.
		unread, err := r.UnreadNotices(ctx, s.deputy)
		if err != nil || unread != len(rows) {
			t.Errorf("%d unread, want %d: %v", unread, len(rows), err)
		}
		if err := r.ReadNotice(ctx, s.officeHead, rows[0].ID); reasonOfKind(err) != "not_found" {
			t.Errorf("another's notice: %v", err)
		}
		if err := r.ReadNotice(ctx, s.deputy, rows[0].ID); err != nil {
			t.Error(err)
		}
		if unread, _ = r.UnreadNotices(ctx, s.deputy); unread != len(rows)-1 {
			t.Errorf("%d unread", unread)
		}
		if err := r.ReadNotices(ctx, s.deputy, rows[1].ID); err != nil {
			t.Error(err)
		}
		if unread, _ = r.UnreadNotices(ctx, s.deputy); unread != 0 {
			t.Errorf("%d unread", unread)
		}
		if unread, _ = r.UnreadNotices(ctx, s.principal); unread == 0 {
			t.Error("another's notices were marked too")
		}
		if _, err := r.Announcements(ctx, s.deputy, time.Time{}); err == nil {
			t.Error("a deputy reads what is told to the school")
		}
		rows, err = r.Announcements(ctx, s.principal, r.Clock.Now().Add(-time.Hour))
		if err != nil || len(rows) == 0 || rows[0].Kind != custody.NoticeIncident {
			t.Errorf("announcements %v: %v", kinds(rows), err)
		}
		r.CheckLog()
	})
}

func reasonOfKind(err error) string {
	if e, ok := err.(*custody.Error); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// Four services go through one log while it grows, and some of them are cut off in
// the middle: each notice is there once, none is missing.
func TestNoticesAreNeitherLostNorDoubled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		var services []*store.Store
		for range 4 {
			config := r.Config
			config.MarkFile = ""
			service, err := store.Open(ctx, config)
			if err != nil {
				t.Fatal(err)
			}
			defer service.Close()
			services = append(services, service)
		}
		done := make(chan struct{})
		var group sync.WaitGroup
		for i, service := range services {
			group.Go(func() {
				for run := 0; ; run++ {
					cut, cancel := context.WithTimeout(ctx, time.Duration(1+(run*7+i)%20)*time.Millisecond)
					n, err := service.DeriveNotices(cut, r.School.ID, []store.Channel{store.ChannelWebhook})
					cancel()
					if err != nil && cut.Err() == nil {
						t.Error(err)
						return
					}
					select {
					case <-done:
						if n == 0 && err == nil {
							return
						}
					default:
					}
				}
			})
		}
		const moves = 15
		for range moves {
			r.Give(s.sealToken.ID, s.officeHead)
			back, err := r.OfferHandOver(ctx, s.officeHead, store.NewHandOver{Token: s.sealToken.ID, Reason: "hết giờ"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.AcceptHandOver(ctx, s.principal, back.ID); err != nil {
				t.Fatal(err)
			}
		}
		close(done)
		group.Wait()
		db := r.DB()
		count := func(query string) (n int) {
			t.Helper()
			if err := db.Get(&n, query); err != nil {
				t.Fatal(err)
			}
			return n
		}
		// Each move: to the office head: offer, acceptance by whom is not told; returned:
		// the offer to two managers, the acceptance to one and to the giver.
		got := map[string]int{}
		for _, row := range noticesOf(t, r.Store, s.officeHead) {
			got[string(row.Kind)]++
		}
		for _, row := range noticesOf(t, r.Store, s.principal) {
			got["principal "+string(row.Kind)]++
		}
		for kind, want := range map[string]int{"hand_over_offered": moves, "return_accepted": moves, "principal hand_over_accepted": moves, "principal return_offered": moves, "principal return_accepted": 0} {
			if got[kind] != want {
				t.Errorf("%s: %d notices, want %d", kind, got[kind], want)
			}
		}
		if n := count(`SELECT COUNT(*) FROM deliveries`); n != 2*moves {
			t.Errorf("%d deliveries, want %d", n, 2*moves)
		}
		if n := count(`SELECT h.size - c.next_index FROM log_heads h JOIN notice_cursors c ON c.school_id = h.school_id`); n != 0 {
			t.Errorf("the cursor is %d behind", n)
		}
		r.CheckLog()
	})
}

// A batch whose notices can't be written leaves the cursor where it was.
func TestTheCursorMovesWithItsNotices(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		derive(t, r.Store, r.School.ID)
		db := r.DB()
		r.Give(s.sealToken.ID, s.officeHead)
		if _, err := db.Exec(`ALTER TABLE notices RENAME TO notices_away`); err != nil {
			t.Fatal(err)
		}
		if _, err := r.DeriveNotices(ctx, r.School.ID, nil); err == nil {
			t.Fatal("derived without a table")
		}
		if _, err := db.Exec(`ALTER TABLE notices_away RENAME TO notices`); err != nil {
			t.Fatal(err)
		}
		if n := derive(t, r.Store, r.School.ID); n != 2 {
			t.Errorf("went through %d entries, want 2", n)
		}
		if rows := noticesOf(t, r.Store, s.officeHead); len(rows) == 0 || rows[0].Kind != custody.NoticeHandOverOffered {
			t.Errorf("told %v", kinds(rows))
		}
	})
}

// A job has one holder at a time, and another one once its lease has run out.
func TestALeaseHasOneHolder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		school := r.School.ID
		var mu sync.Mutex
		var holders []string
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				name := fmt.Sprint("service-", i)
				got, err := r.ClaimJob(ctx, school, "monitor", name, time.Minute)
				if err != nil {
					t.Error(err)
				}
				if got {
					mu.Lock()
					holders = append(holders, name)
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if len(holders) != 1 {
			t.Fatalf("the lease was given to %v", holders)
		}
		first := holders[0]
		r.Clock.Advance(50 * time.Second)
		if kept, err := r.RenewJob(ctx, school, "monitor", first, time.Minute); err != nil || !kept {
			t.Errorf("renewed: %v, %v", kept, err)
		}
		r.Clock.Advance(50 * time.Second)
		if got, err := r.ClaimJob(ctx, school, "monitor", "other", time.Minute); err != nil || got {
			t.Errorf("a renewed lease was taken over: %v, %v", got, err)
		}
		r.Clock.Advance(11 * time.Second)
		if got, err := r.ClaimJob(ctx, school, "monitor", "other", time.Minute); err != nil || !got {
			t.Errorf("a lease that has run out was not taken over: %v, %v", got, err)
		}
		if kept, err := r.RenewJob(ctx, school, "monitor", first, time.Minute); err != nil || kept {
			t.Errorf("renewed after it was lost: %v, %v", kept, err)
		}
		if err := r.FinishJob(ctx, school, "monitor", first, "unreachable", 1, r.Clock.Now()); err != nil {
			t.Error(err)
		}
		due := r.Clock.Now().Add(time.Hour)
		if err := r.FinishJob(ctx, school, "monitor", "other", store.OutcomeOK, 7, due); err != nil {
			t.Error(err)
		}
		jobs, err := r.Jobs(ctx, s.principal)
		if err != nil || len(jobs) != 1 || jobs[0].Outcome != store.OutcomeOK || jobs[0].Done != 7 || jobs[0].HeldUntil != nil || jobs[0].SucceededAt == nil || jobs[0].Failures != 0 {
			t.Errorf("jobs %+v: %v", jobs, err)
		}
		if due, err := r.JobDue(ctx, school, "monitor"); err != nil || due {
			t.Errorf("due before its time: %v, %v", due, err)
		}
		r.Clock.Advance(time.Hour)
		if due, err := r.JobDue(ctx, school, "monitor"); err != nil || !due {
			t.Errorf("not due in its time: %v, %v", due, err)
		}
		if _, err := r.Jobs(ctx, s.deputy); err == nil {
			t.Error("a deputy sees the work in the background")
		}
	})
}

// A delivery is claimed by one service at a time; one whose sender died is claimed
// again; one that is given up is told and can be tried again.
func TestDeliveriesAreClaimedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		school := r.School.ID
		channels := []store.Channel{store.ChannelMail, store.ChannelWebhook}
		derive(t, r.Store, school, channels...)
		var mu sync.Mutex
		claimed := map[string]int{}
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				all, err := r.ClaimDeliveries(ctx, school, fmt.Sprint("service-", i), channels, 10, time.Minute)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, d := range all {
					claimed[d.ID]++
					if d.Attempts != 1 || d.Channel != store.ChannelWebhook || d.Notice.Kind != custody.NoticeHandOverAccepted {
						t.Errorf("claimed %+v", d)
					}
				}
			})
		}
		group.Wait()
		if len(claimed) != 3 {
			t.Fatalf("%d deliveries claimed, want the 3 hand-overs", len(claimed))
		}
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("%s was claimed by %d", id, n)
			}
		}
		r.Clock.Advance(61 * time.Second)
		again, err := r.ClaimDeliveries(ctx, school, "successor", channels, 10, time.Minute)
		if err != nil || len(again) != 3 || again[0].Attempts != 2 {
			t.Fatalf("after the lease: %d claimed: %v", len(again), err)
		}
		if err := r.DeliverySent(ctx, school, again[0].ID); err != nil {
			t.Error(err)
		}
		if err := r.DeliveryFailed(ctx, school, again[1].ID, "somebody else", "webhook_status", r.Clock.Now()); err != nil {
			t.Error(err)
		}
		if err := r.DeliveryFailed(ctx, school, again[1].ID, "successor", "webhook_status", r.Clock.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		if err := r.GiveUpDelivery(ctx, school, again[2].ID, "successor", "webhook_refused"); err != nil {
			t.Error(err)
		}
		if left, _ := r.ClaimDeliveries(ctx, school, "successor", channels, 10, time.Minute); len(left) != 0 {
			t.Errorf("%d are claimed before their time", len(left))
		}
		rows := noticesOf(t, r.Store, s.admin)
		if rows[0].Kind != custody.NoticeDeliveryGivenUp || rows[0].Params["error"] != "webhook_refused" {
			t.Errorf("the admin is told %v", kinds(rows))
		}
		gone, err := r.GivenUp(ctx, s.admin)
		if err != nil || len(gone) != 1 || gone[0].LastError != "webhook_refused" {
			t.Fatalf("given up: %+v, %v", gone, err)
		}
		if err := r.RetryDelivery(ctx, s.deputy, gone[0].ID); err == nil {
			t.Error("a deputy has it tried again")
		}
		if err := r.RetryDelivery(ctx, s.admin, gone[0].ID); err != nil {
			t.Error(err)
		}
		if left, _ := r.ClaimDeliveries(ctx, school, "successor", channels, 10, time.Minute); len(left) != 1 || left[0].Attempts != 1 {
			t.Errorf("%d are claimed after the retry", len(left))
		}
		r.Clock.Advance(time.Hour)
		if n, err := r.WaitingDeliveries(ctx, s.admin); err != nil || n != 2 {
			t.Errorf("%d waiting: %v", n, err)
		}
	})
}
