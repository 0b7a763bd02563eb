package store_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (s *school) must(err error) {
	s.TB.Helper()
	if err != nil {
		s.TB.Fatal(err)
	}
}

// stage brings a file.
func (s *school) stage(actor custody.Actor, content []byte) custody.FileID {
	s.TB.Helper()
	staged, err := s.StageFile(ctx, actor, bytes.NewReader(content))
	s.must(err)
	if staged.SHA256 != hashOf(content) || staged.Size != int64(len(content)) {
		s.TB.Fatalf("staged %+v", staged)
	}
	return staged.ID
}

func (s *school) submit(by custody.Actor, content []byte, route ...custody.RouteStep) store.SubmissionRow {
	s.TB.Helper()
	row, err := s.SubmitDocument(ctx, by, store.NewSubmission{File: s.stage(by, content), Document: custody.Document{Kind: "QC", Symbol: "QC-MNHS", Summary: "Quy chế làm việc",
		FileName: "quy-che.pdf"}, Note: "xin ký sớm", Due: custody.DateOf(s.Clock.Now()).AddDays(3), Route: route, Pages: 4})
	s.must(err)
	return row
}

func approves(a custody.Actor) custody.RouteStep {
	return custody.RouteStep{Person: a.Person, Act: custody.Approve}
}

// agentOf pairs an agent and returns the actor that it is.
func (s *school) agentOf(a custody.Actor) custody.Actor {
	s.TB.Helper()
	code, _, err := s.CreatePairingCode(ctx, a)
	s.must(err)
	key, _, err := s.Pair(ctx, s.School.ID, code, "máy của "+string(a.Person[:8]))
	s.must(err)
	agent, err := s.ActorByAPIKey(ctx, key)
	s.must(err)
	return agent
}

// signs has a person sign what waits, as their agent does: the signed bytes and the signature's entry.
func (s *school) signs(agent custody.Actor, d store.SubmissionRow) ([]byte, int64) {
	s.TB.Helper()
	step, _, _ := d.Current()
	r := s.approval()
	r.SHA256In, r.Act, r.Capacity = d.SHA256, step.Act, step.Capacity
	if step.Act.OfSeal() {
		r.TokenSerial, r.Certificate = "B2001", s.sealCert
	}
	g, err := s.RequestGrant(ctx, agent, r)
	s.must(err)
	signed := append([]byte("%PDF-signed "), randomHash()...)
	rec := record()
	rec.SHA256Out, rec.SignedAt = hashOf(signed), s.Clock.Now()
	receipt, err := s.RecordSignature(ctx, agent, g.ID, rec)
	s.must(err)
	return signed, receipt.Index
}

func (s *school) content(actor custody.Actor, id custody.DocumentID, number int) []byte {
	s.TB.Helper()
	f, err := s.DocumentFile(ctx, actor, id, number)
	s.must(err)
	var out bytes.Buffer
	s.must(f.CopyTo(&out))
	if hashOf(out.Bytes()) != f.SHA256 || int64(out.Len()) != f.Size {
		s.TB.Fatalf("file %d of %s is another than it says", number, id)
	}
	return out.Bytes()
}

// submitted fills a register with documents in every state.
func (s *school) submitted() {
	agent := s.agentOf(s.principal)
	signed := s.submit(s.officeHead, []byte("%PDF-1 two steps"), approves(s.principal), approves(s.deputy))
	_, err := s.TakeInHand(ctx, agent, signed.ID)
	s.must(err)
	bytes, entry := s.signs(agent, signed)
	_, err = s.TakeSigned(ctx, agent, signed.ID, entry, s.stage(agent, bytes), 1)
	s.must(err)
	declined := s.submit(s.officeHead, []byte("%PDF-2"), approves(s.principal))
	_, err = s.DeclineDocument(ctx, s.principal, declined.ID, "sai số liệu")
	s.must(err)
	withdrawn := s.submit(s.officeHead, []byte("%PDF-3"), approves(s.principal))
	_, err = s.WithdrawDocument(ctx, s.officeHead, withdrawn.ID, "gửi nhầm")
	s.must(err)
	s.submit(s.officeHead, []byte("%PDF-4"), approves(s.principal))
}

func wantReason(t *testing.T, what string, err error, reason string) {
	t.Helper()
	var e *custody.Error
	if !errors.As(err, &e) || e.Params["reason"] != reason {
		t.Errorf("%s: %v instead of %s", what, err, reason)
	}
}

