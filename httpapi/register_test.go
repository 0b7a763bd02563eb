package httpapi_test

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

const day = 24 * time.Hour

// sealHistory has the seal go from the office head over the safe to a deputy and
// back, with signatures, a check and a renewal, over a month. The clock stays before
// the present: sessions end by the true one.
func sealHistory(t testing.TB, s *school) {
	t.Helper()
	move := func(from, to *member, permission string, after time.Duration) {
		t.Helper()
		s.Clock.Advance(after)
		giver := s.admin.actor
		if from != nil {
			giver = from.actor
		}
		n := store.NewHandOver{Token: s.officeHead.token.ID, Reason: "phân công lại", PermissionNumber: permission, PermissionSigner: "Nguyễn Văn Nghĩa", PermissionDate: custody.DateOf(s.Clock.Now())}
		if to != nil {
			n.To = to.actor.Person
		}
		offer, err := s.OfferHandOver(ctx, giver, n)
		if err != nil {
			t.Fatal(err)
		}
		receiver := s.admin.actor
		if to != nil {
			receiver = to.actor
		}
		if _, err := s.AcceptHandOver(ctx, receiver, offer.ID); err != nil {
			t.Fatal(err)
		}
	}
	paper := newDocument("KH")
	s.principal.sign(t, s, paper, wire.ActApprove, "")
	s.officeHead.sign(t, s, paper, wire.ActIssue, "")
	move(s.officeHead, s.deputy, "141/QĐ-MNHS", 12*day)
	move(s.deputy, nil, "", 5*day)
	move(nil, s.officeHead, "150/QĐ-MNHS", 8*day)
	if err := s.PlaceToken(ctx, s.admin.actor, s.officeHead.token.ID, "Két sắt phòng văn thư"); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(10 * day)
}

// upload posts a file with a form, as the browser does.
func (v *visitor) upload(path, name string, content []byte) (*http.Response, string) {
	v.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("certificate", name)
	if err != nil {
		v.t.Fatal(err)
	}
	part.Write(content)
	form.Close()
	resp, err := v.http.Post(v.base+path, form.FormDataContentType(), &body)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp, string(page)
}

// bundle writes certificates as a PKCS#7 file that holds nothing else.
func bundle(t testing.TB, ders ...[]byte) []byte {
	t.Helper()
	raw := func(class, tag int, parts ...[]byte) []byte {
		out, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: bytes.Join(parts, nil)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	encode := func(v any) []byte {
		out, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	data := encode(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1})
	signed := raw(asn1.ClassUniversal, asn1.TagSequence, encode(1), raw(asn1.ClassUniversal, asn1.TagSet), raw(asn1.ClassUniversal, asn1.TagSequence, data),
		raw(asn1.ClassContextSpecific, 0, ders...), raw(asn1.ClassUniversal, asn1.TagSet))
	return raw(asn1.ClassUniversal, asn1.TagSequence, encode(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}), raw(asn1.ClassContextSpecific, 0, signed))
}

// TestCertificateFiles: the forms in which certificates come, in any order.
func TestCertificateFiles(t *testing.T) {
	leaf, chain := storetest.IssuedCertificate(t, "Nguyễn Văn Nghĩa", 2026, 2029)
	asPEM := func(ders ...[]byte) []byte {
		var out []byte
		for _, der := range ders {
			out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		return out
	}
	for name, test := range map[string]struct {
		file  []byte
		chain int
	}{
		"der":           {leaf, 0},
		"pem":           {asPEM(leaf), 0},
		"pem, upside":   {asPEM(chain, leaf), 1},
		"p7b":           {bundle(t, chain, leaf), 1},
		"p7b in pem":    {pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: bundle(t, leaf, chain)}), 1},
		"with a stray":  {asPEM(storetestAuthority(t), leaf, chain), 1},
		"pem, in order": {asPEM(leaf, chain), 1},
	} {
		c, issuers, err := httpapi.ParseCertificates(test.file)
		if err != nil || !bytes.Equal(c.Raw, leaf) || len(issuers) != test.chain {
			t.Errorf("%s: %d issuers, %v", name, len(issuers), err)
		}
	}
	other, _ := storetest.IssuedCertificate(t, "ai khác", 2026, 2029)
	for name, file := range map[string][]byte{
		"two people": asPEM(leaf, other), "a key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
		"nothing": []byte("không phải chứng thư"), "empty bundle": bundle(t), "authorities only": asPEM(chain, storetestAuthority(t)),
	} {
		if _, _, err := httpapi.ParseCertificates(file); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	c, err := x509.ParseCertificate(leaf)
	if err != nil {
		t.Fatal(err)
	}
	issuers, err := x509.ParseCertificates(chain)
	if err != nil {
		t.Fatal(err)
	}
	if w := custody.WorldOf(c, issuers, custody.Roots{}); w != custody.OfficialWorld {
		t.Errorf("under the State's root it is of the world %s", w)
	}
	if w := custody.WorldOf(authorities().Chain()[0], nil, custody.Roots{}); w != custody.OtherWorld {
		t.Errorf("under a root of our own it is of the world %s", w)
	}
	// Roots that are given count by what they signed, also where a chain ends before
	// them; then a name alone counts no longer.
	issuing, root := authorities().Chain()[0], authorities().Chain()[len(authorities().Chain())-1]
	if w := custody.WorldOf(issuing, nil, custody.Roots{Public: []*x509.Certificate{root}}); w != custody.PublicWorld {
		t.Errorf("under a root that was given it is of the world %s", w)
	}
	if w := custody.WorldOf(c, issuers, custody.Roots{Official: []*x509.Certificate{root}}); w != custody.OtherWorld {
		t.Errorf("by its name alone it is of the world %s", w)
	}
}

