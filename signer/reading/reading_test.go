package reading_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sokyso/signer/preview"
	"sokyso/signer/reading"
)

// facts is what is compared of a proposal.
type facts struct {
	Superior, Organization, Number, Symbol, Kind, Date, Place, Summary string
	Recipients                                                         []string
	Blocks                                                             []string // capacity/title/name
}

func factsOf(p reading.Proposal) facts {
	f := facts{p.Superior.Text, p.Organization.Text, p.Number.Text, p.Symbol.Text, p.Kind.Text, p.Date.Text, p.Place.Text, p.Summary.Text, nil, nil}
	for _, r := range p.Recipients {
		f.Recipients = append(f.Recipients, r.Text)
	}
	for _, b := range p.Blocks {
		f.Blocks = append(f.Blocks, b.Capacity+"/"+b.Title.Text+"/"+b.Name.Text)
	}
	return f
}

func TestSamples(t *testing.T) {
	v := newViewer(t)
	plan := facts{"UBND XÃ ...", "TRƯỜNG MẦM NON MINH THUẬN", "21", "KH-MNMT", "KH", "2026-11-20", "Minh Thuận",
		"Chuyển đổi số tháng 12 năm 2026", []string{"Các tổ", "Lưu: VT"}, []string{"/HIỆU TRƯỞNG/Nguyễn Thị Mẫu"}}
	notice := facts{"UBND XÃ ...", "TRƯỜNG MẦM NON MINH THUẬN", "07", "TB-MNMT", "TB", "2026-11-05", "Minh Thuận",
		"Lịch nghỉ và lịch họp cha mẹ trẻ em học kỳ I năm học 2026 - 2027", []string{"Cha mẹ trẻ em", "Lưu: VT"}, []string{"KT/PHÓ HIỆU TRƯỞNG/Trần Thị Ví Dụ"}}
	for name, want := range map[string]facts{
		"ke-hoach.pdf": plan, "ke-hoach-xoay.pdf": plan, "thong-bao.pdf": notice, "thong-bao-linearized.pdf": notice,
		"quy-che.pdf": {"UBND XÃ ...", "TRƯỜNG MẦM NON MINH THUẬN", "135", "QĐ-MNMT", "QC", "2025-10-14", "Minh Thuận",
			"Hoạt động của ban chỉ đạo chuyển đổi số Trường Mầm non Minh Thuận", []string{"Thành viên Ban Chỉ đạo", "Lưu: VT"}, []string{"/HIỆU TRƯỞNG/Nguyễn Thị Mẫu"}},
	} {
		t.Run(name, func(t *testing.T) {
			found := reading.Read(wordsOf(t, v, filepath.Join("..", "..", "testdata", "pdf", name)))
			if diff := cmp.Diff(want, factsOf(found)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestSpoiltText: Ghostscript lost the table of characters of some fonts. What the rest of the document tells is
// mended, what it does not is doubtful.
func TestSpoiltText(t *testing.T) {
	found := reading.Read(wordsOf(t, newViewer(t), filepath.Join("..", "..", "testdata", "pdf", "ke-hoach-gs.pdf")))
	if got := found.Summary; got.Text != "Chuyển đổi số tháng 12 năm 2026" || got.Doubtful {
		t.Errorf("summary %+v", got)
	}
	if found.Kind.Text != "KH" || found.Number.Text != "21" || found.Symbol.Text != "KH-MNMT" || len(found.Blocks) != 1 {
		t.Fatalf("%+v", found)
	}
	b := found.Blocks[0]
	if b.Title.Text != "HIỆU TRƯỞNG" || !b.Name.Doubtful {
		t.Errorf("title %q, name %+v", b.Title.Text, b.Name)
	}
	whole := reading.Read(wordsOf(t, newViewer(t), filepath.Join("..", "..", "testdata", "pdf", "ke-hoach.pdf")))
	if diff := cmp.Diff(whole.Blocks[0].Picture, b.Picture); diff != "" {
		t.Errorf("the picture goes elsewhere (-whole +spoilt)\n%s", diff)
	}
}

func TestScanHasNoText(t *testing.T) {
	found := reading.Read(wordsOf(t, newViewer(t), filepath.Join("..", "..", "testdata", "pdf", "quy-che-scan.pdf")))
	if diff := cmp.Diff(reading.Proposal{}, found); diff != "" {
		t.Errorf("made up (-want +got)\n%s", diff)
	}
}

func TestLetters(t *testing.T) {
	v := newViewer(t)
	body := []string{"Thực hiện nhiệm vụ năm học 2026 - 2027, nhà trường đề nghị các bộ phận phối hợp thực hiện đúng thời gian, đúng yêu cầu và báo cáo kết quả về Hiệu trưởng trước ngày 15 tháng 12 năm 2026./."}
	for name, test := range map[string]struct {
		letter letter
		want   facts
	}{
		"letter without a kind": {
			letter{"UBND XÃ MINH THUẬN", "TRƯỜNG TIỂU HỌC MINH THUẬN 2", "Số: 112/THMT2-VP", "V/v phối hợp tổ chức khám sức khỏe cho học sinh năm học 2026 - 2027", "Minh Thuận, ngày 03 tháng 9 năm 2026",
				"", "", "", append([]string{"Kính gửi: Trạm Y tế xã Minh Thuận"}, body...), []string{"- Như trên;", "- Lưu: VT, VP."}, [][]string{{"HIỆU TRƯỞNG", "", "Lê Văn Thử"}}},
			facts{"UBND XÃ MINH THUẬN", "TRƯỜNG TIỂU HỌC MINH THUẬN 2", "112", "THMT2-VP", "", "2026-09-03", "Minh Thuận",
				"phối hợp tổ chức khám sức khỏe cho học sinh năm học 2026 - 2027", []string{"Như trên", "Lưu: VT, VP"}, []string{"/HIỆU TRƯỞNG/Lê Văn Thử"}},
		},
		"decision": {
			letter{"UBND XÃ MINH THUẬN", "TRƯỜNG MẦM NON MINH THUẬN", "Số: 9/QĐ-MNMT", "", "Minh Thuận, ngày 1 tháng 2 năm 2026",
				"QUYẾT ĐỊNH", "Về việc phân công nhiệm vụ giữ thiết bị ký số năm học 2025 - 2026", "HIỆU TRƯỞNG TRƯỜNG MẦM NON MINH THUẬN",
				append([]string{"Căn cứ Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về công tác văn thư;"}, body...),
				[]string{"- Như Điều 3;", "- Phòng Văn hóa - Xã hội xã (để báo cáo);", "- Lưu: VT."}, [][]string{{"HIỆU TRƯỞNG", "", "ThS. Hoàng Thị Thí Dụ"}}},
			facts{"UBND XÃ MINH THUẬN", "TRƯỜNG MẦM NON MINH THUẬN", "09", "QĐ-MNMT", "QĐ", "2026-02-01", "Minh Thuận",
				"Về việc phân công nhiệm vụ giữ thiết bị ký số năm học 2025 - 2026", []string{"Như Điều 3", "Phòng Văn hóa - Xã hội xã (để báo cáo)", "Lưu: VT"}, []string{"/HIỆU TRƯỞNG/Hoàng Thị Thí Dụ"}},
		},
		"number and day open": {
			letter{"UBND XÃ MINH THUẬN", "TRƯỜNG THCS MINH THUẬN", "Số:        /TTr-THCSMT", "", "Minh Thuận, ngày      tháng      năm 2026",
				"TỜ TRÌNH", "Đề nghị bổ sung thiết bị dạy học tối thiểu", "", body, []string{"- UBND xã;", "- Lưu: VT."}, [][]string{{"KT. HIỆU TRƯỞNG", "PHÓ HIỆU TRƯỞNG", "", "Phạm Minh Mẫu"}}},
			facts{"UBND XÃ MINH THUẬN", "TRƯỜNG THCS MINH THUẬN", "", "TTr-THCSMT", "TTr", "", "Minh Thuận",
				"Đề nghị bổ sung thiết bị dạy học tối thiểu", []string{"UBND xã", "Lưu: VT"}, []string{"KT/PHÓ HIỆU TRƯỞNG/Phạm Minh Mẫu"}},
		},
		"minutes with two signers": {
			letter{"UBND XÃ MINH THUẬN", "TRƯỜNG MẦM NON MINH THUẬN", "Số: 04/BB-MNMT", "", "Minh Thuận, ngày 20 tháng 11 năm 2026",
				"BIÊN BẢN", "Họp Hội đồng trường phiên thứ hai", "", body, nil, [][]string{{"THƯ KÝ", "", "Ngô Thị Ghi"}, {"CHỦ TỌA", "", "Nguyễn Văn Nghĩa"}}},
			facts{"UBND XÃ MINH THUẬN", "TRƯỜNG MẦM NON MINH THUẬN", "04", "BB-MNMT", "BB", "2026-11-20", "Minh Thuận",
				"Họp Hội đồng trường phiên thứ hai", nil, []string{"/CHỦ TỌA/Nguyễn Văn Nghĩa", "/THƯ KÝ/Ngô Thị Ghi"}},
		},
		"for the council": {
			letter{"TRƯỜNG MẦM NON MINH THUẬN", "HỘI ĐỒNG TRƯỜNG", "Số: 02/NQ-HĐT", "", "Minh Thuận, ngày 12 tháng 10 năm 2026",
				"NGHỊ QUYẾT", "Phương hướng hoạt động năm học 2026 - 2027", "", body, []string{"- Thành viên Hội đồng trường;", "- Lưu: HĐT."}, [][]string{{"TM. HỘI ĐỒNG TRƯỜNG", "CHỦ TỊCH", "", "Vũ Thị Bích Mẫu"}}},
			facts{"TRƯỜNG MẦM NON MINH THUẬN", "HỘI ĐỒNG TRƯỜNG", "02", "NQ-HĐT", "NQ", "2026-10-12", "Minh Thuận",
				"Phương hướng hoạt động năm học 2026 - 2027", []string{"Thành viên Hội đồng trường", "Lưu: HĐT"}, []string{"TM/CHỦ TỊCH/Vũ Thị Bích Mẫu"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages := wordsOf(t, v, test.letter.printed(t))
			found := reading.Read(pages)
			if diff := cmp.Diff(test.want, factsOf(found)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, b := range found.Blocks {
				checkPlace(t, pages, b)
			}
		})
	}
}

// checkPlace: the picture stands between title and name, under the middle of both, and covers no word.
func checkPlace(t *testing.T, pages []preview.Words, b reading.Block) {
	t.Helper()
	p := b.Picture
	if p.Top > b.Title.Box.Bottom || p.Bottom < b.Name.Box.Top {
		t.Errorf("picture %v is not between title %v and name %v", p, b.Title.Box, b.Name.Box)
	}
	x, _ := p.Center()
	tx, _ := b.Title.Box.Center()
	nx, _ := b.Name.Box.Center()
	if x < min(tx, nx)-0.5 || x > max(tx, nx)+0.5 {
		t.Errorf("picture's middle is at %.1f, title's at %.1f, name's at %.1f", x, tx, nx)
	}
	at := slices.IndexFunc(pages, func(w preview.Words) bool { return w.Page.Number == b.Page })
	for _, w := range reading.Covered(pages[at], p) {
		t.Errorf("picture covers %q", w.Text)
	}
}