// TestRouteOfADocument: submitted by the office head, approved by the principal, sealed by the office head; each finds
// it in the list when it is their turn, and the second gets what the first has signed.
func TestRouteOfADocument(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		principal, office := s.agentOf(s.principal), s.agentOf(s.officeHead)
		original := make([]byte, 2*1<<20+17) // three chunks
		rand.Read(original)
		d := s.submit(s.officeHead, original, approves(s.principal), custody.RouteStep{Person: s.officeHead.Person, Act: custody.Issue})
		if d.State != custody.SubmissionWaiting || d.Size != int64(len(original)) || d.Pages != 4 || d.MayHandle || !d.MayWithdraw {
			t.Fatalf("%+v", d)
		}
		waiting := func(a custody.Actor, want int) {
			t.Helper()
			rows, err := s.DocumentsWaiting(ctx, a)
			if err != nil || len(rows) != want {
				t.Fatalf("%d wait for %s, %v", len(rows), a.Person, err)
			}
		}
		waiting(s.principal, 1)
		waiting(s.officeHead, 0)
		waiting(s.admin, 0)
		if got := s.content(principal, d.ID, -1); !bytes.Equal(got, original) {
			t.Error("the file is another")
		}
		if _, err := s.Submission(ctx, s.deputy, d.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("somebody who has nothing to do with it: %v", err)
		}
		if _, err := s.DocumentFile(ctx, s.deputy, d.ID, 0); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("its file: %v", err)
		}

		_, err := s.TakeInHand(ctx, office, d.ID)
		wantReason(t, "not their turn", err, custody.ReasonNotSigner)
		_, err = s.TakeInHand(ctx, s.principal, d.ID)
		wantReason(t, "without an agent", err, custody.ReasonAgentOnly)
		for range 2 { // the second changes nothing
			if d, err = s.TakeInHand(ctx, principal, d.ID); err != nil || d.State != custody.SubmissionInHand || d.HeldBy == "" {
				t.Fatalf("%+v, %v", d, err)
			}
		}
		s.Clock.Advance(custody.InHandFor)
		if d, err = s.Submission(ctx, s.principal, d.ID); err != nil || d.State != custody.SubmissionWaiting {
			t.Errorf("after its time: %s, %v", d.State, err)
		}

		signed, entry := s.signs(principal, d)
		other, err := s.TakeSigned(ctx, principal, d.ID, entry, s.stage(principal, []byte("%PDF-something else")), 0)
		wantReason(t, fmt.Sprint("another file ", other.ID), err, custody.ReasonOtherSignature)
		_, err = s.TakeSigned(ctx, principal, d.ID, entry+1, s.stage(principal, signed), 0)
		wantReason(t, "no signature", err, custody.ReasonOtherSignature)
		_, err = s.TakeSigned(ctx, office, d.ID, entry, s.stage(office, signed), 0)
		wantReason(t, "somebody else's", err, custody.ReasonNotSigner)
		for range 3 { // a lost answer: it takes effect once
			if d, err = s.TakeSigned(ctx, principal, d.ID, entry, s.stage(principal, signed), 4); err != nil || d.Signed != 1 || d.State != custody.SubmissionWaiting {
				t.Fatalf("%+v, %v", d, err)
			}
		}
		waiting(s.principal, 0)
		waiting(s.officeHead, 1)
		if got := s.content(office, d.ID, -1); !bytes.Equal(got, signed) {
			t.Error("the second gets another file")
		}
		if got := s.content(s.officeHead, d.ID, 0); !bytes.Equal(got, original) {
			t.Error("the original is gone")
		}
		sealed, entry := s.signs(office, d)
		if d, err = s.TakeSigned(ctx, office, d.ID, entry, s.stage(office, sealed), 4); err != nil || d.State != custody.SubmissionSigned || d.EndedAt == nil || d.Steps[1].SignatureEntry != entry {
			t.Fatalf("%+v, %v", d, err)
		}
		_, err = s.WithdrawDocument(ctx, s.officeHead, d.ID, "")
		wantReason(t, "withdrawn when done", err, custody.ReasonDocumentDecided)
		report := s.CheckLog()
		if report.ByType["document"] != 1 || report.ByType["document_step"] != 3 {
			t.Errorf("%v", report.ByType)
		}
	})
}

