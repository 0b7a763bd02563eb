package httpapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
	"sokyso/signer/validation"
)

// An admin reviews a week: at night something was signed, somebody was refused, a
// document turns up that the log does not have; who signed is asked and answers.
func TestPagesOfAReview(t *testing.T) {
	for name, size := range screens {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{})
			s.give()
			s.principal.sign(t, s, newDocument("KH"), wire.ActApprove, "")
			refused := s.principal.request(newDocument("KH"), wire.ActApprove, "")
			refused.TokenSerial = "A1002"
			if _, err := s.principal.agent.Grant(ctx, refused); err == nil {
				t.Fatal("leave for somebody else's token")
			}
			s.Clock.Advance(14 * time.Hour)
			_, _, night := s.principal.sign(t, s, newDocument("TB"), wire.ActApprove, "")

			b := openBrowser(t, s, size[0], size[1])
			b.signIn(s.admin)
			b.mustSay("Nhật ký có chữ ký mới chưa ai rà soát")
			b.visit("/review")
			b.mustSay("Ngoài giờ làm việc", "Bị từ chối", "Còn 2 mục chưa xem")
			b.shoot("review")
			// By keys alone: the first line, chosen, seen.
			b.do(chromedp.KeyEvent("j"), chromedp.KeyEvent("x"))
			if _, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent("s")); err != nil {
				t.Fatal(err)
			}
			b.mustSay("Đã đánh dấu đã xem 1 mục")
			b.visit(fmt.Sprintf("/log/%d", night.Index))
			b.mustSay("Chữ ký đang lưu: vừa kiểm tra lại, còn nguyên", "Chưa ai ghi gì về mục này")
			b.do(chromedp.Click(chromedp.CSS(`#review details:has(input[value="asked"]) summary`)))
			b.fill("#note_asked", "Vì sao ký lúc 11 giờ đêm?")
			b.press(`#review details:has(input[value="asked"]) button`)
			b.mustSay("Đã gửi câu hỏi", "Đã hỏi, chờ trả lời", "Vì sao ký lúc 11 giờ đêm?")
			b.shoot("asked")

			file := filepath.Join(t.TempDir(), "ngoai-so.pdf")
			plain, err := os.ReadFile("../testdata/pdf/thong-bao.pdf")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, s.signPaper(s.principal, plain), 0o600); err != nil {
				t.Fatal(err)
			}
			unsigned, err := filepath.Abs("../testdata/pdf/thong-bao.pdf")
			if err != nil {
				t.Fatal(err)
			}
			b.visit("/unlogged")
			b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file, unsigned}))
			b.press("form.card:has(#file) button")
			b.mustSay("Thấy 1 chữ ký ngoài nhật ký", "ngoai-so.pdf", "Chưa ký số")
			b.shoot("unlogged")
			b.visit("/log?q=thong+bao+nghi+le")
			b.mustSay("Không có mục nào khớp")
			b.visit("/log?q=nghia+ke+hoach+nam+hoc&type=signature")
			b.mustSay("Kế hoạch năm học")
			b.do(chromedp.Click(chromedp.CSS("details:has(#view_name) summary")))
			b.fill("#view_name", "Kế hoạch đã ký")
			b.press("details:has(#view_name) button")
			b.mustSay("Đã lưu “Kế hoạch đã ký”")
			b.shoot("search")
			b.visit("/review/charts")
			b.mustSay("2 chữ ký, 1 lần bị từ chối", "Kế hoạch", "Theo tháng")
			b.shoot("charts")

			if _, err := s.DeriveNotices(ctx, s.School.ID, nil); err != nil {
				t.Fatal(err)
			}
			signer := openBrowser(t, s, size[0], size[1])
			signer.signIn(s.principal)
			signer.mustSay("Có câu hỏi về lần ký của bạn ở mục")
			signer.visit("/notices")
			signer.mustSay("Có câu hỏi về một lần ký của bạn", "Phát hiện chữ ký ngoài nhật ký")
			signer.visit(fmt.Sprintf("/log/%d", night.Index))
			signer.fill("#note_answered", "Họp khẩn vì bão")
			signer.press(`#review details:has(input[value="answered"]) button`)
			signer.mustSay("Đã gửi câu trả lời")

			// Ended only with a word for what nobody has looked at.
			b.visit("/review")
			b.mustSay("Đã trả lời", "Họp khẩn vì bão", "Ngoài nhật ký")
			b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("form").forEach(f => f.noValidate = true)`))
			b.press("#finish button")
			b.mustSay("chưa ai xem")
			b.fill("#note", "đang hỏi hiệu trưởng")
			b.press("#finish button")
			b.mustSay("Đã kết thúc rà soát", "việc còn mở từ lần trước", "Không có mục nào khác thường")
			b.shoot("finished")
			if strings.Contains(b.text(), "Ghi vào nhật ký rằng bạn đã rà soát") {
				t.Error("a review of nothing is offered")
			}
		})
	}
}

// Who does not run the register reaches none of it, and each answers only what was
// asked of them.
func TestWhoReviews(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		_, _, signed := s.principal.sign(t, s, newDocument("KH"), wire.ActApprove, "")
		if _, err := s.deputy.agent.Review(ctx); !isStatus(err, http.StatusForbidden) {
			t.Errorf("a deputy reviews: %v", err)
		}
		if err := s.deputy.agent.StepReview(ctx, wire.ReviewStep{Entries: []int64{signed.Index}, Step: "seen"}); !isStatus(err, http.StatusNotFound) {
			t.Errorf("a deputy marks the principal's signature: %v", err)
		}
		span, err := s.admin.agent.Review(ctx)
		if err != nil || span.Signatures != 1 || span.Unseen != 0 {
			t.Fatalf("%+v, %v", span, err)
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(s.admin.agent.StepReview(ctx, wire.ReviewStep{Entries: []int64{signed.Index}, Step: "asked", Note: "Văn bản nào?"}))
		if err := s.admin.agent.StepReview(ctx, wire.ReviewStep{Entries: []int64{signed.Index}, Step: "answered", Note: "x"}); !isStatus(err, http.StatusForbidden) {
			t.Errorf("an admin answers for the signer: %v", err)
		}
		must(s.principal.agent.StepReview(ctx, wire.ReviewStep{Entries: []int64{signed.Index}, Step: "answered", Note: "Kế hoạch tháng"}))
		// An agent's key does not end a review: that is done by a person at the site.
		if err := s.admin.agent.FinishReview(ctx, wire.FinishReview{From: span.From, Until: span.Until}); err == nil {
			t.Error("an agent ended a review")
		}
		if err := s.FinishReview(ctx, s.admin.actor, span.From, span.Until, ""); err != nil {
			t.Error(err)
		}
	})
}

func isStatus(err error, status int) bool {
	var problem *wire.Problem
	return errors.As(err, &problem) && problem.Status == status
}

// Signatures found by an agent: the service verifies each, tells those of the log from
// those outside, and takes none on the agent's word.
func TestFoundSignaturesAreVerified(t *testing.T) {
	each(t, func(t *testing.T, s *school) {
		plain, err := os.ReadFile("../testdata/pdf/thong-bao.pdf")
		if err != nil {
			t.Fatal(err)
		}
		logged, receipt := s.logged(s.principal, plain)
		found := func(content []byte, name string) wire.FoundSignature {
			report, err := validation.Validate(ctx, bytes.NewReader(content), int64(len(content)), validation.Options{Offline: true, Now: s.Clock.Now})
			if err != nil || len(report.Signatures) != 1 {
				t.Fatal(err)
			}
			one, sum := report.Signatures[0], sha256.Sum256(content)
			return wire.FoundSignature{CertificateSHA256: one.CertificateSHA256, ByteRangeDigest: hex.EncodeToString(one.ByteRangeDigest), CMS: one.CMS, Field: one.Field, StatedAt: &one.ClaimedTime,
				FileSHA256: hex.EncodeToString(sum[:]), FileName: name}
		}
		outside := found(s.signPaper(s.deputy, plain), "ngoai-so.pdf")
		made := outside
		made.ByteRangeDigest = strings.Repeat("0", 64)
		foreign := outside
		foreign.CertificateSHA256 = strings.Repeat("1", 64)
		ask := wire.FoundSignatures{Signatures: []wire.FoundSignature{found(logged, "trong-so.pdf"), outside, made, foreign}}
		if _, err := s.deputy.agent.FindSignatures(ctx, ask); !isStatus(err, http.StatusForbidden) {
			t.Errorf("a deputy: %v", err)
		}
		held, err := s.principal.agent.FindSignatures(ctx, ask)
		if err != nil {
			t.Fatal(err)
		}
		one, two, three, four := held.Signatures[0], held.Signatures[1], held.Signatures[2], held.Signatures[3]
		if one.Entry != receipt.Index || one.Unlogged != 0 || !two.New || two.Unlogged == 0 || !three.Broken || three.Unlogged != 0 || four.Registered {
			t.Errorf("%+v", held.Signatures)
		}
		entries, err := s.Entries(ctx, s.admin.actor, store.LogFilter{Type: string(signinglog.TypeUnlogged)})
		if err != nil || len(entries.Entries) != 1 || entries.Entries[0].Reveals["file_name"] != "ngoai-so.pdf" {
			t.Errorf("%+v, %v", entries, err)
		}
		span, err := s.Review(ctx, s.admin.actor)
		if err != nil || len(span.Items) == 0 || span.Items[0].Points[0] != custody.PointUnlogged || span.Items[0].Whose != s.deputy.actor.Person {
			t.Errorf("%+v, %v", span.Items, err)
		}
	})
}
