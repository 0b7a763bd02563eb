package custody

import (
	"cmp"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	testNow = time.Date(2026, 10, 7, 2, 15, 0, 0, time.UTC)
	today   = DateOf(testNow)
)

func position(kind PositionKind) []Position {
	return []Position{{Kind: kind, Title: string(kind), From: "2026-01-01"}}
}

func scope(acts []Act, kinds []string, capacities ...Capacity) Scope {
	return Scope{Acts: acts, Kinds: kinds, Capacities: capacities, From: "2026-09-01", Until: "2026-12-31", Paper: "15/QĐ-MNHS"}
}

// goodGrant: a principal with the own token asks to approve a regulation.
func goodGrant() (GrantRequest, GrantFacts) {
	r := GrantRequest{Request: "1", TokenSerial: "A1", Document: Document{Kind: "QC", Summary: "Quy chế"}, Act: Approve}
	f := GrantFacts{Person: "p1", Requested: "c1", Token: &Token{ID: "t1", Serial: "A1", Kind: Personal, Owner: "p1"},
		Certificates: []Certificate{{SHA256: "c1", NotBefore: testNow.AddDate(-1, 0, 0), NotAfter: testNow.AddDate(1, 0, 0)}},
		Custody:      &Custody{ID: "k1", Token: "t1", Person: "p1", Entry: 9}, Positions: position(Principal)}
	return r, f
}

func sealGrant() (GrantRequest, GrantFacts) {
	r, f := goodGrant()
	r.Act = Issue
	f.Token = &Token{ID: "t2", Serial: "B1", Kind: Seal}
	f.Positions = position(OfficeHead)
	f.Approval = &Approval{Entry: 5}
	return r, f
}