func storetestAuthority(t testing.TB) []byte {
	t.Helper()
	_, chain := storetest.IssuedCertificate(t, "ngoài chuỗi", 2026, 2029)
	return chain
}

// TestTokenPage: who holds what since when under which paper, every step with its
// entry; the custodian sees their own, others nothing, and no word told in confidence.
func TestTokenPage(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		sealHistory(t, s)
		seal := "/tokens/" + string(s.officeHead.token.ID)
		admin := s.visitor(t)
		admin.signIn(s.admin)
		status, page := admin.get(seal)
		if status != http.StatusOK {
			t.Fatal(status)
		}
		for _, want := range []string{s.officeHead.name, "150/QĐ-MNHS", "Két sắt phòng văn thư", "không có việc gì", `<svg class="custody_bar"`, s.deputy.name, "phân công lại", "10/2026"} {
			if !strings.Contains(page, want) {
				t.Errorf("the token's page does not say %q", want)
			}
		}
		timeline, err := s.Timeline(ctx, s.admin.actor, s.officeHead.token.ID)
		if err != nil {
			t.Fatal(err)
		}
		// Registered, given, two hand-overs, a return, a hand-over, a place: each once, newest first.
		if len(timeline.Custodies) != 3 || len(timeline.Steps) != 10 || len(timeline.Months) != 1 || timeline.Months[0].Count != 1 {
			t.Errorf("%d custodies, %d steps, months %v", len(timeline.Custodies), len(timeline.Steps), timeline.Months)
		}
		for _, step := range timeline.Steps {
			if !strings.Contains(page, fmt.Sprintf(`href="/log/%d"`, step.Index)) {
				t.Errorf("step %d is not linked", step.Index)
			}
		}
		holder, former := s.visitor(t), s.visitor(t)
		holder.signIn(s.officeHead)
		former.signIn(s.deputy)
		if status, page := holder.get(seal); status != http.StatusOK || strings.Contains(page, `action="`+seal+`/certificates"`) {
			t.Errorf("to the custodian: %d, or with the register's form", status)
		} else if steps := strings.Count(page, `href="/log/`); steps == 0 {
			t.Error("the custodian can open none of their steps")
		}
		if status, _ := former.get(seal); status != http.StatusNotFound {
			t.Errorf("to who held it before: %d", status)
		}
		if resp, _ := former.post(seal+"/place", url.Values{"place": {"nhà"}}); resp.StatusCode != http.StatusNotFound {
			t.Errorf("placed by who does not hold it: %s", resp.Status)
		}
		if resp, _ := holder.post(seal+"/place", url.Values{"place": {"Tủ khóa"}}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("placed by the custodian: %s", resp.Status)
		}
		leaf, chain := storetest.IssuedCertificate(t, "Trường Mầm non Hoa Sen", 2027, 2030)
		if resp, page := admin.upload(seal+"/certificates", "moi.p7b", bundle(t, leaf, chain)); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("renewed: %s\n%s", resp.Status, page)
		}
		if resp, page := admin.upload(seal+"/certificates", "moi.p7b", bundle(t, leaf, chain)); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "Đã có rồi") {
			t.Errorf("renewed twice: %s", resp.Status)
		}
		if resp, page := admin.upload(seal+"/certificates", "moi.cer", []byte("x")); resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("no certificate: %s\n%s", resp.Status, page)
		}
		if _, page := admin.get(seal); !strings.Contains(page, "Chuyên dùng công vụ") || !strings.Contains(page, "một chứng thư trước") && !strings.Contains(page, "chứng thư trước") {
			t.Error("the page tells the two certificates not apart")
		}
		if _, page := admin.get("/certificates?show=ending"); !strings.Contains(page, "Không có chứng thư nào như vậy") {
			t.Error("the filter of ending ones shows others")
		}
		s.CheckLog()
	})
}

