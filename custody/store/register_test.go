package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
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
		key, actor, err := s.Pair(ctx, " "+strings.ToLower(code[:4])+"-"+code[4:], "PC phòng phó hiệu trưởng")
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
			if _, _, err := s.Pair(ctx, code, "PC"); !errors.As(err, &e) || e.Code != custody.CodePairingCode {
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
		for _, err := range inParallel(5, func(int) error { _, _, err := s.Pair(ctx, code, "PC"); return err }) {
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
		s := fullRegister(r)
		g, _, receipt := s.sign(s.principal, s.approval())
		if rows, err := s.Tokens(ctx, s.deputy); err != nil || len(rows) != 1 || rows[0].ID != s.deputyToken.ID || rows[0].State != custody.Blocked {
			t.Errorf("deputy sees %+v, %v", rows, err)
		}
		if rows, err := s.Tokens(ctx, s.principal); err != nil || len(rows) != 4 {
			t.Errorf("principal sees %d tokens, %v", len(rows), err)
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

func second[T any](_ T, err error) error { return err }

func withTime(r store.Record, s *school) store.Record {
	r.SignedAt = s.Clock.Now()
	return r
}

// TestCompetentSignatures: what lets the seal issue, and what does not.
func TestCompetentSignatures(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		seal := func(d custody.Document, input string, prior ...custody.PriorSignature) (string, store.GrantRow) {
			t.Helper()
			g, err := s.RequestGrant(ctx, s.officeHead, custody.GrantRequest{Request: randomHash(), TokenSerial: "B2001", Certificate: s.sealCert,
				SHA256In: input, Document: d, Act: custody.Issue, VerifiedPrior: prior})
			if err == nil {
				return "", g
			}
			return refusalCode(err), g
		}
		issue := func(input string, prior ...custody.PriorSignature) string {
			t.Helper()
			code, _ := seal(document, input, prior...)
			return code
		}
		expect := func(name, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		restsOn := func(name string, g store.GrantRow, want map[string]string) {
			t.Helper()
			row, err := s.Entry(ctx, s.admin, g.Entry)
			if err != nil {
				t.Fatal(err)
			}
			e, err := signinglog.Parse(row.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			for _, field := range []string{"approval_entry", "approval_certificate", "approval_digest"} {
				if e.Fields[field] != want[field] {
					t.Errorf("%s: the grant's %s is %q, want %q", name, field, e.Fields[field], want[field])
				}
			}
		}
		none := custody.RefusedNoCompetentSignature
		_, approved, receipt := s.sign(s.principal, s.approval())
		code, g := seal(document, approved.SHA256Out)
		expect("approved", code, "")
		restsOn("approved", g, map[string]string{"approval_entry": strconv.FormatInt(receipt.Index, 10)})

		// Sealed as another document than the one approved.
		other := document
		other.Number = "135"
		code, _ = seal(other, approved.SHA256Out)
		expect("approved under another number", code, none)
		other = document
		other.Kind = "QĐ"
		code, _ = seal(other, approved.SHA256Out)
		expect("approved as another kind of document", code, none)
		early := s.approval()
		early.Document.Number, early.Document.Symbol = "", ""
		_, unnumbered, _ := s.sign(s.principal, early)
		expect("numbered after the approval", issue(unnumbered.SHA256Out), "")

		tokens, err := s.Tokens(ctx, s.admin)
		if err != nil {
			t.Fatal(err)
		}
		principal, deputy := tokens[0].Certificate.SHA256, tokens[1].Certificate.SHA256
		logged := custody.PriorSignature{CertificateSHA256: principal, Digest: approved.ByteRangeDigest}

		// Initials come before the approval: that an entry made after it has the
		// approved file as its input is its agent's word.
		initial := custody.GrantRequest{Request: "initial", TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: approved.SHA256Out, Document: document, Act: custody.Initial}
		_, initialled, _ := s.sign(s.deputy, initial)
		expect("approved, then initialled", issue(initialled.SHA256Out), none)
		expect("approved, then initialled, with the approval's signature", issue(initialled.SHA256Out, logged), none)
		initial.Request, initial.SHA256In = "initial-2", randomHash()
		_, initialled, _ = s.sign(s.deputy, initial)
		expect("initialled only", issue(initialled.SHA256Out), none)
		approval := s.approval()
		approval.SHA256In = initialled.SHA256Out
		_, approvedLast, _ := s.sign(s.principal, approval)
		expect("initialled, then approved", issue(approvedLast.SHA256Out), "")

		// A deputy competent for announcements is not for regulations.
		kt := custody.GrantRequest{Request: "kt", TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: randomHash(), Document: document, Act: custody.Approve, Capacity: custody.KT}
		kt.Document.Kind = "TB"
		_, announcement, _ := s.sign(s.deputy, kt)
		expect("approved as what the deputy may approve", issue(announcement.SHA256Out), none)

		expect("a logged signature replayed for another file", issue(randomHash(), logged), none)
		outside, input := custody.PriorSignature{CertificateSHA256: principal, Digest: randomHash()}, randomHash()
		code, g = seal(document, input, outside)
		expect("a signature of the principal outside the log", code, "")
		restsOn("outside the log", g, map[string]string{"approval_certificate": principal, "approval_digest": outside.Digest})
		expect("the same again for the same file", issue(input, outside), "")
		expect("the same replayed for another file", issue(randomHash(), outside), none)
		expect("of a deputy outside the scope", issue(randomHash(), custody.PriorSignature{CertificateSHA256: deputy, Digest: randomHash()}), none)
		expect("of an unknown certificate", issue(randomHash(), custody.PriorSignature{CertificateSHA256: randomHash(), Digest: randomHash()}), none)
		if _, err := s.ReportIncident(ctx, s.principal, store.NewIncident{Token: s.principalToken.ID, Kind: custody.Suspected, DiscoveredAt: s.Clock.Now(), Description: "máy lạ"}); err != nil {
			t.Fatal(err)
		}
		expect("outside the log, the token in doubt", issue(randomHash(), custody.PriorSignature{CertificateSHA256: principal, Digest: randomHash()}), none)
		expect("logged before the doubt", issue(approved.SHA256Out), "")
		s.CheckLog()
	})
}

// TestOneSignatureIsRecordedOnce: a second grant can't record the signature of
// the first, nor another one for the same output; alone and among others.
func TestOneSignatureIsRecordedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		_, first, _ := s.sign(s.principal, s.approval())
		stamped := withTime(record(), s)
		stamped.ByteRangeDigest = first.ByteRangeDigest // the same signature with another time-stamp
		reused := withTime(record(), s)
		reused.SHA256Out = first.SHA256Out
		twice := withTime(first, s)
		for name, second := range map[string]store.Record{"the same": twice, "the same digest": stamped, "the same output": reused} {
			g, err := s.RequestGrant(ctx, s.principal, s.approval())
			if err != nil {
				t.Fatal(err)
			}
			var e *custody.Error
			if _, err := s.RecordSignature(ctx, s.principal, g.ID, second); !errors.As(err, &e) || e.Code != custody.CodeSignatureConflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		shared, grants := withTime(record(), s), make([]store.GrantRow, 8)
		for i := range grants {
			var err error
			if grants[i], err = s.RequestGrant(ctx, s.principal, s.approval()); err != nil {
				t.Fatal(err)
			}
		}
		recorded := 0
		for _, err := range inParallel(len(grants), func(i int) error {
			_, err := s.RecordSignature(ctx, s.principal, grants[i].ID, shared)
			return err
		}) {
			if e := (*custody.Error)(nil); err == nil {
				recorded++
			} else if !errors.As(err, &e) || e.Code != custody.CodeSignatureConflict {
				t.Errorf("at the same time: %v", err)
			}
		}
		if recorded != 1 {
			t.Errorf("recorded by %d grants", recorded)
		}
		s.CheckLog()
	})
}

// TestWhoMayGetTheSeal: somebody with a position, by a permission that is there.
func TestWhoMayGetTheSeal(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		seal, _ := s.AddToken("B2009", "")
		guest, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: "Đỗ Văn Bình"})
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name string
			to   custody.PersonID
			date custody.Date
			want string
		}{
			{"without a position", guest.ID, "2026-09-01", custody.ReasonNoPosition},
			{"by tomorrow's paper", s.deputy.Person, custody.DateOf(s.Clock.Now().AddDate(0, 0, 1)), custody.ReasonInFuture},
			{"with both, as it should", s.deputy.Person, custody.DateOf(s.Clock.Now()), ""},
		} {
			_, err := s.OfferHandOver(ctx, s.admin, store.NewHandOver{Token: seal.ID, To: test.to, PermissionNumber: "12/QĐ-MNHS", PermissionDate: test.date})
			if (test.want != "" || err != nil) && reason(err) != test.want {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	})
}

