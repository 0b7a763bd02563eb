package forms

import (
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// Period is from a day to a day, both inclusive.
type Period struct {
	From  custody.Date `json:"from"`
	Until custody.Date `json:"until"`
}

func (p Period) text() string {
	switch {
	case p.From == "" && p.Until == "":
		return ""
	case p.From == p.Until:
		return "Ngày " + shortDay(p.From)
	}
	return "Từ ngày " + shortDay(p.From) + " đến ngày " + shortDay(p.Until)
}

// book is the sheet of a register.
func book(h *Head, title string, p Period, volume string) paper.Sheet {
	s := paper.Sheet{Head: h.registerHead(), Title: title, About: p.text(), Landscape: true}
	if volume != "" {
		s.About += "; quyển số " + volume
	}
	return s
}

// end closes a register: how many rows it has, and who signs it.
func (h *Head) end(s paper.Sheet, rows int) paper.Sheet {
	text := fmt.Sprintf("Sổ này có %s dòng, được lập từ nhật ký ký số của nhà trường.", Number(rows))
	if rows == 0 {
		text = "Không có dòng nào trong thời gian này."
	}
	s.Blocks = append(s.Blocks, paper.Body(text), paper.Signings{{Role: "NGƯỜI LẬP SỔ", Hint: hintSign}, h.signing()})
	return s
}

// HandOverList is the Sổ theo dõi giao, nhận thiết bị.
type HandOverList struct {
	Head
	Period
	Volume string        `json:"volume"`
	Rows   []HandOverRow `json:"rows"`
}

// HandOverRow is a line of it.
type HandOverRow struct {
	At       time.Time         `json:"at"`
	Serial   string            `json:"serial"`
	Kind     custody.TokenKind `json:"kind"`
	Giver    string            `json:"giver"`
	Receiver string            `json:"receiver"`
	Reason   string            `json:"reason"`
	Minutes  string            `json:"minutes"` // number and symbol of the minutes
	Until    custody.Date      `json:"until"`
	Remark   string            `json:"remark"`
}

// Inputs implements Facts.
func (f *HandOverList) Inputs() []Input {
	return append([]Input{{"volume", &f.Volume, Line, false}}, f.signerInputs()...)
}

func (f *HandOverList) sheet() paper.Sheet {
	s := book(&f.Head, "SỔ THEO DÕI GIAO, NHẬN THIẾT BỊ LƯU KHÓA BÍ MẬT", f.Period, f.Volume)
	t := paper.Table{Widths: []float64{10, 20.5, 27, 15, 26, 26, 26, 24, 20.5, 17, 17, 23}, Size: 10, Align: "CCLCLLLLCCCL",
		Header: []string{"STT", "Ngày giờ", "Thiết bị (số hiệu)", "Loại", "Người giao", "Người nhận", "Lý do", "Số biên bản", "Thời hạn", "Ký giao", "Ký nhận", "Ghi chú"}}
	for i, r := range f.Rows {
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), shortMoment(r.At), r.Serial, kindName(r.Kind), r.Giver, r.Receiver, r.Reason, r.Minutes, shortDay(r.Until), "", "", r.Remark})
	}
	s.Blocks = append(s.Blocks, t)
	return f.end(s, len(f.Rows))
}

// IncidentList is the Sổ theo dõi sự cố.
type IncidentList struct {
	Head
	Period
	Volume string        `json:"volume"`
	Rows   []IncidentRow `json:"rows"`
}

// IncidentRow is a line of it.
type IncidentRow struct {
	DiscoveredAt time.Time            `json:"discovered_at"`
	Reporter     string               `json:"reporter"`
	Serial       string               `json:"serial"`
	Kind         custody.IncidentKind `json:"kind"`
	ReportedAt   time.Time            `json:"reported_at"` // to the principal, with the report in the program
	Authority    string               `json:"authority"`   // when the authority was told, by which paper
	RevokedAt    time.Time            `json:"revoked_at"`
	Device       string               `json:"device"` // handed over, or form 09
	Result       string               `json:"result"`
}

// Inputs implements Facts.
func (f *IncidentList) Inputs() []Input {
	return append([]Input{{"volume", &f.Volume, Line, false}}, f.signerInputs()...)
}

