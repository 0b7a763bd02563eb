package forms

import (
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// Loss is the report of a loss, a misplacement or a suspicion.
type Loss struct {
	Head
	Kind          custody.IncidentKind `json:"kind"`
	To            string               `json:"to"` // lines
	Reporter      Party                `json:"reporter"`
	Phone         string               `json:"phone"`
	Email         string               `json:"email"`
	Device        Device               `json:"device"`
	DiscoveredAt  time.Time            `json:"discovered_at"`
	Where         string               `json:"where"`
	ReportedAt    time.Time            `json:"reported_at"`
	LastUse       string               `json:"last_use"`
	Events        string               `json:"events"`
	PINExposed    string               `json:"pin_exposed"`
	AtRisk        []Signed             `json:"at_risk"`      // signatures that may not be the custodian's
	AtRiskMore    int                  `json:"at_risk_more"` // that are not listed
	Done          string               `json:"done"`         // lines
	Asked         string               `json:"asked"`
	ReportedEntry int64                `json:"entry"`
}

// Signed is a signature of the log.
type Signed struct {
	At       time.Time `json:"at"`
	Number   string    `json:"number"` // with symbol
	Kind     string    `json:"kind"`
	Summary  string    `json:"summary"`
	Signer   string    `json:"signer"`
	Capacity string    `json:"capacity"`
	Act      string    `json:"act"`
	Serial   string    `json:"serial"` // of the certificate
	Result   string    `json:"result"`
	Remark   string    `json:"remark"`
	Entry    int64     `json:"entry,omitempty"` // of the log; 0 = not printed
}

// Inputs implements Facts.
func (f *Loss) Inputs() []Input {
	return f.inputs(Input{"addressee", &f.To, Lines, true}, Input{"reporter_name", &f.Reporter.Name, Line, false}, Input{"reporter_title", &f.Reporter.Title, Line, false},
		Input{"phone", &f.Phone, Line, false}, Input{"email", &f.Email, Line, false},
		Input{"where", &f.Where, Line, false}, Input{"last_use", &f.LastUse, Line, false}, Input{"events", &f.Events, Lines, true},
		Input{"pin_exposed", &f.PINExposed, YesNo, false}, Input{"done", &f.Done, Lines, false}, Input{"asked", &f.Asked, Lines, false})
}

func incidentName(k custody.IncidentKind) string {
	switch k {
	case custody.Lost:
		return "mất thiết bị"
	case custody.Misplaced:
		return "thất lạc thiết bị"
	case custody.Suspected:
		return "nghi ngờ bị xâm nhập, lộ khóa bí mật"
	}
	return string(k)
}

func (f *Loss) sheet() paper.Sheet {
	about := "Về việc " + incidentName(f.Kind)
	if f.Kind != custody.Suspected {
		about += " lưu khóa bí mật"
	}
	s := paper.Sheet{Head: f.head(), Title: "BÁO CÁO", About: about, Ruled: true}
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	add(paper.Addressees{Word: "Kính gửi:", To: lines(f.To)})
	more := []string{}
	for _, part := range [][2]string{{"điện thoại: ", f.Phone}, {"e-mail công vụ: ", f.Email}} {
		if part[1] != "" {
			more = append(more, part[0]+part[1])
		}
	}
	add(paper.Heading("1. Người báo cáo"), f.Reporter.text(more...))
	add(paper.Heading("2. Thiết bị, chứng thư"), f.Device.facts())
	add(paper.Heading("3. Sự cố"), paper.Facts{{Name: "Loại sự cố", Value: upperFirst(incidentName(f.Kind))}, {Name: "Thời điểm phát hiện", Value: upperFirst(moment(f.DiscoveredAt))},
		{Name: "Địa điểm phát hiện", Value: orBlank(f.Where)}, {Name: "Báo cáo Hiệu trưởng, khóa sử dụng trong hệ thống", Value: upperFirst(moment(f.ReportedAt))},
		{Name: "Lần sử dụng gần nhất", Value: orBlank(f.LastUse)}, {Name: "Mã PIN có thể bị lộ", Value: upperFirst(yesNo(f.PINExposed))}})
	add(paper.Heading("4. Diễn biến"))
	for _, line := range orLines(f.Events) {
		add(paper.Body(line))
	}
	add(paper.Heading("5. Văn bản có nguy cơ bị ký trái phép"))
	if len(f.AtRisk) == 0 {
		add(paper.Body("Nhật ký ký số không có chữ ký nào bằng thiết bị này từ lần sử dụng chắc chắn gần nhất đến lúc khóa."))
	} else {
		add(paper.Body("Các chữ ký dưới đây có trong nhật ký ký số kể từ lần sử dụng chắc chắn gần nhất; người giữ thiết bị cần xác nhận từng chữ ký là của mình:"))
		add(signedTable(f.AtRisk))
		if f.AtRiskMore > 0 {
			add(paper.Body(fmt.Sprintf("Còn %d chữ ký nữa: xem Sổ theo dõi ký số.", f.AtRiskMore)))
		}
	}
	add(paper.Heading("6. Biện pháp đã thực hiện"))
	for _, line := range orLines(f.Done) {
		add(paper.Body(line))
	}
	add(paper.Heading("7. Đề nghị"))
	for _, line := range orLines(f.Asked) {
		add(paper.Body(line))
	}
	if f.ReportedEntry > 0 {
		add(paper.Body(fmt.Sprintf("Sự cố đã được ghi tại mục số %d của nhật ký ký số của nhà trường.", f.ReportedEntry)))
	}
	add(paper.Body("Tôi cam đoan nội dung báo cáo trên là đúng sự thật và chịu trách nhiệm trước pháp luật về nội dung đã báo cáo."))
	confirm := f.signing()
	confirm.Role = "XÁC NHẬN CỦA\n" + confirm.Role
	if strings.Contains(confirm.Role, "KT. ") {
		confirm.Role = "XÁC NHẬN CỦA NHÀ TRƯỜNG\n" + f.signing().Role
	}
	add(paper.Signings{confirm, {Role: "NGƯỜI BÁO CÁO", Hint: hintSign, Name: plainName(f.Reporter.Name)}})
	if recipients := f.foot(); len(recipients.Recipients) > 0 {
		add(paper.Copies{Word: recipients.Word, Recipients: recipients.Recipients})
	}
	return s
}

func signedTable(rows []Signed) paper.Table {
	t := paper.Table{Widths: []float64{10, 22, 28, 65, 40}, Size: 10, Align: "CCLLL", Header: []string{"STT", "Thời gian ký", "Số, ký hiệu", "Tên loại và trích yếu", "Người ký"}}
	for i, r := range rows {
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), shortMoment(r.At), r.Number, strings.TrimSpace(r.Kind + " " + r.Summary), r.Signer})
	}
	return t
}

func orLines(text string) []string {
	if all := lines(text); len(all) > 0 {
		return all
	}
	return []string{strings.Repeat("…", 45)}
}

func upperFirst(s string) string {
	for i, r := range s {
		if i == 0 {
			return strings.ToUpper(string(r)) + s[len(string(r)):]
		}
	}
	return s
}
