package store_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// fullRegister has a row of every kind, and every state of hand-overs,
// custodies, grants and certificates.
func fullRegister(r *storetest.Register) *school {
	s := handedOut(r)
	must := func(err error) {
		r.TB.Helper()
		if err != nil {
			r.TB.Fatal(err)
		}
	}
	_, rec, _ := s.sign(s.principal, s.approval())
	s.sign(s.officeHead, custody.GrantRequest{Request: "issue", TokenSerial: "B2001", Certificate: s.sealCert, SHA256In: rec.SHA256Out, Document: document, Act: custody.Issue})
	// A grant that is open, one abandoned, one signed late after it was abandoned.
	_, err := s.RequestGrant(ctx, s.principal, s.approval())
	must(err)
	abandoned, err := s.RequestGrant(ctx, s.principal, s.approval())
	must(err)
	must(s.AbandonGrant(ctx, s.principal, abandoned.ID, "wrong_pin"))
	late, err := s.RequestGrant(ctx, s.principal, s.approval())
	must(err)
	must(s.AbandonGrant(ctx, s.principal, late.ID, "other"))
	s.Clock.Advance(custody.GrantLifetime)
	lateRecord := record()
	lateRecord.SignedAt = s.Clock.Now()
	_, err = s.RecordSignature(ctx, s.principal, late.ID, lateRecord)
	must(err)
	// A declined, a withdrawn and an open offer, a return.
	second, _ := s.AddToken("A1003", s.principal.Person)
	for range 3 {
		offer, err := s.OfferHandOver(ctx, s.admin, store.NewHandOver{Token: second.ID, To: s.principal.Person, Reason: "giao mới"})
		must(err)
		switch offer.Entry % 3 {
		default:
			_, err = s.DeclineHandOver(ctx, s.principal, offer.ID)
		case 1:
			_, err = s.WithdrawHandOver(ctx, s.admin, offer.ID)
		}
		must(err)
	}
	_, err = s.OfferHandOver(ctx, s.admin, store.NewHandOver{Token: second.ID, To: s.principal.Person})
	must(err)
	back, err := s.OfferHandOver(ctx, s.officeHead, store.NewHandOver{Token: s.sealToken.ID, Reason: "nghỉ phép", Condition: "tốt"})
	must(err)
	_, err = s.AcceptHandOver(ctx, s.admin, back.ID)
	must(err)
	// A temporary hand-over with all that its minutes say, confirmed by both sides'
	// signatures; a locked PIN and its recovery; a token written off, and one retired.
	clerk := r.AddPerson("Hoàng Thị Nga", custody.Staff)
	clerkToken, clerkCert := s.AddToken("A1004", clerk.Person)
	s.Give(clerkToken.ID, clerk)
	otherSeal, _ := s.AddToken("B2002", "")
	lent, err := s.OfferHandOver(ctx, s.principal, store.NewHandOver{Token: otherSeal.ID, To: clerk.Person, ReasonKind: custody.Temporary, Since: s.day(0), Until: s.day(5),
		Reason: "đi tập huấn", Condition: "tốt", Accessories: "dây đeo", PermissionNumber: "20/QĐ-MNHS", PermissionDate: s.day(0), PermissionSigner: "Nguyễn Văn Nghĩa", Witness: s.deputy.Person})
	must(err)
	s.confirm(s.principal, lent, custody.Giving, "A1001", s.principalCert)
	s.confirm(clerk, lent, custody.Receiving, "A1004", clerkCert)
	must(s.LockPIN(ctx, clerk, clerkToken.ID, "nhập sai nhiều lần"))
	must(s.AskRecovery(ctx, s.admin, clerkToken.ID, "06/MNHS", s.day(0)))
	must(s.RecoverPIN(ctx, clerk, clerkToken.ID, ""))
	must(s.WriteOff(ctx, s.admin, clerkToken.ID, "không nộp lại"))
	must(s.Retire(ctx, s.admin, store.NewRetirement{Token: clerkToken.ID, Kind: custody.RetiredLost, Reason: "xác nhận thất lạc", Paper: "09/MNHS"}))
	old, _ := s.AddToken("A1005", clerk.Person)
	must(s.Retire(ctx, s.admin, store.NewRetirement{Token: old.ID, Kind: custody.RetiredBroken, Reason: "hỏng"}))
	_, err = s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: s.deputyToken.ID, Kind: custody.Suspected, DiscoveredAt: s.Clock.Now(), Place: "nhà", Description: "máy lạ", PIN: custody.PINExposed, LastUsedAt: s.Clock.Now().Add(-time.Hour)})
	must(err)
	revokedAt := s.Clock.Now()
	tokens, err := s.Tokens(ctx, s.admin)
	must(err)
	must(s.SetRevocation(ctx, s.admin, tokens[1].Certificate.SHA256, &revokedAt, "CRL"))
	_, err = s.AddCertificate(ctx, s.admin, store.NewCertificate{Token: s.principalToken.ID, Certificate: storetest.Certificate(r.TB, "chứng thư gia hạn")})
	must(err)
	leaf, chain := storetest.IssuedCertificate(r.TB, "chứng thư mới", 2026, 2029)
	_, err = s.ProposeCertificate(ctx, s.principal, "A1001", store.NewCertificate{Certificate: leaf, Chain: chain})
	must(err)
	proposals, err := s.CertificateProposals(ctx, s.admin)
	must(err)
	must(s.DecideCertificate(ctx, s.admin, proposals[0].ID, true))
	must(s.PlaceToken(ctx, s.principal, s.principalToken.ID, "Két phòng hiệu trưởng"))
	must(s.PlaceToken(ctx, s.admin, s.principalToken.ID, "Tủ khóa phòng hiệu trưởng"))
	absence, err := s.AddDelegation(ctx, s.admin, custody.Delegation{Grantor: s.principal.Person, Delegate: s.deputy.Person, Capacity: custody.KT, Absence: true,
		From: "2026-10-01", Until: "2026-10-31", PaperNumber: "31/TB-MNHS", PaperOn: "2026-09-30", PaperSigner: "Nguyễn Văn Nghĩa"})
	must(err)
	_, err = s.AddDelegation(ctx, s.admin, custody.Delegation{Grantor: s.principal.Person, Delegate: s.officeHead.Person, Capacity: custody.TUQ, Kinds: []string{"TB"},
		From: "2026-10-01", Until: "2026-12-31", PaperNumber: "32/GUQ-MNHS", PaperOn: "2026-09-30", Content: "ký thông báo nội bộ"})
	must(err)
	must(s.EndDelegation(ctx, s.admin, absence.ID, "2026-10-20", "hiệu trưởng về sớm"))
	code, _, err := s.CreatePairingCode(ctx, s.deputy)
	must(err)
	_, _, err = s.Pair(ctx, s.School.ID, code, "PC phòng phó hiệu trưởng")
	must(err)
	// A key that was ended; a position, a scope and an account that were.
	code, _, err = s.CreatePairingCode(ctx, s.deputy)
	must(err)
	_, _, err = s.Pair(ctx, s.School.ID, code, "máy cũ")
	must(err)
	pairings, err := s.Pairings(ctx, s.deputy, s.deputy.Person)
	must(err)
	must(s.EndPairing(ctx, s.deputy, pairings[0].ID))
	challenge, err := s.CreateChallenge(ctx, s.principal, "A1001", certificateHash(s.principalCert), custody.CustodyCheck)
	must(err)
	_, err = s.RecordPossession(ctx, s.principal, challenge, []byte("challenge"), []byte("cms"))
	must(err)
	s.submitted()
	reviewer, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Hồ Thị Mai", Username: "mai", PasswordHash: "x"})
	must(err)
	must(s.GiveRole(ctx, s.admin, reviewer.ID, custody.RoleReviewer))
	must(s.GiveRole(ctx, s.admin, reviewer.ID, custody.RoleAdmin))
	must(s.EndRole(ctx, s.admin, reviewer.ID, custody.RoleAdmin))
	leaver, err := s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Vũ Thị Lan", Username: "lan", PasswordHash: "x"})
	must(err)
	must(s.AddPosition(ctx, s.admin, leaver.ID, custody.Position{Kind: custody.Staff, Title: "Văn thư", From: "2026-01-01"}))
	must(s.AddScope(ctx, s.admin, leaver.ID, custody.Scope{Acts: []custody.Act{custody.Copy}, Kinds: []string{"SY"}, Capacities: []custody.Capacity{custody.None}, From: "2026-01-01", Paper: "30/QĐ-MNHS"}))
	row, err := s.Person(ctx, s.admin, leaver.ID)
	must(err)
	for _, e := range []custody.Ending{{Kind: custody.EndPosition, Position: row.Positions[0].ID}, {Kind: custody.EndScope, Scope: row.Scopes[0].ID}, {Kind: custody.EndAccount}} {
		e.Person, e.Until = leaver.ID, custody.DateOf(s.Clock.Now())
		must(s.End(ctx, s.admin, store.NewEnding{Ending: e, Reason: "chuyển công tác"}))
	}
	_, err = s.ChangeSettings(ctx, s.admin, map[custody.SettingName]string{custody.SettingReportHours: "2"})
	must(err)
	supportAndChecks(s)
	accountsChanged(s, must)
	departmentCame(s, must)
	reviewed(s)
	_, err = s.CreatePerson(ctx, s.admin, store.NewPerson{Name: "Đỗ Văn Bình", Email: "binh@example.edu.vn", Phone: "0900000000", Username: "binh", PasswordHash: "x"})
	must(err)
	withPapers(r, s)
	incidentsOfEveryState(s, must)
	return s
}