func TestDecideGrant(t *testing.T) {
	revoked := testNow.Add(-time.Hour)
	deputy := func(r *GrantRequest, f *GrantFacts) {
		f.Positions = position(Deputy)
		f.Scopes = []Scope{scope([]Act{Approve}, []string{"TB", "KH"}, KT)}
		r.Document.Kind, r.Capacity = "TB", KT
	}
	for _, test := range []struct {
		name   string
		seal   bool
		change func(*GrantRequest, *GrantFacts)
		want   string // "" = granted
	}{
		{"principal approves", false, func(r *GrantRequest, f *GrantFacts) {}, ""},
		{"no such token", false, func(r *GrantRequest, f *GrantFacts) { f.Token = nil }, RefusedTokenUnknown},
		{"retired", false, func(r *GrantRequest, f *GrantFacts) { f.Retired = true }, RefusedTokenRetired},
		{"reported", false, func(r *GrantRequest, f *GrantFacts) { f.Incident = &Incident{Kind: Lost, ReportedAt: testNow} }, RefusedTokenReported},
		{"reported and of somebody else: the report is said", false, func(r *GrantRequest, f *GrantFacts) { f.Incident, f.Custody.Person = &Incident{Kind: Lost}, "p2" }, RefusedTokenReported},
		{"in the safe", false, func(r *GrantRequest, f *GrantFacts) { f.Custody = nil }, RefusedTokenInSafe},
		{"returned by this person", false, func(r *GrantRequest, f *GrantFacts) { f.Custody, f.Last = nil, f.Custody }, RefusedTokenReturned},
		{"returned by another person", false, func(r *GrantRequest, f *GrantFacts) { f.Custody, f.Last = nil, &Custody{Person: "p2"} }, RefusedTokenInSafe},
		{"offered, not accepted", false, func(r *GrantRequest, f *GrantFacts) { f.Custody, f.Offer = nil, &HandOver{Kind: ToPerson, To: "p1"} }, RefusedTokenNotAccepted},
		{"offered to somebody else", false, func(r *GrantRequest, f *GrantFacts) { f.Custody, f.Offer = nil, &HandOver{Kind: ToPerson, To: "p2"} }, RefusedTokenInSafe},
		{"return offered", false, func(r *GrantRequest, f *GrantFacts) { f.Offer = &HandOver{Kind: Return, From: "p1"} }, RefusedTokenReturned},
		{"given away, not yet accepted", true, func(r *GrantRequest, f *GrantFacts) { f.Offer = &HandOver{Kind: ToPerson, From: "p1", To: "p2"} }, RefusedTokenReturned},
		{"held by somebody else", false, func(r *GrantRequest, f *GrantFacts) { f.Custody.Person = "p2" }, RefusedNotCustodian},
		{"certificate is another", false, func(r *GrantRequest, f *GrantFacts) { f.Requested = "c2" }, RefusedCertificateUnknown},
		{"certificate expired", false, func(r *GrantRequest, f *GrantFacts) { f.Certificates[0].NotAfter = testNow.Add(-time.Second) }, RefusedCertificateExpired},
		{"certificate's last second", false, func(r *GrantRequest, f *GrantFacts) { f.Certificates[0].NotAfter = testNow }, ""},
		{"certificate not yet valid", false, func(r *GrantRequest, f *GrantFacts) { f.Certificates[0].NotBefore = testNow.Add(time.Second) }, RefusedCertificateExpired},
		{"certificate revoked", false, func(r *GrantRequest, f *GrantFacts) { f.Certificates[0].RevokedAt = &revoked }, RefusedCertificateRevoked},
		{"kind not stated", false, func(r *GrantRequest, f *GrantFacts) { r.Document.Kind = " " }, RefusedDocumentUnstated},
		{"neither summary nor purpose", false, func(r *GrantRequest, f *GrantFacts) { r.Document.Summary = "" }, RefusedDocumentUnstated},
		{"purpose instead of summary", false, func(r *GrantRequest, f *GrantFacts) { r.Document.Summary, r.Document.Purpose = "", "ban hành" }, ""},
		{"no position", false, func(r *GrantRequest, f *GrantFacts) { f.Positions = nil }, RefusedNoPosition},
		{"position ended yesterday", false, func(r *GrantRequest, f *GrantFacts) { f.Positions[0].Until = "2026-10-06" }, RefusedNoPosition},
		{"position ends today", false, func(r *GrantRequest, f *GrantFacts) { f.Positions[0].Until = "2026-10-07" }, ""},
		{"position begins tomorrow", false, func(r *GrantRequest, f *GrantFacts) { f.Positions[0].From = "2026-10-08" }, RefusedNoPosition},

		{"personal token issues", false, func(r *GrantRequest, f *GrantFacts) { r.Act = Issue }, RefusedActNotAllowed},
		{"personal token copies", false, func(r *GrantRequest, f *GrantFacts) { r.Act = Copy }, RefusedActNotAllowed},
		{"personal token attaches", false, func(r *GrantRequest, f *GrantFacts) { r.Act = Attachment }, RefusedActNotAllowed},
		{"seal approves", true, func(r *GrantRequest, f *GrantFacts) { r.Act = Approve }, RefusedActNotAllowed},
		{"seal initials", true, func(r *GrantRequest, f *GrantFacts) { r.Act = Initial }, RefusedActNotAllowed},

		{"principal TM", false, func(r *GrantRequest, f *GrantFacts) { r.Capacity = TM }, ""},
		{"principal KT", false, func(r *GrantRequest, f *GrantFacts) { r.Capacity = KT }, RefusedCapacity},
		{"principal TUQ without a paper", false, func(r *GrantRequest, f *GrantFacts) { r.Capacity = TUQ }, RefusedOutOfScope},
		{"principal TUQ with a paper", false, func(r *GrantRequest, f *GrantFacts) {
			r.Capacity, f.Scopes = TUQ, []Scope{scope([]Act{Approve}, []string{"QC"}, TUQ)}
		}, ""},
		{"principal initials", false, func(r *GrantRequest, f *GrantFacts) { r.Act = Initial }, ""},
		{"initials with a capacity", false, func(r *GrantRequest, f *GrantFacts) { r.Act, r.Capacity = Initial, KT }, RefusedCapacity},

		{"deputy KT in scope", false, deputy, ""},
		{"deputy outside the kinds", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); r.Document.Kind = "QC" }, RefusedOutOfScope},
		{"deputy without prefix", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); r.Capacity = None }, RefusedCapacity},
		{"deputy without scope", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); f.Scopes = nil }, RefusedOutOfScope},
		{"deputy, scope ended", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); f.Scopes[0].Until = "2026-10-06" }, RefusedOutOfScope},
		{"deputy, scope not begun", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); f.Scopes[0].From = "2026-10-08" }, RefusedOutOfScope},
		{"deputy TUQ with KT's paper", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); r.Capacity = TUQ }, RefusedCapacity},
		{"deputy TM KT by paper", false, func(r *GrantRequest, f *GrantFacts) {
			deputy(r, f)
			r.Capacity = TM
			f.Scopes[0].Capacities = []Capacity{TM}
		}, ""},
		{"deputy Q by paper", false, func(r *GrantRequest, f *GrantFacts) {
			deputy(r, f)
			r.Capacity = Q
			f.Scopes[0].Capacities = []Capacity{Q}
		}, ""},
		{"deputy, any kind", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); f.Scopes[0].Kinds = []string{AnyKind} }, ""},
		{"deputy initials outside the scope", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); r.Act, r.Capacity, f.Scopes = Initial, None, nil }, ""},
		{"scope of another act", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); f.Scopes[0].Acts = []Act{Initial} }, RefusedOutOfScope},

		{"staff approves without prefix", false, func(r *GrantRequest, f *GrantFacts) { f.Positions = position(Staff) }, RefusedCapacity},
		{"staff KT, even with a paper", false, func(r *GrantRequest, f *GrantFacts) { deputy(r, f); f.Positions = position(Staff) }, RefusedCapacity},
		{"office head TL by paper", false, func(r *GrantRequest, f *GrantFacts) {
			f.Positions, r.Capacity, f.Scopes = position(OfficeHead), TL, []Scope{scope([]Act{Approve}, []string{"QC"}, TL)}
		}, ""},

		{"office head issues", true, func(r *GrantRequest, f *GrantFacts) {}, ""},
		{"issue without a competent signature", true, func(r *GrantRequest, f *GrantFacts) { f.Approval = nil }, RefusedNoCompetentSignature},
		{"attachment needs none", true, func(r *GrantRequest, f *GrantFacts) { r.Act, f.Approval = Attachment, nil }, ""},
		{"copy needs none", true, func(r *GrantRequest, f *GrantFacts) { r.Act, f.Approval = Copy, nil }, ""},
		{"seal with a prefix", true, func(r *GrantRequest, f *GrantFacts) { r.Act, r.Capacity = Copy, TL }, RefusedOutOfScope},
		{"seal with a prefix by paper", true, func(r *GrantRequest, f *GrantFacts) {
			r.Act, r.Capacity, f.Scopes = Copy, TL, []Scope{scope([]Act{Copy}, []string{AnyKind}, TL)}
		}, ""},
		{"principal holds the seal", true, func(r *GrantRequest, f *GrantFacts) { f.Positions = position(Principal) }, RefusedOutOfScope},
		{"staff holds the seal by paper", true, func(r *GrantRequest, f *GrantFacts) {
			f.Positions, f.Scopes = position(Staff), []Scope{scope([]Act{Issue, Copy}, []string{AnyKind}, None)}
		}, ""},
		{"out of scope is said before the missing signature", true, func(r *GrantRequest, f *GrantFacts) { f.Positions, f.Approval = position(Staff), nil }, RefusedOutOfScope},
	} {
		r, f := goodGrant()
		if test.seal {
			r, f = sealGrant()
		}
		test.change(&r, &f)
		err := DecideGrant(r, f, testNow)
		var refusal *Refusal
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (!errors.As(err, &refusal) || refusal.Code != test.want):
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		case test.want != "" && !errors.Is(err, ErrForbidden):
			t.Errorf("%s: a refusal is ErrForbidden", test.name)
		}
	}
}

