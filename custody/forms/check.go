package forms

import (
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// Check is the minutes of a custody check (Biên bản kiểm kê thiết bị lưu khóa bí mật).
// Its layout is that of minutes (Decree 30/2020/NĐ-CP, Annex III); its fields follow
// what a check of the school's property has.
type Check struct {
	Head
	Kind       custody.CheckKind `json:"kind"`
	Period     string            `json:"period"` // 2026-11 of a monthly check, else the day
	OpenedAt   time.Time         `json:"opened_at"`
	ClosedAt   time.Time         `json:"closed_at"`
	Due        custody.Date      `json:"due"`
	Where      string            `json:"where"`
	Regulation string            `json:"regulation"`
	Members    string            `json:"members"` // lines: name, position
	Items      []CheckedToken    `json:"items"`
	Opinion    string            `json:"opinion"` // lines: the conclusion
	Asked      string            `json:"asked"`   // lines
	Secretary  Party             `json:"secretary"`
	Entries    string            `json:"entries"` // of the log: 12 và 13
}

// CheckedToken is a token with what was found of it.
type CheckedToken struct {
	Serial  string               `json:"serial"`
	Label   string               `json:"label"`
	Kind    custody.TokenKind    `json:"kind"`
	Keeper  string               `json:"keeper"` // when the check was opened; "" = the safe
	Outcome custody.CheckOutcome `json:"outcome"`
	At      time.Time            `json:"at"`
	Entry   int64                `json:"entry"` // of the log; 0 = none
	Remark  string               `json:"remark"`
}

// Inputs implements Facts.
func (f *Check) Inputs() []Input {
	return f.inputs(Input{"where", &f.Where, Line, false}, Input{"regulation", &f.Regulation, Line, false}, Input{"members", &f.Members, Lines, true},
		Input{"opinion", &f.Opinion, Lines, false}, Input{"asked", &f.Asked, Lines, false},
		Input{"secretary_name", &f.Secretary.Name, Line, false}, Input{"secretary_title", &f.Secretary.Title, Line, false})
}

func (f *Check) about() string {
	const what = "Kiểm kê thiết bị lưu khóa bí mật "
	switch f.Kind {
	case custody.MonthlyCheck:
		if month, err := time.Parse("2006-01", f.Period); err == nil {
			return what + fmt.Sprintf("tháng %02d năm %d", month.Month(), month.Year())
		}
	case custody.PlenaryCheck:
		return what + "trước kỳ họp sơ kết, tổng kết"
	case custody.SpecialCheck:
		return what + "đột xuất"
	}
	return strings.TrimSpace(what + f.Period)
}

func outcomeName(o custody.CheckOutcome) string {
	switch o {
	case custody.CheckProved:
		return "Có, chứng minh bằng chữ ký số"
	case custody.CheckSeen:
		return "Có, hai người cùng thấy"
	case custody.CheckExcused:
		return "Vắng có lý do"
	case custody.CheckMissing:
		return "Không thấy"
	}
	return "Chưa rõ"
}

func (f *Check) sheet() paper.Sheet {
	s := paper.Sheet{Head: f.head(), Title: "BIÊN BẢN", About: f.about(), Ruled: true}
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	grounds := []string{decree30, decree68}
	if f.Regulation != "" {
		grounds = append(grounds, "Căn cứ "+strings.TrimRight(f.Regulation, "; ")+";")
	}
	for i, ground := range grounds {
		if i == len(grounds)-1 {
			ground = strings.TrimSuffix(ground, ";") + "."
		}
		add(paper.Ground(ground))
	}
	add(paper.Body("Đợt kiểm kê mở " + moment(f.OpenedAt) + ", hạn đến hết " + longDay(f.Due) + ", chốt kết quả " + moment(f.ClosedAt) + ", tại " + orBlank(f.Where) + "."))
	add(paper.Heading("I. THÀNH PHẦN"))
	for _, member := range orLines(f.Members) {
		add(paper.Body(member))
	}
	add(paper.Heading("II. KẾT QUẢ"), paper.Body(f.summary()))
	table := paper.Table{Widths: []float64{9, 30, 15, 32, 31, 24, 24}, Size: 10, Align: "CLCLLCL",
		Header: []string{"STT", "Thiết bị", "Loại", "Người giữ", "Kết quả", "Thời điểm, mục nhật ký", "Ghi chú"}}
	for i, item := range f.Items {
		device := item.Serial
		if item.Label != "" && item.Label != item.Serial {
			device = item.Label + " (" + item.Serial + ")"
		}
		when := shortMoment(item.At)
		if item.Entry > 0 {
			when = strings.TrimSpace(when + fmt.Sprintf(", mục %d", item.Entry))
		}
		table.Rows = append(table.Rows, []string{fmt.Sprint(i + 1), device, kindName(item.Kind), orWord(item.Keeper, "Tủ bảo quản"), outcomeName(item.Outcome), when, item.Remark})
	}
	add(table)
	add(paper.Heading("III. KẾT LUẬN"))
	for _, line := range orLines(f.Opinion) {
		add(paper.Body(line))
	}
	if asked := lines(f.Asked); len(asked) > 0 {
		add(paper.Heading("IV. KIẾN NGHỊ"))
		for _, line := range asked {
			add(paper.Body(line))
		}
	}
	add(paper.Body("Chữ ký số chứng minh thiết bị có trong tay người giữ tại thời điểm ghi trên. Kết quả đã được ghi tại mục số " + orBlank(f.Entries) + " của nhật ký ký số của nhà trường."))
	add(paper.Signings{{Role: "NGƯỜI LẬP BIÊN BẢN", Hint: hintSign, Name: plainName(f.Secretary.Name)}, f.signing()})
	if recipients := f.foot(); len(recipients.Recipients) > 0 {
		add(paper.Copies{Word: recipients.Word, Recipients: recipients.Recipients})
	}
	return s
}

// summary counts what was found.
func (f *Check) summary() string {
	found := map[custody.CheckOutcome]int{}
	for _, item := range f.Items {
		found[item.Outcome]++
	}
	parts := []string{}
	for _, o := range custody.CheckOutcomes {
		if found[o] > 0 {
			name := outcomeName(o)
			parts = append(parts, fmt.Sprintf("%s: %02d", strings.ToLower(name[:1])+name[1:], found[o]))
		}
	}
	return fmt.Sprintf("Tổng số thiết bị phải kiểm kê: %02d; trong đó %s.", len(f.Items), strings.Join(parts, "; "))
}
