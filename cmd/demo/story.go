package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"sokyso/httpapi/wire"
)

// story is the school's day. Each step is carried out by the programs and
// checked; a step whose ground is missing because an earlier one failed says so
// and counts as failed.
type story struct {
	*school
	*narrator
	quyChe   paper // approved by the principal, then sealed
	thongBao paper // approved by a deputy under KT., then sealed
	pictures map[string]string
	logged   []int64 // log indexes that the admin's page must list

	sealHandOver string // by which the office head got the seal token
}

// paper is a document on its way: the unsigned input, then each signed state.
type paper struct {
	title    string
	input    string
	approved signed
	sealed   signed
}

func (s *story) run(ctx context.Context) {
	for i, step := range []struct {
		key string
		do  func(context.Context)
	}{
		{"step.handover", s.handOver},
		{"step.sign", s.signAndSeal},
		{"step.refuse", s.refuse},
		{"step.verify", s.verifyAll},
		{"step.archive", s.archive},
		{"step.hand_off", s.handOff},
		{"step.check", s.custodyCheck},
		{"step.loss", func(ctx context.Context) { s.reportLoss(ctx); s.track(ctx) }},
		{"step.return", s.returnSeal},
		{"step.tamper", s.tamper},
		{"step.review", s.review},
	} {
		if ctx.Err() != nil {
			return
		}
		s.step(i+1, step.key)
		step.do(ctx)
	}
}

// handOver gives the four tokens from the school's safe, and each receiver accepts.
func (s *story) handOver(ctx context.Context) {
	for i, desk := range s.desks {
		if desk == nil {
			continue
		}
		offer := wire.NewHandOver{TokenID: desk.tokenID, To: s.people[i], Reason: "Giao đầu năm học"}
		if desk.member.Token.Kind == "seal" {
			offer.PermissionNumber, offer.PermissionDate, offer.PermissionSigner = "102/QĐ-MNMT", "2026-09-05", "Hiệu trưởng"
		}
		entry, err := func() (int64, error) {
			offered, err := s.clients[admin].OfferHandOver(ctx, offer)
			if err != nil {
				return 0, err
			}
			accepted, err := s.clients[i].AcceptHandOver(ctx, offered.ID)
			if err != nil {
				return 0, err
			}
			if desk.member.Token.Kind == "seal" {
				s.sealHandOver = accepted.ID
			}
			held, err := s.clients[i].MyTokens(ctx)
			if err != nil {
				return 0, err
			}
			if len(held) != 1 || held[0].ID != desk.tokenID || held[0].State != "held" {
				return 0, fmt.Errorf("the service lists other tokens for %s: %+v", desk.member.Name, held)
			}
			return accepted.Entry, nil
		}()
		s.check(err, "check.handover", map[string]any{"Name": desk.member.Name, "Token": desk.member.Token.Label, "Entry": entry})
		if err == nil {
			s.logged = append(s.logged, entry)
		}
	}
	s.minutes(ctx)
}

// Places on the sample documents, in points from the lower left: the signature
// between title and name, the seal over its left third (Decree 30/2020/NĐ-CP
// Annex I). 36 mm, the usual diameter of a school's seal, are 102 points.
const (
	quyCheSignature   = "228,258,144,77"
	quyCheSeal        = "174,246,102,102"
	thongBaoSignature = "394,306,144,77"
	thongBaoSeal      = "340,294,102,102"
)

func (s *story) signAndSeal(ctx context.Context) {
	if err := s.drawPictures(); !s.check(err, "check.pictures", nil) {
		return
	}
	s.quyChe.title, s.thongBao.title = "quy-che.pdf", "thong-bao.pdf"

	quyChe := signing{Act: wire.ActApprove, Number: "136", Symbol: "QC-MNMT", Kind: "QC",
		Summary: "Quy chế hoạt động của Ban Chỉ đạo chuyển đổi số", Purpose: "Ban hành quy chế của nhà trường",
		Page: 4, Rect: quyCheSignature, Image: s.pictures["principal"]}
	s.approve(ctx, principal, &s.quyChe, quyChe, "check.approve")

	thongBao := signing{Act: wire.ActApprove, Capacity: "KT", Number: "07", Symbol: "TB-MNMT", Kind: "TB",
		Summary: "Lịch nghỉ và lịch họp cha mẹ trẻ em học kỳ I năm học 2026 - 2027", Purpose: "Thông báo đến cha mẹ trẻ em",
		Page: 1, Rect: thongBaoSignature, Image: s.pictures["deputy"]}
	s.approve(ctx, deputyOne, &s.thongBao, thongBao, "check.approve_kt")

	quyChe.Act, quyChe.Rect, quyChe.Image = wire.ActIssue, quyCheSeal, s.pictures["seal"]
	s.issue(ctx, &s.quyChe, quyChe)
	thongBao.Act, thongBao.Capacity, thongBao.Rect, thongBao.Image = wire.ActIssue, "", thongBaoSeal, s.pictures["seal"]
	s.issue(ctx, &s.thongBao, thongBao)
}

