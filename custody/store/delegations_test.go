package store_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

func delegation(s *school) custody.Delegation {
	return custody.Delegation{Grantor: s.principal.Person, Delegate: s.officeHead.Person, Capacity: custody.TUQ, Kinds: []string{"TB"},
		From: "2026-10-01", Until: "2026-10-31", PaperNumber: "32/GUQ-MNHS", PaperOn: "2026-09-30"}
}

func reasonOf(err error) string {
	var known *custody.Error
	var refusal *custody.Refusal
	switch {
	case errors.As(err, &known):
		return known.Params["reason"]
	case errors.As(err, &refusal):
		return refusal.Params["reason"]
	}
	return ""
}

// TestDelegationLendsItsCapacity: the office head signs TUQ. with a token of their
// own while the paper lasts; grant and signature name the paper's entry.
func TestDelegationLendsItsCapacity(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		token, cert := s.AddToken("A1009", s.officeHead.Person)
		s.Give(token.ID, s.officeHead)
		request := s.approval()
		request.TokenSerial, request.Certificate, request.Capacity, request.Document.Kind = "A1009", cert, custody.TUQ, "TB"
		_, err := s.RequestGrant(ctx, s.officeHead, request)
		if reasonOf(err) != "missing_tuq" {
			t.Fatalf("without the paper: %v, want missing_tuq", err)
		}
		d, err := s.AddDelegation(ctx, s.admin, delegation(s))
		if err != nil {
			t.Fatal(err)
		}
		row, _, _ := s.sign(s.officeHead, request)
		for _, index := range []int64{row.Entry, row.Entry + 1} { // the grant and its signature
			entry, err := s.Entry(ctx, s.admin, index)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := signinglog.Parse(entry.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if got := parsed.Fields["authority_entry"]; got != strconv.FormatInt(d.Entry, 10) {
				t.Errorf("entry %d names the authority %q, want %d", index, got, d.Entry)
			}
		}
		// Another kind is outside it, and from the day after its end it lends nothing.
		other := request
		other.Request, other.Document.Kind = "other", "QĐ"
		if _, err := s.RequestGrant(ctx, s.officeHead, other); err == nil {
			t.Error("a kind outside the delegation was granted")
		}
		if err := s.EndDelegation(ctx, s.admin, d.ID, "2026-10-06", "hết việc"); err != nil {
			t.Fatal(err)
		}
		request.Request = "later"
		if _, err := s.RequestGrant(ctx, s.officeHead, request); reasonOf(err) != custody.ReasonPaperEnded {
			t.Errorf("after it was ended: %v, want %s", err, custody.ReasonPaperEnded)
		}
		s.CheckLog()
	})
}

// TestWhoActsInAbsence: the deputy signs KT. what no assignment gives them, in the
// days of the absence only.
func TestWhoActsInAbsence(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		request := s.approval()
		request.TokenSerial, request.Certificate, request.Capacity, request.Document.Kind = "A1002", s.deputyCert, custody.KT, "GM"
		if _, err := s.RequestGrant(ctx, s.deputy, request); reasonOf(err) != "missing_kt" {
			t.Fatalf("before: %v, want missing_kt", err)
		}
		absence := custody.Delegation{Grantor: s.principal.Person, Delegate: s.deputy.Person, Capacity: custody.KT, Absence: true,
			From: "2026-10-05", Until: "2026-10-09", PaperNumber: "31/TB-MNHS", PaperOn: "2026-10-02"}
		if _, err := s.AddDelegation(ctx, s.admin, absence); err != nil {
			t.Fatal(err)
		}
		if _, err := s.RequestGrant(ctx, s.deputy, request); err != nil {
			t.Errorf("in the absence: %v", err)
		}
		list, err := s.Delegations(ctx, s.deputy, "2026-10-07")
		if err != nil {
			t.Fatal(err)
		}
		if acting, ok := custody.ActingOn(list, "2026-10-07"); !ok || acting.Delegate != s.deputy.Person || acting.DelegateName == "" {
			t.Errorf("who acts on that day: %+v", acting)
		}
		if list, err := s.Delegations(ctx, s.officeHead, ""); err != nil || len(list) != 0 {
			t.Errorf("somebody else sees %v, %v", list, err)
		}
		s.Clock.Advance(72 * 3600e9)
		request.Request = "after"
		if _, err := s.RequestGrant(ctx, s.deputy, request); reasonOf(err) != custody.ReasonPaperEnded {
			t.Errorf("after the absence: %v", err)
		}
		if _, err := s.AddDelegation(ctx, s.admin, absence); reasonOf(err) != custody.ReasonAbsenceTwice {
			t.Errorf("twice: %v", err)
		}
	})
}