// TestStaffOfADay: the list says who was what on a day, who acted, who held what.
func TestStaffOfADay(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	admin := s.visitor(t)
	admin.signIn(s.admin)
	form := url.Values{"grantor": {string(s.principal.actor.Person)}, "delegate": {string(s.deputy.actor.Person)}, "capacity": {"absence"}, "from": {"12/10/2026"},
		"until": {"16/10/2026"}, "paper_number": {"31/TB-MNHS"}, "paper_on": {"07/10/2026"}}
	if resp, page := admin.post("/delegations", form); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("absence: %s\n%s", resp.Status, page)
	}
	if resp, page := admin.post("/delegations", form); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "12/10/2026") || !strings.Contains(page, "31/TB-MNHS") {
		t.Errorf("twice: %s", resp.Status)
	}
	if _, page := admin.get("/people?on=13/10/2026"); !strings.Contains(page, s.deputy.name+" thay hiệu trưởng từ 12/10/2026 đến 16/10/2026") {
		t.Error("the list of that day does not say who acts")
	}
	if _, page := admin.get("/people"); strings.Contains(page, "thay hiệu trưởng từ") || !strings.Contains(page, "USB ký số A1001") {
		t.Error("the list of today says who acts then, or not who holds what")
	}
	if _, page := admin.get("/people?on=2025-12-31"); strings.Contains(page, `<p class="tight">`) || strings.Contains(page, "USB ký số A1001") {
		t.Error("before their positions began they have them")
	}
	if status, _ := admin.get("/people?on=bậy"); status != http.StatusUnprocessableEntity {
		t.Errorf("no day: %d", status)
	}
	if _, page := admin.get("/people?kind=deputy&q=hòa"); !strings.Contains(page, s.deputy.name) || strings.Contains(page, ">"+s.deputyTwo.name) {
		t.Error("the filters do not filter")
	}
	s.Clock.Advance(6 * day)
	deputy := s.visitor(t)
	deputy.signIn(s.deputy)
	if _, page := deputy.get("/"); !strings.Contains(page, "Bạn thay hiệu trưởng từ 12/10/2026 đến 16/10/2026") {
		t.Error("the deputy's first page does not say that they act")
	}
	principal := s.visitor(t)
	principal.signIn(s.principal)
	if _, page := principal.get("/"); !strings.Contains(page, s.deputy.name+" thay bạn từ 12/10/2026") {
		t.Error("the principal's first page does not say who acts")
	}
	list, err := s.Delegations(ctx, s.admin.actor, "")
	if err != nil {
		t.Fatal(err)
	}
	end := "/delegations/" + string(list[0].ID) + "/end"
	if status, page := admin.get(end); status != http.StatusOK || !strings.Contains(page, "31/TB-MNHS") {
		t.Errorf("the page that ends it: %d", status)
	}
	if resp, _ := deputy.post(end, url.Values{"until": {"13/10/2026"}, "reason": {"x"}}); resp.StatusCode != http.StatusForbidden {
		t.Errorf("ended by a deputy: %s", resp.Status)
	}
	if resp, page := admin.post(end, url.Values{"until": {"13/10/2026"}, "reason": {"về sớm"}}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("ended: %s\n%s", resp.Status, page)
	}
	if status, page := deputy.get("/delegations?show=over"); status != http.StatusOK || !strings.Contains(page, "31/TB-MNHS") && !strings.Contains(page, "Chưa có văn bản nào hết hiệu lực") {
		t.Errorf("their own that ended: %d", status)
	}
	s.CheckLog()
}