// TestSignatureForAnotherDocument: a signature that is in the log, by the right person, but over another input, in
// another act or capacity, does not finish a document.
func TestSignatureForAnotherDocument(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		agent := s.agentOf(s.principal)
		a, b := s.submit(s.officeHead, []byte("%PDF-a"), approves(s.principal)), s.submit(s.officeHead, []byte("%PDF-b"), approves(s.principal))
		signed, entry := s.signs(agent, a)
		_, err := s.TakeSigned(ctx, agent, b.ID, entry, s.stage(agent, signed), 0)
		wantReason(t, "another input", err, custody.ReasonOtherSignature)
		c := s.submit(s.officeHead, []byte("%PDF-a"), custody.RouteStep{Person: s.principal.Person, Act: custody.Initial})
		_, err = s.TakeSigned(ctx, agent, c.ID, entry, s.stage(agent, signed), 0)
		wantReason(t, "another act", err, custody.ReasonOtherSignature)
		_, err = s.TakeSigned(ctx, agent, a.ID, entry, s.stage(agent, signed), 0)
		s.must(err)
		// Signed twice: the second signature of the same file finds nothing that waits.
		again, entry := s.signs(agent, b)
		_, err = s.TakeSigned(ctx, agent, b.ID, entry, s.stage(agent, again), 0)
		s.must(err)
		second, err := s.RequestGrant(ctx, agent, func() custody.GrantRequest { q := s.approval(); q.SHA256In = hashOf([]byte("%PDF-b")); return q }())
		s.must(err)
		rec := record()
		rec.SHA256Out, rec.SignedAt = hashOf([]byte("%PDF-b2")), s.Clock.Now()
		receipt, err := s.RecordSignature(ctx, agent, second.ID, rec)
		s.must(err)
		_, err = s.TakeSigned(ctx, agent, b.ID, receipt.Index, s.stage(agent, []byte("%PDF-b2")), 0)
		wantReason(t, "signed twice", err, custody.ReasonDocumentDecided)
		s.CheckLog()
	})
}

func TestDeclinedAndWithdrawn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		agent := s.agentOf(s.principal)
		d := s.submit(s.officeHead, []byte("%PDF-a"), approves(s.principal))
		_, err := s.DeclineDocument(ctx, s.officeHead, d.ID, "x")
		wantReason(t, "declined by another", err, custody.ReasonNotSigner)
		if _, err := s.DeclineDocument(ctx, s.principal, d.ID, " "); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("without a reason: %v", err)
		}
		if d, err = s.DeclineDocument(ctx, s.principal, d.ID, "sai số liệu ở trang 2"); err != nil || d.State != custody.SubmissionDeclined || d.Reason != "sai số liệu ở trang 2" {
			t.Fatalf("%+v, %v", d, err)
		}
		// Withdrawn while it is in hand: the signature that was made stays, its file is not taken.
		w := s.submit(s.officeHead, []byte("%PDF-b"), approves(s.principal))
		_, err = s.TakeInHand(ctx, agent, w.ID)
		s.must(err)
		_, err = s.WithdrawDocument(ctx, s.principal, w.ID, "") // manages the register
		s.must(err)
		signed, entry := s.signs(agent, w)
		_, err = s.TakeSigned(ctx, agent, w.ID, entry, s.stage(agent, signed), 0)
		wantReason(t, "after it was withdrawn", err, custody.ReasonDocumentDecided)
		_, err = s.TakeInHand(ctx, agent, w.ID)
		wantReason(t, "fetched after it was withdrawn", err, custody.ReasonDocumentDecided)
		s.CheckLog()
	})
}

