package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// benchSize reads how much history the bench makes: SOKYSO_BENCH_SCHOOLS (20; the
// full size is 2,000), SOKYSO_BENCH_YEARS (5), SOKYSO_BENCH_SIGNATURES a token and
// month (4).
func benchSize(tb testing.TB) storetest.History {
	tb.Helper()
	number := func(name string, otherwise int) int {
		text := os.Getenv("SOKYSO_BENCH_" + name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			tb.Fatalf("SOKYSO_BENCH_%s is %q", name, text)
		}
		return n
	}
	return storetest.History{Schools: number("SCHOOLS", 20), Years: number("YEARS", 5), Signatures: number("SIGNATURES", 4), Until: time.Now().UTC(), Hash: passwordHash(), Seed: 7}
}

// openSeeded fills a fresh database and opens the service of its first school.
func openSeeded(tb testing.TB, database string, h storetest.History) (*storetest.Seeded, *store.Store, *httptest.Server) {
	tb.Helper()
	address := storetest.Fresh(tb, database)
	if err := store.Migrate(ctx, address); err != nil {
		tb.Fatal(err)
	}
	began := time.Now()
	schools := storetest.Seed(tb, storetest.RawDB(tb, address), h)
	tb.Logf("%d schools, %d tokens, %d entries each, made in %s", len(schools), 4*len(schools), schools[0].Entries, time.Since(began).Round(time.Second))
	s, err := store.Open(ctx, store.Config{URL: address, LogKey: schools[0].Key})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	for _, sample := range []*storetest.Seeded{schools[0], schools[len(schools)-1]} {
		if _, err := s.VerifyLog(ctx, sample.School, sample.VKey); err != nil {
			tb.Fatalf("the seeded log: %v", err)
		}
	}
	handler, err := httpapi.New(httpapi.Config{Store: s, Revocation: httpapi.RevocationOff})
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return schools[0], s, server
}

// seededClient signs a person of the seeded school in.
func seededClient(tb testing.TB, server *httptest.Server, username string) *http.Client {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(server.URL+"/sign-in", url.Values{"username": {username}, "password": {password}})
	if err != nil {
		tb.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		tb.Fatalf("sign in as %s: %s", username, resp.Status)
	}
	return client
}

// registerPages are the pages and lists of the register, by who opens them.
func registerPages(s *storetest.Seeded) map[custody.PersonID][]string {
	seal, personal := string(s.Tokens[3]), string(s.Tokens[0])
	return map[custody.PersonID][]string{
		s.Admin: {"/", "/tokens", "/tokens?q=S0&state=held", "/tokens/" + seal, "/tokens/" + personal, "/certificates", "/certificates?show=ending", "/people", "/people?on=2024-10-01",
			"/people/" + string(s.Deputy), "/delegations", "/hand-overs", "/log", "/log?token=" + seal, "/log?type=signature", "/log?person=" + string(s.OfficeHead), "/grants",
			"/papers", "/checks", "/support", "/documents", "/notices", "/notices/share?days=30", "/settings", "/background", "/alarms", "/pairing", "/second-factor", "/loss", "/review", "/review?point=outside_hours&all=1", "/review/charts", "/unlogged", "/log?q=quyet+dinh", wire.PathReview,
			"/people/" + string(s.OfficeHead), "/log?since=2025-01-01&until=2025-12-31", wire.PathPapers, wire.PathNotices, wire.PathBackground,
			"/incidents", wire.PathTokens, wire.PathCertificates, wire.PathStaff, wire.PathDelegations, fmt.Sprintf(wire.PathTimeline, seal), wire.PathPeople, wire.PathEntries, wire.PathHandOvers},
		s.Principal:  {"/", "/tokens/" + personal},
		s.Deputy:     {"/", "/log", "/delegations", wire.PathMyTokens},
		s.OfficeHead: {"/", "/hand-overs", "/tokens/" + seal},
	}
}

// TestSeededHistory: what the bench measures on is a register that verifies, and its
// pages open.
func TestSeededHistory(t *testing.T) {
	for _, database := range storetest.Databases() {
		t.Run(database, func(t *testing.T) {
			school, _, server := openSeeded(t, database, storetest.History{Schools: 2, Years: 4, Signatures: 1, Until: time.Now().UTC(), Hash: passwordHash(), Seed: 7})
			for person, paths := range registerPages(school) {
				client := seededClient(t, server, school.Usernames[person])
				for _, path := range paths {
					resp, err := client.Get(server.URL + path)
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					// The seal may be with somebody else by then.
					if resp.StatusCode != http.StatusOK && !(person == school.OfficeHead && resp.StatusCode == http.StatusNotFound) {
						t.Errorf("%s: %s", path, resp.Status)
					}
				}
			}
		})
	}
}

// BenchmarkPages opens every page and list of the register through the handler and
// reports the median of each in milliseconds; the goal is below 100 on two cores
// with 2,000 schools.
func BenchmarkPages(b *testing.B) {
	for _, database := range storetest.Databases() {
		b.Run(database, func(b *testing.B) {
			school, _, server := openSeeded(b, database, benchSize(b))
			worst := 0.0
			for person, paths := range registerPages(school) {
				client := seededClient(b, server, school.Usernames[person])
				for _, path := range paths {
					median := medianOf(b, client, server.URL+path)
					worst = max(worst, median)
					// The log of a benchmark is cut after ten lines.
					fmt.Printf("%7.1f ms  %s %s\n", median, school.Usernames[person], strings.NewReplacer(string(school.Tokens[3]), "{seal}", string(school.Tokens[0]), "{token}").Replace(path))
				}
			}
			b.ReportMetric(worst, "worst-median-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// medianOf opens a page 15 times, the first not counted.
func medianOf(b *testing.B, client *http.Client, address string) float64 {
	b.Helper()
	var times []time.Duration
	for i := range 16 {
		began := time.Now()
		resp, err := client.Get(address)
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound {
			b.Fatalf("%s: %s", address, resp.Status)
		}
		if i > 0 {
			times = append(times, time.Since(began))
		}
	}
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1000
}
