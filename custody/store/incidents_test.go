package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// report reports a token lost by its custodian, noticed now.
func (s *school) report(actor custody.Actor, token custody.Token, kind custody.IncidentKind) store.IncidentRow {
	s.TB.Helper()
	row, err := s.ReportIncident(ctx, actor, store.NewIncident{Token: token.ID, Kind: kind, DiscoveredAt: s.Clock.Now(), Description: "để quên, không thấy nữa", PIN: custody.PINUnknown})
	if err != nil {
		s.TB.Fatal(err)
	}
	return row
}

// paper is a step with all that any step asks for.
func (s *school) paper(kind custody.StepKind) store.NewStep {
	return store.NewStep{Step: custody.Step{Kind: kind, PaperNumber: "21/CV-MNHS", PaperDate: custody.DateOf(s.Clock.Now()), Addressee: "Cục Chứng thực số và Bảo mật thông tin"}, Note: "đã làm"}
}

func (s *school) step(actor custody.Actor, id custody.IncidentID, kind custody.StepKind) store.TrackRow {
	s.TB.Helper()
	row, err := s.RecordStep(ctx, actor, id, s.paper(kind))
	if err != nil {
		s.TB.Fatalf("%s: %v", kind, err)
	}
	return row
}

func (s *school) refuseStep(actor custody.Actor, id custody.IncidentID, kind custody.StepKind, kindOfError error, want string) {
	s.TB.Helper()
	if _, err := s.RecordStep(ctx, actor, id, s.paper(kind)); !errors.Is(err, kindOfError) || reason(err) != want {
		s.TB.Errorf("%s: %v, want %s", kind, err, want)
	}
}

func (s *school) stateOf(token custody.Token) custody.TokenState {
	s.TB.Helper()
	row, err := s.Token(ctx, s.admin, token.ID)
	if err != nil {
		s.TB.Fatal(err)
	}
	return row.State
}

// incidentsOfEveryState adds an incident that was cleared and one that was closed,
// alarms answered in both ways and one that waits, and reviews.
func incidentsOfEveryState(s *school, must func(error)) {
	cleared := s.report(s.admin, s.sealToken, custody.Misplaced)
	s.step(s.admin, cleared.ID, custody.StepFound)
	s.step(s.principal, cleared.ID, custody.StepCleared)
	lost, _ := s.AddToken("A1009", s.principal.Person)
	s.Give(lost.ID, s.principal)
	closed := s.report(s.principal, lost, custody.Lost)
	s.step(s.admin, closed.ID, custody.StepRevocationAsked)
	s.step(s.admin, closed.ID, custody.StepRevocationNoticed)
	s.step(s.admin, closed.ID, custody.StepCertificateRevoked)
	s.step(s.admin, closed.ID, custody.StepDeviceLost)
	s.step(s.admin, closed.ID, custody.StepLessons)
	s.step(s.admin, closed.ID, custody.StepClosed)
	for range 3 {
		must(s.RaiseAlarm(ctx, s.School.ID, store.NewAlarm{Kind: custody.Lost, Name: "một phụ huynh", Contact: "0900000001", Description: "nhặt được một USB ở cổng"}))
	}
	alarms, err := s.Alarms(ctx, s.principal)
	must(err)
	must(s.DismissAlarm(ctx, s.admin, alarms[0].ID, "không phải của trường"))
	_, err = s.BlockByAlarm(ctx, s.principal, alarms[1].ID, s.principalToken.ID)
	must(err)
	// The principal's signatures of before are doubtful once nothing certain is known of them.
	old, err := s.ReportIncident(ctx, s.principal, store.NewIncident{Token: s.principalToken.ID, Kind: custody.Suspected, Description: "máy lạ",
		DiscoveredAt: s.Clock.Now(), LastUsedAt: s.Clock.Now().Add(-48 * time.Hour)})
	must(err)
	doubtful, err := s.DoubtfulSignatures(ctx, s.principal, old.ID)
	must(err)
	if len(doubtful) < 2 {
		s.TB.Fatalf("%d doubtful signatures", len(doubtful))
	}
	must(s.ReviewSignature(ctx, s.principal, old.ID, doubtful[0].ID, custody.Genuine, "chính tôi ký"))
	must(s.ReviewSignature(ctx, s.principal, old.ID, doubtful[1].ID, custody.Disputed, ""))
}

