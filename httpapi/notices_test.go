package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// Notices are read one by one or all at once by whom they are for; who runs the
// register has a text for the chat group, and tries again what could not be sent.
func TestNoticesOnPages(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	incident, err := s.ReportIncident(ctx, s.admin.actor, store.NewIncident{Token: s.deputy.token.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "rơi trên xe buýt"})
	if err != nil {
		t.Fatal(err)
	}
	for {
		n, err := s.DeriveNotices(ctx, s.School.ID, []store.Channel{store.ChannelWebhook})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	v := s.visitor(t)
	v.signIn(s.deputy)
	unread, err := s.UnreadNotices(ctx, s.deputy.actor)
	if err != nil || unread < 2 {
		t.Fatalf("%d unread, %v", unread, err)
	}
	if status, page := v.get("/notices"); status != http.StatusOK || !strings.Contains(page, "USB ký số A1002") || strings.Contains(page, "rơi trên xe buýt") {
		t.Errorf("status %d, notices:\n%s", status, page)
	}
	rows, err := s.Notices(ctx, s.deputy.actor, "")
	if err != nil {
		t.Fatal(err)
	}
	resp, _ := v.post("/notices/"+string(rows[0].ID)+"/read", url.Values{"next": {"/incidents/" + string(incident.ID)}})
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/incidents/"+string(incident.ID) {
		t.Errorf("one read: %s, on to %q", resp.Status, resp.Header.Get("Location"))
	}
	if left, err := s.UnreadNotices(ctx, s.deputy.actor); err != nil || left != unread-1 {
		t.Errorf("%d unread after one of %d, %v", left, unread, err)
	}
	if resp, _ := v.post("/notices/"+string(rows[1].ID)+"/read", url.Values{"next": {"https://example.com/"}}); strings.Contains(resp.Header.Get("Location"), "example.com") {
		t.Errorf("a notice leads to another site: %q", resp.Header.Get("Location"))
	}
	if resp, _ := v.post("/notices/read", url.Values{"up_to": {string(rows[0].ID)}}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("all read: %s", resp.Status)
	}
	if left, err := s.UnreadNotices(ctx, s.deputy.actor); err != nil || left != 0 {
		t.Errorf("%d unread after all, %v", left, err)
	}
	other := s.visitor(t)
	other.signIn(s.officeHead)
	if resp, _ := other.post("/notices/"+string(rows[0].ID)+"/read", url.Values{}); resp.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else's notice: %s", resp.Status)
	}
	for _, path := range []string{"/notices/share", "/background"} {
		if status, _ := other.get(path); status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("%s by a custodian: %d", path, status)
		}
	}

	admin := s.visitor(t)
	admin.signIn(s.admin)
	if _, page := admin.get("/notices/share?days=7"); !strings.Contains(page, "USB ký số A1002") || strings.Contains(page, "rơi trên xe buýt") {
		t.Errorf("the text to share:\n%s", page)
	}
	claimed, err := s.ClaimDeliveries(ctx, s.School.ID, "sender", []store.Channel{store.ChannelWebhook}, 100, time.Minute)
	if err != nil || len(claimed) == 0 {
		t.Fatalf("%d deliveries, %v", len(claimed), err)
	}
	if err := s.GiveUpDelivery(ctx, s.School.ID, claimed[0].ID, "sender", "refused"); err != nil {
		t.Fatal(err)
	}
	retry := "/background/deliveries/" + claimed[0].ID + "/retry"
	if _, page := admin.get("/background"); !strings.Contains(page, retry) {
		t.Errorf("the page lacks what was given up:\n%s", page)
	}
	for i, want := range []int{http.StatusSeeOther, http.StatusNotFound} { // once; then it waits, and is not given up
		if resp, page := admin.post(retry, url.Values{}); resp.StatusCode != want {
			t.Errorf("try %d again: %s\n%s", i+1, resp.Status, page)
		}
	}
	if _, page := admin.get("/background"); strings.Contains(page, retry) {
		t.Error("what waits again is still shown as given up")
	}
}

