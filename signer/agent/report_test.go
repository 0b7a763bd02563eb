package agent

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sokyso/signer/validation"
)

// manyFindings is a file with more signatures and reasons than a paper has room for,
// named by somebody who means harm.
func manyFindings() FileReport {
	hostile := "Nguyễn\x1b[2K \u202eĩa\n" + strings.Repeat("W", 5000)
	f := FileReport{File: "/tmp/công văn \u202efdp.exe.pdf", Size: 7712, SHA256: strings.Repeat("0a", 32), Conclusion: Conclusion{Decision: Ask, Reason: ReasonSuspicious, Message: hostile}}
	for range maxPrintedSignatures + 5 {
		f.Signatures = append(f.Signatures, SignatureReport{Field: "Chữ ký", Indication: "TOTAL-PASSED", Signer: "Lê Minh Quân", Covers: "revision", LaterChanges: "permitted",
			Steps: []StepReport{{Step: StepFormat, Outcome: StepPassed}}})
	}
	first := &f.Signatures[0]
	first.Signer, first.Indication, first.SubIndication, first.World = hostile, "INDETERMINATE", "SIG_CONSTRAINTS_FAILURE", WorldGovernment
	first.ClaimedTime, first.TimestampTime, first.TimestampMaker = "2026-10-07T09:15:30+07:00", "2026-10-07T02:15:40Z", "TSA"
	for range maxPrintedDetails + 9 {
		first.Details = append(first.Details, DetailReport{Code: validation.DetailChangesSuspicious, Message: "Thay đổi đáng ngờ."})
	}
	first.Details = append(first.Details, DetailReport{Code: validation.DetailRevocationGood, Params: map[string]string{"source": "http://ocsp.example"}, Message: "Không bị thu hồi."})
	first.Steps = stepsOf(*first)
	return f
}

func TestPrintedReport(t *testing.T) {
	for language, want := range map[string][]string{
		Vietnamese: {"PHIẾU KIỂM TRA CHỮ KÝ SỐ", "TRƯỜNG MẦM NON HOA SEN", "ngày 07 tháng 10 năm 2026", "HỎI LẠI TRƯỚC KHI TIẾP NHẬN", "09:15:40 07/10/2026, của TSA",
			"Chứng thư chuyên dùng công vụ", "http://ocsp.example", "và 9 điều nữa", "Còn 5 chữ ký nữa", "7712 byte", "không có (chưa nêu --roots)", "NGƯỜI KIỂM TRA", "Chữ ký số 200 "},
		English: {"REPORT ON DIGITAL SIGNATURES", "7 October 2026", "ASK BEFORE ACCEPTING IT", "09:15:30 07/10/2026 (as the signer claims)", "and 9 more", "5 more signatures", "CHECKED BY"},
	} {
		report := PrintedReport{Verification: Verification{Catalogue: NewCatalogue(language)}, School: "Trường Mầm non Hoa Sen", Version: "1",
			Checked: time.Date(2026, 10, 7, 2, 20, 0, 0, time.UTC)}
		path := filepath.Join(t.TempDir(), "phieu.pdf")
		if err := report.Save(path, []FileReport{manyFindings(), {File: "x.pdf", Error: "Không đọc được."}}); err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS == "windows" {
			t.Skip("another reader judges on Linux")
		}
		out, err := exec.Command("pdftotext", "-layout", path, "-").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if first, _, _ := strings.Cut(string(out), "\f"); !strings.Contains(first, NewCatalogue(language).Sentence("conclusion.decision.ask")) {
			t.Errorf("%s: the conclusion is not on the first page", language)
		}
		text := strings.Join(strings.Fields(string(out)), " ")
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: the paper does not say %q", language, part)
			}
		}
		if strings.ContainsAny(text, "\x1b\u202e") {
			t.Errorf("%s: the paper has control characters", language)
		}
		var again bytes.Buffer
		if err := report.Write(&again, []FileReport{manyFindings(), {File: "x.pdf", Error: "Không đọc được."}}); err != nil {
			t.Fatal(err)
		}
		if first, err := os.ReadFile(path); err != nil || !bytes.Equal(first, again.Bytes()) {
			t.Errorf("%s: the same facts give other bytes (%v)", language, err)
		}
	}
}
