package httpapi_test

import (
	"bytes"
	"crypto/x509"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
	"sokyso/signer"
)

// handOverOf finds the hand-over by which the member got their token.
func (s *school) handOverOf(m *member) string {
	s.TB.Helper()
	page, err := s.Entries(ctx, s.admin.actor, store.LogFilter{Type: string(signinglog.TypeAcceptance), Token: m.token.ID})
	if err != nil || len(page.Entries) == 0 {
		s.TB.Fatal(err)
	}
	e, err := signinglog.Parse(page.Entries[0].Bytes)
	if err != nil {
		s.TB.Fatal(err)
	}
	return e.Fields["hand_over"]
}

// signPaper signs a PDF with the member's key, as the agent does.
func (s *school) signPaper(m *member, content []byte) []byte {
	s.TB.Helper()
	doc, err := signer.Sign(ctx, bytes.NewReader(content), m.key, append([]*x509.Certificate{m.cert}, authorities().Chain()...), signer.Options{Now: s.Clock.Now})
	if err != nil {
		s.TB.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := doc.WriteTo(&out); err != nil {
		s.TB.Fatal(err)
	}
	return out.Bytes()
}

func (v *visitor) uploadPaper(path string, file []byte) (*http.Response, string) {
	v.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "bien-ban.pdf")
	if err == nil {
		_, err = part.Write(file)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		v.t.Fatal(err)
	}
	resp, err := v.http.Post(v.base+path, w.FormDataContentType(), &form)
	if err != nil {
		v.t.Fatal(err)
	}
	_, content := v.read(resp)
	return resp, content
}

var hiddenField = regexp.MustCompile(`<(?:input|textarea)[^>]* name="([^"]+)"(?:[^>]* value="([^"]*)"[^>]*>|[^>]*>\n?([^<]*)</textarea>)`)

// formOf reads the fields of a page's form with their values.
func formOf(page string) url.Values {
	values := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		values.Set(m[1], html.UnescapeString(m[2]+m[3]))
	}
	return values
}

