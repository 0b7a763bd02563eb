package forms

import (
	"fmt"
	"slices"
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
	Volume string    `json:"volume"`
	Rows   []Signed  `json:"rows"`
	Log    *LogPoint `json:"log,omitempty"` // nil on registers from before it was printed
}

// LogPoint is the beginning of the log that a register was made of: paper can be held
// against it later, since every later state of the log extends it.
type LogPoint struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"` // entries
	Root   string `json:"root"` // base64
}

// endOf closes a register that was made of a log.
func (h *Head) endOf(s paper.Sheet, rows int, log *LogPoint) paper.Sheet {
	if log != nil {
		s.Blocks = append(s.Blocks, paper.Body(fmt.Sprintf("Lập từ %[2]d mục đầu của nhật ký %[1]s, mã gốc %[3]s. Số ở cột “Mục nhật ký” là số thứ tự của chữ ký trong nhật ký đó; "+
			"biên nhận của từng mục đối chiếu được với mã gốc này.", log.Origin, log.Size, log.Root)))
	}
	return h.end(s, rows)
}

// Inputs implements Facts.
func (f *SignatureList) Inputs() []Input {
	return append([]Input{{"volume", &f.Volume, Line, false}}, f.signerInputs()...)
}

func (f *SignatureList) sheet() paper.Sheet {
	s := book(&f.Head, "SỔ THEO DÕI KÝ SỐ", f.Period, f.Volume)
	t := paper.Table{Widths: []float64{10, 20, 27, 58, 32, 18, 22, 33, 16, 16}, Size: 10, Align: "CCLLLCLLLL",
		Header: []string{"STT", "Thời gian ký", "Số, ký hiệu", "Tên loại và trích yếu", "Người ký", "Tư cách ký", "Loại chữ ký", "Số hiệu chứng thư", "Kết quả", "Ghi chú"}}
	if f.Log != nil {
		t.Widths, t.Align = []float64{10, 20, 16, 26, 52, 30, 17, 21, 31, 14, 15}, "CCCLLLCLLLL"
		t.Header = slices.Insert(t.Header, 2, "Mục nhật ký")
	}
	for i, r := range f.Rows {
		row := []string{fmt.Sprint(i + 1), shortMoment(r.At), r.Number, strings.TrimSpace(r.Kind + " " + r.Summary), r.Signer, capacityName(r.Capacity), actName(r.Act), r.Serial, r.Result, r.Remark}
		if f.Log != nil {
			row = slices.Insert(row, 2, fmt.Sprint(r.Entry))
		}
		t.Rows = append(t.Rows, row)
	}
	s.Blocks = append(s.Blocks, t)
	return f.endOf(s, len(f.Rows), f.Log)
}

// OutgoingList is the Sổ đăng ký văn bản đi of documents that were issued with the
// seal's signature: the ten columns of Decree 30/2020/NĐ-CP, Annex IV. What the clerk
// alone knows is left empty; the entry of the log stands among the remarks.
type OutgoingList struct {
	Head
	Period
	Volume string    `json:"volume"`
	Rows   []Signed  `json:"rows"`
	Log    *LogPoint `json:"log,omitempty"` // nil without lines
}

// Inputs implements Facts.
func (f *OutgoingList) Inputs() []Input {
	return append([]Input{{"volume", &f.Volume, Line, false}}, f.signerInputs()...)
}

func (f *OutgoingList) sheet() paper.Sheet {
	s := book(&f.Head, "SỔ ĐĂNG KÝ VĂN BẢN ĐI", f.Period, f.Volume)
	t := paper.Table{Widths: []float64{27, 21, 66, 30, 26, 24, 13, 15, 12, 18}, Size: 10, Align: "LCLLLLCCCL",
		Header: []string{"Số, ký hiệu văn bản", "Ngày tháng văn bản", "Tên loại và trích yếu nội dung văn bản", "Người ký", "Nơi nhận văn bản", "Đơn vị, người nhận bản lưu", "Số lượng bản", "Ngày chuyển", "Ký nhận", "Ghi chú (mục nhật ký)"}}
	for _, r := range f.Rows {
		t.Rows = append(t.Rows, []string{r.Number, shortDay(custody.DateOf(r.At)), strings.TrimSpace(r.Kind + " " + r.Summary), r.Signer, "", "", "", "", "", strings.TrimPrefix(r.Remark+"; "+fmt.Sprint(r.Entry), "; ")})
	}
	s.Blocks = append(s.Blocks, t)
	return f.endOf(s, len(f.Rows), f.Log)
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
