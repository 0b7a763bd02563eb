package forms

import (
	"strings"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// DeviceDelivery is form 08: the minutes of handing a device over to the
// certification authority. Its layout was not found; the fields follow its name and
// Annex V's minutes.
type DeviceDelivery struct {
	Head
	At           string       `json:"at"` // words: 08 giờ 30 phút
	Day          custody.Date `json:"day"`
	Where        string       `json:"where"`
	GiverBody    string       `json:"giver_body"`
	Giver        Party        `json:"giver"`
	ReceiverBody string       `json:"receiver_body"`
	Receiver     Party        `json:"receiver"`
	Device       Device       `json:"device"`
	Reason       string       `json:"reason"`
	RevokedOn    custody.Date `json:"revoked_on"` // "" = not confirmed
}

// Inputs implements Facts.
func (f *DeviceDelivery) Inputs() []Input {
	return f.inputs(Input{"day", (*string)(&f.Day), Day, false}, Input{"hour", &f.At, Line, false}, Input{"where", &f.Where, Line, false},
		Input{"giver_name", &f.Giver.Name, Line, false}, Input{"giver_title", &f.Giver.Title, Line, false},
		Input{"receiver_body", &f.ReceiverBody, Line, true}, Input{"receiver_name", &f.Receiver.Name, Line, false}, Input{"receiver_title", &f.Receiver.Title, Line, false},
		Input{"reason", &f.Reason, Lines, true}, Input{"condition", &f.Device.Condition, Line, false}, Input{"accessories", &f.Device.Accessories, Line, false})
}

func (f *DeviceDelivery) sheet() paper.Sheet {
	s := paper.Sheet{Head: f.head(), Title: "BIÊN BẢN", About: "Giao, nhận thiết bị lưu khóa bí mật", Ruled: true}
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	add(paper.Ground(strings.TrimSuffix(decree68, ";") + "."))
	add(paper.Body("Hôm nay, hồi " + orWord(f.At, "…… giờ …… phút") + ", " + longDay(f.Day) + ", tại " + orBlank(f.Where) + ", chúng tôi gồm:"))
	add(paper.Heading("I. BÊN GIAO: "+strings.ToUpper(f.GiverBody)), f.Giver.text())
	add(paper.Heading("II. BÊN NHẬN: "+strings.ToUpper(f.ReceiverBody)), f.Receiver.text())
	add(paper.Heading("III. NỘI DUNG"), paper.Body("Hai bên đã giao, nhận thiết bị lưu khóa bí mật sau:"))
	d := f.Device
	add(paper.Table{Widths: []float64{10, 26, 28, 30, 31, 24, 18}, Size: 10, Align: "CLLLLLL",
		Header: []string{"STT", "Loại thiết bị", "Số hiệu thiết bị", "Tên chứng thư", "Số hiệu chứng thư", "Tình trạng", "Phụ kiện"},
		Rows:   [][]string{{"1", typeName(d), d.Serial, d.Certificate.Name, d.Certificate.Serial, orBlank(d.Condition), orWord(d.Accessories, "Không")}}})
	reason := "Lý do giao, nhận: " + strings.TrimRight(strings.Join(lines(f.Reason), " "), ". ") + "."
	if f.RevokedOn != "" {
		reason += " Chứng thư đã bị thu hồi " + longDay(f.RevokedOn) + "."
	}
	add(paper.Body(reason))
	add(paper.Body("Biên bản này được lập thành 02 bản, có giá trị như nhau, mỗi bên giữ 01 bản."))
	add(paper.Signings{{Role: "ĐẠI DIỆN BÊN GIAO", Hint: hintSign, Name: plainName(f.Giver.Name)}, {Role: "ĐẠI DIỆN BÊN NHẬN", Hint: hintSign, Name: plainName(f.Receiver.Name)}}, f.foot())
	return s
}

// DeviceLoss is form 09: the managing body's confirmation that a device is lost. Its
// layout was not found.
type DeviceLoss struct {
	Head
	To        string       `json:"to"`
	Keeper    Party        `json:"keeper"`
	Device    Device       `json:"device"`
	LostOn    string       `json:"lost_on"` // words
	Where     string       `json:"where"`
	Events    string       `json:"events"`
	Searched  string       `json:"searched"`
	Request   string       `json:"request"` // number and date of the request of revocation
	RevokedOn custody.Date `json:"revoked_on"`
}

// Inputs implements Facts.
func (f *DeviceLoss) Inputs() []Input {
	return f.inputs(Input{"addressee", &f.To, Lines, true}, Input{"keeper_name", &f.Keeper.Name, Line, false}, Input{"keeper_title", &f.Keeper.Title, Line, false},
		Input{"lost_on", &f.LostOn, Line, false}, Input{"where", &f.Where, Line, false}, Input{"events", &f.Events, Lines, true},
		Input{"searched", &f.Searched, Lines, false}, Input{"request_paper", &f.Request, Line, false})
}

func (f *DeviceLoss) sheet() paper.Sheet {
	s := paper.Sheet{Head: f.head(), Title: "BIÊN BẢN", About: "Xác nhận thiết bị lưu khóa bí mật bị thất lạc", Ruled: true}
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	add(paper.Addressees{Word: "Kính gửi:", To: lines(f.To)})
	add(paper.Ground(strings.TrimSuffix(decree68, ";") + "."))
	add(paper.Body(f.Issuer + " xác nhận thiết bị lưu khóa bí mật sau đây đã bị mất, thất lạc, không thể thu hồi để giao lại:"))
	add(f.Device.facts(paper.Fact{Name: "Người được giao giữ", Value: strings.Trim(plainName(f.Keeper.Name)+", "+f.Keeper.Title, ", ")},
		paper.Fact{Name: "Thời điểm mất, thất lạc (phát hiện)", Value: orBlank(f.LostOn)}, paper.Fact{Name: "Địa điểm", Value: orBlank(f.Where)},
		paper.Fact{Name: "Văn bản đề nghị thu hồi chứng thư", Value: orBlank(f.Request)}, paper.Fact{Name: "Chứng thư bị thu hồi ngày", Value: orBlank(shortDay(f.RevokedOn))}))
	add(paper.Heading("Diễn biến"))
	for _, line := range orLines(f.Events) {
		add(paper.Body(line))
	}
	if f.Searched != "" {
		add(paper.Heading("Biện pháp tìm kiếm, xử lý"))
		for _, line := range lines(f.Searched) {
			add(paper.Body(line))
		}
	}
	add(paper.Body(f.Issuer+" chịu trách nhiệm về nội dung xác nhận nêu trên; nếu tìm thấy thiết bị sẽ giao nộp ngay theo quy định."), f.foot())
	return s
}