// provenTables are those whose every column the log proves, but for the columns named.
var provenTables = map[string][]string{
	"schools":      {},
	"log_heads":    {"updated_at"},
	"log_entries":  {},
	"reveals":      {"school_id"}, // the same as erasing
	"persons":      {},
	"positions":    {},
	"scopes":       {},
	"api_keys":     {"last_used_at"},
	"unpairings":   {},
	"endings":      {},
	"tokens":       {},
	"certificates": {},
	"hand_overs":   {},
	"custodies":    {},
	"incidents":    {},
	"grants":       {},
	"open_grants":  {},
	"abandonments": {},
	"signatures":   {},
	"possessions":  {},

	"incident_steps":    {},
	"alarms":            {},
	"signature_reviews": {},
	"confirmations":     {},
	"pin_steps":         {},
	"write_offs":        {},
	"retirements":       {},

	"support_requests": {},
	"support_steps":    {},
	"checks":           {},
	"check_steps":      {},
	"check_closings":   {},
	"settings":         {},
	"placings":         {},
	"delegations":      {},

	"delegation_endings": {},
	"documents":          {},
	"document_routes":    {},
	"document_steps":     {},

	"log_reviews":         {},
	"review_steps":        {},
	"unlogged_signatures": {},
	"erasures":            {},

	"account_changes": {},
	"role_changes":    {},
	"passkey_changes": {},

	"department_changes": {},

	"papers":             {},
	"signed_papers":      {},
	"signed_paper_parts": {},
}

