package forms

import (
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// HandOver is the minutes of a hand-over, a temporary one or a return (Biên bản bàn
// giao thiết bị lưu khóa bí mật).
type HandOver struct {
	Head
	Return         bool         `json:"return"`
	TemporaryUntil custody.Date `json:"temporary_until"` // "" = for good
	At             time.Time    `json:"at"`
	Where          string       `json:"where"`
	Permission     string       `json:"permission"` // number of the written permission
	PermissionDate custody.Date `json:"permission_date"`
	PermissionBy   string       `json:"permission_by"` // who signed it
	Regulation     string       `json:"regulation"`    // of the school, with number and date
	Giver          Party        `json:"giver"`
	Receiver       Party        `json:"receiver"`
	Witness        Party        `json:"witness"`
	Reason         string       `json:"reason"`
	Device         Device       `json:"device"`
	PINChanged     string       `json:"pin_changed"` // yes, no or ""
	Scope          string       `json:"scope"`       // lines: what the receiver may use it for
	Entries        string       `json:"entries"`     // of the log: 12 và 13
}

// Inputs implements Facts.
func (f *HandOver) Inputs() []Input {
	return f.inputs(Input{"where", &f.Where, Line, false}, Input{"giver_name", &f.Giver.Name, Line, false}, Input{"giver_title", &f.Giver.Title, Line, false},
		Input{"receiver_name", &f.Receiver.Name, Line, false}, Input{"receiver_title", &f.Receiver.Title, Line, false},
		Input{"witness_name", &f.Witness.Name, Line, false}, Input{"witness_title", &f.Witness.Title, Line, false},
		Input{"permission", &f.Permission, Line, false}, Input{"permission_date", (*string)(&f.PermissionDate), Day, false}, Input{"permission_by", &f.PermissionBy, Line, false},
		Input{"regulation", &f.Regulation, Line, false},
		Input{"temporary_until", (*string)(&f.TemporaryUntil), Day, false}, Input{"reason", &f.Reason, Lines, false},
		Input{"condition", &f.Device.Condition, Line, false}, Input{"accessories", &f.Device.Accessories, Line, false},
		Input{"pin_changed", &f.PINChanged, YesNo, false}, Input{"scope_lines", &f.Scope, Lines, false})
}

const (
	decree30 = "Căn cứ Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về công tác văn thư;"
	decree68 = "Căn cứ Nghị định số 68/2024/NĐ-CP ngày 25 tháng 6 năm 2024 của Chính phủ quy định về chữ ký số chuyên dùng công vụ;"
)

func (f *HandOver) about() string {
	switch {
	case f.Return:
		return "Nộp trả thiết bị lưu khóa bí mật"
	case f.TemporaryUntil != "":
		return "Tạm giao thiết bị lưu khóa bí mật"
	}
	return "Bàn giao thiết bị lưu khóa bí mật"
}

func (f *HandOver) sheet() paper.Sheet {
	s := paper.Sheet{Head: f.head(), Title: "BIÊN BẢN", About: f.about(), Ruled: true}
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	add(paper.Ground(decree30), paper.Ground(decree68))
	if f.Regulation != "" {
		add(paper.Ground("Căn cứ " + strings.TrimSuffix(f.Regulation, ";") + ";"))
	}
	if f.Permission != "" {
		by := ""
		if f.PermissionBy != "" {
			by = " của " + f.PermissionBy
		}
		add(paper.Ground("Căn cứ văn bản cho phép (quyết định phân công) số " + f.Permission + " " + longDay(f.PermissionDate) + by + "."))
	}
	add(paper.Body("Hôm nay, hồi " + moment(f.At) + ", tại " + orBlank(f.Where) + ", chúng tôi gồm:"))
	add(paper.Heading("I. BÊN GIAO"), f.Giver.text())
	add(paper.Heading("II. BÊN NHẬN"), f.Receiver.text())
	if f.Witness.Name != "" {
		add(paper.Heading("III. NGƯỜI CHỨNG KIẾN"), f.Witness.text())
	} else {
		add(paper.Heading("III. NGƯỜI CHỨNG KIẾN, ĐẠI DIỆN NHÀ TRƯỜNG"), Party{Name: f.SignerName, Title: f.SignerTitle}.text())
	}
	add(paper.Heading("IV. NỘI DUNG"), paper.Body("1. Lý do: "+f.because()+"."), paper.Body("2. Thiết bị:"))
	d := f.Device
	add(paper.Table{Widths: []float64{10, 19, 20, 23, 24, 14, 21, 19, 15}, Size: 10, Align: "CLLLLCCLL",
		Header: []string{"STT", "Loại thiết bị", "Số hiệu thiết bị", "Tên chứng thư", "Số hiệu chứng thư", "Loại", "Hiệu lực từ - đến", "Tình trạng", "Phụ kiện"},
		Rows: [][]string{{"1", typeName(d), d.Serial, d.Certificate.Name, d.Certificate.Serial, kindName(d.Kind), d.Certificate.validity(),
			orBlank(d.Condition), orWord(d.Accessories, "Không")}}})
	if !f.Return {
		add(paper.Body("3. Bên nhận đã đổi mã PIN khi nhận thiết bị: " + yesNo(f.PINChanged) + ". Mã PIN không được ghi vào biên bản này hay bất kỳ giấy tờ nào."))
		add(paper.Heading("V. PHẠM VI, THỜI HẠN SỬ DỤNG"))
		scope := lines(f.Scope)
		if len(scope) == 0 {
			scope = []string{"Theo văn bản phân công, ủy quyền của Hiệu trưởng."}
		}
		for _, line := range scope {
			add(paper.Body(line))
		}
		until := "Thời hạn: từ ngày giao nhận đến khi có văn bản khác hoặc khi không còn sử dụng."
		if f.TemporaryUntil != "" {
			until = "Thời hạn: tạm giao đến hết " + longDay(f.TemporaryUntil) + "; hết hạn, bên nhận bàn giao lại thiết bị ngay."
		}
		add(paper.Body(until), paper.Heading("VI. CAM KẾT"))
		add(paper.Body("Bên nhận giữ bí mật tuyệt đối khóa bí mật và mã PIN; trực tiếp ký, không giao thiết bị hay mã PIN cho người khác, kể cả người có thẩm quyền trong nhà trường; " +
			"chỉ dùng vào công việc của nhà trường; báo cáo ngay khi thiết bị bị mất, thất lạc hoặc nghi ngờ lộ khóa; bàn giao lại cho nhà trường khi không còn sử dụng."))
	} else {
		add(paper.Heading("V. CAM KẾT"), paper.Body("Bên giao không còn giữ bản sao nào của thiết bị, mã PIN và tiếp tục giữ bí mật những gì đã biết sau khi bàn giao. Bên nhận bảo quản thiết bị tại trụ sở nhà trường, không sử dụng cho đến khi được giao cho người khác."))
	}
	if f.Entries != "" {
		add(paper.Body("Việc giao nhận đã được ghi tại mục số " + f.Entries + " của nhật ký ký số của nhà trường."))
	}
	add(paper.Body("Biên bản này được lập thành 02 bản, có giá trị như nhau, mỗi bên giữ 01 bản."))
	sides := paper.Signings{{Role: "BÊN GIAO", Hint: hintSign, Name: plainName(f.Giver.Name)}, {Role: "BÊN NHẬN", Hint: hintSign, Name: plainName(f.Receiver.Name)}}
	if f.Witness.Name != "" {
		sides = append(sides, paper.Signing{Role: "NGƯỜI CHỨNG KIẾN", Hint: hintSign, Name: plainName(f.Witness.Name)})
	}
	add(sides, f.foot())
	return s
}

const hintSign = "(Ký, ghi rõ họ tên)"

// because says why, with the kind of hand-over.
func (f *HandOver) because() string {
	kind := "bàn giao"
	switch {
	case f.Return:
		kind = "nộp trả, thu hồi thiết bị về nhà trường"
	case f.TemporaryUntil != "":
		kind = "tạm giao từ " + longDay(custody.DateOf(f.At)) + " đến " + longDay(f.TemporaryUntil)
	}
	if reason := strings.TrimRight(strings.Join(lines(f.Reason), " "), ". "); reason != "" {
		return kind + "; " + reason
	}
	return kind
}

func orWord(s, word string) string {
	if strings.TrimSpace(s) == "" {
		return word
	}
	return s
}

func yesNo(s string) string {
	switch s {
	case "yes":
		return "có"
	case "no":
		return "không"
	}
	return "có □ không □"
}
