package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// Many at once are as many one by one: each has its own outcome, a bad one
// leaves the others alone, and all of it sent again takes effect once.
func TestManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		agent := s.principal.agent
		var requests []wire.GrantRequest
		for range 150 {
			requests = append(requests, s.principal.request(newDocument("QĐ"), wire.ActApprove, ""))
		}
		requests[40].Act = wire.ActIssue // a personal token never seals
		requests[70].SHA256In = "không"
		requests[100].Request = requests[99].Request // with another file: a conflict
		first, err := agent.Grants(ctx, requests)
		if err != nil {
			t.Fatal(err)
		}
		again, err := agent.Grants(ctx, requests)
		if err != nil {
			t.Fatal(err)
		}
		var records []wire.GrantRecord
		bad := map[int]string{40: wire.RefusedActNotAllowed, 70: wire.CodeInvalid, 100: wire.CodeConflict}
		for i, outcome := range first {
			switch code := bad[i]; {
			case code == "" && outcome.Problem != nil:
				t.Fatalf("request %d: %v", i, outcome.Problem)
			case code != "" && (outcome.Problem == nil || outcome.Problem.Code != code || len(outcome.Problem.Detail) < 20):
				t.Errorf("request %d: %+v, want %s", i, outcome.Problem, code)
			case code == "":
				if diff := cmp.Diff(outcome.Grant, again[i].Grant); diff != "" {
					t.Errorf("sent again, request %d got another grant: %s", i, diff)
				}
				records = append(records, wire.GrantRecord{Grant: outcome.Grant.ID, Record: s.principal.finish(t, s)})
			}
		}
		unused := records[0].Grant
		records = records[1:]
		records[5].Record.ByteRangeDigest = randomHash() // another file's
		records[6].Grant = uuid.NewString()
		records[8].Record = records[7].Record // one signature for two grants
		receipts, err := agent.Records(ctx, records)
		if err != nil {
			t.Fatal(err)
		}
		repeated, err := agent.Records(ctx, records)
		if err != nil {
			t.Fatal(err)
		}
		bad = map[int]string{5: wire.CodeSignatureInvalid, 6: wire.CodeNotFound, 8: wire.CodeSignatureConflict}
		entries := map[int64]bool{}
		for i, outcome := range receipts {
			if code := bad[i]; code != "" {
				if outcome.Problem == nil || outcome.Problem.Code != code {
					t.Errorf("record %d: %+v, want %s", i, outcome.Problem, code)
				}
				continue
			}
			if outcome.Problem != nil || repeated[i].Problem != nil {
				t.Fatalf("record %d: %v, again %v", i, outcome.Problem, repeated[i].Problem)
			}
			entry, _ := s.check(t, *outcome.Receipt)
			if entry.Fields["sha256_out"] != records[i].Record.SHA256Out || entry.Fields["grant"] != records[i].Grant {
				t.Errorf("record %d has the receipt of another", i)
			}
			if repeated[i].Receipt.Index != outcome.Receipt.Index {
				t.Errorf("record %d is in the log twice", i)
			}
			entries[outcome.Receipt.Index] = true
		}
		if len(entries) != len(records)-len(bad) {
			t.Errorf("%d entries for %d records", len(entries), len(records)-len(bad))
		}

		abandons := []wire.GrantAbandon{{Grant: unused, Reason: "cancelled"}, {Grant: records[0].Grant, Reason: "cancelled"}, {Grant: uuid.NewString(), Reason: "other"}}
		for range 2 {
			outcomes, err := agent.Abandons(ctx, abandons)
			if err != nil {
				t.Fatal(err)
			}
			if outcomes[0].Problem != nil || outcomes[1].Problem == nil || outcomes[1].Problem.Code != wire.CodeConflict ||
				outcomes[2].Problem == nil || outcomes[2].Problem.Code != wire.CodeNotFound {
				t.Errorf("%+v", outcomes)
			}
		}
		// An agent that never heard of its grant names the request.
		lost := []wire.GrantAbandon{{Request: uuid.NewString(), Reason: "not_finished"}}
		unheard := s.principal.request(newDocument("QĐ"), wire.ActApprove, "")
		if _, err := agent.Grant(ctx, unheard); err != nil {
			t.Fatal(err)
		}
		lost = append(lost, wire.GrantAbandon{Request: unheard.Request, Reason: "not_finished"})
		found, err := agent.Abandons(ctx, lost)
		if err != nil || found[0].Problem != nil || found[1].Problem != nil {
			t.Errorf("%+v, %v", found, err)
		}
		// Somebody else's grants stay theirs.
		outcomes, err := s.deputy.agent.Records(ctx, records[:1])
		if err != nil || outcomes[0].Problem == nil || outcomes[0].Problem.Code != wire.CodeNotFound {
			t.Errorf("%+v, %v", outcomes, err)
		}
		counts := s.CheckLog().ByType
		if counts["grant"] != 148 || int(counts["signature"]) != len(entries) || counts["abandonment"] != 2 {
			t.Errorf("the log has %v", counts)
		}
	})
}

// What the service can't do at all is no outcome of a part.
func TestManyAtOnceAreBounded(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	_, err := s.principal.agent.Grants(ctx, make([]wire.GrantRequest, wire.MaxBulk+1))
	mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)
	_, err = s.principal.agent.Records(ctx, nil)
	mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)
}