func (s *story) approve(ctx context.Context, who int, p *paper, order signing, key string) {
	var err error
	if p.input, err = s.put(who, p.title); err == nil {
		order.File = p.input
		p.approved, err = s.desks[who].mustSign(ctx, order)
	}
	s.told(err, key, s.members[who].Name, p.title, p.approved)
}

// issue carries the approved document to the office head, who puts the seal.
func (s *story) issue(ctx context.Context, p *paper, order signing) {
	err := fmt.Errorf("the document was not approved")
	if p.approved.Output != "" {
		if order.File, err = carry(p.approved.Output, s.desks[officeHead].folder); err == nil {
			p.sealed, err = s.desks[officeHead].mustSign(ctx, order)
		}
	}
	s.told(err, "check.issue", s.members[officeHead].Name, p.title, p.sealed)
}

func (s *story) told(err error, key, name, title string, result signed) {
	params := map[string]any{"Name": name, "File": title, "Entry": "-", "Output": "-"}
	if err == nil {
		params["Entry"], params["Output"] = *result.EntryIndex, filepath.Base(result.Output)
		s.logged = append(s.logged, *result.EntryIndex)
	}
	s.check(err, key, params)
}

func (s *story) drawPictures() error {
	s.pictures = map[string]string{}
	folder := filepath.Join(s.dir, "pictures")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, draw := range map[string]func() ([]byte, error){
		"principal": func() ([]byte, error) { return handwriting(0.4) },
		"deputy":    func() ([]byte, error) { return handwriting(1.7) },
		"seal":      seal,
	} {
		picture, err := draw()
		if err != nil {
			return err
		}
		s.pictures[name] = filepath.Join(folder, name+".png")
		if err := os.WriteFile(s.pictures[name], picture, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// summary ends the story: what was signed, where it lies, how to look at it.
func (s *story) summary(took time.Duration) {
	fmt.Fprintln(s.out)
	s.say("summary.title", nil)
	table := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	row := func(cells ...any) {
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(table, "\t")
			}
			fmt.Fprint(table, cell)
		}
		fmt.Fprintln(table)
	}
	word := func(key string) string { return s.words.sentence(key, nil) }
	row("  "+word("column.document"), word("column.signed_by"), word("column.entries"), word("column.file"))
	for _, p := range []paper{s.quyChe, s.thongBao} {
		if p.sealed.EntryIndex == nil || p.approved.EntryIndex == nil {
			continue
		}
		who := s.members[principal].Name
		if p.title == "thong-bao.pdf" {
			who = "KT. " + s.members[deputyOne].Name
		}
		row("  "+p.title, who+" + "+word("seal"), fmt.Sprintf("%d, %d", *p.approved.EntryIndex, *p.sealed.EntryIndex), p.sealed.Output)
	}
	table.Flush()
	fmt.Fprintln(s.out)
	s.say("summary.addresses", nil)
	row("  "+word("address.service"), s.service.url)
	row("  "+word("address.api"), s.service.url+wire.PathOpenAPI)
	row("  CRL, OCSP, TSA", s.authority.CRLURL()+"  "+s.authority.OCSPURL()+"  "+s.authority.TSAURL())
	row("  "+word("address.folder"), s.dir)
	table.Flush()
	fmt.Fprintln(s.out)
	s.say("summary.accounts", nil)
	row("  "+word("column.name"), word("column.title"), word("column.username"), word("column.password"), "PIN")
	for _, member := range s.members {
		pin := "-"
		if member.Token != nil {
			pin = member.Token.PIN
		}
		row("  "+member.Name, member.Position.Title, member.Username, member.Password, pin)
	}
	table.Flush()
	fmt.Fprintln(s.out)
	params := map[string]any{"Checks": s.checks, "Failed": s.failed, "Seconds": fmt.Sprintf("%.1f", took.Seconds())}
	if s.failed > 0 {
		s.say("summary.failed", params)
	} else {
		s.say("summary.passed", params)
	}
}