// other returns another value that the column's type and checks allow.
func other(table, column string, value any) any {
	swap := map[string]map[string]string{
		"hand_overs.kind":        {"hand_over": "return", "return": "hand_over"},
		"hand_overs.state":       {"offered": "accepted", "accepted": "declined", "declined": "withdrawn", "withdrawn": "accepted"},
		"incidents.kind":         {"lost": "suspected", "suspected": "lost"},
		"incidents.state":        {"open": "closed", "cleared": "open", "closed": "cleared"},
		"positions.kind":         {"principal": "deputy", "deputy": "staff", "office_head": "principal"},
		"tokens.kind":            {"personal": "seal", "seal": "personal"},
		"positions.from_on":      {"2026-01-01": "2025-01-01"},
		"scopes.from_on":         {"2026-01-01": "2025-01-01"},
		"positions.until_on":     {"": "2030-01-01"},
		"scopes.until_on":        {"": "2030-01-01"},
		"reveals.field":          {},
		"grants.capacity":        {"": "KT"},
		"signatures.level":       {"b-b": "b-t"},
		"abandonments.reason":    {"wrong_pin": "other", "other": "wrong_pin"},
		"hand_overs.pin_changed": {"": "yes", "yes": "no", "no": ""},
		"confirmations.side":     {"giving": "receiving", "receiving": "giving"},
		"pin_steps.step":         {"locked": "recovered", "recovery_asked": "locked", "recovered": "locked"},
		"retirements.kind":       {"lost": "broken", "broken": "lost"},

		"incidents.pin":             {"yes": "no", "no": "unknown", "unknown": "yes"},
		"incident_steps.step":       {"found": "lessons", "cleared": "lessons", "lessons": "found"},
		"alarms.kind":               {"lost": "suspected", "suspected": "lost", "misplaced": "lost"},
		"alarms.state":              {"open": "dismissed", "blocked": "dismissed", "dismissed": "blocked"},
		"signature_reviews.verdict": {"genuine": "disputed", "disputed": "genuine"},

		"review_steps.step": {"asked": "answered", "answered": "asked", "flagged": "settled", "settled": "flagged", "seen": "flagged"},

		"support_requests.kind": {"change": "renewal"},
		"support_steps.state":   {"sent": "answered", "solved": "refused"},
		"checks.kind":           {"monthly": "plenary", "special": "plenary"},
		"check_steps.kind":      {"seen": "excused", "witnessed": "excused"},
		"positions.acting":      {"": "acting"},
		"delegations.capacity":  {"KT": "TL", "TUQ": "TL"},
		"document_steps.kind":   {"declined": "withdrawn", "withdrawn": "declined"},
		"documents.due_on":      {"2026-12-01": "2026-12-02"},

		"department_changes.kind": {"linked": "entered", "entered": "linked"},

		"role_changes.kind": {"given": "ended", "ended": "given"},
		"role_changes.role": {"admin": "reviewer", "reviewer": "admin"},

		"passkey_changes.kind": {"passkey_added": "passkey_removed", "passkey_removed": "passkey_cloned", "passkey_cloned": "passkey_removed"},
		"account_changes.kind": {"factor_set": "factor_removed", "factor_removed": "factor_set", "password_changed": "password_reset", "sessions_ended": "factor_set",
			"invited": "reset_asked", "reset_asked": "invited", "opened": "password_reset", "reset_confirmed": "opened", "link_withdrawn": "opened", "key_made": "invited", "key_ended": "opened"},
	}
	switch v := value.(type) {
	case nil:
		switch {
		case strings.HasSuffix(column, "_at"), strings.HasSuffix(column, "_entry"), column == "ends":
			return int64(7)
		case strings.HasSuffix(column, "_on"):
			return "2030-01-01"
		}
		return "other"
	case int64:
		if column == "admin" || column == "absence" || column == "pin_exposed" || column == "late" || column == "after_report" || column == "skipped" {
			return 1 - v
		}
		return v + 1
	case bool:
		return !v
	case string:
		if s, ok := swap[table+"."+column][v]; ok {
			return s
		}
		return v + "x"
	case []byte:
		if len(v) == 0 {
			return []byte{1}
		}
		b := slices.Clone(v)
		b[len(b)/2] ^= 1
		return b
	}
	panic(fmt.Sprintf("%s.%s holds %T", table, column, value))
}