// TestNoCustodyNoGrant: whatever else holds, only the present custodian of a
// token that nobody reported is given a grant, and only the fit kind of act.
func TestNoCustodyNoGrant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		person := func(name string) PersonID { return PersonID(rapid.SampledFrom([]string{"", "p1", "p2"}).Draw(t, name)) }
		r := GrantRequest{Document: Document{Kind: rapid.SampledFrom([]string{"", "QC", "TB"}).Draw(t, "kind"), Summary: "x"},
			Act: rapid.SampledFrom(Acts).Draw(t, "act"), Capacity: rapid.SampledFrom(Capacities).Draw(t, "capacity")}
		f := GrantFacts{Person: "p1", Requested: "c1", Retired: rapid.Bool().Draw(t, "retired")}
		if rapid.Bool().Draw(t, "approved") {
			f.Approval = &Approval{Entry: 5}
		}
		if rapid.Bool().Draw(t, "token") {
			f.Token = &Token{Kind: rapid.SampledFrom([]TokenKind{Personal, Seal}).Draw(t, "token kind")}
		}
		if rapid.Bool().Draw(t, "custody") {
			f.Custody = &Custody{Person: person("custodian")}
		}
		if rapid.Bool().Draw(t, "offer") {
			f.Offer = &HandOver{Kind: rapid.SampledFrom([]HandOverKind{ToPerson, Return}).Draw(t, "offer kind"), From: person("from"), To: person("to")}
		}
		if rapid.Bool().Draw(t, "incident") {
			f.Incident = &Incident{Kind: Suspected}
		}
		f.Certificates = []Certificate{{SHA256: rapid.SampledFrom([]string{"c1", "c2"}).Draw(t, "certificate"), NotAfter: testNow.Add(time.Hour)}}
		f.Positions = position(rapid.SampledFrom([]PositionKind{Principal, Deputy, OfficeHead, Staff}).Draw(t, "position"))
		f.Scopes = []Scope{scope(Acts, []string{AnyKind}, Capacities...)}
		if DecideGrant(r, f, testNow) != nil {
			return
		}
		if f.Token == nil || f.Retired || f.Incident != nil || f.Offer != nil || f.Custody == nil || f.Custody.Person != f.Person ||
			f.Certificates[0].SHA256 != f.Requested || r.Act.OfSeal() != (f.Token.Kind == Seal) || r.Document.Kind == "" || r.Act == Issue && f.Approval == nil {
			t.Fatalf("granted: %+v %+v", r, f)
		}
	})
}

