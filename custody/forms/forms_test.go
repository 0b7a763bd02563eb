package forms_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"sokyso/custody"
	"sokyso/custody/forms"
)

var keep = flag.String("keep", "", "folder to write the papers to, to look at them")

func pdf(t *testing.T, f forms.Facts) []byte {
	t.Helper()
	b, err := forms.PDF(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run has one of poppler's or qpdf's programs look at the file.
func run(t *testing.T, pdf []byte, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "paper.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(name, append(append([]string{}, args...), path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// words is the text of the paper with single spaces.
func words(t *testing.T, b []byte) string {
	t.Helper()
	return strings.Join(strings.Fields(run(t, b, "sh", "-c", `pdftotext -layout "$0" -`)), " ")
}

// TestEveryPaper: a paper of every kind is a PDF that others accept, holds its facts
// as text, and comes out of its kept facts the same.
func TestEveryPaper(t *testing.T) {
	all := samples()
	for _, rule := range forms.Rules {
		t.Run(string(rule.Kind), func(t *testing.T) {
			f := all[rule.Kind]
			b := pdf(t, f)
			if *keep != "" {
				if err := os.WriteFile(filepath.Join(*keep, string(rule.Kind)+".pdf"), b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			run(t, b, "qpdf", "--check")
			text := words(t, b)
			if text != norm.NFC.String(text) {
				t.Error("text is not composed")
			}
			for _, want := range wanted[rule.Kind] {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not on the paper:\n%s", want, text)
				}
			}
			if strings.Contains(text, "ThS.") {
				t.Error("a name stands with its academic title")
			}
			kept, err := forms.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			again, err := forms.Read(rule.Kind, forms.Version, kept)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, pdf(t, again)) {
				t.Error("the kept facts make another paper")
			}
			if _, err := forms.Read(rule.Kind, forms.Version+1, kept); err == nil {
				t.Error("facts of a version that does not exist are read")
			}
			if _, err := forms.Read(rule.Kind, forms.Version, append(bytes.TrimSuffix(kept, []byte("}")), `,"more":1}`...)); err == nil {
				t.Error("facts with a field that the paper does not have are read")
			}
		})
	}
}

var wanted = map[forms.Kind][]string{
	forms.HandOverMinutes: {"CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "ỦY BAN NHÂN DÂN XÃ HOA SEN", "Số: 07/BB-MNHS Hoa Sen, ngày 05 tháng 02 năm 2026", "BIÊN BẢN", "Bàn giao thiết bị lưu khóa bí mật",
		"số 12/QĐ-MNHS ngày 01 tháng 9 năm 2026", "09 giờ 15 phút, ngày 26 tháng 11 năm 2026", "I. BÊN GIAO", "Họ và tên: Trần Thị Hồng Nhung; chức vụ: Hiệu trưởng", "TRƯỜNG MẦM NON", "01/03/2028",
		"đã đổi mã PIN khi nhận thiết bị: có", "mục số 12 và 13", "NGƯỜI CHỨNG KIẾN", "Nơi nhận:", "- Lưu: VT."},
	forms.LossReport:        {"BÁO CÁO", "Về việc mất thiết bị lưu khóa bí mật", "Kính gửi:", "Hiệu trưởng Trường Mầm non Hoa Sen;", "Lần sử dụng gần nhất", "01/TB-MNHS", "XÁC NHẬN CỦA", "NGƯỜI BÁO CÁO"},
	forms.RevocationRequest: {"V/v đề nghị thu hồi chứng thư chữ ký số", "Kính gửi: Cục Chứng thực số", "Số định danh cá nhân: 001099012345; ngày cấp: 04/05/2022", "Mã quan", "2700123456", "1098765"},
	forms.RecoveryRequest:   {"V/v đề nghị khôi phục thiết bị", "Người phối hợp", "5409 1234 8877"},
	forms.RenewalRequest:    {"đề nghị gia hạn, thay đổi nội dung thông tin", "Thông tin mới"},
	forms.DeviceMinutes:     {"Giao, nhận thiết bị lưu khóa bí mật", "08 giờ 30 phút, ngày 03 tháng 12 năm 2026", "ĐẠI DIỆN BÊN NHẬN", "đã bị thu hồi ngày 01 tháng 12 năm 2026"},
	forms.LostDevice:        {"Xác nhận thiết bị lưu khóa bí mật bị thất lạc", "Lê Minh Quân, Tổ trưởng văn phòng", "09/MNHS-VP ngày 26/11/2026"},
	forms.HandOverRegister:  {"SỔ THEO DÕI GIAO, NHẬN", "Từ ngày 01/01/2026 đến ngày 31/12/2026; quyển số 01", "Ký nhận", "40/BB-MNHS", "có 40 dòng"},
	forms.IncidentRegister:  {"SỔ THEO DÕI SỰ CỐ", "Nghi ngờ bị xâm", "Mẫu 09:"},
	forms.SignatureRegister: {"SỔ THEO DÕI KÝ SỐ", "60/TB-MNHS", "Ký duyệt"},
	forms.DeviceRegister:    {"DANH MỤC THIẾT BỊ", "mnhoasen@", "Đang sử dụng: Lê", "có 02 thiết bị"},
	forms.PeriodReport: {"6 tháng cuối năm 2026", "Đang sử dụng 3 1 4", "Tổng cộng 4 1 5", "316 chữ ký số", "9/2026", "120", "Sự cố mất thiết bị 5409 1234 8877 chưa kết thúc", "812 mục",
		"Phó Hiệu trưởng 2 2", "đến hết ngày 31/12/2027", "trong 24 giờ từ khi phát hiện", "có 02 sự cố, trong đó 01 sự cố quá hạn", "Kế hoạch 100 90 190", "12/2026 0 0 0 0 0 0", "Trước sơ kết"},
}

var place = regexp.MustCompile(`<word xMin="([0-9.]+)" yMin="([0-9.]+)" xMax="([0-9.]+)" yMax="([0-9.]+)">`)
var size = regexp.MustCompile(`^width="([0-9.]+)" height="([0-9.]+)">`)

// TestHostileFacts: whatever stands in a field, long, without spaces or meant to do
// harm, stays within the margins, and no two words lie upon each other.
func TestHostileFacts(t *testing.T) {
	for name, text := range map[string]string{
		"long":     strings.Repeat("Trường Mầm non Hoa Sen xã Hoa Sen ", 30),
		"unbroken": strings.Repeat("W", 700),
		"syntax":   ") Tj ET endstream endobj << /JS (x) >> (\\ \x00\u202e\n\n\n<script>",
		"empty":    "",
	} {
		for kind, f := range samples() {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				for _, in := range f.Inputs() {
					if in.Form == forms.Line || in.Form == forms.Lines {
						*in.Value = text
					}
				}
				h := f.Top()
				h.Issuer, h.Superior, h.Place, h.Symbol = text, text, text, text
				b := pdf(t, f)
				run(t, b, "qpdf", "--check")
				within(t, b)
			})
		}
	}
}

func within(t *testing.T, b []byte) {
	t.Helper()
	const mm = 72 / 25.4
	for i, page := range strings.Split(run(t, b, "sh", "-c", `pdftotext -bbox "$0" -`), "<page ")[1:] {
		var wide, tall float64
		if m := size.FindStringSubmatch(page); m == nil {
			t.Fatalf("page %d has no size", i+1)
		} else if _, err := fmt.Sscan(m[1], &wide); err != nil {
			t.Fatal(err)
		} else if _, err := fmt.Sscan(m[2], &tall); err != nil {
			t.Fatal(err)
		}
		var boxes [][4]float64
		for _, w := range place.FindAllStringSubmatch(page, -1) {
			var x [4]float64
			if _, err := fmt.Sscan(strings.Join(w[1:], " "), &x[0], &x[1], &x[2], &x[3]); err != nil {
				t.Fatal(err)
			}
			if x[1] < 20*mm {
				if x[1] < 8*mm || x[0] < wide/2-5*mm || x[2] > wide/2+5*mm {
					t.Errorf("page %d: %v stands above the text and is no page number", i+1, x)
				}
				continue
			}
			if x[0] < 30*mm-0.5 || x[2] > wide-15*mm+0.5 || x[3] > tall-20*mm+2 {
				t.Errorf("page %d: %v lies outside the margins", i+1, x)
			}
			boxes = append(boxes, x)
		}
		for n, a := range boxes {
			for _, b := range boxes[n+1:] {
				w, h := min(a[2], b[2])-max(a[0], b[0]), min(a[3], b[3])-max(a[1], b[1])
				if w > 1 && h > 0.5*min(a[3]-a[1], b[3]-b[1]) {
					t.Errorf("page %d: words lie upon each other: %v, %v", i+1, a, b)
					return
				}
			}
		}
	}
}

// TestTheNumberOfPages: a register repeats its head on each page and numbers them.
func TestRegisterGoesOnOverPages(t *testing.T) {
	b := pdf(t, samples()[forms.SignatureRegister])
	text := run(t, b, "sh", "-c", `pdftotext -layout "$0" -`)
	pages := strings.Split(strings.TrimSuffix(text, "\f"), "\f")
	if len(pages) < 3 {
		t.Fatalf("%d pages", len(pages))
	}
	for i, page := range pages[:len(pages)-1] {
		if !strings.Contains(page, "Tư cách") {
			t.Errorf("page %d lacks the head of the table", i+1)
		}
		if i > 0 && strings.Fields(page)[0] != fmt.Sprint(i+1) {
			t.Errorf("page %d begins with %q", i+1, strings.Fields(page)[0])
		}
	}
}

func TestDaysAndNumbers(t *testing.T) {
	for day, want := range map[custody.Date]string{"2026-01-01": "ngày 01 tháng 01 năm 2026", "2026-02-10": "ngày 10 tháng 02 năm 2026", "2026-03-09": "ngày 09 tháng 3 năm 2026", "2026-12-31": "ngày 31 tháng 12 năm 2026"} {
		f := samples()[forms.PeriodReport]
		f.Top().Date = day
		if text := words(t, pdf(t, f)); !strings.Contains(text, "Hoa Sen, "+want) {
			t.Errorf("%s is not written %q", day, want)
		}
	}
	if forms.Number(7) != "07" || forms.Number(10) != "10" || forms.Number(123) != "123" {
		t.Error("numbers below 10 have one leading zero, others none")
	}
}

// TestDeputySigns: a deputy signs KT. for the head.
func TestDeputySigns(t *testing.T) {
	f := samples()[forms.HandOverMinutes]
	f.Top().SignerTitle, f.Top().SignerName = "Phó Hiệu trưởng", "Phạm Thu Hà"
	if text := words(t, pdf(t, f)); !strings.Contains(text, "KT. HIỆU TRƯỞNG") || !strings.Contains(text, "PHÓ HIỆU TRƯỞNG") {
		t.Error(text)
	}
}

func TestInputsAreNamedOnce(t *testing.T) {
	for kind, f := range samples() {
		seen := map[string]bool{}
		for _, in := range f.Inputs() {
			if seen[in.Name] || in.Value == nil {
				t.Errorf("%s: input %s", kind, in.Name)
			}
			seen[in.Name] = true
		}
	}
}