// TestDelegationsThatAreRefused is the table of Article 13's limits.
func TestDelegationsThatAreRefused(t *testing.T) {
	s := handedOut(storetest.Open(t, "sqlite"))
	if _, err := s.AddDelegation(ctx, s.admin, delegation(s)); err != nil {
		t.Fatal(err)
	}
	staff := s.AddPerson("Đinh Thị Nga", custody.Staff)
	for _, test := range []struct {
		name   string
		change func(*custody.Delegation)
		want   string
	}{
		{"passed on", func(d *custody.Delegation) { d.Grantor, d.Delegate = s.officeHead.Person, staff.Person }, custody.ReasonSubDelegation},
		{"by a deputy", func(d *custody.Delegation) { d.Grantor = s.deputy.Person }, custody.ReasonGrantorNotHead},
		{"without end", func(d *custody.Delegation) { d.Until = "" }, custody.ReasonEndNeeded},
		{"to a deputy", func(d *custody.Delegation) { d.Delegate = s.deputy.Person }, custody.ReasonDelegateWrong},
		{"KT. to no deputy", func(d *custody.Delegation) { d.Capacity = custody.KT }, custody.ReasonDelegateWrong},
		{"to themselves", func(d *custody.Delegation) { d.Delegate = s.principal.Person }, custody.ReasonSamePerson},
		{"to nobody of the staff", func(d *custody.Delegation) { d.Delegate = s.admin.Person }, custody.ReasonDelegateNoPost},
		{"again", func(*custody.Delegation) {}, custody.ReasonDelegatedAlready},
		{"before its paper", func(d *custody.Delegation) { d.From = "2026-09-01"; d.Kinds = []string{"KH"} }, custody.ReasonPaperAfterStart},
		{"a paper to come", func(d *custody.Delegation) { d.PaperOn, d.From = "2026-12-01", "2026-12-02"; d.Until = "2026-12-09" }, custody.ReasonPaperInFuture},
		{"absence under TUQ.", func(d *custody.Delegation) { d.Absence = true }, custody.ReasonAbsenceIsKT},
	} {
		d := delegation(s)
		test.change(&d)
		if _, err := s.AddDelegation(ctx, s.admin, d); reasonOf(err) != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
	d := delegation(s)
	d.Kinds = []string{"KH"}
	if _, err := s.AddDelegation(ctx, s.officeHead, d); !errors.Is(err, custody.ErrForbidden) {
		t.Errorf("by who does not run the register: %v", err)
	}
	s.CheckLog()
}

// TestCertificatesFollowOneAnother: the old one still signs, the new one is the
// current one, a revoked one is not, and neither a second token nor a damaged
// chain gets a certificate in.
func TestCertificatesFollowOneAnother(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		leaf, chain := storetest.IssuedCertificate(t, "Nguyễn Văn Nghĩa", 2026, 2029)
		added, err := s.AddCertificate(ctx, s.admin, store.NewCertificate{Token: s.principalToken.ID, Certificate: leaf, Chain: chain})
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Token(ctx, s.principal, s.principalToken.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(token.Certificates) != 2 || token.Certificate.SHA256 != added.SHA256 || added.Replaces != certificateHash(s.principalCert) {
			t.Errorf("current is %s of %d, replaces %s", token.Certificate.SHA256, len(token.Certificates), added.Replaces)
		}
		for _, cert := range [][]byte{s.principalCert, leaf} {
			request := s.approval()
			request.Certificate = cert
			if _, err := s.RequestGrant(ctx, s.principal, request); err != nil {
				t.Errorf("a grant by one of the two: %v", err)
			}
		}
		revoked := s.Clock.Now()
		if err := s.SetRevocation(ctx, s.admin, added.SHA256, &revoked, "CRL"); err != nil {
			t.Fatal(err)
		}
		if token, err = s.Token(ctx, s.principal, s.principalToken.ID); err != nil || token.Certificate.SHA256 != added.Replaces {
			t.Errorf("after it was revoked the current is %s, %v", token.Certificate.SHA256, err)
		}
		_, otherChain := storetest.IssuedCertificate(t, "ai khác", 2026, 2029)
		over, _ := storetest.IssuedCertificate(t, "đã hết", 2020, 2021)
		fresh, _ := storetest.IssuedCertificate(t, "mới nữa", 2026, 2030)
		for name, test := range map[string]struct {
			n    store.NewCertificate
			want string
		}{
			"registered":  {store.NewCertificate{Token: s.deputyToken.ID, Certificate: leaf}, custody.ReasonDuplicate},
			"expired":     {store.NewCertificate{Token: s.deputyToken.ID, Certificate: over}, custody.ReasonCertificateOver},
			"other chain": {store.NewCertificate{Token: s.deputyToken.ID, Certificate: fresh, Chain: otherChain}, custody.ReasonChainBroken},
			"authority's": {store.NewCertificate{Token: s.deputyToken.ID, Certificate: chain}, custody.ReasonCertificateOfAuthority},
		} {
			if _, err := s.AddCertificate(ctx, s.admin, test.n); reasonOf(err) != test.want {
				t.Errorf("%s: %v, want %s", name, err, test.want)
			}
		}
		s.CheckLog()
	})
}