// TestAPaperFromTheWizardToItsSignedCopy: minutes are made on the pages, looked at,
// issued, downloaded, signed by both sides with their own keys and sent back.
func TestAPaperFromTheWizardToItsSignedCopy(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		hand := s.handOverOf(s.officeHead)
		v := s.visitor(t)
		v.signIn(s.admin)
		status, list := v.get("/papers?hand_over=" + hand)
		if status != http.StatusOK || !strings.Contains(list, "kind=hand_over_minutes") || !strings.Contains(list, "Chưa có giấy tờ nào") {
			t.Fatalf("%d %s", status, list)
		}
		status, page := v.get("/papers/new?kind=hand_over_minutes&hand_over=" + hand)
		if status != http.StatusOK || !strings.Contains(page, `value="BB-MNHS"`) || !strings.Contains(page, `value="Lê Minh Quân"`) {
			t.Fatalf("%d %s", status, page)
		}
		form := formOf(page)
		form.Set("f_accessories", "hộp & dây <b>")
		form.Set("f_scope_lines", "Dòng một\r\nDòng hai")
		form.Set("f_pin_changed", "yes")
		form.Set("date", "31/02/2026")
		form.Set("step", "check")
		resp, page := v.post("/papers/new", form)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "31/02/2026") || !strings.Contains(page, "hộp &amp; dây &lt;b&gt;") {
			t.Fatalf("a wrong day: %s %s", resp.Status, page)
		}
		form.Set("date", "7/10/2026")
		resp, page = v.post("/papers/new", form)
		if resp.StatusCode != http.StatusOK || !strings.Contains(page, `name="seen"`) || !strings.Contains(page, "hộp &amp; dây") {
			t.Fatalf("%s %s", resp.Status, page)
		}
		checked := formOf(page)
		if checked.Get("f_scope_lines") != "Dòng một\nDòng hai" || len(checked.Get("seen")) != 64 {
			t.Fatalf("%v", checked)
		}
		checked.Set("step", "preview")
		resp, preview := v.post("/papers/new", checked)
		if resp.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(preview, "%PDF-") {
			t.Fatalf("%s %.200s", resp.Status, preview)
		}
		checked.Set("step", "issue")
		stale := url.Values{}
		for name, values := range checked {
			stale[name] = values
		}
		stale.Set("f_accessories", "khác với bản đã xem")
		if resp, page = v.post("/papers/new", stale); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "vừa thay đổi") {
			t.Errorf("issued otherwise than looked at: %s", resp.Status)
		}
		resp, page = v.post("/papers/new", checked)
		if resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s %s", resp.Status, page)
		}
		where := resp.Header.Get("Location")
		if status, page = v.get(where); status != http.StatusOK || !strings.Contains(page, "01/BB-MNHS") {
			t.Fatalf("%d %s", status, page)
		}
		if resp, page = v.post("/papers/new", checked); resp.StatusCode != http.StatusConflict || !strings.Contains(page, "01/BB-MNHS") {
			t.Errorf("the same number again: %s", resp.Status)
		}

		// The receiver sees it, signs it, and so does the principal.
		receiver := s.visitor(t)
		receiver.signIn(s.officeHead)
		answer, err := receiver.http.Get(receiver.base + where + "/file")
		if err != nil {
			t.Fatal(err)
		}
		_, paper := receiver.read(answer)
		if disposition := answer.Header.Get("Content-Disposition"); paper != preview || !strings.Contains(disposition, "bien-ban-ban-giao-01-20261007.pdf") {
			t.Fatalf("the file is not the preview, or called %s", disposition)
		}
		signed := s.signPaper(s.principal, s.signPaper(s.officeHead, []byte(paper)))
		for name, wrong := range map[string][]byte{"nothing": nil, "unsigned": []byte(paper), "another paper": s.signPaper(s.officeHead, samplePDF(t, "ke-hoach.pdf")),
			"cut": signed[:len(signed)-200], "changed": bytes.Replace(signed, []byte("/Type"), []byte("/Tipe"), 1)} {
			if resp, page := receiver.uploadPaper(where+"/signed", wrong); resp.StatusCode != http.StatusUnprocessableEntity && resp.StatusCode != http.StatusConflict || strings.Contains(page, "download_signed") {
				t.Errorf("%s: %s\n%s", name, resp.Status, page)
			}
		}
		broken := bytes.Clone(signed)
		at := bytes.LastIndex(broken, []byte("/M (D:2026")) + len("/M (D:202")
		broken[at]++ // the year, which the signature covers
		if resp, _ := receiver.uploadPaper(where+"/signed", broken); resp.StatusCode == http.StatusSeeOther {
			t.Error("a broken signature is kept")
		}
		if resp, page := receiver.uploadPaper(where+"/signed", signed); resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s %s", resp.Status, page)
		}
		_, page = v.get(where)
		if !strings.Contains(page, "Nguyễn Văn Nghĩa (chữ ký toàn vẹn, chứng thư có trong sổ)") || !strings.Contains(page, sumOf(signed)) || !strings.Contains(page, "2 chữ ký:") {
			t.Errorf("%s", page)
		}
		link := regexp.MustCompile(`/papers/[0-9a-f-]+/signed/[0-9a-f-]+`).FindString(page)
		if _, back := v.get(link); back != string(signed) {
			t.Error("the kept file is another")
		}
		stranger := s.visitor(t)
		stranger.signIn(s.deputy)
		for _, path := range []string{where, where + "/file", link, "/papers/new?kind=hand_over_minutes&hand_over=" + hand} {
			if status, _ := stranger.get(path); status != http.StatusNotFound && status != http.StatusForbidden {
				t.Errorf("%s for the deputy: %d", path, status)
			}
		}
		if report := s.CheckLog(); report.ByType["signed_paper"] != 1 {
			t.Errorf("%v", report.ByType)
		}
	})
}

