package store_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// school is the cast of most tests.
type school struct {
	*storetest.Register
	admin, principal, deputy, officeHead   custody.Actor
	principalToken, deputyToken, sealToken custody.Token
	principalCert, deputyCert, sealCert    []byte
}

var ctx = context.Background()

// newSchool registers people and tokens; tokens lie in the safe.
func newSchool(r *storetest.Register) *school {
	s := &school{Register: r}
	s.admin = r.AddPerson("Phạm Thu Hằng", "")
	s.principal = r.AddPerson("Nguyễn Văn Nghĩa", custody.Principal)
	s.deputy = r.AddPerson("Trần Thị Hòa", custody.Deputy)
	s.officeHead = r.AddPerson("Lê Minh Quân", custody.OfficeHead)
	s.principalToken, s.principalCert = r.AddToken("A1001", s.principal.Person)
	s.deputyToken, s.deputyCert = r.AddToken("A1002", s.deputy.Person)
	s.sealToken, s.sealCert = r.AddToken("B2001", "")
	if err := r.AddScope(ctx, s.admin, s.deputy.Person, custody.Scope{Acts: []custody.Act{custody.Approve}, Kinds: []string{"TB", "KH"},
		Capacities: []custody.Capacity{custody.KT}, From: "2026-01-01", Paper: "15/QĐ-MNHS"}); err != nil {
		r.TB.Fatal(err)
	}
	return s
}

// handedOut is newSchool with each token at its custodian.
func handedOut(r *storetest.Register) *school {
	s := newSchool(r)
	r.Give(s.principalToken.ID, s.principal)
	r.Give(s.deputyToken.ID, s.deputy)
	r.Give(s.sealToken.ID, s.officeHead)
	return s
}

func randomHash() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

var document = custody.Document{Number: "07", Symbol: "QC-MNHS", Kind: "QC", Summary: "Quy chế làm việc", Purpose: "ban hành quy chế", FileName: "quy-che.pdf"}

func (s *school) approval() custody.GrantRequest {
	return custody.GrantRequest{Request: randomHash()[:32], TokenSerial: "A1001", Certificate: s.principalCert, SHA256In: randomHash(),
		Document: document, Act: custody.Approve}
}

func record() store.Record {
	return store.Record{CMS: []byte(randomHash()), ByteRangeDigest: randomHash(), SHA256Out: randomHash(), Level: "b-b", Field: "Signature1"}
}

// sign asks for a grant and records a signature.
func (s *school) sign(actor custody.Actor, request custody.GrantRequest) (store.GrantRow, store.Record, signinglog.Receipt) {
	s.TB.Helper()
	g, err := s.RequestGrant(ctx, actor, request)
	if err != nil {
		s.TB.Fatal(err)
	}
	r := record()
	r.SignedAt = s.Clock.Now()
	receipt, err := s.RecordSignature(ctx, actor, g.ID, r)
	if err != nil {
		s.TB.Fatal(err)
	}
	return g, r, receipt
}

func (s *school) verifier() note.Verifier {
	s.TB.Helper()
	v, err := note.NewVerifier(s.VKey)
	if err != nil {
		s.TB.Fatal(err)
	}
	return v
}

func refusalCode(err error) string {
	var refusal *custody.Refusal
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return fmt.Sprintf("no refusal: %v", err)
}

func reason(err error) string {
	var e *custody.Error
	if errors.As(err, &e) {
		return e.Params["reason"]
	}
	return fmt.Sprintf("no domain error: %v", err)
}

func TestADay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		g, rec, receipt := s.sign(s.principal, s.approval())
		if g.Signer != "Nguyễn Văn Nghĩa" || g.Title != "Hiệu trưởng" {
			t.Errorf("grant shows signer %q, title %q", g.Signer, g.Title)
		}
		entry, checkpoint, err := signinglog.CheckReceipt(receipt, s.verifier())
		if err != nil {
			t.Fatal(err)
		}
		if entry.Type != signinglog.TypeSignature || entry.Fields["sha256_out"] != rec.SHA256Out || entry.Fields["grant_entry"] != fmt.Sprint(g.Entry) {
			t.Errorf("receipt is of %+v", entry)
		}
		if checkpoint.Size != receipt.Index+1 {
			t.Errorf("checkpoint has size %d, entry is %d", checkpoint.Size, receipt.Index)
		}

		// The seal issues what the principal approved, and nothing else.
		issue := custody.GrantRequest{Request: "issue-1", TokenSerial: "B2001", Certificate: s.sealCert, SHA256In: rec.SHA256Out, Document: document, Act: custody.Issue}
		s.sign(s.officeHead, issue)
		issue.Request, issue.SHA256In = "issue-2", randomHash()
		_, err = s.RequestGrant(ctx, s.officeHead, issue)
		if code := refusalCode(err); code != custody.RefusedNoCompetentSignature {
			t.Errorf("unsigned document: %s", code)
		}

		// A deputy within and outside the scope.
		kt := custody.GrantRequest{Request: "kt-1", TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: randomHash(), Act: custody.Approve, Capacity: custody.KT, Document: document}
		_, err = s.RequestGrant(ctx, s.deputy, kt)
		if code := refusalCode(err); code != custody.RefusedOutOfScope {
			t.Errorf("deputy outside the scope: %s", code)
		}
		kt.Document.Kind = "TB"
		s.sign(s.deputy, kt)

		// Lost: refused from now on.
		if _, err := s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: s.deputyToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "rơi trên xe buýt"}); err != nil {
			t.Fatal(err)
		}
		kt.Request = "kt-2"
		_, err = s.RequestGrant(ctx, s.deputy, kt)
		if code := refusalCode(err); code != custody.RefusedTokenReported {
			t.Errorf("reported token: %s", code)
		}

		// Returned: refused from now on.
		offer, err := s.OfferHandOver(ctx, s.officeHead, store.NewHandOver{Token: s.sealToken.ID, Reason: "nghỉ phép"})
		if err != nil {
			t.Fatal(err)
		}
		issue.Request, issue.SHA256In = "issue-3", rec.SHA256Out
		_, err = s.RequestGrant(ctx, s.officeHead, issue)
		if code := refusalCode(err); code != custody.RefusedTokenReturned {
			t.Errorf("return offered: %s", code)
		}
		if _, err := s.AcceptHandOver(ctx, s.admin, offer.ID); err != nil {
			t.Fatal(err)
		}
		_, err = s.RequestGrant(ctx, s.officeHead, issue)
		if code := refusalCode(err); code != custody.RefusedTokenReturned {
			t.Errorf("returned: %s", code)
		}
		page, err := s.Entries(ctx, s.admin, store.LogFilter{Limit: 500})
		if err != nil || len(page.Entries) != int(page.Size) {
			t.Errorf("log page of %d entries, size %d: %v", len(page.Entries), page.Size, err)
		}
		report := s.CheckLog()
		if report.Size != page.Size || report.Erased != 0 || report.Reveals == 0 || report.ByType["refusal"] != 5 {
			t.Errorf("report %+v", report)
		}
	})
}