// The whole track of a lost token, each step refused before its turn, to the token
// that is retired.
func TestTheTrackOfALostToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		i := s.report(s.deputy, s.deputyToken, custody.Lost)
		for _, kind := range []custody.StepKind{custody.StepRevocationAsked, custody.StepAuthorityInformed} {
			s.refuseStep(s.admin, i.ID, kind, custody.ErrConflict, custody.ReasonStepFirst)
		}
		s.refuseStep(s.deputy, i.ID, custody.StepRevocationAsked, custody.ErrForbidden, custody.ReasonManagersOnly)
		s.refuseStep(s.officeHead, i.ID, custody.StepPrincipalInformed, custody.ErrNotFound, "")
		row := s.step(s.deputy, i.ID, custody.StepPrincipalInformed)
		if next := row.Track.Next(); next != custody.StepRevocationAsked {
			t.Errorf("after telling the principal: %s", next)
		}
		s.refuseStep(s.deputy, i.ID, custody.StepPrincipalInformed, custody.ErrConflict, custody.ReasonStepDone)
		s.refuseStep(s.admin, i.ID, custody.StepDeviceLost, custody.ErrConflict, custody.ReasonStepFirst)
		s.refuseStep(s.admin, i.ID, custody.StepRevocationNoticed, custody.ErrConflict, custody.ReasonStepFirst)
		without := s.paper(custody.StepRevocationAsked)
		without.PaperNumber = ""
		if _, err := s.RecordStep(ctx, s.admin, i.ID, without); reason(err) != custody.ReasonPaperNeeded {
			t.Errorf("form 05 without a number: %v", err)
		}
		without = s.paper(custody.StepRevocationAsked)
		without.PaperDate = "2026-10-06"
		if _, err := s.RecordStep(ctx, s.admin, i.ID, without); reason(err) != custody.ReasonBeforeLoss {
			t.Errorf("form 05 of the day before the loss: %v", err)
		}
		row = s.step(s.admin, i.ID, custody.StepRevocationAsked)
		if len(row.Open()) != 0 {
			t.Errorf("the authority was told: %+v", row.Deadlines)
		}
		s.step(s.admin, i.ID, custody.StepAuthorityInformed)
		s.step(s.admin, i.ID, custody.StepAuthorityInformed) // police, and the superior body
		s.refuseStep(s.admin, i.ID, custody.StepDeviceReturned, custody.ErrConflict, custody.ReasonStepFirst)
		s.refuseStep(s.admin, i.ID, custody.StepClosed, custody.ErrConflict, custody.ReasonStepFirst)

		// The service finds the certificate revoked: the incident goes on by itself.
		at := s.Clock.Now()
		token, err := s.Token(ctx, s.admin, s.deputyToken.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetRevocation(ctx, s.System, token.Certificate.SHA256, &at, "http://ca.example/ocsp"); err != nil {
			t.Fatal(err)
		}
		row, err = s.IncidentTrack(ctx, s.deputy, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		step := row.Track.Step(custody.StepCertificateRevoked)
		if step == nil || step.By != "" || step.Revocation == 0 || !row.Track.CertificateEnded {
			t.Fatalf("the revocation moved nothing on: %+v", row.Steps)
		}
		if source := row.Steps[len(row.Steps)-1].Source; source != "http://ca.example/ocsp" {
			t.Errorf("source %q", source)
		}
		if err := s.SetRevocation(ctx, s.System, token.Certificate.SHA256, &at, "http://ca.example/ocsp"); err != nil {
			t.Fatal(err)
		}
		if open := row.Open(); len(open) != 1 || open[0].Kind != custody.DeadlineDevice || custody.DateOf(open[0].Due.Add(-time.Second)) != "2026-10-14" {
			t.Errorf("device: %+v", open) // noticed on Wednesday the 7th: five working days are Wednesday the 14th
		}
		s.refuseStep(s.admin, i.ID, custody.StepDeviceReturned, custody.ErrConflict, custody.ReasonStepFirst)
		s.step(s.admin, i.ID, custody.StepDeviceLost)
		s.refuseStep(s.deputy, i.ID, custody.StepFound, custody.ErrConflict, custody.ReasonStepTooLate)
		s.refuseStep(s.admin, i.ID, custody.StepClosed, custody.ErrConflict, custody.ReasonStepFirst)
		row = s.step(s.admin, i.ID, custody.StepLessons)
		if row.Track.Next() != custody.StepClosed || s.stateOf(s.deputyToken) != custody.Revoked {
			t.Errorf("before the end: next %s, token %s", row.Track.Next(), s.stateOf(s.deputyToken))
		}
		row = s.step(s.admin, i.ID, custody.StepClosed)
		if row.State != "closed" || row.Track.Next() != "" || s.stateOf(s.deputyToken) != custody.Retired {
			t.Errorf("closed: %s, next %s, token %s", row.State, row.Track.Next(), s.stateOf(s.deputyToken))
		}
		if gone, err := s.Token(ctx, s.admin, s.deputyToken.ID); err != nil || gone.Custodian != "" {
			t.Errorf("the custodian still has it: %+v, %v", gone, err)
		}
		s.refuseStep(s.admin, i.ID, custody.StepAuthorityInformed, custody.ErrConflict, custody.ReasonTrackEnded)
		_, err = s.RequestGrant(ctx, s.deputy, custody.GrantRequest{Request: "after", TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: randomHash(), Document: document, Act: custody.Initial})
		if code := refusalCode(err); code != custody.RefusedTokenRetired {
			t.Errorf("a retired token: %s", code)
		}
		facts, err := s.IncidentFacts(ctx, s.admin, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if facts.ReporterTitle != "Phó Hiệu trưởng" || facts.CustodianName != "Trần Thị Hòa" || facts.PrincipalName != "Nguyễn Văn Nghĩa" || facts.AuthorityTold == nil ||
			facts.AuthorityTold.Kind != custody.StepRevocationAsked || facts.Revoked == nil || facts.Device == nil || facts.Device.Kind != custody.StepDeviceLost ||
			len(facts.Certificates) != 1 || facts.RevokeTo == "" || facts.PrincipalInformed == nil {
			t.Errorf("facts for the papers: %+v", facts)
		}
		if report := s.CheckLog(); report.ByType["incident_step"] != 8 {
			t.Errorf("%d steps in the log", report.ByType["incident_step"])
		}
	})
}