// unchecked switches foreign keys off, as who edits a copy would.
func unchecked(t *testing.T, db *sqlx.DB, database string) {
	t.Helper()
	db.SetMaxOpenConns(1)
	command := "SET session_replication_role = replica"
	if database == "sqlite" {
		command = "PRAGMA foreign_keys = 0"
	}
	if _, err := db.Exec(command); err != nil {
		t.Fatal(err)
	}
}

func rowsOf(t *testing.T, db *sqlx.DB, table string) []map[string]any {
	t.Helper()
	rows, err := db.Queryx("SELECT * FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []map[string]any
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// inOneGoroutine skips a long test where goroutines that share something are looked
// for (make test runs those under the race detector with -short, and then all).
func inOneGoroutine(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("long, and nothing in it runs beside something else")
	}
}

// TestOneAlteredRowIsFound alters every column of rows of every kind, one at a
// time, deletes these rows, one at a time, and expects each to be found.
func TestOneAlteredRowIsFound(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := fullRegister(r)
		s.CheckLog()
		database := strings.TrimPrefix(t.Name(), "TestOneAlteredRowIsFound/")
		db := s.DB()
		unchecked(t, db, database)
		refusedByDatabase, cases := 0, 0
		for table, free := range provenTables {
			rows := rowsOf(t, db, table)
			if len(rows) == 0 {
				t.Errorf("%s: the register has no row of this kind", table)
			}
			rows = someRows(rows, database)
			for i, row := range rows {
				where, key := rowKey(table, row)
				for column, value := range row {
					if slices.Contains(free, column) {
						continue
					}
					cases++
					if _, err := db.Exec(db.Rebind("UPDATE "+table+" SET "+column+" = ? WHERE "+where), append([]any{other(table, column, value)}, key...)...); err != nil {
						refusedByDatabase++ // a check or a unique index: that, too, is no way
						continue
					}
					_, err := s.VerifyLog(ctx, s.School.ID, s.VKey)
					expectBad(t, fmt.Sprintf("%s row %d: %s altered", table, i, column), row, column, err)
					newWhere, newKey := where, key
					if at := keyIndex(table, column); at >= 0 {
						newKey = slices.Clone(key)
						newKey[at] = other(table, column, value)
					}
					if _, err := db.Exec(db.Rebind("UPDATE "+table+" SET "+column+" = ? WHERE "+newWhere), append([]any{value}, newKey...)...); err != nil {
						t.Fatalf("restore %s.%s: %v", table, column, err)
					}
				}
				if table == "reveals" {
					continue // erasing is allowed
				}
				cases++
				if _, err := db.Exec(db.Rebind("DELETE FROM "+table+" WHERE "+where), key...); err != nil {
					t.Fatal(err)
				}
				_, err := s.VerifyLog(ctx, s.School.ID, s.VKey)
				expectBad(t, fmt.Sprintf("%s row %d deleted", table, i), row, "", err)
				insertRow(t, db, table, row)
			}
		}
		s.CheckLog()
		t.Logf("%d alterations, of which the database refused %d", cases, refusedByDatabase)
		if refusedByDatabase > cases/4 {
			t.Errorf("the database refused %d of %d alterations: they test nothing", refusedByDatabase, cases)
		}
	})
}