// TestFirstPages: what waits, what is open and what ran out, for each role.
func TestFirstPages(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	leaf, chain := storetest.IssuedCertificate(t, "Trần Thị Hòa", 2026, 2027)
	if _, err := s.ProposeCertificate(ctx, s.deputy.actor, "A1002", store.NewCertificate{Certificate: leaf, Chain: chain}); err != nil {
		t.Fatal(err)
	}
	admin := s.visitor(t)
	admin.signIn(s.admin)
	_, page := admin.get("/")
	if !strings.Contains(page, s.deputy.name+" đã đọc chứng thư mới từ USB A1002") {
		t.Error("the admin's page does not say what is to be confirmed")
	}
	proposals, err := s.CertificateProposals(ctx, s.admin.actor)
	if err != nil {
		t.Fatal(err)
	}
	if resp, _ := admin.post("/certificates/proposals/"+proposals[0].ID, url.Values{"confirm": {"1"}}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("confirmed: %s", resp.Status)
	}
	// Somebody whose position ends while they hold a token.
	leaver, err := s.CreatePerson(ctx, s.admin.actor, store.NewPerson{Name: "Đinh Văn Sơn", Username: "son", PasswordHash: passwordHash()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddPosition(ctx, s.admin.actor, leaver.ID, custody.Position{Kind: custody.Deputy, Title: "Phó Hiệu trưởng", From: "2026-01-01", Until: "2026-10-20"}); err != nil {
		t.Fatal(err)
	}
	token, _ := s.AddToken("A1009", leaver.ID)
	s.Give(token.ID, s.Actor(leaver.ID))
	s.Clock.Advance(40 * day) // the new one, until the first of January, is in use
	for _, m := range []*member{s.principal, s.deputy, s.officeHead} {
		v := s.visitor(t)
		v.signIn(m)
		_, page := v.get("/")
		if want := `href="/tokens/` + string(m.token.ID) + `"`; !strings.Contains(page, want) {
			t.Errorf("%s's page does not lead to their token", m.name)
		}
		managed := strings.Contains(page, "còn 46 ngày (đến 01/01/2027)")
		if m == s.principal != managed {
			t.Errorf("%s sees what is open in the register: %v", m.name, managed)
		}
		if m == s.deputy && !strings.Contains(page, "Chứng thư hết hạn ngày 01/01/2027") {
			t.Error("the deputy's page does not say what is next")
		}
	}
	if _, page := admin.get("/"); !strings.Contains(page, leaver.Name+" không còn chức vụ") {
		t.Error("nobody is told that somebody left with a token")
	}
	s.CheckLog()
}

// TestPagesOfTheRegister looks at them in a browser, on a desk and on a phone.
func TestPagesOfTheRegister(t *testing.T) {
	for name, size := range screens {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			s.give()
			sealHistory(t, s)
			for _, d := range []custody.Delegation{
				{Delegate: s.deputy.actor.Person, Capacity: custody.KT, Absence: true, From: custody.DateOf(s.Clock.Now()).AddDays(-2), Until: custody.DateOf(s.Clock.Now()).AddDays(3), PaperNumber: "31/TB-MNHS"},
				{Delegate: s.deputyTwo.actor.Person, Capacity: custody.KT, Kinds: []string{"KH", "TB"}, From: "2026-10-01", PaperNumber: "25/QĐ-MNHS"},
				{Delegate: s.officeHead.actor.Person, Capacity: custody.TUQ, Kinds: []string{"GM"}, From: "2026-10-10", Until: "2026-11-20", PaperNumber: "32/GUQ-MNHS"},
			} {
				d.Grantor, d.PaperOn = s.principal.actor.Person, "2026-10-01"
				if _, err := s.AddDelegation(ctx, s.admin.actor, d); err != nil {
					t.Fatal(err)
				}
			}
			leaf, chain := storetest.IssuedCertificate(t, "Trường Mầm non Hoa Sen", 2026, 2028)
			if _, err := s.ProposeCertificate(ctx, s.officeHead.actor, "B2001", store.NewCertificate{Certificate: leaf, Chain: chain}); err != nil {
				t.Fatal(err)
			}
			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.principal)
			b.mustSay(s.deputy.name+" thay bạn", "Cần để mắt tới")
			b.shoot("principal")
			for _, page := range []struct{ path, says, name string }{
				{"/tokens/" + string(s.officeHead.token.ID), "Ai đã giữ", "token"}, {"/tokens", s.officeHead.name, "tokens"}, {"/certificates", "còn", "certificates"},
				{"/people", "Ký theo ủy quyền", "staff"}, {"/delegations", "32/GUQ-MNHS", "delegations"}, {"/people/" + string(s.deputy.actor.Person), "Ủy quyền, phân công", "person"},
			} {
				b.visit(page.path)
				if name == "desktop" || page.name != "staff" {
					b.mustSay(page.says)
				}
				b.shoot(page.name)
			}
			b = openBrowser(t, s, size[0], size[1])
			b.signIn(s.deputy)
			b.mustSay("Bạn thay hiệu trưởng", "Bạn được ký theo")
			b.shoot("deputy")
		})
	}
}