// TestAGrantIsAskedForAgain: the same request gets the same grant as long as it
// may be used; other content, or a grant that may not be used, gets none.
func TestAGrantIsAskedForAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		request := s.approval()
		g, err := s.RequestGrant(ctx, s.principal, request)
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(time.Minute)
		if again, err := s.RequestGrant(ctx, s.principal, request); err != nil || again.ID != g.ID {
			t.Errorf("the same request: %v, %v", again.ID, err)
		}
		for name, change := range map[string]func(*custody.GrantRequest){
			"input":     func(r *custody.GrantRequest) { r.SHA256In = randomHash() },
			"number":    func(r *custody.GrantRequest) { r.Document.Number = "99" },
			"summary":   func(r *custody.GrantRequest) { r.Document.Summary = "khác" },
			"purpose":   func(r *custody.GrantRequest) { r.Document.Purpose += " khác" },
			"file name": func(r *custody.GrantRequest) { r.Document.FileName = "khac.pdf" },
			"token":     func(r *custody.GrantRequest) { r.TokenSerial = "B2001" },
		} {
			other := request
			change(&other)
			if _, err := s.RequestGrant(ctx, s.principal, other); reason(err) != custody.ReasonRequestReused {
				t.Errorf("other %s: %v", name, err)
			}
		}
		fresh := s.approval() // both in one batch
		for _, err := range inParallel(6, func(i int) error {
			one := fresh
			one.Document.Summary = []string{"một", "hai"}[i%2]
			_, err := s.RequestGrant(ctx, s.principal, one)
			return err
		}) {
			if err != nil && reason(err) != custody.ReasonRequestReused {
				t.Errorf("at the same time: %v", err)
			}
		}
		abandoned := s.approval()
		left, err := s.RequestGrant(ctx, s.principal, abandoned)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.AbandonGrant(ctx, s.principal, left.ID, "cancelled"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.RequestGrant(ctx, s.principal, abandoned); reason(err) != custody.ReasonRequestReused {
			t.Errorf("abandoned: %v", err)
		}
		signedRequest := s.approval()
		signed, _, _ := s.sign(s.principal, signedRequest)

		if _, err := s.ReportIncident(ctx, s.principal, store.NewIncident{Token: s.principalToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "mất"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.RequestGrant(ctx, s.principal, request); refusalCode(err) != custody.RefusedTokenReported {
			t.Errorf("after the report: %v", err)
		}
		if again, err := s.RequestGrant(ctx, s.principal, signedRequest); err != nil || again.ID != signed.ID {
			t.Errorf("signed before the report: %v, %v", again.ID, err)
		}
		// What was signed nevertheless is taken, and marked; so is an impossible time.
		rec := record()
		rec.SignedAt = s.Clock.Now().AddDate(500, 0, 0)
		receipt, err := s.RecordSignature(ctx, s.principal, g.ID, rec)
		if err != nil {
			t.Fatal(err)
		}
		e, _, err := signinglog.CheckReceipt(receipt, s.verifier())
		if err != nil || e.Fields["after_report"] != "true" || e.Fields["clock_off"] != "true" {
			t.Errorf("recorded after the report: %v, %v", e.Fields, err)
		}
		s.CheckLog()
	})
}

