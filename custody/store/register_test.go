package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// TestConstraints: the database itself refuses a second custodian, a second open
// offer, and a second grant for one request.
func TestConstraints(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := fullRegister(r)
		db := s.DB()
		for name, test := range map[string]struct{ statement, constraint, columns string }{
			"custodian": {`INSERT INTO custodies (id, school_id, token_id, person_id, since_at, entry_index)
				SELECT 'x', school_id, token_id, person_id, since_at, 9999 FROM custodies WHERE until_at IS NULL`, "custodies_one_open", "custodies.token_id"},
			"offer": {`INSERT INTO hand_overs (id, school_id, token_id, kind, giver_id, receiver_id, permission_number, offered_at, entry_index, state)
				SELECT 'x', school_id, token_id, kind, giver_id, receiver_id, '', offered_at, 9999, 'offered' FROM hand_overs WHERE state = 'offered'`, "hand_overs_one_open", "hand_overs.token_id"},
			"request": {`INSERT INTO grants (id, school_id, person_id, token_id, request, certificate_sha256, sha256_in, act, capacity, document_number, document_symbol, document_kind, title, custody_entry, granted_at, expires_at, entry_index)
				SELECT 'x', school_id, person_id, token_id, request, certificate_sha256, sha256_in, act, capacity, '', '', '', '', 1, 1, 1, 9999 FROM grants LIMIT 1`, "grants_request_unique", "grants.person_id, grants.request"},
			"owner of a seal": {`INSERT INTO tokens (id, school_id, serial, model, kind, owner_id, created_at, entry_index)
				SELECT 'x', school_id, 'x', '', 'seal', owner_id, 1, 9999 FROM tokens WHERE owner_id IS NOT NULL LIMIT 1`, "tokens_owner_check", "tokens_owner_check"},
		} {
			_, err := db.Exec(test.statement)
			if err == nil || !strings.Contains(err.Error(), test.constraint) && !strings.Contains(err.Error(), test.columns) {
				t.Errorf("second %s: %v", name, err)
			}
		}
		s.CheckLog()
	})
}

func TestPairing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		code, expires, err := s.CreatePairingCode(ctx, s.deputy)
		if err != nil {
			t.Fatal(err)
		}
		if len(code) != 8 || strings.ContainsAny(code, "01IO") || expires.Sub(s.Clock.Now()) > 15*time.Minute {
			t.Errorf("code %q until %v", code, expires)
		}
		key, actor, err := s.Pair(ctx, s.School.ID, " "+strings.ToLower(code[:4])+"-"+code[4:], "PC phòng phó hiệu trưởng")
		if err != nil {
			t.Fatal(err)
		}
		if actor.Person != s.deputy.Person || actor.Via != custody.ViaAgent || !actor.Roles.Deputy {
			t.Errorf("paired %+v", actor)
		}
		again, err := s.ActorByAPIKey(ctx, key)
		if err != nil || again != actor {
			t.Errorf("key of %+v: %v", again, err)
		}
		if _, err := s.ActorByAPIKey(ctx, key+"x"); !errors.Is(err, custody.ErrUnauthenticated) {
			t.Errorf("unknown key: %v", err)
		}
		wrong := func(name, code string) {
			t.Helper()
			var e *custody.Error
			if _, _, err := s.Pair(ctx, s.School.ID, code, "PC"); !errors.As(err, &e) || e.Code != custody.CodePairingCode {
				t.Errorf("%s: %v", name, err)
			}
		}
		wrong("used", code)
		wrong("too short", "ABC")
		code, _, err = s.CreatePairingCode(ctx, s.deputy)
		if err != nil {
			t.Fatal(err)
		}
		last := byte('2')
		if code[7] == '2' {
			last = '3'
		}
		for range 5 {
			wrong("guess", code[:7]+string(last))
		}
		wrong("right after five wrong ones", code)
		code, _, err = s.CreatePairingCode(ctx, s.deputy)
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(15 * time.Minute)
		wrong("expired", code)

		code, _, err = s.CreatePairingCode(ctx, s.deputy)
		if err != nil {
			t.Fatal(err)
		}
		won := 0
		for _, err := range inParallel(5, func(int) error { _, _, err := s.Pair(ctx, s.School.ID, code, "PC"); return err }) {
			if err == nil {
				won++
			}
		}
		if won != 1 {
			t.Errorf("one code paired %d agents", won)
		}
		s.CheckLog()
	})
}