// Found again: only the principal gives it back, by a decision, and only before
// its revocation was asked for.
func TestFoundAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		i := s.report(s.deputy, s.deputyToken, custody.Misplaced)
		s.refuseStep(s.principal, i.ID, custody.StepCleared, custody.ErrConflict, custody.ReasonStepFirst) // not found yet
		row := s.step(s.deputy, i.ID, custody.StepFound)
		if s.stateOf(s.deputyToken) != custody.Blocked || row.State != "open" {
			t.Error("finding alone gave it back")
		}
		s.refuseStep(s.admin, i.ID, custody.StepCleared, custody.ErrForbidden, custody.ReasonPrincipalOnly)
		s.refuseStep(s.deputy, i.ID, custody.StepCleared, custody.ErrForbidden, custody.ReasonPrincipalOnly)
		without := s.paper(custody.StepCleared)
		without.PaperNumber = ""
		if _, err := s.RecordStep(ctx, s.principal, i.ID, without); reason(err) != custody.ReasonPaperNeeded {
			t.Errorf("without a decision: %v", err)
		}
		row = s.step(s.principal, i.ID, custody.StepCleared)
		if row.State != "cleared" || s.stateOf(s.deputyToken) != custody.Held {
			t.Errorf("cleared: %s, token %s", row.State, s.stateOf(s.deputyToken))
		}
		if len(row.Open()) != 0 {
			t.Errorf("deadlines of a cleared incident: %+v", row.Open())
		}
		kt := custody.GrantRequest{Request: "kt-9", TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: randomHash(), Act: custody.Approve, Capacity: custody.KT, Document: document}
		kt.Document.Kind = "TB"
		s.sign(s.deputy, kt)
		if doubtful, err := s.DoubtfulSignatures(ctx, s.deputy, i.ID); err != nil || len(doubtful) != 0 {
			t.Errorf("what is signed after the clearing is doubtful: %+v, %v", doubtful, err)
		}

		// Once form 05 is out there is no way back.
		i = s.report(s.deputy, s.deputyToken, custody.Misplaced)
		s.step(s.principal, i.ID, custody.StepPrincipalInformed)
		s.step(s.admin, i.ID, custody.StepRevocationAsked)
		s.step(s.deputy, i.ID, custody.StepFound)
		s.refuseStep(s.principal, i.ID, custody.StepCleared, custody.ErrConflict, custody.ReasonRevocationBegun)
		s.refuseStep(s.admin, i.ID, custody.StepDeviceLost, custody.ErrConflict, custody.ReasonDeviceThere)
		// The test's certificate names nobody to ask: the authority's notice counts.
		s.refuseStep(s.admin, i.ID, custody.StepCertificateRevoked, custody.ErrConflict, custody.ReasonStepFirst)
		s.step(s.admin, i.ID, custody.StepRevocationNoticed)
		row = s.step(s.admin, i.ID, custody.StepCertificateRevoked)
		if step := row.Track.Step(custody.StepCertificateRevoked); step == nil || step.By != s.admin.Person || row.Track.Next() != custody.StepDeviceReturned {
			t.Errorf("by the notice: %+v, next %s", step, row.Track.Next())
		}
		s.step(s.admin, i.ID, custody.StepDeviceReturned)
		if s.stateOf(s.deputyToken) != custody.Revoked {
			t.Errorf("token is %s", s.stateOf(s.deputyToken))
		}
		s.CheckLog()
	})
}