func TestSubmittingWhatCanNotBe(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		file := s.stage(s.officeHead, []byte("%PDF"))
		outsider := r.AddPerson("Vũ Thị Lan", "") // no position
		valid := func() store.NewSubmission {
			return store.NewSubmission{File: file, Document: custody.Document{Kind: "QC", Summary: "x", FileName: "x.pdf"}, Route: []custody.RouteStep{approves(s.principal)}}
		}
		for name, change := range map[string]func(*store.NewSubmission){
			"nobody":         func(n *store.NewSubmission) { n.Route = nil },
			"no position":    func(n *store.NewSubmission) { n.Route[0].Person = outsider.Person },
			"unknown person": func(n *store.NewSubmission) { n.Route[0].Person = "00000000-0000-7000-8000-000000000000" },
			"seal before approval": func(n *store.NewSubmission) {
				n.Route = []custody.RouteStep{{Person: s.officeHead.Person, Act: custody.Issue}, n.Route[0]}
			},
			"initials afterwards": func(n *store.NewSubmission) {
				n.Route = append(n.Route, custody.RouteStep{Person: s.deputy.Person, Act: custody.Initial})
			},
			"due in the past": func(n *store.NewSubmission) { n.Due = custody.DateOf(s.Clock.Now()).AddDays(-1) },
			"no summary":      func(n *store.NewSubmission) { n.Document.Summary = "" },
			"another's file":  func(n *store.NewSubmission) { n.File = s.stage(s.deputy, []byte("%PDF")) },
		} {
			n := valid()
			change(&n)
			if _, err := s.SubmitDocument(ctx, s.officeHead, n); !errors.Is(err, custody.ErrInvalid) && !errors.Is(err, custody.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := s.SubmitDocument(ctx, s.officeHead, valid())
		s.must(err)
		if _, err := s.SubmitDocument(ctx, s.officeHead, valid()); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("the same file twice: %v", err)
		}
		// A file that breaks off, or is too large, leaves nothing behind.
		if _, err := s.StageFile(ctx, s.officeHead, io.MultiReader(bytes.NewReader(make([]byte, 3<<20)), iotest.ErrReader(errors.New("cut")))); err == nil {
			t.Error("a cut file is taken")
		}
		_, err = s.StageFile(ctx, s.officeHead, io.LimitReader(zeros{}, custody.MaxDocument+1))
		wantReason(t, "too large", err, custody.ReasonDocumentTooLarge)
		var chunks int
		if err := s.DB().Get(&chunks, `SELECT COUNT(*) FROM document_chunks`); err != nil || chunks != 2 { // of the submitted one, and of another's file
			t.Errorf("%d chunks, %v", chunks, err)
		}
		s.Clock.Advance(25 * time.Hour)
		s.stage(s.deputy, []byte("%PDF-new"))
		if err := s.DB().Get(&chunks, `SELECT COUNT(*) FROM document_chunks`); err != nil || chunks != 2 { // the submitted one and the new
			t.Errorf("%d chunks after a day, %v", chunks, err)
		}
		for range 30 {
			s.stage(s.deputy, []byte("%PDF-again"))
		}
		if err := s.DB().Get(&chunks, `SELECT COUNT(*) FROM document_chunks`); err != nil || chunks > 21 {
			t.Errorf("one person keeps %d files that nobody submitted, %v", chunks, err)
		}
		s.CheckLog()
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestTickets: a ticket opens one document for one agent of one person of one school, once, within minutes.
func TestTickets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		agent, second, office := s.agentOf(s.principal), s.agentOf(s.principal), s.agentOf(s.officeHead)
		d := s.submit(s.officeHead, []byte("%PDF-a"), approves(s.principal))
		newTicket := func() store.IssuedTicket {
			t.Helper()
			issued, err := s.CreateTicket(ctx, s.principal, d.ID, agent.Key)
			s.must(err)
			return issued
		}
		_, err := s.CreateTicket(ctx, s.officeHead, d.ID, office.Key)
		wantReason(t, "made by another person", err, custody.ReasonNotSigner)
		if _, err := s.CreateTicket(ctx, s.principal, d.ID, office.Key); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("for another person's agent: %v", err)
		}

		issued := newTicket()
		_, err = s.TradeTicket(ctx, second, issued.Ticket, "")
		wantReason(t, "traded by the person's other agent", err, custody.ReasonTicketForeign)
		_, err = s.TradeTicket(ctx, office, issued.Ticket, "")
		wantReason(t, "traded by another person", err, custody.ReasonTicketForeign)
		_, err = s.TradeTicket(ctx, s.principal, issued.Ticket, "")
		wantReason(t, "traded in person", err, custody.ReasonAgentOnly)
		elsewhere := agent
		elsewhere.School = "00000000-0000-7000-8000-000000000000"
		_, err = s.TradeTicket(ctx, elsewhere, issued.Ticket, "")
		wantReason(t, "traded at another school", err, custody.ReasonTicketForeign)
		for i := 0; i < len(issued.Ticket); i += 7 {
			altered := []byte(issued.Ticket)
			if altered[i]++; altered[i] == '.' {
				altered[i]++
			}
			_, err = s.TradeTicket(ctx, agent, string(altered), "")
			wantReason(t, fmt.Sprintf("altered at %d", i), err, custody.ReasonTicketInvalid)
		}
		_, err = s.TradeTicket(ctx, agent, issued.Ticket[:len(issued.Ticket)/2], "")
		wantReason(t, "cut", err, custody.ReasonTicketInvalid)
		row, err := s.TradeTicket(ctx, agent, issued.Ticket, "")
		if err != nil || row.ID != d.ID || row.State != custody.SubmissionInHand {
			t.Fatalf("%+v, %v", row, err)
		}
		_, err = s.TradeTicket(ctx, agent, issued.Ticket, "")
		wantReason(t, "replayed", err, custody.ReasonTicketUsed)
		_, err = s.TradeTicket(ctx, agent, "", issued.Code)
		wantReason(t, "replayed by its code", err, custody.ReasonTicketUsed)

		issued = newTicket()
		_, err = s.TradeTicket(ctx, second, "", issued.Code)
		wantReason(t, "code at the person's other agent", err, custody.ReasonTicketInvalid)
		_, err = s.TradeTicket(ctx, agent, "", strings.ToLower(issued.Code[:4])+"-"+issued.Code[4:])
		s.must(err)
		issued = newTicket()
		s.Clock.Advance(custody.TicketLifetime)
		_, err = s.TradeTicket(ctx, agent, issued.Ticket, "")
		wantReason(t, "expired", err, custody.ReasonTicketExpired)
		_, err = s.TradeTicket(ctx, agent, "", issued.Code)
		wantReason(t, "expired code", err, custody.ReasonTicketExpired)

		// A newer ticket ends the older one; two trades at once are one.
		older, newer := newTicket(), newTicket()
		_, err = s.TradeTicket(ctx, agent, older.Ticket, "")
		wantReason(t, "an older one", err, custody.ReasonTicketExpired)
		results := [8]error{}
		done := atOnce(len(results), func(i int) { _, results[i] = s.TradeTicket(ctx, agent, newer.Ticket, "") })
		<-done
		taken := 0
		for _, err := range results {
			if err == nil {
				taken++
			} else {
				wantReason(t, "at the same time", err, custody.ReasonTicketUsed)
			}
		}
		if taken != 1 {
			t.Errorf("one ticket was traded %d times", taken)
		}

		issued = newTicket()
		_, err = s.WithdrawDocument(ctx, s.officeHead, d.ID, "")
		s.must(err)
		_, err = s.TradeTicket(ctx, agent, issued.Ticket, "")
		wantReason(t, "withdrawn meanwhile", err, custody.ReasonDocumentDecided)
		s.CheckLog()
	})
}

