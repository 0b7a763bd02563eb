package store_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/forms"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// printed is the text of a paper, with single spaces, as another program reads it.
func (s *school) printed(n store.NewPaper) string {
	s.TB.Helper()
	d, err := s.PaperDraft(ctx, s.admin, n)
	if err != nil {
		s.TB.Fatalf("%s: %v", n.Kind, err)
	}
	pdf, err := forms.PDF(d.Facts)
	if err != nil {
		s.TB.Fatal(err)
	}
	path := filepath.Join(s.TB.(*testing.T).TempDir(), "paper.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		s.TB.Fatal(err)
	}
	text, err := exec.Command("pdftotext", "-layout", path, "-").Output()
	if err != nil {
		s.TB.Fatalf("pdftotext: %v", err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

func (s *school) wants(text string, all ...string) {
	s.TB.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			s.TB.Errorf("the paper does not say %q:\n%s", want, text)
		}
	}
}

// TestWhatTheRegisterKnowsIsOnThePaper: what was said at a hand-over, of a loss, in a
// request and in a check stands on their papers.
func TestWhatTheRegisterKnowsIsOnThePaper(t *testing.T) {
	s := handedOut(storetest.Open(t, "sqlite"))
	changed := true
	offer, err := s.OfferHandOver(ctx, s.officeHead, store.NewHandOver{Token: s.sealToken.ID, To: s.deputy.Person, Since: s.day(0), Until: s.day(9), ReasonKind: custody.Temporary,
		Reason: "đi tập huấn", Condition: "nguyên vẹn", Accessories: "dây đeo xanh", PermissionNumber: "20/QĐ-MNHS", PermissionDate: s.day(0), PermissionSigner: "Trần Thị Hồng Nhung", Witness: s.principal.Person})
	s.must(err)
	_, err = s.Accept(ctx, s.deputy, offer.ID, store.Acceptance{PINChanged: &changed})
	s.must(err)
	text := s.printed(store.NewPaper{Kind: forms.HandOverMinutes, PaperSubject: store.PaperSubject{HandOver: offer.ID}})
	s.wants(text, "Tạm giao thiết bị lưu khóa bí mật", "tạm giao đến hết ngày 16 tháng 10 năm 2026", "NGƯỜI CHỨNG KIẾN", s.person(s.principal.Person).Name, "nguyên vẹn", "dây đeo",
		"đã đổi mã PIN khi nhận thiết bị: có", "số 20/QĐ-MNHS ngày 07 tháng 10 năm 2026 của Trần Thị Hồng Nhung", "đi tập huấn")

	// The report of a loss lists what the incident's page lists for review.
	used := s.Clock.Now()
	s.Clock.Advance(time.Minute)
	s.sign(s.principal, s.approval())
	s.Clock.Advance(time.Minute)
	incident, err := s.ReportIncident(ctx, s.principal, store.NewIncident{Token: s.principalToken.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), LastUsedAt: used, Place: "phòng họp", Description: "không thấy sau cuộc họp"})
	s.must(err)
	text = s.printed(store.NewPaper{Kind: forms.LossReport, PaperSubject: store.PaperSubject{Incident: incident.ID}})
	s.wants(text, "phòng họp", "không thấy sau cuộc họp", used.In(custody.SchoolZone).Format("15:04 02/01/2006"), "người giữ thiết bị cần xác nhận từng chữ ký", "07/QC-MNHS")
	doubtful, err := s.DoubtfulSignatures(ctx, s.admin, incident.ID)
	if err != nil || len(doubtful) != 1 {
		t.Errorf("%d doubtful signatures, %v", len(doubtful), err)
	}
	later := s.report(s.deputy, s.deputyToken, custody.Suspected)
	s.wants(s.printed(store.NewPaper{Kind: forms.LossReport, PaperSubject: store.PaperSubject{Incident: later.ID}}), "không có chữ ký nào bằng thiết bị này")

	// Forms 04 and 06 begin with what the request says; of another token's they are not made.
	asked, err := s.AskSupport(ctx, s.deputy, store.NewSupport{Token: s.sealToken.ID, Kind: custody.SupportChange, Description: "đổi tên trường", Present: "Trường Mầm non Hoa Mai", Wanted: "Trường Mầm non Hoa Sen"})
	s.must(err)
	request := store.NewPaper{Kind: forms.RenewalRequest, PaperSubject: store.PaperSubject{Token: s.sealToken.ID}, Support: asked.ID}
	s.wants(s.printed(request), "Trường Mầm Trường Mầm", "non Hoa Mai non Hoa Sen", "đề nghị thay đổi nội dung thông tin", "Đầu mối liên hệ: "+s.person(s.deputy.Person).Name)
	request.Token = s.principalToken.ID
	if _, err := s.PaperDraft(ctx, s.admin, request); err == nil {
		t.Error("a form of one token with the request of another")
	}

	// Minutes of a check are made once it is closed.
	check, err := s.OpenCheck(ctx, s.admin, store.NewCheck{Kind: custody.MonthlyCheck, Due: s.day(5)})
	s.must(err)
	minutes := store.NewPaper{Kind: forms.CheckMinutes, PaperSubject: store.PaperSubject{Check: check.ID}}
	if _, err := s.PaperDraft(ctx, s.admin, minutes); reason(err) != custody.ReasonNotClosed {
		t.Errorf("minutes of an open check: %v", err)
	}
	_, err = s.StepCheck(ctx, s.admin, check.ID, store.NewCheckStep{Token: s.sealToken.ID, Kind: custody.StepExcused, Reason: "người giữ đi tập huấn"})
	s.must(err)
	_, err = s.CloseCheck(ctx, s.admin, check.ID, "Kiểm kê bổ sung trong tuần.")
	s.must(err)
	s.wants(s.printed(minutes), "Kiểm kê thiết bị lưu khóa bí mật tháng 10 năm 2026", "người giữ đi", "Vắng có lý do", "Không thấy", "Kiểm kê bổ sung trong tuần.", "hạn đến hết ngày 12 tháng 10 năm 2026")
	row := s.issue(minutes)
	if list, err := s.Papers(ctx, s.admin, store.PaperFilter{Check: check.ID}); err != nil || len(list) != 1 || list[0].ID != row.ID || list[0].Subject.Check != check.ID {
		t.Errorf("papers of the check: %+v, %v", list, err)
	}
	s.CheckLog()
}