// A token in the safe that is cleared lies in the safe again; another open incident
// keeps it blocked.
func TestClearingOneOfTwo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := newSchool(r)
		one := s.report(s.admin, s.sealToken, custody.Suspected)
		two := s.report(s.principal, s.sealToken, custody.Suspected)
		s.step(s.principal, one.ID, custody.StepCleared)
		if s.stateOf(s.sealToken) != custody.Blocked {
			t.Error("the other incident does not block")
		}
		s.step(s.principal, two.ID, custody.StepCleared)
		if s.stateOf(s.sealToken) != custody.InSafe {
			t.Errorf("token is %s", s.stateOf(s.sealToken))
		}
		s.CheckLog()
	})
}

// What is late is listed, the earliest first, and what was done in time is not.
func TestDeadlinesAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		if _, err := s.ChangeSettings(ctx, s.admin, map[custody.SettingName]string{custody.SettingReportHours: "8", custody.SettingDeviceDays: "2", custody.SettingHolidays: "2026-10-09"}); err != nil {
			t.Fatal(err)
		}
		noticed := s.Clock.Now()
		first := s.report(s.deputy, s.deputyToken, custody.Lost)
		s.Clock.Advance(time.Hour)
		second := s.report(s.principal, s.principalToken, custody.Suspected)
		open, err := s.IncidentDeadlines(ctx, s.System)
		if err != nil || len(open) != 2 || open[0].ID != first.ID || open[0].Due.Sub(noticed).Round(time.Second) != 8*time.Hour || open[0].Late(s.Clock.Now()) {
			t.Fatalf("%+v, %v", open, err)
		}
		s.Clock.Advance(8 * time.Hour)
		if open, err = s.IncidentDeadlines(ctx, s.System); err != nil || !open[0].Late(s.Clock.Now()) {
			t.Errorf("eight hours later: %+v, %v", open, err)
		}
		if mine, err := s.IncidentDeadlines(ctx, s.deputy); err != nil || len(mine) != 1 {
			t.Errorf("the deputy's own: %+v, %v", mine, err)
		}
		s.step(s.admin, second.ID, custody.StepRevocationAsked) // a principal who reports knows
		s.step(s.admin, second.ID, custody.StepRevocationNoticed)
		open, err = s.IncidentDeadlines(ctx, s.System)
		if err != nil || len(open) != 2 || open[1].Kind != custody.DeadlineDevice {
			t.Fatalf("%+v, %v", open, err)
		}
		// Noticed on Wednesday the 7th; Friday the 9th is a day off: Thursday and Monday.
		if due := open[1].Due.In(custody.SchoolZone); custody.DateOf(due.Add(-time.Second)) != "2026-10-12" {
			t.Errorf("device due %s", due)
		}
	})
}