// someRows picks those that are altered: of one kind the columns are the same, so that
// PostgreSQL has one row of each kind altered and SQLite four, which change from run to
// run; with SOKYSO_TEST_EVERY_ROW all.
func someRows(rows []map[string]any, database string) []map[string]any {
	rows = slices.Clone(rows)
	mathrand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	most := 4
	switch {
	case os.Getenv("SOKYSO_TEST_EVERY_ROW") != "":
		most = len(rows)
	case database == "postgres":
		most = 1
	}
	return rows[:min(most, len(rows))]
}

var rowKeys = map[string][]string{
	"log_entries": {"school_id", "entry_index"}, "reveals": {"school_id", "entry_index", "field"}, "log_heads": {"school_id"},
	"certificates": {"school_id", "sha256"}, "abandonments": {"grant_id"}, "open_grants": {"grant_id"}, "unpairings": {"api_key_id"}, "retirements": {"token_id"}, "check_closings": {"check_id"},
	"document_routes":    {"document_id", "number"},
	"signed_paper_parts": {"signed_paper_id", "part"},
}

func keyColumns(table string) []string {
	if columns, ok := rowKeys[table]; ok {
		return columns
	}
	return []string{"id"}
}

func keyIndex(table, column string) int { return slices.Index(keyColumns(table), column) }

