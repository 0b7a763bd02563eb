package store_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

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
			_, err := s.OfferHandOver(ctx, s.admin, store.NewHandOver{Token: seal.ID, To: test.to, PermissionNumber: "12/QĐ-MNHS", PermissionDate: test.date, PermissionSigner: "Hiệu trưởng"})
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
			rows, err := s.UnconfirmedGrants(ctx, s.admin, 0)
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