func TestCompetent(t *testing.T) {
	kt := scope([]Act{Approve}, []string{"TB"}, KT)
	for _, test := range []struct {
		name   string
		kind   PositionKind
		scopes []Scope
		doc    string
		want   bool
	}{
		{"principal", Principal, nil, "QC", true},
		{"deputy in scope", Deputy, []Scope{kt}, "TB", true},
		{"deputy outside", Deputy, []Scope{kt}, "QC", false},
		{"deputy without scope", Deputy, nil, "TB", false},
		{"deputy who may initial only", Deputy, []Scope{scope([]Act{Initial}, []string{AnyKind}, None)}, "TB", false},
		{"staff with KT", Staff, []Scope{kt}, "TB", false},
		{"staff with TUQ", Staff, []Scope{scope([]Act{Approve}, []string{"TB"}, TUQ)}, "TB", true},
		{"office head", OfficeHead, nil, "TB", false},
	} {
		if got := Competent(test.doc, position(test.kind), test.scopes, today); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	if Competent("QC", position(Principal), nil, "2025-12-31") {
		t.Error("competent before the position began")
	}
}

func TestHandOverRules(t *testing.T) {
	admin, principal := Actor{Person: "a", Roles: Roles{Admin: true}}, Actor{Person: "p", Roles: Roles{Principal: true}}
	deputy, head := Actor{Person: "d", Roles: Roles{Deputy: true}}, Actor{Person: "o", Roles: Roles{OfficeHead: true}}
	personal, seal := Token{Kind: Personal, Owner: "d"}, Token{Kind: Seal}
	permission := Offer{To: "o", PermissionNumber: "12/QĐ", PermissionDate: "2026-09-01", PermissionSigner: "Hiệu trưởng"}
	held := func(p PersonID) *Custody { return &Custody{Person: p} }
	temporary := func(since, until Date) Offer {
		o := permission
		o.To, o.Kind, o.Since, o.Until = "d", Temporary, since, until
		return o
	}
	for _, test := range []struct {
		name  string
		actor Actor
		facts CustodyFacts
		offer Offer
		want  string // reason; "" = allowed
	}{
		{"admin gives out of the safe", admin, CustodyFacts{Token: personal}, Offer{To: "d"}, ""},
		{"principal gives out of the safe", principal, CustodyFacts{Token: personal}, Offer{To: "d"}, ""},
		{"system gives out of the safe", SystemActor("s"), CustodyFacts{Token: personal}, Offer{To: "d"}, ""},
		{"deputy takes out of the safe", deputy, CustodyFacts{Token: personal}, Offer{To: "d"}, ReasonNotGiver},
		{"to somebody else than its owner", admin, CustodyFacts{Token: personal}, Offer{To: "o"}, ReasonOwnerMustReceive},
		{"to oneself", admin, CustodyFacts{Token: seal}, Offer{To: "a", PermissionNumber: "1", PermissionDate: "2026-09-01", PermissionSigner: "Hiệu trưởng"}, ReasonSamePerson},
		{"open offer", admin, CustodyFacts{Token: personal, Offer: &HandOver{}}, Offer{To: "d"}, ReasonHandOverOpen},
		{"lent by its owner", deputy, CustodyFacts{Token: personal, Custody: held("d")}, Offer{To: "p"}, ReasonNeverLent},
		{"return by its custodian", deputy, CustodyFacts{Token: personal, Custody: held("d")}, Offer{}, ""},
		{"taken back by the principal", principal, CustodyFacts{Token: personal, Custody: held("d")}, Offer{Reason: "nghỉ hưu"}, ""},
		{"taken back without a reason", principal, CustodyFacts{Token: personal, Custody: held("d")}, Offer{}, ReasonOnBehalf},
		{"taken back by a colleague", head, CustodyFacts{Token: personal, Custody: held("d")}, Offer{Reason: "nghỉ hưu"}, ReasonNotGiver},
		{"taken from one and given to another", admin, CustodyFacts{Token: seal, Custody: held("d")}, Offer{To: "o", Reason: "nghỉ hưu", PermissionNumber: "1", PermissionDate: "2026-09-01", PermissionSigner: "Hiệu trưởng"}, ReasonNotGiver},
		{"to somebody who left", admin, CustodyFacts{Token: personal}, Offer{To: "d", Left: true}, ReasonReceiverLeft},
		{"return of a reported token", deputy, CustodyFacts{Token: personal, Custody: held("d"), Reported: true}, Offer{}, ""},
		{"return from the safe", admin, CustodyFacts{Token: personal}, Offer{}, ReasonAlreadyInSafe},
		{"reported token given out", admin, CustodyFacts{Token: personal, Reported: true}, Offer{To: "d"}, ReasonTokenReported},
		{"seal with permission", admin, CustodyFacts{Token: seal}, permission, ""},
		{"seal without permission", admin, CustodyFacts{Token: seal}, Offer{To: "o"}, ReasonPermissionNeeded},
		{"seal without its date", admin, CustodyFacts{Token: seal}, Offer{To: "o", PermissionNumber: "12/QĐ"}, ReasonPermissionNeeded},
		{"seal without its signer", admin, CustodyFacts{Token: seal}, Offer{To: "o", PermissionNumber: "12/QĐ", PermissionDate: "2026-09-01"}, ReasonPermissionNeeded},
		{"seal for a time", head, CustodyFacts{Token: seal, Custody: held("o")}, temporary("2026-10-08", "2026-10-20"), ""},
		{"seal for today", head, CustodyFacts{Token: seal, Custody: held("o")}, temporary("", "2026-10-07"), ""},
		{"seal until yesterday", head, CustodyFacts{Token: seal, Custody: held("o")}, temporary("", "2026-10-06"), ReasonTooEarly},
		{"seal until before it begins", head, CustodyFacts{Token: seal, Custody: held("o")}, temporary("2026-10-20", "2026-10-19"), ReasonTooEarly},
		{"seal for a time without its end", head, CustodyFacts{Token: seal, Custody: held("o")}, temporary("2026-10-08", ""), ReasonLastDayNeeded},
		{"personal token for a time", admin, CustodyFacts{Token: personal}, Offer{To: "d", Kind: Temporary, Until: "2026-10-20"}, ReasonNeverLent},
		{"an end without being for a time", admin, CustodyFacts{Token: personal}, Offer{To: "d", Until: "2026-10-20"}, "until"},
		{"given out as if it came from a custodian", admin, CustodyFacts{Token: personal}, Offer{To: "d", Kind: ChangeOf}, "reason_kind"},
		{"taken back as if by its custodian", principal, CustodyFacts{Token: personal, Custody: held("d")}, Offer{Kind: ReturnUnused, Reason: "nghỉ hưu"}, "reason_kind"},
		{"seal by a permission of tomorrow", admin, CustodyFacts{Token: seal}, Offer{To: "o", PermissionNumber: "12/QĐ", PermissionDate: "2026-10-08", PermissionSigner: "Hiệu trưởng"}, ReasonInFuture},
		{"seal by a permission of today", admin, CustodyFacts{Token: seal}, Offer{To: "o", PermissionNumber: "12/QĐ", PermissionDate: "2026-10-07", PermissionSigner: "Hiệu trưởng"}, ""},
		{"seal from custodian to custodian", head, CustodyFacts{Token: seal, Custody: held("o")}, Offer{To: "d", PermissionNumber: "12/QĐ", PermissionDate: "2026-09-01", PermissionSigner: "Hiệu trưởng"}, ""},
		{"seal returned without permission", head, CustodyFacts{Token: seal, Custody: held("o")}, Offer{}, ""},
	} {
		test.offer.Today, test.offer.Positioned = "2026-10-07", true
		expectReason(t, test.name, CanOffer(test.actor, test.facts, test.offer), test.want)
	}
	permission.Today = "2026-10-07"
	expectReason(t, "seal to somebody without a position", CanOffer(admin, CustodyFacts{Token: seal}, permission), ReasonNoPosition)
	toDeputy := HandOver{Kind: ToPerson, To: "d", OfferedBy: "a", State: Offered}
	back := HandOver{Kind: Return, From: "d", OfferedBy: "d", State: Offered}
	adminsOwn := HandOver{Kind: Return, From: "a", OfferedBy: "a", State: Offered}
	behalf := HandOver{Kind: Return, From: "d", OfferedBy: "a", State: Offered}
	expectReason(t, "takes back and confirms alone", CanAccept(admin, behalf, false), ReasonSamePerson)
	expectReason(t, "another confirms what was taken back", CanAccept(principal, behalf, false), "")
	expectReason(t, "who left withdraws what was taken back", CanWithdraw(deputy, behalf), ReasonNotGiver)
	expectReason(t, "who took it back withdraws", CanWithdraw(admin, behalf), "")
	decided := toDeputy
	decided.State = Declined
	expectReason(t, "receiver accepts", CanAccept(deputy, toDeputy, false), "")
	expectReason(t, "admin accepts for the receiver", CanAccept(admin, toDeputy, false), ReasonNotReceiver)
	expectReason(t, "accepts a reported token", CanAccept(deputy, toDeputy, true), ReasonTokenReported)
	expectReason(t, "accepts what was declined", CanAccept(deputy, decided, false), ReasonHandOverDecided)
	expectReason(t, "admin takes back", CanAccept(admin, back, true), "")
	expectReason(t, "giver takes back", CanAccept(deputy, back, false), ReasonNotReceiver)
	expectReason(t, "admin takes the own token back", CanAccept(admin, adminsOwn, false), ReasonSamePerson)
	expectReason(t, "receiver declines", CanDecline(deputy, toDeputy), "")
	expectReason(t, "stranger declines", CanDecline(head, toDeputy), ReasonNotReceiver)
	expectReason(t, "admin withdraws", CanWithdraw(admin, toDeputy), "")
	expectReason(t, "receiver withdraws", CanWithdraw(deputy, toDeputy), ReasonNotGiver)
	expectReason(t, "giver withdraws", CanWithdraw(deputy, back), "")
	expectReason(t, "withdraws what was declined", CanWithdraw(admin, decided), ReasonHandOverDecided)

	for name, test := range map[string]struct {
		actor Actor
		facts CustodyFacts
		want  bool
	}{
		"custodian":      {head, CustodyFacts{Token: seal, Custody: held("o")}, true},
		"owner":          {deputy, CustodyFacts{Token: personal}, true},
		"receiver":       {head, CustodyFacts{Token: seal, Offer: &HandOver{To: "o"}}, true},
		"giver":          {head, CustodyFacts{Token: seal, Offer: &HandOver{From: "o"}}, true},
		"admin":          {admin, CustodyFacts{Token: seal}, true},
		"principal":      {principal, CustodyFacts{Token: seal}, true},
		"stranger":       {deputy, CustodyFacts{Token: seal, Custody: held("o")}, false},
		"nobody, a seal": {Actor{Via: ViaPage}, CustodyFacts{Token: seal}, false},
	} {
		if got := CanReport(test.actor, test.facts) == nil; got != test.want {
			t.Errorf("report by %s: %v", name, got)
		}
	}
}

func expectReason(t *testing.T, name string, err error, want string) {
	t.Helper()
	var e *Error
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (!errors.As(err, &e) || cmp.Or(e.Params["reason"], e.Params["field"]) != want):
		t.Errorf("%s: %v, want %s", name, err, want)
	}
}