// TestRegistersNameTheirLog: a printed register says which log it was made of, and of
// each line which entry it is; what was only approved is no outgoing document.
func TestRegistersNameTheirLog(t *testing.T) {
	s := handedOut(storetest.Open(t, "sqlite"))
	_, approved, first := s.sign(s.principal, s.approval())
	_, _, issued := s.sign(s.officeHead, custody.GrantRequest{Request: "issue", TokenSerial: "B2001", Certificate: s.sealCert, SHA256In: approved.SHA256Out, Document: document, Act: custody.Issue})
	issuedEntry, checkpoint, err := signinglog.CheckReceipt(issued, s.verifier())
	if err != nil || issuedEntry.Type != signinglog.TypeSignature || checkpoint.Size != issued.Index+1 {
		t.Fatalf("%+v, %v", checkpoint, err)
	}
	s.must(s.SaveView(ctx, s.admin, "x", ""))
	s.must(s.PlaceToken(ctx, s.principal, s.principalToken.ID, "két")) // the log goes on: the registers stay
	period := store.PaperSubject{From: "2026-10-01", Until: "2026-10-31"}
	text := s.printed(store.NewPaper{Kind: forms.SignatureRegister, PaperSubject: period})
	s.wants(text, "Mục nhật ký", fmt.Sprint(first.Index), fmt.Sprint(issued.Index), fmt.Sprintf("Lập từ %d mục đầu của nhật ký", checkpoint.Size), checkpoint.Root.String()[:20])
	text = s.printed(store.NewPaper{Kind: forms.OutgoingRegister, PaperSubject: period})
	s.wants(text, "SỔ ĐĂNG KÝ VĂN BẢN ĐI", document.Number, "Sổ này có 01 dòng", fmt.Sprint(issued.Index), checkpoint.Root.String()[:20])
}