func TestSessionsAndAccounts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		sessions := s.Sessions()
		if err := sessions.CommitCtx(ctx, "cookie", []byte("data"), s.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := sessions.Commit("cookie", []byte("newer"), s.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if data, found, err := sessions.Find("cookie"); string(data) != "newer" || !found || err != nil {
			t.Errorf("session %q %v %v", data, found, err)
		}
		var stored int
		if err := s.DB().Get(&stored, `SELECT COUNT(*) FROM sessions WHERE cookie_sha256 = 'cookie'`); err != nil || stored != 0 {
			t.Errorf("the cookie itself is stored: %v", err)
		}
		s.Clock.Advance(time.Hour)
		if _, found, err := sessions.Find("cookie"); found || err != nil {
			t.Errorf("expired session: %v %v", found, err)
		}
		if err := sessions.Delete("cookie"); err != nil {
			t.Error(err)
		}

		p, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Đỗ Văn Bình", Username: "Binh", PasswordHash: "hash"})
		if err != nil {
			t.Fatal(err)
		}
		account, err := s.AccountByUsername(ctx, s.School.ID, "BINH ")
		if err != nil || account.PersonID != p.ID || account.PasswordHash != "hash" {
			t.Errorf("account %+v: %v", account, err)
		}
		if err := s.SetPassword(ctx, s.deputy, p.ID, "stolen"); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("a deputy set somebody's password: %v", err)
		}
		if err := s.SetPassword(ctx, s.Actor(p.ID), p.ID, "new"); err != nil {
			t.Error(err)
		}
		if account, _ = s.AccountByUsername(ctx, s.School.ID, "binh"); account.PasswordHash != "new" {
			t.Errorf("account %+v", account)
		}
		if _, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "X", Username: "bInH", PasswordHash: "x"}); reason(err) != custody.ReasonDuplicate {
			t.Errorf("second account: %v", err)
		}
		if _, err := s.CreateSchool(ctx, store.NewSchool{Name: "B", Code: "B"}); reason(err) != custody.ReasonSchoolExists {
			t.Errorf("second school: %v", err)
		}
		if err := s.AddPosition(ctx, s.admin, p.ID, custody.Position{Kind: custody.Principal, Title: "Hiệu trưởng", From: "2026-06-01"}); reason(err) != custody.ReasonDuplicate {
			t.Errorf("second principal: %v", err)
		}
		if err := s.AddPosition(ctx, s.deputy, s.deputy.Person, custody.Position{Kind: custody.Principal, Title: "Hiệu trưởng", From: "2026-06-01"}); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("a deputy made herself principal: %v", err)
		}
	})
}

// TestWhoSeesWhat: a deputy sees her own, the principal and the admin all.
func TestWhoSeesWhat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := fullRegister(r) // where the principal's first token is blocked
		token, certificate := s.AddToken("A1010", s.principal.Person)
		s.Give(token.ID, s.principal)
		request := s.approval()
		request.TokenSerial, request.Certificate = token.Serial, certificate
		g, _, receipt := s.sign(s.principal, request)
		if rows, err := s.Tokens(ctx, s.deputy); err != nil || len(rows) != 1 || rows[0].ID != s.deputyToken.ID || rows[0].State != custody.Revoked {
			t.Errorf("deputy sees %d tokens %+v, %v", len(rows), rows, err)
		}
		var all int
		if err := s.DB().Get(&all, `SELECT COUNT(*) FROM tokens`); err != nil {
			t.Fatal(err)
		}
		if rows, err := s.Tokens(ctx, s.principal); err != nil || len(rows) != all || all < 4 {
			t.Errorf("principal sees %d tokens of %d, %v", len(rows), all, err)
		}
		stranger := custody.Actor{School: "0199c0de-0000-7000-8000-000000000009", Person: s.principal.Person, Roles: custody.Roles{Principal: true, Admin: true}}
		for name, err := range map[string]error{
			"token":             second(s.Token(ctx, s.deputy, s.sealToken.ID)),
			"grant":             second(s.Grant(ctx, s.deputy, g.ID)),
			"entry":             second(s.Entry(ctx, s.deputy, receipt.Index)),
			"receipt":           second(s.Receipt(ctx, s.deputy, receipt.Index)),
			"record":            second(s.RecordSignature(ctx, s.deputy, g.ID, withTime(record(), s))),
			"abandon":           s.AbandonGrant(ctx, s.deputy, g.ID, "other"),
			"incident":          second(s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: s.principalToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "x"})),
			"offer":             second(s.OfferHandOver(ctx, s.deputy, store.NewHandOver{Token: s.principalToken.ID, To: s.deputy.Person})),
			"other school":      second(s.Token(ctx, stranger, s.sealToken.ID)),
			"other school, log": second(s.Entries(ctx, stranger, store.LogFilter{})),
		} {
			if !errors.Is(err, custody.ErrNotFound) {
				t.Errorf("%s of somebody else: %v", name, err)
			}
		}
		page, err := s.Entries(ctx, s.deputy, store.LogFilter{Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Entries {
			e, err := signinglog.Parse(row.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if e.Actor() != string(s.deputy.Person) && e.Subject() != string(s.deputy.Person) {
				t.Errorf("deputy sees entry %d of %s", row.Index, e.Type)
			}
		}
		people, err := s.People(ctx, s.deputy)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range people {
			if p.ID != s.deputy.Person && (p.Email != "" || p.Phone != "" || p.Username != "" || p.Scopes != nil || p.Admin) {
				t.Errorf("deputy sees %+v", p)
			}
		}
		if rows, err := s.Incidents(ctx, s.officeHead); err != nil || len(rows) != 0 {
			t.Errorf("office head sees incidents %+v, %v", rows, err)
		}
	})
}

func TestLogPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := fullRegister(r)
		var got []int64
		filter := store.LogFilter{Limit: 7}
		for {
			page, err := s.Entries(ctx, s.admin, filter)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page.Entries {
				got = append(got, row.Index)
			}
			if page.Next == nil {
				break
			}
			filter.From = page.Next
		}
		if len(got) != int(s.CheckLog().Size) || !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) {
			t.Errorf("pages have %v", got)
		}
		for name, f := range map[string]store.LogFilter{
			"type":   {Type: "signature", Limit: 100},
			"person": {Person: s.deputy.Person, Limit: 100},
			"token":  {Token: s.sealToken.ID, Limit: 100},
			"time":   {Since: s.Clock.Now().Add(-time.Minute), Until: s.Clock.Now(), Limit: 100},
		} {
			page, err := s.Entries(ctx, s.admin, f)
			if err != nil || len(page.Entries) == 0 || len(page.Entries) == len(got) {
				t.Errorf("filter by %s: %d entries, %v", name, len(page.Entries), err)
			}
		}
		page, err := s.Entries(ctx, s.admin, store.LogFilter{Type: "person", Limit: 100})
		if err != nil || page.Entries[0].Reveals["name"] != "Đỗ Văn Bình" {
			t.Errorf("newest person %+v, %v", page.Entries[0].Reveals, err)
		}
		for index := range int64(len(got)) {
			receipt, err := s.Receipt(ctx, s.admin, index)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := signinglog.CheckReceipt(receipt, s.verifier()); err != nil {
				t.Errorf("receipt %d: %v", index, err)
			}
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	if _, err := store.Open(ctx, store.Config{URL: "mysql://user:secret@host/db"}); !errors.Is(err, store.ErrURL) || strings.Contains(err.Error(), "secret") {
		t.Errorf("another database: %v", err)
	}
	if _, err := store.Open(ctx, store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "none.db")}); !errors.Is(err, store.ErrMissing) || !strings.Contains(err.Error(), "custodyd migrate") {
		t.Errorf("no file: %v", err)
	}
	if _, err := store.Open(ctx, store.Config{URL: "postgres://nobody:secret@127.0.0.1:1/none?sslmode=disable"}); !errors.Is(err, store.ErrUnreachable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("no server: %v", err)
	}
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		if _, err := r.DB().Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, ` + map[string]string{"sqlite": "1", "pgx": "true"}[r.DB().DriverName()] + `)`); err != nil {
			t.Fatal(err)
		}
		_, err := store.Open(ctx, r.Config)
		var version *store.VersionError
		if !errors.As(err, &version) || version.Have != 999 || version.Need == 0 || !strings.Contains(err.Error(), "999") {
			t.Errorf("newer schema: %v", err)
		}
	})
}

// TestLostConnection: the server drops every connection; the change that meets
// it fails or is done, and sent again it is there once.
func TestLostConnection(t *testing.T) {
	for _, database := range storetest.Databases() {
		if database != "postgres" {
			continue
		}
		s := handedOut(storetest.Open(t, database))
		db := s.DB()
		const name = "lost-connection" // other packages' tests use the same server
		s.Config.URL += "&application_name=" + name
		s.Reopen()
		for range 5 {
			request := s.approval()
			if _, err := db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, name); err != nil {
				t.Fatal(err)
			}
			var g store.GrantRow
			var err error
			for range 20 {
				if g, err = s.RequestGrant(ctx, s.principal, request); err == nil {
					break
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			rec := withTime(record(), s)
			if _, err := s.RecordSignature(ctx, s.principal, g.ID, rec); err != nil {
				t.Fatal(err)
			}
		}
		if report := s.CheckLog(); report.ByType["signature"] != 5 || report.ByType["grant"] != 5 {
			t.Errorf("log has %v", report.ByType)
		}
	}
}

// TestCancelledCallers: whoever gives up gets an error, the log stays in order.
func TestCancelledCallers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		inParallel(30, func(i int) error {
			limited, cancel := context.WithTimeout(ctx, time.Duration(i)*200*time.Microsecond)
			defer cancel()
			_, err := s.RequestGrant(limited, s.principal, s.approval())
			return err
		})
		s.sign(s.principal, s.approval())
		s.CheckLog()
	})
}