func rowKey(table string, row map[string]any) (string, []any) {
	var conditions []string
	var key []any
	for _, column := range keyColumns(table) {
		conditions = append(conditions, column+" = ?")
		key = append(key, row[column])
	}
	return strings.Join(conditions, " AND "), key
}

func insertRow(t *testing.T, db *sqlx.DB, table string, row map[string]any) {
	t.Helper()
	var columns []string
	var values []any
	for column, value := range row {
		columns, values = append(columns, column), append(values, value)
	}
	if _, err := db.Exec(db.Rebind("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES (?"+strings.Repeat(",?", len(columns)-1)+")"), values...); err != nil {
		t.Fatal(err)
	}
}

func expectBad(t *testing.T, what string, row map[string]any, column string, err error) {
	t.Helper()
	var bad *signinglog.BadEntryError
	if !errors.As(err, &bad) {
		if errors.Is(err, custody.ErrNotFound) && row["log_origin"] != nil {
			return // the school itself is gone
		}
		t.Errorf("%s: not found: %v", what, err)
		return
	}
	var related []int64
	for _, name := range []string{"entry_index", "decided_entry", "until_entry", "revocation_entry"} {
		if n, ok := row[name].(int64); ok {
			related = append(related, n)
		}
	}
	// An altered log row shows at the entry itself; a school or head has none.
	if len(related) > 0 && column != "entry_index" && column != "id" && column != "token_id" && column != "school_id" && column != "grant_id" && column != "request_id" && column != "check_id" && column != "field" && column != "document_id" &&
		!slices.Contains(related, bad.Index) {
		t.Errorf("%s: names entry %d (%s), the row is of %v", what, bad.Index, bad.Reason, related)
	}
}

// TestAnAddedRowIsFound forges what would let somebody sign.
func TestAnAddedRowIsFound(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := fullRegister(r)
		db := s.DB()
		unchecked(t, db, strings.TrimPrefix(t.Name(), "TestAnAddedRowIsFound/"))
		for table := range provenTables {
			if table == "schools" || table == "log_heads" {
				continue
			}
			row := rowsOf(t, db, table)[0]
			forged := map[string]any{}
			for column, value := range row {
				forged[column] = value
			}
			for _, column := range []string{"id", "entry_index", "serial", "sha256", "key_sha256", "request", "grant_id", "hand_over_id", "incident_id", "api_key_id", "token_id", "check_id", "period", "number", "replaces_id", "signed_paper_id", "field", "document_id", "cms_sha256", "sha256_out", "byte_range_digest", "from_entry", "until_entry"} {
				switch v := forged[column].(type) {
				case string:
					forged[column] = v + "f"
				case int64:
					forged[column] = v + 1000
				}
			}
			if table == "department_changes" { // each person is linked once, and is one person at the department
				forged["person_id"], forged["home_person_id"] = "f", "f"
			}
			insertRow(t, db, table, forged)
			_, err := s.VerifyLog(ctx, s.School.ID, s.VKey)
			var bad *signinglog.BadEntryError
			if !errors.As(err, &bad) {
				t.Errorf("%s: added row not found: %v", table, err)
			}
			where, key := rowKey(table, forged)
			if _, err := db.Exec(db.Rebind("DELETE FROM "+table+" WHERE "+where), key...); err != nil {
				t.Fatal(err)
			}
		}
		s.CheckLog()
	})
}

