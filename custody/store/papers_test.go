package store_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// withPapers adds papers and a signed copy to a register.
func withPapers(r *storetest.Register, s *school) {
	r.TB.Helper()
	paper := s.issue(store.NewPaper{Kind: forms.RecoveryRequest, PaperSubject: store.PaperSubject{Token: s.sealToken.ID}, Number: 1, Inputs: map[string]string{"contact_identity": "001099012345"}})
	s.issue(store.NewPaper{Kind: forms.RecoveryRequest, Replaces: paper.ID, Number: 2})
	s.keep(paper.ID, "%signed")
	hand := s.handOver(s.sealToken.ID)
	s.issue(store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: store.PaperSubject{HandOver: hand}, Number: 3})
	incidents, err := s.Incidents(ctx, s.admin)
	if err != nil {
		r.TB.Fatal(err)
	}
	s.issue(store.NewPaper{Kind: forms.LossReport, PaperSubject: store.PaperSubject{Incident: incidents[0].ID}, Number: 4})
	s.issue(store.NewPaper{Kind: forms.SignatureRegister, PaperSubject: store.PaperSubject{From: "2026-01-01", Until: "2026-12-31"}})
	if checks, err := s.Checks(ctx, s.admin); err != nil {
		r.TB.Fatal(err)
	} else if len(checks) > 0 && checks[0].ClosedAt != nil {
		s.issue(store.NewPaper{Kind: forms.CheckMinutes, PaperSubject: store.PaperSubject{Check: checks[0].ID}, Number: 5})
	}
}

func (s *school) issue(n store.NewPaper) store.PaperRow {
	s.TB.Helper()
	row, err := s.IssuePaper(ctx, s.admin, n)
	if err != nil {
		s.TB.Fatalf("issue %s: %v", n.Kind, err)
	}
	return row
}

// keep keeps what stands for a signed copy: the paper's own bytes and more. That
// the rest is a signature is for who calls the store.
func (s *school) keep(id custody.PaperID, more string) store.SignedPaperRow {
	s.TB.Helper()
	pdf, err := s.PaperPDF(ctx, s.admin, id)
	if err != nil {
		s.TB.Fatal(err)
	}
	row, err := s.KeepSignedPaper(ctx, s.admin, id, store.NewSignedPaper{Bytes: append(pdf, more...), Signatures: 1, Signers: "Trần Thị Hồng Nhung (TOTAL-PASSED)"})
	if err != nil {
		s.TB.Fatal(err)
	}
	return row
}

// handOver finds the latest hand-over of a token to a person by its entry.
func (s *school) handOver(token custody.TokenID) custody.HandOverID {
	s.TB.Helper()
	page, err := s.Entries(ctx, s.admin, store.LogFilter{Type: string(signinglog.TypeAcceptance), Token: token})
	if err != nil {
		s.TB.Fatal(err)
	}
	for _, row := range page.Entries {
		e, err := signinglog.Parse(row.Bytes)
		if err != nil {
			s.TB.Fatal(err)
		}
		if e.Fields["kind"] == "hand_over" {
			return custody.HandOverID(e.Fields["hand_over"])
		}
	}
	s.TB.Fatal("no hand-over")
	return ""
}

