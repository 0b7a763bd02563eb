package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi/wire"
)

// get asks for a page.
func (a *asker) get(path string, query url.Values) answered {
	a.tb.Helper()
	req, err := http.NewRequest(http.MethodGet, a.url+path+"?"+query.Encode(), nil)
	if err != nil {
		a.tb.Fatal(err)
	}
	req.Header = a.header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.tb.Fatal(err)
	}
	defer resp.Body.Close()
	got := answered{status: resp.StatusCode, header: resp.Header}
	if got.body, err = io.ReadAll(resp.Body); err != nil {
		a.tb.Fatal(err)
	}
	if got.status >= 400 {
		if err := json.Unmarshal(got.body, &got.Problem); err != nil {
			a.tb.Fatalf("%s: %v", got.body, err)
		}
	}
	return got
}

// page asks for a page and returns its items and the next cursor.
func (a *asker) page(path string, query url.Values) (items []string, next string) {
	a.tb.Helper()
	got := a.get(path, query)
	if got.status != http.StatusOK {
		a.tb.Fatalf("%s?%s: %d %s", path, query.Encode(), got.status, got.body)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(got.body, &fields); err != nil {
		a.tb.Fatal(err)
	}
	for name, value := range fields {
		var list []json.RawMessage
		if name == "next" {
			if err := json.Unmarshal(value, &next); err != nil {
				a.tb.Fatal(err)
			}
		} else if json.Unmarshal(value, &list) == nil {
			for _, item := range list {
				items = append(items, string(item))
			}
		}
	}
	return items, next
}

// inPages fetches a list by pages of that size.
func (a *asker) inPages(path string, size int) (items []string) {
	a.tb.Helper()
	query := url.Values{"limit": {fmt.Sprint(size)}}
	for range 200 {
		part, next := a.page(path, query)
		if len(part) > size {
			a.tb.Errorf("%s: %d on a page of %d", path, len(part), size)
		}
		items = append(items, part...)
		if next == "" {
			return items
		}
		query.Set("cursor", next)
	}
	a.tb.Fatalf("%s has no end", path)
	return nil
}

// Every list that the description says comes in pages is the same in pages of any size, for
// who sees all and for who sees their own.
func TestPagesMakeTheWholeList(t *testing.T) {
	for _, database := range storetest.Databases() {
		t.Run(database, func(t *testing.T) {
			c := newContract(t, database, 1)
			c.fill()
			callers := []*asker{c.inPerson(c.admin, ""), c.inPerson(c.deputy, "")}
			var paged []string
			several := 0
			for _, op := range c.operations {
				takes := false
				parameters, _ := op.described["parameters"].([]any)
				for _, parameter := range parameters {
					takes = takes || parameter.(map[string]any)["name"] == "cursor"
				}
				if !takes {
					continue
				}
				paged = append(paged, op.id)
				for i, caller := range callers {
					if caller.get(op.path, nil).status == http.StatusForbidden && i > 0 {
						continue
					}
					whole, next := caller.page(op.path, url.Values{"limit": {"200"}})
					if next != "" {
						t.Errorf("%s goes on after %d", op.id, len(whole))
					}
					if len(whole) > 1 {
						several++
					}
					for _, size := range []int{1, 2, 3} {
						if parts := caller.inPages(op.path, size); !slices.Equal(parts, whole) {
							t.Errorf("%s in pages of %d:\n%s\nwhole:\n%s", op.id, size, strings.Join(parts, "\n"), strings.Join(whole, "\n"))
						}
					}
					for _, wrong := range []url.Values{{"limit": {"0"}}, {"limit": {"201"}}, {"cursor": {"x"}}, {"cursor": {"-1"}}, {"cursor": {"9223372036854775808"}}} {
						caller.get(op.path, wrong).is(t, http.StatusUnprocessableEntity, wire.CodeInvalid, "")
					}
				}
			}
			slices.Sort(paged)
			want := []string{"alarms", "certificates", "checks", "delegations", "documents", "handOvers", "incidents", "overdueHandOvers", "papers", "people", "staff", "supportRequests", "tokens", "unconfirmedGrants"}
			if !slices.Equal(paged, want) || several < 18 {
				t.Errorf("%d lists have several things; in pages come %q", several, paged)
			}
		})
	}
}

// fill puts more than one thing into each list.
func (c *contract) fill() {
	c.TB.Helper()
	must := func(err error) {
		c.TB.Helper()
		if err != nil {
			c.TB.Fatal(err)
		}
	}
	admin := c.signIn(c.admin)
	for i := range 3 {
		_, err := c.deputy.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(c.deputyTwo.token.ID), Kind: "misplaced", DiscoveredAt: c.Clock.Now(), Description: fmt.Sprint("lần ", i)})
		if err != nil {
			_, err = c.deputyTwo.agent.ReportIncident(ctx, wire.NewIncident{TokenID: string(c.deputyTwo.token.ID), Kind: "misplaced", DiscoveredAt: c.Clock.Now(), Description: fmt.Sprint("lần ", i)})
		}
		must(err)
		must(c.client(wire.ClientConfig{}).RaiseAlarm(ctx, wire.NewAlarm{Kind: "lost", Name: fmt.Sprint("Người gọi ", i), Contact: "0900000000", Description: "mất USB ký số ở chợ"}))
		c.submit(c.deputy.agent, samplePDF(c.TB, "ke-hoach.pdf"), step(c.principal, wire.ActApprove, ""))
		_, err = c.principal.agent.Grant(ctx, c.principal.request(newDocument("QĐ"), "approve", ""))
		must(err)
		_, err = c.AddDelegation(ctx, c.System, custody.Delegation{Grantor: c.principal.actor.Person, Delegate: c.deputy.actor.Person, Capacity: custody.KT, Kinds: []string{"TB"},
			From: custody.Date(fmt.Sprintf("2026-0%d-01", i+1)), Until: custody.Date(fmt.Sprintf("2026-0%d-28", i+1)), PaperNumber: fmt.Sprintf("%d/UQ-MNHS", i+1), PaperOn: "2026-01-01"})
		must(err)
		check, err := admin.OpenCheck(ctx, wire.NewCheck{Kind: "special", Due: "2026-10-30"})
		must(err)
		_, err = admin.CloseCheck(ctx, check.ID, wire.CloseCheck{Conclusion: "đủ"})
		must(err)
		_, err = c.signIn(c.deputy).AskSupport(ctx, wire.NewSupportRequest{TokenID: string(c.deputy.token.ID), Kind: []string{"renewal", "change", "technical"}[i], Description: "xin hỗ trợ", Present: "a", Wanted: "b"})
		must(err)
	}
	for _, m := range []*member{c.principal, c.deputy} {
		in := wire.NewPaper{Kind: "hand_over_minutes", HandOverID: c.handOverOf(m), Date: "2026-10-07"}
		draft, err := admin.DraftPaper(ctx, in)
		must(err)
		in.Number = draft.Number
		_, err = admin.IssuePaper(ctx, in)
		must(err)
	}
	for _, m := range []*member{c.deputy, c.officeHead} {
		_, err := c.signIn(m).OfferHandOver(ctx, wire.NewHandOver{TokenID: string(m.token.ID), Condition: "tốt"})
		must(err)
	}
	c.Clock.Advance(time.Hour)
}

