package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestStanding: what the register says of signatures to who checks a document.
func TestStanding(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		kt := s.approval()
		kt.TokenSerial, kt.Certificate, kt.Capacity, kt.Document.Kind = "A1002", s.deputyCert, custody.KT, "TB"
		g, rec, receipt := s.sign(s.deputy, kt)
		ask := func(actor custody.Actor, q store.StandingQuery) store.Standing {
			t.Helper()
			q.Certificate = g.CertificateSHA256
			st, err := s.Standing(ctx, actor, q)
			if err != nil {
				t.Fatal(err)
			}
			return st
		}
		entries := func(st store.Standing) map[int64]signinglog.Entry {
			t.Helper()
			found := map[int64]signinglog.Entry{}
			for _, receipt := range st.Receipts {
				entry, _, err := signinglog.CheckReceipt(receipt, s.verifier())
				if err != nil {
					t.Fatal(err)
				}
				found[receipt.Index] = entry
			}
			return found
		}
		byDigest := store.StandingQuery{ByteRangeDigest: rec.ByteRangeDigest}

		st := ask(s.officeHead, byDigest)
		if st.Signature != receipt.Index || st.Custody == nil || st.Custody.Name != "Trần Thị Hòa" || st.Custody.Entry != g.CustodyEntry ||
			st.Custody.UntilEntry != 0 || len(st.Incidents) != 0 || st.Token.Serial != "A1002" {
			t.Errorf("logged: %+v %+v", st, st.Custody)
		}
		if st.Assigned == nil || st.Assigned.Paper == "" || st.Assigned.Entry == 0 {
			t.Fatalf("assigned: %+v", st.Assigned)
		}
		proved := entries(st)
		for index, kind := range map[int64]signinglog.Type{st.Signature: signinglog.TypeSignature, st.Custody.Entry: signinglog.TypeAcceptance,
			st.Assigned.Entry: signinglog.TypeScope} {
			if proved[index].Type != kind {
				t.Errorf("entry %d is proved as %q instead of %q", index, proved[index].Type, kind)
			}
		}
		if byFile := ask(s.officeHead, store.StandingQuery{SHA256Out: rec.SHA256Out}); byFile.Signature != st.Signature {
			t.Errorf("by the output: %+v", byFile)
		}

		// The token changes hands and is reported; the past stays what it was.
		signed := s.Clock.Now()
		s.Clock.Advance(time.Hour)
		if err := s.End(ctx, s.admin, store.NewEnding{Ending: custody.Ending{Kind: custody.EndScope, Person: s.deputy.Person, Scope: st.Assigned.ID,
			Until: custody.DateOf(signed)}, Reason: "thôi phân công"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: s.deputyToken.ID, Kind: custody.Lost, DiscoveredAt: signed.Add(-time.Minute),
			Description: "rơi ở chợ"}); err != nil {
			t.Fatal(err)
		}
		st = ask(s.principal, byDigest)
		if len(st.Incidents) != 1 || st.Incidents[0].Kind != custody.Lost || st.Incidents[0].Entry < st.Signature || st.Assigned == nil {
			t.Errorf("after the report: %+v", st)
		}
		if proved := entries(st); proved[st.Incidents[0].Entry].Type != signinglog.TypeIncident {
			t.Errorf("the report is proved as %+v", proved[st.Incidents[0].Entry])
		}

		// A signature that the log does not have: custody by the time asked about.
		for name, test := range map[string]struct {
			at   time.Time
			held bool
		}{"then": {signed, true}, "before it was handed over": {signed.AddDate(0, 0, -30), false}, "never": {time.Time{}, false}} {
			st := ask(s.admin, store.StandingQuery{ByteRangeDigest: randomHash(), At: test.at})
			if st.Signature != 0 || (st.Custody != nil) != test.held || st.Assigned != nil || len(st.Incidents) != 1 {
				t.Errorf("%s: %+v", name, st)
			}
		}
		for name, test := range map[string]struct {
			actor custody.Actor
			told  bool
		}{"the custodian": {s.deputy, true}, "the principal": {s.principal, true}, "a colleague": {s.officeHead, false}} {
			st := ask(test.actor, store.StandingQuery{ByteRangeDigest: randomHash(), At: signed})
			if (st.Custody != nil) != test.told || len(st.Incidents) != 1 {
				t.Errorf("outside the log, asked by %s: %+v", name, st)
			}
		}

		stranger := s.principal
		stranger.School = custody.SchoolID("00000000-0000-4000-8000-000000000000")
		for name, actor := range map[string]custody.Actor{"another school": stranger, "": s.admin} {
			q := store.StandingQuery{Certificate: g.CertificateSHA256, ByteRangeDigest: rec.ByteRangeDigest}
			if name == "" {
				q.Certificate = randomHash()
			}
			var e *custody.Error
			if _, err := s.Standing(ctx, actor, q); !errors.As(err, &e) || e.Kind != custody.ErrNotFound {
				t.Errorf("%q: %v", name, err)
			}
		}
		for _, q := range []store.StandingQuery{{Certificate: "x"}, {Certificate: g.CertificateSHA256, ByteRangeDigest: "x"}, {Certificate: g.CertificateSHA256, SHA256Out: "x"}} {
			var e *custody.Error
			if _, err := s.Standing(ctx, s.admin, q); !errors.As(err, &e) || e.Kind != custody.ErrInvalid {
				t.Errorf("%+v: %v", q, err)
			}
		}
		if !slices.IsSortedFunc(st.Receipts, func(a, b signinglog.Receipt) int { return int(a.Index - b.Index) }) {
			t.Error("the receipts stand in no order")
		}
		s.CheckLog()
	})
}