// Somebody who is not signed in raises an alarm; a manager blocks by it, or not.
func TestAlarms(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		raise := func() error {
			return s.RaiseAlarm(ctx, s.School.ID, store.NewAlarm{Kind: custody.Lost, Name: "Trần Thị Hòa", Contact: "0900000002", Description: "tôi làm rơi USB, không nhớ mật khẩu"})
		}
		for range 2 {
			if err := raise(); err != nil {
				t.Fatal(err)
			}
		}
		if s.stateOf(s.deputyToken) != custody.Held {
			t.Fatal("an alarm blocked a token")
		}
		if _, err := s.Alarms(ctx, s.deputy); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("a deputy reads alarms: %v", err)
		}
		if n, err := s.OpenAlarms(ctx, s.deputy); n != 0 || err != nil {
			t.Errorf("a deputy counts alarms: %d, %v", n, err)
		}
		alarms, err := s.Alarms(ctx, s.principal)
		if err != nil || len(alarms) != 2 || alarms[0].Contact != "0900000002" {
			t.Fatalf("%+v, %v", alarms, err)
		}
		if _, err := s.BlockByAlarm(ctx, s.deputy, alarms[0].ID, s.deputyToken.ID); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("a deputy answers: %v", err)
		}
		i, err := s.BlockByAlarm(ctx, s.admin, alarms[0].ID, s.deputyToken.ID)
		if err != nil || i.Alarm != alarms[0].ID || i.Description != "tôi làm rơi USB, không nhớ mật khẩu" || s.stateOf(s.deputyToken) != custody.Blocked {
			t.Errorf("%+v, %v, token %s", i, err, s.stateOf(s.deputyToken))
		}
		if _, err := s.BlockByAlarm(ctx, s.admin, alarms[0].ID, s.principalToken.ID); reason(err) != custody.ReasonAlarmDecided {
			t.Errorf("answered twice: %v", err)
		}
		if s.stateOf(s.principalToken) != custody.Held {
			t.Error("the second answer blocked another token")
		}
		if err := s.DismissAlarm(ctx, s.admin, alarms[1].ID, " "); !errors.Is(err, custody.ErrInvalid) {
			t.Errorf("dismissed without a reason: %v", err)
		}
		if err := s.DismissAlarm(ctx, s.admin, alarms[1].ID, "trùng với báo động trước"); err != nil {
			t.Error(err)
		}
		if n, err := s.OpenAlarms(ctx, s.admin); n != 0 || err != nil {
			t.Errorf("%d open: %v", n, err)
		}
		for range custody.AlarmsPerHour - 2 {
			if err := raise(); err != nil {
				t.Fatal(err)
			}
		}
		if err := raise(); reason(err) != custody.ReasonTooManyAlarms {
			t.Errorf("one more than an hour takes: %v", err)
		}
		s.Clock.Advance(time.Hour)
		if err := raise(); err != nil {
			t.Errorf("an hour later: %v", err)
		}
		s.CheckLog()
	})
}

// Signatures since the last certain use are listed, with what makes them doubtful,
// and their signer or the principal says what they are.
func TestDoubtfulSignatures(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		kt := func(request string) custody.GrantRequest {
			g := custody.GrantRequest{Request: request, TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: randomHash(), Act: custody.Approve, Capacity: custody.KT, Document: document}
			g.Document.Kind = "TB"
			return g
		}
		s.sign(s.deputy, kt("certain"))
		certain := s.Clock.Now()
		s.sign(s.deputy, kt("uncertain"))
		noticed := s.Clock.Now()
		s.sign(s.deputy, kt("after loss"))
		late, err := s.RequestGrant(ctx, s.deputy, kt("after report"))
		if err != nil {
			t.Fatal(err)
		}
		used, err := s.TokenLastUsed(ctx, s.deputy)
		if err != nil || !used[s.deputyToken.ID].After(noticed) {
			t.Errorf("last use: %v, %v", used, err)
		}
		i, err := s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: s.deputyToken.ID, Kind: custody.Suspected, DiscoveredAt: noticed, LastUsedAt: certain, Description: "máy lạ"})
		if err != nil {
			t.Fatal(err)
		}
		rec := record()
		rec.SignedAt = s.Clock.Now()
		if _, err := s.RecordSignature(ctx, s.deputy, late.ID, rec); err != nil {
			t.Fatal(err)
		}
		listed, err := s.DoubtfulSignatures(ctx, s.deputy, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		var doubts []custody.Doubt
		for _, d := range listed {
			doubts = append(doubts, d.Doubt)
		}
		if !slices.Equal(doubts, []custody.Doubt{custody.DoubtUncertain, custody.DoubtAfterLoss, custody.DoubtAfterReport}) || listed[0].Summary != document.Summary || !listed[0].MayReview {
			t.Fatalf("%v\n%+v", doubts, listed)
		}
		if err := s.ReviewSignature(ctx, s.admin, i.ID, listed[0].ID, custody.Genuine, ""); reason(err) != custody.ReasonNotReviewer {
			t.Errorf("an admin reviews: %v", err)
		}
		if err := s.ReviewSignature(ctx, s.officeHead, i.ID, listed[0].ID, custody.Genuine, ""); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("somebody else reviews: %v", err)
		}
		if err := s.ReviewSignature(ctx, s.deputy, i.ID, listed[0].ID, custody.Genuine, "tôi ký lúc họp"); err != nil {
			t.Error(err)
		}
		if err := s.ReviewSignature(ctx, s.deputy, i.ID, listed[2].ID, custody.Genuine, ""); err != nil {
			t.Error(err)
		}
		if err := s.ReviewSignature(ctx, s.principal, i.ID, listed[2].ID, custody.Disputed, "không phải của cô Hòa"); err != nil {
			t.Error(err)
		}
		if err := s.ReviewSignature(ctx, s.principal, i.ID, "00000000-0000-0000-0000-000000000000", custody.Disputed, ""); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("a signature that is none of it: %v", err)
		}
		row, err := s.IncidentTrack(ctx, s.admin, i.ID)
		if err != nil || row.Doubtful[0].Verdict != custody.Genuine || row.Doubtful[0].ReviewNote != "tôi ký lúc họp" || row.Doubtful[1].Verdict != "" ||
			row.Doubtful[2].Verdict != custody.Disputed || row.Doubtful[2].ReviewedBy != "Nguyễn Văn Nghĩa" {
			t.Errorf("%+v, %v", row.Doubtful, err)
		}
		s.CheckLog()
	})
}