// TestPapersOfEveryKind: each paper is issued, comes out the same again, also of a
// process that has not made it, and the log proves it.
func TestPapersOfEveryKind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.sign(s.principal, s.approval())
		incident, err := s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: s.deputyToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Place: "nhà", Description: "không thấy trong cặp"})
		if err != nil {
			t.Fatal(err)
		}
		check, err := s.OpenCheck(ctx, s.admin, store.NewCheck{Kind: custody.SpecialCheck, Due: s.day(1)})
		s.must(err)
		_, err = s.CloseCheck(ctx, s.admin, check.ID, "")
		s.must(err)
		subjects := map[forms.Subject]store.PaperSubject{forms.OfHandOver: {HandOver: s.handOver(s.sealToken.ID)}, forms.OfIncident: {Incident: incident.ID},
			forms.OfToken: {Token: s.deputyToken.ID}, forms.OfCheck: {Check: check.ID}, forms.OfPeriod: {From: "2026-07-01", Until: "2026-12-31"}}
		wanted := map[forms.Kind]string{forms.HandOverMinutes: "Lê Minh Quân", forms.LossReport: "không thấy trong cặp", forms.RevocationRequest: "A1002",
			forms.SignatureRegister: "07/QC-MNHS", forms.HandOverRegister: "B2001", forms.IncidentRegister: "A1002", forms.DeviceRegister: "A1001", forms.PeriodReport: "Mất thiết bị"}
		made := map[custody.PaperID][]byte{}
		for i, rule := range forms.Rules {
			draft, err := s.PaperDraft(ctx, s.admin, store.NewPaper{Kind: rule.Kind, PaperSubject: subjects[rule.Subject]})
			if err != nil {
				t.Fatalf("%s: %v", rule.Kind, err)
			}
			inputs := map[string]string{}
			for _, in := range draft.Facts.Inputs() {
				if in.Required && *in.Value == "" {
					inputs[in.Name] = "lý do"
				}
			}
			n := store.NewPaper{Kind: rule.Kind, PaperSubject: subjects[rule.Subject], Number: draft.Number, Inputs: inputs}
			draft, err = s.PaperDraft(ctx, s.admin, n)
			if err != nil {
				t.Fatalf("%s: %v", rule.Kind, err)
			}
			s.Clock.Advance(time.Second)
			n.Seen = draft.SHA256
			row := s.issue(n)
			if rule.Numbered && row.Number == 0 || !rule.Numbered && row.Number != 0 || row.Kind != rule.Kind || row.Date != "2026-10-07" {
				t.Errorf("%d: %+v", i, row)
			}
			pdf, err := s.PaperPDF(ctx, s.admin, row.ID)
			if err != nil {
				t.Fatal(err)
			}
			preview, err := forms.PDF(draft.Facts)
			if err != nil || !bytes.Equal(pdf, preview) {
				t.Errorf("%s: the issued paper is not the preview: %v", rule.Kind, err)
			}
			made[row.ID] = pdf
			kept, err := forms.Marshal(draft.Facts)
			if err != nil || !strings.Contains(string(kept), wanted[rule.Kind]) {
				t.Errorf("%s: %q is not among the facts %s", rule.Kind, wanted[rule.Kind], kept)
			}
		}
		s.CheckLog()
		r.Reopen() // what was made is forgotten
		for id, want := range made {
			if pdf, err := s.PaperPDF(ctx, s.admin, id); err != nil || !bytes.Equal(pdf, want) {
				t.Errorf("%s comes out otherwise: %v", id, err)
			}
		}
		if report := s.CheckLog(); report.ByType["paper"] != int64(len(forms.Rules)) {
			t.Errorf("%d papers in the log", report.ByType["paper"])
		}
	})
}

func TestNumbersOfPapers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		subject := store.PaperSubject{HandOver: s.handOver(s.sealToken.ID)}
		first := s.issue(store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: subject, Number: 7})
		if _, err := s.IssuePaper(ctx, s.admin, store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: subject, Number: 7}); reasonOf(err) != custody.ReasonNumberTaken {
			t.Errorf("the same number twice: %v", err)
		}
		draft := func(kind forms.Kind, subject store.PaperSubject, day custody.Date) int {
			t.Helper()
			d, err := s.PaperDraft(ctx, s.admin, store.NewPaper{Kind: kind, PaperSubject: subject, Date: day})
			if err != nil {
				t.Fatal(err)
			}
			return d.Number
		}
		if n := draft(forms.RevocationRequest, store.PaperSubject{Token: s.sealToken.ID}, ""); n != 8 {
			t.Errorf("one series for all: %d", n)
		}
		if n := draft(forms.HandOverMinutes, subject, "2027-01-04"); n != 1 {
			t.Errorf("numbers begin anew with the year: %d", n)
		}
		if _, err := s.ChangeSettings(ctx, s.admin, map[custody.SettingName]string{custody.SettingNumberSeries: "by_kind"}); err != nil {
			t.Fatal(err)
		}
		if n := draft(forms.RevocationRequest, store.PaperSubject{Token: s.sealToken.ID}, ""); n != 1 {
			t.Errorf("a series for each kind: %d", n)
		}
		// A corrected paper takes over what was filled in and replaces the former, once.
		filled := s.issue(store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: subject, Number: 9, Inputs: map[string]string{"accessories": "hộp giấy"}})
		d, err := s.PaperDraft(ctx, s.admin, store.NewPaper{Kind: forms.HandOverMinutes, Replaces: filled.ID})
		if err != nil {
			t.Fatal(err)
		}
		if f := d.Facts.(*forms.HandOver); f.Device.Accessories != "hộp giấy" || d.Subject.HandOver != subject.HandOver {
			t.Errorf("the correction begins with %+v", f)
		}
		second := s.issue(store.NewPaper{Kind: forms.HandOverMinutes, Replaces: filled.ID, Number: 10})
		former, err := s.Paper(ctx, s.admin, filled.ID)
		if err != nil || former.Replaced != second.ID || second.Replaces != filled.ID {
			t.Errorf("%+v %v", former, err)
		}
		for _, n := range []store.NewPaper{{Kind: forms.HandOverMinutes, Replaces: filled.ID, Number: 11}, {Kind: forms.LossReport, Replaces: second.ID}, {Kind: forms.HandOverMinutes, PaperSubject: subject, Seen: strings.Repeat("0", 64)},
			{Kind: forms.SignatureRegister, PaperSubject: store.PaperSubject{From: "2010-01-01", Until: "2026-01-01"}}} {
			if _, err := s.IssuePaper(ctx, s.admin, n); !errors.Is(err, custody.ErrConflict) {
				t.Errorf("%+v: %v", n, err)
			}
		}
		for _, n := range []store.NewPaper{{Kind: "letter"}, {Kind: forms.HandOverMinutes, PaperSubject: subject, Inputs: map[string]string{"no_such": "x"}}, {Kind: forms.HandOverMinutes, PaperSubject: subject, Number: -1},
			{Kind: forms.HandOverMinutes, PaperSubject: subject, Date: "2026-02-30"}, {Kind: forms.HandOverMinutes, PaperSubject: subject, Symbol: "BB/x"}, {Kind: forms.HandOverMinutes, PaperSubject: subject, Inputs: map[string]string{"pin_changed": "maybe"}},
			{Kind: forms.SignatureRegister, PaperSubject: store.PaperSubject{From: "2026-02-01", Until: "2026-01-01"}}, {Kind: forms.RevocationRequest, PaperSubject: store.PaperSubject{Token: s.sealToken.ID}}} {
			if _, err := s.IssuePaper(ctx, s.admin, n); !errors.Is(err, custody.ErrInvalid) {
				t.Errorf("%+v: %v", n, err)
			}
		}
		rows, err := s.Papers(ctx, s.admin, store.PaperFilter{Kind: forms.HandOverMinutes, From: "2026-10-01", Until: "2026-10-31"})
		if err != nil || len(rows) != 3 || rows[2].ID != first.ID {
			t.Errorf("%+v %v", rows, err)
		}
		s.CheckLog()
	})
}

