package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/jmoiron/sqlx"

	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
)

// TestNoOtherSchool: two schools in one database, and a service of one of them. Whatever an
// admin of it asks with identifiers of the other, on each route, in path, query and body,
// is answered as if there were nothing, and changes nothing there.
func TestNoOtherSchool(t *testing.T) {
	for _, database := range storetest.Databases() {
		t.Run(database, func(t *testing.T) {
			address := storetest.Fresh(t, database)
			if err := store.Migrate(ctx, address); err != nil {
				t.Fatal(err)
			}
			db := storetest.RawDB(t, address)
			schools := storetest.Seed(t, db, storetest.History{Schools: 2, Years: 1, Signatures: 3, Until: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Seed: 3, Hash: passwordHash()})
			own, other := schools[0], schools[1]
			s, err := store.Open(ctx, store.Config{URL: address, LogKey: own.Key})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			handler, err := httpapi.New(httpapi.Config{Store: s, Revocation: httpapi.RevocationOff})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(handler)
			defer server.Close()
			ids, secrets := identifiersOf(t, db, string(other.School))
			before := rowsOfSchool(t, db, string(other.School))
			client := seededClient(t, server, own.Usernames[own.Admin])
			if resp, err := client.Get(server.URL + "/people"); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("signed in: %v %v", resp, err)
			}
			asked := 0
			ask := func(method, path string, form url.Values, json string) {
				t.Helper()
				var body io.Reader
				kind := ""
				switch {
				case form != nil:
					body, kind = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
				case json != "":
					body, kind = strings.NewReader(json), "application/json"
				}
				r, err := http.NewRequest(method, server.URL+path, body)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", kind)
				resp, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				answer, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				asked++
				for _, secret := range secrets {
					if strings.Contains(string(answer), secret) {
						t.Errorf("%s %s tells %q of the other school", method, path, secret)
					}
				}
			}
			walked := 0
			err = chi.Walk(handler.(chi.Routes), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
				if pattern == "/sign-out" || strings.HasSuffix(pattern, "/session") || strings.HasPrefix(pattern, "/sessions") {
					return nil
				}
				walked++
				for table, id := range ids {
					path := strings.NewReplacer("{id}", id, "{index}", "1", "{secret}", id, "{number}", "1", "*", "0/000").Replace(pattern)
					if !strings.Contains(pattern, "{id}") && method == http.MethodGet {
						query := url.Values{}
						for _, name := range []string{"id", "person", "token", "check", "document", "incident", "hand_over", "to", "report"} {
							query.Set(name, id)
						}
						path += "?" + query.Encode()
					}
					if method == http.MethodGet {
						status := statusOf(t, client, server.URL+path)
						if strings.Contains(pattern, "{id}") && status == http.StatusOK {
							t.Errorf("GET %s with an identifier of %s: %d", pattern, table, status)
						}
						ask(method, path, nil, "")
						continue
					}
					form := url.Values{"confirmed": {"1"}, "sure": {"1"}, "reason": {"thử"}, "name": {"Người lạ"}, "kind": {"lost"}, "step": {"seen"}, "act": {"approve"}, "note": {"thử"},
						"description": {"thử"}, "state": {"closed"}, "place": {"Két lạ"}, "until": {"2026-12-31"}}
					body := []string{`"reason":"thử"`, `"step":"seen"`, `"kind":"lost"`}
					for _, name := range []string{"token", "person", "to", "person_id", "token_id", "witness", "hand_over", "check", "document", "signer", "id", "grantor", "delegate", "grant", "incident"} {
						form.Set(name, id)
						body = append(body, fmt.Sprintf("%q:%q", name, id))
					}
					if strings.HasPrefix(pattern, "/api/") {
						ask(method, path, nil, "{"+strings.Join(body, ",")+"}")
					} else {
						ask(method, path, form, "")
					}
				}
				return nil
			})
			if err != nil || walked < 150 {
				t.Errorf("%d routes: %v", walked, err)
			}
			t.Logf("%d routes, %d requests, identifiers of %d tables", walked, asked, len(ids))
			after := rowsOfSchool(t, db, string(other.School))
			for table, rows := range before {
				if !slices.Equal(rows, after[table]) {
					t.Errorf("%s of the other school was changed: %d rows, %d before", table, len(after[table]), len(rows))
				}
			}
			if _, err := s.VerifyLog(ctx, other.School, other.VKey); err != nil {
				t.Errorf("the other school's log: %v", err)
			}
		})
	}
}

func statusOf(t *testing.T, client *http.Client, address string) int {
	t.Helper()
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// identifiersOf are one of each table of a school, and texts that stand nowhere else.
func identifiersOf(t *testing.T, db *sqlx.DB, school string) (ids map[string]string, secrets []string) {
	t.Helper()
	ids = map[string]string{}
	for table, rows := range rowsOfSchool(t, db, school) {
		if len(rows) == 0 {
			continue
		}
		for _, column := range []string{"id", "person_id", "sha256"} {
			var id string
			if db.Get(&id, db.Rebind("SELECT "+column+" FROM "+table+" WHERE school_id = ? LIMIT 1"), school) == nil && id != "" {
				ids[table] = id
				break
			}
		}
	}
	for _, query := range []string{`SELECT serial FROM tokens WHERE school_id = ?`, `SELECT username FROM accounts WHERE school_id = ?`} {
		var texts []string
		if err := db.Select(&texts, db.Rebind(query), school); err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, texts...)
	}
	if len(ids) < 8 || len(secrets) < 5 {
		t.Fatalf("identifiers of %d tables, %d texts", len(ids), len(secrets))
	}
	return ids, secrets
}

// rowsOfSchool are all rows of a school, by table, as texts, sorted.
func rowsOfSchool(t *testing.T, db *sqlx.DB, school string) map[string][]string {
	t.Helper()
	query := `SELECT name FROM sqlite_schema WHERE type = 'table'`
	if db.DriverName() == "pgx" {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	var tables []string
	if err := db.Select(&tables, query); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, table := range tables {
		rows, err := db.Queryx(db.Rebind("SELECT * FROM "+table+" WHERE school_id = ?"), school)
		if err != nil {
			continue // a table of no school
		}
		for rows.Next() {
			row, err := rows.SliceScan()
			if err != nil {
				t.Fatal(err)
			}
			out[table] = append(out[table], fmt.Sprint(row...))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(out[table])
	}
	return out
}