// The home page of who runs the register says what is late: a hand-over that ended, a
// deadline of an incident, a request to the provider, and what an open check lacks.
func TestHomeSaysWhatIsLate(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	v := s.visitor(t)
	v.signIn(s.admin)
	late := []string{"chưa trả", "quá hạn", "Gia hạn chứng thư", "Đợt kiểm kê đang mở: còn 4/4"}
	if _, page := v.get("/"); strings.Contains(page, late[0]) || strings.Contains(page, late[1]) {
		t.Errorf("something is late already:\n%s", page)
	}
	today := custody.DateOf(s.Clock.Now())
	offer, err := s.OfferHandOver(ctx, s.deputy.actor, store.NewHandOver{Token: s.deputy.token.ID, Condition: "tốt"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AcceptHandOver(ctx, s.admin.actor, offer.ID); err != nil {
		t.Fatal(err)
	}
	seal, err := s.OfferHandOver(ctx, s.officeHead.actor, store.NewHandOver{Token: s.officeHead.token.ID, To: s.deputy.actor.Person, ReasonKind: custody.Temporary, Since: today, Until: today.AddDays(1),
		PermissionNumber: "9/QĐ-MNHS", PermissionDate: today, PermissionSigner: "Hiệu trưởng"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AcceptHandOver(ctx, s.deputy.actor, seal.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AskSupport(ctx, s.principal.actor, store.NewSupport{Token: s.principal.token.ID, Kind: custody.SupportRenewal, Description: "sắp hết hạn"}); err != nil {
		t.Fatal(err)
	}
	incident, err := s.ReportIncident(ctx, s.deputyTwo.actor, store.NewIncident{Token: s.deputyTwo.token.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "mất"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.OpenCheck(ctx, s.admin.actor, store.NewCheck{Kind: custody.SpecialCheck, Due: today.AddDays(20)}); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(14 * 24 * time.Hour)
	v = s.visitor(t)
	v.signIn(s.admin)
	_, page := v.get("/")
	for _, want := range append(late, "/incidents/"+string(incident.ID), "/hand-overs/"+string(seal.ID)) {
		if !strings.Contains(page, want) {
			t.Errorf("the home page does not say %q:\n%s", want, page)
		}
	}
	custodian := s.visitor(t)
	custodian.signIn(s.officeHead)
	if _, page := custodian.get("/"); strings.Contains(page, "Đợt kiểm kê đang mở") {
		t.Error("a custodian is told what the register waits for")
	}
}

// A side confirms a hand-over by a signature over the challenge of this hand-over, at
// its own address, and by no other.
func TestConfirmationOverHTTP(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	offer, err := s.OfferHandOver(ctx, s.deputy.actor, store.NewHandOver{Token: s.deputy.token.ID, Condition: "nguyên vẹn"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.OfferHandOver(ctx, s.deputyTwo.actor, store.NewHandOver{Token: s.deputyTwo.token.ID, Condition: "nguyên vẹn"})
	if err != nil {
		t.Fatal(err)
	}
	challenge := func(m *member, purpose, id string) (wire.Challenge, error) {
		return m.agent.CreateChallenge(ctx, wire.NewChallenge{TokenSerial: m.token.Serial, CertificateSHA256: hashOf(m.cert.Raw), Purpose: purpose, HandOverID: id})
	}
	if _, err := challenge(s.deputy, wire.ProofGiving, string(other.ID)); err == nil {
		t.Error("a challenge for somebody else's hand-over")
	}
	c, err := challenge(s.deputy, wire.ProofGiving, string(offer.ID))
	if err != nil {
		t.Fatal(err)
	}
	answer := wire.HandOverConfirmation{ChallengeID: c.ID, CMS: s.deputy.prove(t, c).CMS}
	if _, err := s.deputy.agent.ConfirmHandOver(ctx, string(other.ID), answer); err == nil {
		t.Error("confirmed at the address of another hand-over")
	}
	forged := answer
	forged.CMS = s.deputyTwo.prove(t, c).CMS
	if _, err := s.deputy.agent.ConfirmHandOver(ctx, string(offer.ID), forged); err == nil {
		t.Error("confirmed by another key")
	}
	receipt, err := s.deputy.agent.ConfirmHandOver(ctx, string(offer.ID), answer)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.deputy.agent.ConfirmHandOver(ctx, string(offer.ID), answer); err != nil || again.Index != receipt.Index {
		t.Errorf("sent again: entry %d, then %d, %v", receipt.Index, again.Index, err)
	}
	entry, _ := s.check(t, receipt)
	if entry.Fields["side"] != "giving" || entry.Fields["hand_over"] != string(offer.ID) {
		t.Errorf("entry %+v", entry)
	}
	s.CheckLog()
}

// An incident that ended stays on the bar of the token's page, from the report to its end.
func TestAnEndedIncidentStaysOnTheBar(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	incident, err := s.ReportIncident(ctx, s.deputy.actor, store.NewIncident{Token: s.deputy.token.ID, Kind: custody.Misplaced, DiscoveredAt: s.Clock.Now(), Description: "quên ở nhà"})
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(3 * time.Hour)
	if _, err := s.RecordStep(ctx, s.deputy.actor, incident.ID, store.NewStep{Step: custody.Step{Kind: custody.StepFound}, Note: "trong ngăn bàn"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RecordStep(ctx, s.principal.actor, incident.ID, store.NewStep{Step: custody.Step{Kind: custody.StepCleared, PaperNumber: "31/QĐ-MNHS", PaperDate: custody.DateOf(s.Clock.Now())}, Note: "tìm thấy"}); err != nil {
		t.Fatal(err)
	}
	cleared := s.Clock.Now().In(custody.SchoolZone).Format("15:04")
	s.Clock.Advance(24 * time.Hour)
	v := s.visitor(t)
	v.signIn(s.admin)
	_, page := v.get("/tokens/" + string(s.deputy.token.ID))
	if !strings.Contains(page, `<rect class="hold-blocked"`) || !strings.Contains(page, cleared) {
		t.Errorf("the bar lacks the incident, ended at %s:\n%s", cleared, page)
	}
}