// TestLateAndUnconfirmed: an expired grant shows as unconfirmed until its
// signature comes, late and marked.
func TestLateAndUnconfirmed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		g, err := s.RequestGrant(ctx, s.principal, s.approval())
		if err != nil {
			t.Fatal(err)
		}
		unconfirmed := func() int {
			t.Helper()
			rows, err := s.UnconfirmedGrants(ctx, s.admin)
			if err != nil {
				t.Fatal(err)
			}
			return len(rows)
		}
		if n := unconfirmed(); n != 0 {
			t.Errorf("%d unconfirmed before expiry", n)
		}
		s.Clock.Advance(custody.GrantLifetime)
		if n := unconfirmed(); n != 1 {
			t.Errorf("%d unconfirmed after expiry", n)
		}
		receipt, err := s.RecordSignature(ctx, s.principal, g.ID, withTime(record(), s))
		if err != nil {
			t.Fatal(err)
		}
		e, _, err := signinglog.CheckReceipt(receipt, s.verifier())
		if err != nil || e.Fields["late"] != "true" {
			t.Errorf("late signature: %v, %v", e.Fields, err)
		}
		if n := unconfirmed(); n != 0 {
			t.Errorf("%d unconfirmed after all", n)
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
		if _, err := r.DB().Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, ` + map[string]string{"sqlite": "1", "postgres": "true"}[r.DB().DriverName()] + `)`); err != nil {
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