// From the commit of a report on, every service refuses, however fast it is asked:
// two on one database, a thousandth of a second apart.
func TestAReportBlocksOnEveryReplica(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		config := r.Config
		config.MarkFile, config.Now = "", time.Now
		other, err := store.Open(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		ask := func(st *store.Store) string {
			_, err := st.RequestGrant(ctx, s.deputy, custody.GrantRequest{Request: randomHash()[:32], TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: randomHash(), Document: document, Act: custody.Initial})
			if err == nil {
				return "granted"
			}
			return refusalCode(err)
		}
		var took []time.Duration
		for range 10 {
			if code := ask(other); code != "granted" {
				t.Fatalf("before the report: %s", code)
			}
			start := time.Now()
			i := s.report(s.deputy, s.deputyToken, custody.Misplaced)
			took = append(took, time.Since(start))
			time.Sleep(time.Millisecond)
			for name, st := range map[string]*store.Store{"the same": s.Store, "the other": other} {
				if code := ask(st); code != custody.RefusedTokenReported {
					t.Errorf("%s service: %s", name, code)
				}
			}
			s.step(s.deputy, i.ID, custody.StepFound)
			s.step(s.principal, i.ID, custody.StepCleared)
		}
		slices.Sort(took)
		t.Logf("report to blocked: median %v, longest %v", took[len(took)/2], took[len(took)-1])
		s.CheckLog()
	})
}

// While eight ask for grants on both services without a pause, a report falls: no
// grant has a place in the log behind it.
func TestNoGrantFollowsAReport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		config := r.Config
		config.MarkFile = ""
		other, err := store.Open(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		entries := make([]int64, 8*12)
		var reported int64
		for _, err := range inParallel(9, func(i int) error {
			if i == 8 {
				time.Sleep(20 * time.Millisecond)
				row, err := s.ReportIncident(ctx, s.deputy, store.NewIncident{Token: s.deputyToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "rơi mất"})
				reported = row.Entry
				return err
			}
			st := s.Store
			if i%2 == 1 {
				st = other
			}
			for n := range 12 {
				g, err := st.RequestGrant(ctx, s.deputy, custody.GrantRequest{Request: randomHash()[:32], TokenSerial: "A1002", Certificate: s.deputyCert, SHA256In: randomHash(), Document: document, Act: custody.Initial})
				var refusal *custody.Refusal
				if err == nil {
					entries[i*12+n] = g.Entry
				} else if !errors.As(err, &refusal) {
					return err
				}
			}
			return nil
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, entry := range entries {
			if entry > reported {
				t.Errorf("grant %d after the report %d", entry, reported)
			}
		}
		s.CheckLog()
	})
}