// rebuild makes a table anew without keys, constraints and indexes, as who wants
// to write into it what they forbid would.
func rebuild(t *testing.T, db *sqlx.DB, table string) {
	t.Helper()
	for _, statement := range []string{"ALTER TABLE " + table + " RENAME TO " + table + "_before", "CREATE TABLE " + table + " AS SELECT * FROM " + table + "_before"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

func expectFound(t *testing.T, s *school, what string, index int64) {
	t.Helper()
	_, err := s.VerifyLog(ctx, s.School.ID, s.VKey)
	var bad *signinglog.BadEntryError
	if !errors.As(err, &bad) || bad.Index != index {
		t.Errorf("%s of entry %d: %v", what, index, err)
	}
}

// TestAnAddedCertificateIsFound: a certificate of one's own beside the
// principal's, with the token and the entry of the true one.
func TestAnAddedCertificateIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := fullRegister(r)
		db := s.DB()
		unchecked(t, db, strings.TrimPrefix(t.Name(), "TestAnAddedCertificateIsFound/"))
		der := storetest.Certificate(t, "Kẻ Giả Mạo")
		sum := sha256.Sum256(der)
		forge := `INSERT INTO certificates (school_id, sha256, token_id, der, entry_index)
			SELECT school_id, ?, token_id, ?, entry_index FROM certificates WHERE token_id = ?`
		args := []any{hex.EncodeToString(sum[:]), der, string(s.principalToken.ID)}
		if _, err := db.Exec(db.Rebind(forge), args...); err == nil {
			t.Error("the database takes two certificates of one entry")
		}
		rebuild(t, db, "certificates")
		s.CheckLog()
		var index int64
		if err := db.Get(&index, db.Rebind(`SELECT entry_index FROM tokens WHERE id = ?`), string(s.principalToken.ID)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(db.Rebind(forge), args...); err != nil {
			t.Fatal(err)
		}
		expectFound(t, s, "added certificate", index)
		if _, err := db.Exec(db.Rebind(`DELETE FROM certificates WHERE token_id = ? AND sha256 <> ?`), args[2], args[0]); err != nil {
			t.Fatal(err)
		}
		expectFound(t, s, "certificate put in the place of the true one", index)
	})
}

// TestADoubledRowHidesNone: one row deleted and another there twice are as many
// rows as before.
func TestADoubledRowHidesNone(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := fullRegister(r)
		db := s.DB()
		unchecked(t, db, strings.TrimPrefix(t.Name(), "TestADoubledRowHidesNone/"))
		for _, table := range []string{"positions", "delegations", "placings", "tokens", "certificates", "hand_overs", "custodies", "grants", "abandonments", "signatures", "account_changes", "passkey_changes", "department_changes"} {
			rebuild(t, db, table)
			s.CheckLog()
			rows := rowsOf(t, db, table)
			slices.SortFunc(rows, func(a, b map[string]any) int { return int(a["entry_index"].(int64) - b["entry_index"].(int64)) })
			gone, doubled := rows[0], rows[len(rows)-1]
			deleteEntry := func(index any) {
				if _, err := db.Exec(db.Rebind("DELETE FROM "+table+" WHERE entry_index = ?"), index); err != nil {
					t.Fatal(err)
				}
			}
			deleteEntry(gone["entry_index"])
			insertRow(t, db, table, doubled)
			expectFound(t, s, "deleted row of "+table, gone["entry_index"].(int64))
			insertRow(t, db, table, gone)
			if _, err := s.VerifyLog(ctx, s.School.ID, s.VKey); err == nil {
				t.Errorf("a doubled row of %s is not found", table)
			}
			deleteEntry(doubled["entry_index"])
			insertRow(t, db, table, doubled)
		}
		s.CheckLog()
	})
}