// TestPapersOverTheAPI: drafted, issued, signed and kept by a program.
func TestPapersOverTheAPI(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		c := s.signIn(s.officeHead)
		in := wire.NewPaper{Kind: string(forms.HandOverMinutes), HandOverID: s.handOverOf(s.deputy)}
		draft, err := c.DraftPaper(ctx, in)
		if err != nil || draft.Number != 1 || draft.Symbol != "BB-MNHS" || len(draft.Inputs) < 10 {
			t.Fatalf("%+v %v", draft, err)
		}
		in.Number, in.Inputs = draft.Number, map[string]string{"witness_name": "Võ Thị Mai"}
		paper, err := c.IssuePaper(ctx, in)
		if err != nil || paper.FileName != "bien-ban-ban-giao-01-20261007.pdf" {
			t.Fatalf("%+v %v", paper, err)
		}
		_, err = s.officeHead.agent.IssuePaper(ctx, in)
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden) // in person only
		_, err = s.signIn(s.deputy).IssuePaper(ctx, in)
		mustRefuse(t, err, http.StatusForbidden, wire.CodeForbidden)
		_, err = c.IssuePaper(ctx, in)
		mustRefuse(t, err, http.StatusConflict, wire.CodeConflict)
		in.Inputs = map[string]string{"no_such": "x"}
		_, err = c.IssuePaper(ctx, in)
		mustRefuse(t, err, http.StatusUnprocessableEntity, wire.CodeInvalid)

		pdf, err := s.PaperPDF(ctx, s.deputy.actor, custody.PaperID(paper.ID))
		if err != nil {
			t.Fatal(err)
		}
		signed := s.signPaper(s.deputy, pdf)
		kept, err := s.deputy.agent.KeepSignedPaper(ctx, paper.ID, bytes.NewReader(signed), int64(len(signed)))
		if err != nil || kept.SHA256 != sumOf(signed) || kept.Signatures != 1 {
			t.Fatalf("%+v %v", kept, err)
		}
		_, err = s.deputy.agent.KeepSignedPaper(ctx, paper.ID, bytes.NewReader(pdf), int64(len(pdf)))
		mustRefuse(t, err, http.StatusConflict, wire.CodeConflict)
		again, err := c.Paper(ctx, paper.ID)
		if err != nil || len(again.Signed) != 1 || again.Signed[0].ID != kept.ID {
			t.Fatalf("%+v %v", again, err)
		}
		if list, err := s.deputyTwo.agent.Papers(ctx); err != nil || len(list) != 0 {
			t.Errorf("%+v %v", list, err)
		}
		s.CheckLog()
	})
}

// TestPagesOfPapers: lists, registers and the wizard as they are seen on a phone.
func TestPagesOfPapers(t *testing.T) {
	for name, size := range screens {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			s.give()
			s.principal.sign(t, s, newDocument("KH"), wire.ActApprove, "")
			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.admin)
			b.visit("/papers")
			b.mustSay("Chưa có giấy tờ nào", "Báo cáo 6 tháng, năm")
			b.shoot("papers-empty")
			b.press(`a[href="/papers/new?kind=period_report"]`)
			b.shoot("paper-days")
			b.press("main form button")
			b.mustSay("Ký hiệu")
			b.shoot("paper-new")
			b.press(`button[value="check"]`)
			b.mustSay("Xem lại trước khi ban hành", "01/BC-MNHS")
			b.shoot("paper-check")
			b.press(`button[value="issue"]`)
			b.mustSay("Đã ban hành", "Chưa có bản ký số")
			b.shoot("paper")
			b.visit("/papers/new?kind=revocation_request&token=" + string(s.deputy.token.ID))
			b.shoot("paper-form-05")
			b.visit("/papers")
			b.mustSay("01/BC-MNHS")
			b.shoot("papers")
		})
	}
}

// TestAReportCountsWhatTheLogHolds: what was signed in the period stands in it.
func TestARegisterOfAPeriodIsMade(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	s.principal.sign(t, s, newDocument("KH"), wire.ActApprove, "")
	v := s.visitor(t)
	v.signIn(s.principal)
	for _, rule := range forms.Rules {
		if rule.Subject != forms.OfPeriod {
			continue
		}
		path := "/papers/new?kind=" + string(rule.Kind)
		if rule.Kind != forms.DeviceRegister {
			if _, page := v.get(path); !strings.Contains(page, "01/07/2026") {
				t.Errorf("%s asks for no period: %s", rule.Kind, page)
			}
			path += "&from=01/01/2026&until=31/12/2026"
		}
		status, page := v.get(path)
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", rule.Kind, status, page)
		}
		form := formOf(page)
		form.Set("step", "check")
		_, page = v.post("/papers/new", form)
		form = formOf(page)
		form.Set("step", "issue")
		s.Clock.Advance(time.Second)
		if resp, page := v.post("/papers/new", form); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %s %s", rule.Kind, resp.Status, page)
		}
	}
	if status, page := v.get("/papers/new?kind=signature_register&from=01/01/2010&until=31/12/2026"); status != http.StatusConflict || !strings.Contains(page, "5 năm") {
		t.Errorf("%d %s", status, page)
	}
	s.CheckLog()
}