func TestDates(t *testing.T) {
	// 17:30 UTC is past midnight in Vietnam.
	if got := DateOf(time.Date(2026, 10, 6, 17, 30, 0, 0, time.UTC)); got != "2026-10-07" {
		t.Errorf("day %s", got)
	}
	for _, s := range []string{"2026-02-30", "2026-1-1", "07/10/2026", "2026-10-07T00:00:00Z"} {
		if _, err := ParseDate(s); err == nil {
			t.Errorf("day %s was read", s)
		}
	}
}

func TestDocumentKindsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range DocumentKinds {
		if seen[k.Abbreviation] || k.Name == "" || !validKind(k.Abbreviation) {
			t.Errorf("kind %+v", k)
		}
		seen[k.Abbreviation] = true
	}
	if KindName("QyĐ") != "Quy định" || KindName("QYĐ") != "" {
		t.Error("abbreviations are looked up loosely")
	}
}

func TestContinues(t *testing.T) {
	for _, test := range []struct {
		approved, sealed Document
		want             bool
	}{
		{Document{Kind: "TB", Number: "07", Symbol: "TB-MNHS"}, Document{Kind: "TB", Number: "07", Symbol: "TB-MNHS"}, true},
		{Document{Kind: "TB"}, Document{Kind: "TB", Number: "07", Symbol: "TB-MNHS"}, true},
		{Document{Kind: "TB", Symbol: "TB-MNHS"}, Document{Kind: "TB", Number: "07", Symbol: "TB-MNHS"}, true},
		{Document{Kind: "TB", Number: "07", Symbol: "TB-MNHS"}, Document{Kind: "TB", Number: "08", Symbol: "TB-MNHS"}, false},
		{Document{Kind: "TB", Number: "07", Symbol: "TB-MNHS"}, Document{Kind: "TB", Number: "07"}, false},
		{Document{Kind: "TB", Number: "07"}, Document{Kind: "QĐ", Number: "07"}, false},
	} {
		if got := test.sealed.Continues(test.approved); got != test.want {
			t.Errorf("%+v sealed as %+v: %v", test.approved, test.sealed, got)
		}
	}
	if title := (Document{Kind: "TB", Number: "07", Symbol: "TB-MNHS"}).Title(); title != "TB 07/TB-MNHS" {
		t.Error(title)
	}
	if title := (Document{Kind: "TB"}).Title(); title != "TB" {
		t.Error(title)
	}
}