// atOnce runs f for each number at the same time.
func atOnce(n int, f func(int)) <-chan struct{} {
	ended, all := make(chan struct{}), make(chan struct{})
	for i := range n {
		go func() { f(i); ended <- struct{}{} }()
	}
	go func() {
		for range n {
			<-ended
		}
		close(all)
	}()
	return all
}

// TestAnAlteredFileIsFound: the bytes of documents are checked against the entries too.
func TestAnAlteredFileIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.submitted()
		s.CheckLog()
		db := s.DB()
		_, database, _ := strings.Cut(t.Name(), "/")
		unchecked(t, db, database)
		for name, alter := range map[string][2]string{
			"bytes":  {`UPDATE document_chunks SET bytes = ? WHERE file_id = (SELECT id FROM document_files WHERE number = 1)`, ``},
			"sha256": {`UPDATE document_files SET sha256 = ? WHERE number = 1`, randomHash()},
			"number": {`UPDATE document_files SET number = 7, pages = 1 WHERE number = 1 AND sha256 <> ?`, "x"},
		} {
			kept := map[string][]map[string]any{"document_chunks": rowsOf(t, db, "document_chunks"), "document_files": rowsOf(t, db, "document_files")}
			var value any = alter[1]
			if alter[1] == "" {
				value = []byte("%PDF-another")
			}
			if _, err := db.Exec(db.Rebind(alter[0]), value); err != nil {
				t.Fatal(err)
			}
			if _, err := s.VerifyLog(ctx, s.School.ID, s.VKey); err == nil {
				t.Errorf("%s of a file altered: not found", name)
			}
			for table, rows := range kept {
				if _, err := db.Exec("DELETE FROM " + table); err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					insertRow(t, db, table, row)
				}
			}
			s.CheckLog()
		}
		if _, err := db.Exec(`DELETE FROM document_chunks`); err != nil {
			t.Fatal(err)
		}
		s.CheckLog() // bytes that are not kept are no fault
	})
}