// What is registered while somebody turns pages shifts nothing.
func TestAPageIsNotShifted(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		page := s.inPerson(s.admin, "")
		whole, _ := page.page(wire.PathPeople, nil)
		first, cursor := page.page(wire.PathPeople, url.Values{"limit": {"2"}})
		s.member("Hồ Thị Cúc", "cuc", "")
		rest, _ := page.page(wire.PathPeople, url.Values{"cursor": {cursor}})
		got := append(first, rest...)
		if len(got) != len(whole)+1 || !slices.Equal(got[:len(whole)], whole) {
			t.Errorf("%d and then %d, of %d", len(first), len(rest), len(whole))
		}
		// The newest in front: a new one is on nobody's later page.
		for i := range 3 {
			must := s.client(wire.ClientConfig{}).RaiseAlarm(ctx, wire.NewAlarm{Kind: "lost", Name: fmt.Sprint("Người gọi ", i), Contact: "0900000000", Description: "mất USB ký số ở chợ"})
			if must != nil {
				t.Fatal(must)
			}
		}
		alarms, _ := page.page(wire.PathAlarms, nil)
		first, cursor = page.page(wire.PathAlarms, url.Values{"limit": {"1"}})
		if err := s.client(wire.ClientConfig{}).RaiseAlarm(ctx, wire.NewAlarm{Kind: "lost", Name: "Người sau", Contact: "0900000000", Description: "mất USB ký số ở chợ"}); err != nil {
			t.Fatal(err)
		}
		rest, _ = page.page(wire.PathAlarms, url.Values{"cursor": {cursor}})
		if !slices.Equal(append(first, rest...), alarms) {
			t.Errorf("%q then %q, of %q", first, rest, alarms)
		}
	})
}
