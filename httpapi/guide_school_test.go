package httpapi_test

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

// guideAddress is where the school of the guides is said to be.
const guideAddress = "https://kyso.hoasen.example"

// guide is the school that the guides tell of, after its first two days: everything is
// made, nobody is real.
type guide struct {
	*school
	t *testing.T

	offer     store.HandOverRow // of the deputy's token, not accepted yet
	approved  wire.Receipt      // of the principal's first signature
	night     wire.Receipt      // of one late in the evening
	signed    []byte            // a PDF that the log knows
	check     string            // path of the address in its QR code
	submitted wire.Submission   // initialled, waits for the principal
}

func newGuide(t *testing.T) *guide {
	t.Helper()
	g := &guide{school: sqlite(t, httpapi.Config{PublicURL: guideAddress, PrivateAuthority: true}), t: t}
	g.teachers()
	for _, m := range []*member{g.principal, g.deputyTwo, g.officeHead} {
		g.Give(m.token.ID, m.actor)
	}
	g.place()
	g.do(g.AddDelegation(ctx, g.principal.actor, custody.Delegation{Grantor: g.principal.actor.Person, Delegate: g.deputy.actor.Person, Capacity: custody.KT,
		Absence: true, Kinds: []string{custody.AnyKind}, From: "2026-10-12", Until: "2026-10-16", PaperNumber: "34/QĐ-MNHS", PaperOn: "2026-10-06"}))
	var err error
	g.offer, err = g.OfferHandOver(ctx, g.admin.actor, store.NewHandOver{Token: g.deputy.token.ID, To: g.deputy.actor.Person, Reason: "Giao giữ đầu năm học", Condition: "Bình thường, đủ nắp"})
	g.must(err)
	return g
}

// day is the school's first one with signatures, after the deputy has taken the token.
func (g *guide) day() {
	g.t.Helper()
	g.at(7, 9, 40)
	plan := paper("KH", "21", "Kế hoạch giáo dục năm học 2026-2027", "ke-hoach-nam-hoc.pdf")
	_, _, g.approved = g.principal.sign(g.t, g.school, plan, wire.ActApprove, "")
	g.at(7, 10, 5)
	g.officeHead.sign(g.t, g.school, plan, wire.ActIssue, "")
	g.at(7, 14, 20)
	notice := paper("TB", "07", "Lịch họp cha mẹ trẻ em học kỳ I", "thong-bao-hop.pdf")
	g.deputy.sign(g.t, g.school, notice, wire.ActApprove, "KT")
	g.at(7, 14, 32)
	g.officeHead.sign(g.t, g.school, notice, wire.ActIssue, "")
	g.at(7, 15, 10)
	if _, err := g.deputy.agent.Grant(ctx, g.deputy.request(paper("QC", "03", "Quy chế chi tiêu nội bộ", "quy-che.pdf"), wire.ActApprove, "KT")); err == nil {
		g.t.Fatal("a deputy signs outside the scope")
	}
	g.at(7, 15, 45)
	var grant wire.Grant
	g.signed, grant, _ = g.logs(g.principal, samplePDF(g.t, "thong-bao.pdf"), paper("TB", "09", "Lịch tiêm chủng tại trường", "thong-bao.pdf").facts, wire.ActApprove)
	g.check = grant.CheckURL[len(guideAddress):]
	g.at(7, 16, 0)
	content := samplePDF(g.t, "ke-hoach.pdf")
	file, err := g.officeHead.agent.StageFile(ctx, bytes.NewReader(content), int64(len(content)))
	g.must(err)
	g.submitted, err = g.officeHead.agent.Submit(ctx, wire.NewSubmission{File: file.ID, Document: wire.DocumentFacts{Kind: "KH", Number: "22", Symbol: "KH-MNHS", Summary: "Kế hoạch tổ chức Ngày hội đến trường", FileName: "ke-hoach-ngay-hoi.pdf"},
		Note: "Kính trình Hiệu trưởng ký trước thứ Sáu", Due: "2026-10-09", Route: []wire.RouteStep{step(g.deputyTwo, wire.ActInitial, ""), step(g.principal, wire.ActApprove, ""), step(g.officeHead, wire.ActIssue, "")}})
	g.must(err)
	g.at(7, 16, 20)
	page := g.signIn(g.deputyTwo)
	pairings, err := page.MyPairings(ctx)
	g.must(err)
	ticket, err := page.CreateTicket(ctx, g.submitted.ID, wire.NewTicket{Pairing: pairings[0].ID})
	g.must(err)
	g.submitted, err = g.deputyTwo.agent.TradeTicket(ctx, wire.TradeTicket{Ticket: ticket.Ticket})
	g.must(err)
	signed, _, entry := g.logs(g.deputyTwo, content, g.submitted.Document, wire.ActInitial)
	g.submitted, err = g.deputyTwo.agent.SendSigned(ctx, g.submitted.ID, entry, bytes.NewReader(signed), int64(len(signed)))
	g.must(err)
	g.at(7, 22, 48)
	_, _, g.night = g.principal.sign(g.t, g.school, paper("TB", "08", "Nghỉ học phòng tránh bão", "thong-bao-bao.pdf"), wire.ActApprove, "")
	g.at(8, 8, 5)
}