func (f *IncidentList) sheet() paper.Sheet {
	s := book(&f.Head, "SỔ THEO DÕI SỰ CỐ VỀ CHỮ KÝ SỐ", f.Period, f.Volume)
	t := paper.Table{Widths: []float64{10, 23, 30, 32, 30, 23, 32, 23, 27, 28}, Size: 10, Align: "CCLLLCLCLL",
		Header: []string{"STT", "Phát hiện lúc", "Người báo", "Thiết bị (số hiệu)", "Loại sự cố", "Báo Hiệu trưởng lúc", "Báo cơ quan lúc, số văn bản", "Thu hồi chứng thư lúc", "Nộp thiết bị/Mẫu 09", "Kết quả"}}
	for i, r := range f.Rows {
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), shortMoment(r.DiscoveredAt), r.Reporter, r.Serial, upperFirst(incidentName(r.Kind)), shortMoment(r.ReportedAt),
			r.Authority, shortMoment(r.RevokedAt), r.Device, r.Result})
	}
	s.Blocks = append(s.Blocks, t)
	return f.end(s, len(f.Rows))
}

// SignatureList is the Sổ theo dõi ký số.
type SignatureList struct {
	Head
	Period
	Volume string   `json:"volume"`
	Rows   []Signed `json:"rows"`
}

// Inputs implements Facts.
func (f *SignatureList) Inputs() []Input {
	return append([]Input{{"volume", &f.Volume, Line, false}}, f.signerInputs()...)
}

func (f *SignatureList) sheet() paper.Sheet {
	s := book(&f.Head, "SỔ THEO DÕI KÝ SỐ", f.Period, f.Volume)
	t := paper.Table{Widths: []float64{10, 20, 27, 58, 32, 18, 22, 33, 16, 16}, Size: 10, Align: "CCLLLCLLLL",
		Header: []string{"STT", "Thời gian ký", "Số, ký hiệu", "Tên loại và trích yếu", "Người ký", "Tư cách ký", "Loại chữ ký", "Số hiệu chứng thư", "Kết quả", "Ghi chú"}}
	for i, r := range f.Rows {
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), shortMoment(r.At), r.Number, strings.TrimSpace(r.Kind + " " + r.Summary), r.Signer, capacityName(r.Capacity), actName(r.Act), r.Serial, r.Result, r.Remark})
	}
	s.Blocks = append(s.Blocks, t)
	return f.end(s, len(f.Rows))
}

// CapacityName words the capacity of a signature.
func CapacityName(c string) string { return capacityName(c) }

func capacityName(c string) string {
	if c == "" {
		return "Trực tiếp"
	}
	return c + "."
}

func actName(act string) string {
	switch custody.Act(act) {
	case custody.Approve:
		return "Ký duyệt"
	case custody.Initial:
		return "Ký nháy"
	case custody.Issue:
		return "Ký số cơ quan"
	case custody.Attachment:
		return "Văn bản kèm theo"
	case custody.Copy:
		return "Sao y"
	}
	return act
}

// DeviceList is the Danh mục thiết bị và chứng thư.
type DeviceList struct {
	Head
	AsOf custody.Date `json:"as_of"` // day that the states are of
	Rows []DeviceRow  `json:"rows"`
}

// DeviceRow is a line of it.
type DeviceRow struct {
	Device
	Subject string `json:"subject"` // whose it is
	Keeper  string `json:"keeper"`
	State   string `json:"state"` // words
}

// Inputs implements Facts.
func (f *DeviceList) Inputs() []Input { return f.signerInputs() }

func (f *DeviceList) sheet() paper.Sheet {
	s := paper.Sheet{Head: f.registerHead(), Title: "DANH MỤC THIẾT BỊ VÀ CHỨNG THƯ CHỮ KÝ SỐ", About: "Đến ngày " + shortDay(f.AsOf), Landscape: true}
	t := paper.Table{Widths: []float64{10, 38, 38, 20, 33, 32, 22, 22, 29}, Size: 10, Align: "CLLCLLCCL",
		Header: []string{"STT", "Số hiệu chứng thư", "Đối tượng", "Loại", "Số hiệu thiết bị", "E-mail", "Ngày cấp", "Ngày hết hạn", "Trạng thái, người giữ"}}
	for i, r := range f.Rows {
		state := r.State
		if r.Keeper != "" {
			state += ": " + r.Keeper
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), r.Certificate.Serial, r.Subject, kindName(r.Kind), r.Serial, r.Certificate.Email,
			shortDay(r.Certificate.From), shortDay(r.Certificate.Until), state})
	}
	s.Blocks = append(s.Blocks, t)
	text := fmt.Sprintf("Danh mục này có %s thiết bị.", Number(len(f.Rows)))
	s.Blocks = append(s.Blocks, paper.Body(text), paper.Signings{{Role: "NGƯỜI LẬP", Hint: hintSign}, f.signing()})
	return s
}