// TestWhoSeesPapers: the sides of a hand-over see its minutes, nobody else's form.
func TestWhoSeesPapers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		minutes := s.issue(store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: store.PaperSubject{HandOver: s.handOver(s.deputyToken.ID)}, Number: 1})
		form := s.issue(store.NewPaper{Kind: forms.RecoveryRequest, PaperSubject: store.PaperSubject{Token: s.deputyToken.ID}, Number: 2, Inputs: map[string]string{"contact_identity": "001099012345"}})
		signed := s.keep(form.ID, "%")
		if _, err := s.PaperPDF(ctx, s.deputy, minutes.ID); err != nil {
			t.Errorf("the receiver does not see the minutes: %v", err)
		}
		if _, err := s.PaperPDF(ctx, s.deputy, form.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("the deputy sees a form with an identity number: %v", err)
		}
		if _, err := s.SignedPaper(ctx, s.deputy, form.ID, signed.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("the deputy sees its signed copy: %v", err)
		}
		if _, err := s.IssuePaper(ctx, s.deputy, store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: minutes.Subject, Number: 3}); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("the deputy issues a paper: %v", err)
		}
		if _, err := s.IssuePaper(ctx, s.officeHead, store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: minutes.Subject, Number: 3}); err != nil {
			t.Errorf("the office head issues none: %v", err)
		}
		entry, err := s.Entry(ctx, s.admin, form.Entry)
		if err != nil || strings.Contains(string(entry.Bytes), "001099012345") {
			t.Errorf("%s %v", entry.Bytes, err)
		}
		for name, value := range entry.Reveals {
			if strings.Contains(value, "001099012345") {
				t.Errorf("the value of %s shows an identity number", name)
			}
		}
	})
}

func TestSignedPapers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		paper := s.issue(store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: store.PaperSubject{HandOver: s.handOver(s.deputyToken.ID)}, Number: 1})
		pdf, err := s.PaperPDF(ctx, s.deputy, paper.ID)
		if err != nil {
			t.Fatal(err)
		}
		file := slices.Concat(pdf, bytes.Repeat([]byte("chữ ký "), 400_000)) // more than one part
		row, err := s.KeepSignedPaper(ctx, s.deputy, paper.ID, store.NewSignedPaper{Bytes: file, Signatures: 2, Signers: "Phạm Thu Hà"})
		if err != nil {
			t.Fatal(err)
		}
		if row.Size != int64(len(file)) || row.Signatures != 2 || row.Signers != "Phạm Thu Hà" {
			t.Errorf("%+v", row)
		}
		if back, err := s.SignedPaper(ctx, s.admin, paper.ID, row.ID); err != nil || !bytes.Equal(back, file) {
			t.Errorf("the kept file is another: %v", err)
		}
		for reason, n := range map[string]store.NewSignedPaper{custody.ReasonDuplicate: {Bytes: file, Signatures: 1}, custody.ReasonOtherPaper: {Bytes: file[1:], Signatures: 1}, custody.ReasonNotSigned: {Bytes: file}} {
			n.Signers = "x"
			if _, err := s.KeepSignedPaper(ctx, s.admin, paper.ID, n); reasonOf(err) != reason {
				t.Errorf("%s: %v", reason, err)
			}
		}
		if rows, err := s.SignedPapers(ctx, s.principal, paper.ID); err != nil || len(rows) != 1 {
			t.Errorf("%v %v", rows, err)
		}
		s.CheckLog()
		if _, err := s.DB().Exec(`UPDATE signed_paper_parts SET part = part + 5 WHERE part = 1`); err != nil {
			t.Fatal(err)
		}
		if _, err := s.VerifyLog(ctx, s.School.ID, s.VKey); err == nil {
			t.Error("a part that is missing in the middle is not found")
		}
	})
}