// at sets the clock to a time of a day in October 2026, in Vietnam.
func (g *guide) at(day, hour, minute int) {
	g.t.Helper()
	to := time.Date(2026, 10, day, hour, minute, 0, 0, custody.SchoolZone)
	by := to.Sub(g.Clock.Now())
	if by < 0 {
		g.t.Fatalf("the clock is past %v", to)
	}
	g.Clock.Advance(by)
}

func (g *guide) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *guide) do(_ any, err error) {
	g.t.Helper()
	g.must(err)
}

// teachers are people without tokens.
func (g *guide) teachers() {
	g.t.Helper()
	for _, name := range []string{"Đỗ Thị Lan", "Hồ Thị Cúc"} {
		p, err := g.CreatePerson(ctx, g.System, store.NewPerson{Name: name})
		g.must(err)
		g.must(g.AddPosition(ctx, g.System, p.ID, custody.Position{Kind: custody.Staff, Title: "Giáo viên", From: "2026-08-01", Paper: "18/QĐ-MNHS"}))
	}
	g.must(g.AddPosition(ctx, g.System, g.admin.actor.Person, custody.Position{Kind: custody.Staff, Title: "Nhân viên văn phòng", From: "2026-08-01", Paper: "18/QĐ-MNHS"}))
	g.admin.actor = g.Actor(g.admin.actor.Person)
}

func (g *guide) place() {
	g.t.Helper()
	for m, where := range map[*member]string{g.principal: "Tủ có khóa, phòng Hiệu trưởng", g.officeHead: "Két sắt, phòng văn thư"} {
		g.must(g.PlaceToken(ctx, g.admin.actor, m.token.ID, where))
	}
}

func paper(kind, number, summary, file string) *document {
	return &document{hash: randomHash(), facts: wire.DocumentFacts{Number: number, Symbol: kind + "-MNHS", Kind: kind, Summary: summary, Purpose: "Ban hành", FileName: file}}
}

// logs signs a real PDF by leave of the service and records it: what is told of it later
// is what the file holds.
func (g *guide) logs(m *member, content []byte, facts wire.DocumentFacts, act string) (file []byte, grant wire.Grant, entry int64) {
	g.t.Helper()
	d := &document{facts: facts, hash: sumOf(content)}
	grant, err := m.agent.Grant(ctx, m.request(d, act, ""))
	g.must(err)
	file = g.signPaper(m, content)
	report, err := validation.Validate(ctx, bytes.NewReader(file), int64(len(file)), validation.Options{Offline: true, Now: g.Clock.Now})
	g.must(err)
	receipt, err := m.agent.Record(ctx, grant.ID, wire.Record{CMS: report.Signatures[0].CMS, ByteRangeDigest: hex.EncodeToString(report.Signatures[0].ByteRangeDigest),
		SHA256Out: sumOf(file), Level: "b-b", Field: "Signature1", SignedAt: g.Clock.Now()})
	g.must(err)
	return file, grant, receipt.Index
}

// travel has the seal's token go to a deputy for a week and come back.
func (g *guide) travel() {
	g.t.Helper()
	move := func(by *member, n store.NewHandOver, to *member) {
		n.Token = g.officeHead.token.ID
		offer, err := g.OfferHandOver(ctx, by.actor, n)
		g.must(err)
		g.do(g.AcceptHandOver(ctx, to.actor, offer.ID))
	}
	g.at(14, 16, 30)
	move(g.officeHead, store.NewHandOver{To: g.deputy.actor.Person, ReasonKind: custody.Temporary, Reason: "Tổ trưởng văn phòng đi tập huấn", PermissionNumber: "36/QĐ-MNHS", PermissionDate: "2026-10-13",
		PermissionSigner: "Hiệu trưởng", Since: "2026-10-14", Until: "2026-10-20"}, g.deputy)
	g.at(20, 15, 0)
	move(g.deputy, store.NewHandOver{To: g.officeHead.actor.Person, Reason: "Hết thời hạn tạm giao", PermissionNumber: "36/QĐ-MNHS", PermissionDate: "2026-10-13", PermissionSigner: "Hiệu trưởng"}, g.officeHead)
	g.at(26, 8, 0)
}