// TestRegisterByAPI: the same over JSON, and what an agent's key may not do.
func TestRegisterByAPI(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	admin := s.signIn(s.admin)
	leaf, chain := storetest.IssuedCertificate(t, "Trần Thị Hòa", 2026, 2029)
	if known, err := s.deputy.agent.ProposeCertificate(ctx, wire.ReadCertificate{TokenSerial: "A1002", Certificate: leaf, Chain: chain}); err != nil || known {
		t.Fatal(known, err)
	}
	proposals, err := admin.Proposals(ctx)
	if err != nil || len(proposals) != 1 || proposals[0].Person != s.deputy.name {
		t.Fatalf("%+v, %v", proposals, err)
	}
	if err := s.admin.agent.DecideProposal(ctx, proposals[0].ID, true); err == nil {
		t.Error("an agent's key confirms a certificate")
	}
	if err := admin.DecideProposal(ctx, proposals[0].ID, true); err != nil {
		t.Fatal(err)
	}
	certificates, err := admin.Certificates(ctx, "")
	if err != nil || len(certificates) != 5 {
		t.Fatalf("%d certificates, %v", len(certificates), err)
	}
	own, err := s.deputy.agent.Certificates(ctx, "")
	if err != nil || len(own) != 2 || !own[0].Current || own[0].World != "official" || own[0].Replaces != own[1].SHA256 {
		t.Errorf("the deputy's: %+v, %v", own, err)
	}
	second, secondChain := storetest.IssuedCertificate(t, "Lê Minh Quân", 2026, 2030)
	if added, err := admin.AddCertificate(ctx, string(s.officeHead.token.ID), wire.NewCertificate{Certificate: second, Chain: secondChain}); err != nil || added.Standing != "valid" {
		t.Errorf("%+v, %v", added, err)
	}
	d, err := admin.Delegate(ctx, wire.NewDelegation{GrantorID: string(s.principal.actor.Person), DelegateID: string(s.officeHead.actor.Person), Capacity: "TUQ", Kinds: []string{"GM"},
		From: "2026-10-07", Until: "2026-10-31", PaperNumber: "32/GUQ-MNHS", PaperOn: "2026-10-07"})
	if err != nil {
		t.Fatal(err)
	}
	staff, err := admin.Staff(ctx, "2026-10-08")
	if err != nil || len(staff.Staff) != 5 || staff.Staff[1].Name != s.principal.name { // as registered: the admin was first
		t.Fatalf("%+v, %v", staff, err)
	}
	if head := staff.Staff[4]; head.Name != s.officeHead.name || len(head.Delegations) != 1 || len(head.Holds) != 1 || head.Holds[0] != "B2001" {
		t.Errorf("the office head: %+v", head)
	}
	if err := admin.EndDelegation(ctx, d.ID, wire.DelegationEnding{Until: "2026-10-06", Reason: "nhầm"}); err != nil {
		t.Error(err)
	}
	if list, err := admin.Delegations(ctx, "2026-10-08"); err != nil || len(list) != 0 {
		t.Errorf("as if it had never been: %v, %v", list, err)
	}
	if err := admin.PlaceToken(ctx, string(s.officeHead.token.ID), "Két sắt"); err != nil {
		t.Error(err)
	}
	timeline, err := s.officeHead.agent.Timeline(ctx, string(s.officeHead.token.ID))
	if err != nil || timeline.Token.Place != "Két sắt" || len(timeline.Custodies) != 1 || len(timeline.Steps) != 5 {
		t.Errorf("%+v, %v", timeline, err)
	}
	_, err = s.deputy.agent.Timeline(ctx, string(s.officeHead.token.ID))
	mustRefuse(t, err, http.StatusNotFound, wire.CodeNotFound)
	s.CheckLog()
}