// TestAgentsProposeCertificates: what the custodian's agent read counts when it is
// confirmed, not before; others can't propose and don't learn of the token.
func TestAgentsProposeCertificates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		leaf, chain := storetest.IssuedCertificate(t, "Nguyễn Văn Nghĩa", 2026, 2029)
		n := store.NewCertificate{Certificate: leaf, Chain: chain}
		if _, err := s.ProposeCertificate(ctx, s.deputy, "A1001", n); !errors.Is(err, custody.ErrNotFound) {
			t.Errorf("for somebody else's token: %v", err)
		}
		for range 2 {
			if known, err := s.ProposeCertificate(ctx, s.principal, "A1001", n); err != nil || known {
				t.Fatal(known, err)
			}
		}
		request := s.approval()
		request.Certificate = leaf
		if _, err := s.RequestGrant(ctx, s.principal, request); err == nil {
			t.Error("a proposed certificate signs")
		}
		proposals, err := s.CertificateProposals(ctx, s.admin)
		if err != nil || len(proposals) != 1 || proposals[0].TokenSerial != "A1001" || proposals[0].PersonName == "" {
			t.Fatalf("%+v, %v", proposals, err)
		}
		if err := s.DecideCertificate(ctx, s.deputy, proposals[0].ID, true); !errors.Is(err, custody.ErrForbidden) {
			t.Errorf("confirmed by a deputy: %v", err)
		}
		if err := s.DecideCertificate(ctx, s.admin, proposals[0].ID, true); err != nil {
			t.Fatal(err)
		}
		request.Request = "confirmed"
		if _, err := s.RequestGrant(ctx, s.principal, request); err != nil {
			t.Errorf("confirmed, and yet: %v", err)
		}
		if known, err := s.ProposeCertificate(ctx, s.principal, "A1001", n); err != nil || !known {
			t.Errorf("proposed again: %v, %v", known, err)
		}
		token, err := s.Token(ctx, s.admin, s.principalToken.ID)
		if err != nil || !slices.ContainsFunc(token.Certificates, func(c custody.Certificate) bool { return c.Proposed == s.principal.Person }) {
			t.Errorf("who proposed it is not known: %v", err)
		}
		s.CheckLog()
	})
}
