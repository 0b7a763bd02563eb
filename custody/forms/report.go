package forms

import (
	"fmt"
	"strconv"
	"strings"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// Report is the half-year or yearly report on tokens and signatures (Decree
// 68/2024/NĐ-CP, Article 34, and the provinces' rules ask for one yearly; Article 7
// of the school's regulation for a review every six months).
type Report struct {
	Head
	Period
	AsOf       custody.Date `json:"as_of"` // day that states and open items are of
	To         string       `json:"to"`
	States     []Count      `json:"states"`    // tokens by state, personal and seal
	Expiring   []Expiry     `json:"expiring"`  // within a year from the end of the period
	HandOvers  []Count      `json:"moves"`     // in the period, by what became of them
	Incidents  []Count      `json:"incidents"` // in the period, by kind
	OpenCases  []OpenItem   `json:"open"`
	Months     []Month      `json:"months"` // signatures
	Acts       []Count      `json:"acts"`
	Refused    int          `json:"refused"`
	LogSize    int64        `json:"log_size"`
	LogUntil   custody.Date `json:"log_until"` // last day of the entries counted
	Assessment string       `json:"assessment"`
	Needs      string       `json:"needs"`
	Asked      string       `json:"asked"`
	More       *Details     `json:"details,omitempty"` // nil on reports from before they were made
}

// Count is a number with its name. Names of states, kinds and acts are this
// package's, see StateName.
type Count struct {
	Name     string `json:"name"`
	Personal int    `json:"personal"`
	Seal     int    `json:"seal"`
}

// Total is both together.
func (c Count) Total() int { return c.Personal + c.Seal }

// Expiry is a certificate that ends soon, or has ended.
type Expiry struct {
	Subject string       `json:"subject"`
	Serial  string       `json:"serial"` // of the device
	Until   custody.Date `json:"until"`
	Keeper  string       `json:"keeper"`
}

// OpenItem is something that waits.
type OpenItem struct {
	What  string       `json:"what"`
	Since custody.Date `json:"since"`
	Who   string       `json:"who"`
}

// Month is how many signatures were made in a month.
type Month struct {
	Month string `json:"month"` // 2026-11
	Count int    `json:"count"`
}

// StateName words a state of a token.
func StateName(s custody.TokenState) string {
	switch s {
	case custody.InSafe:
		return "Trong tủ bảo quản"
	case custody.HandedOver:
		return "Đã giao, chờ tiếp nhận"
	case custody.Held:
		return "Đang sử dụng"
	case custody.ReturnOffered:
		return "Chờ nhận lại"
	case custody.PINLocked:
		return "Bị khóa mã PIN"
	case custody.RecoveryAsked:
		return "Đã đề nghị khôi phục"
	case custody.RevocationAsked:
		return "Đã đề nghị thu hồi chứng thư"
	case custody.Revoked:
		return "Chứng thư đã bị thu hồi"
	case custody.Blocked:
		return "Bị khóa do sự cố"
	case custody.Retired:
		return "Thôi sử dụng"
	}
	return strings.ReplaceAll(string(s), "_", " ")
}

// IncidentName words a kind of incident; ActName an act.
func IncidentName(k custody.IncidentKind) string { return upperFirst(incidentName(k)) }

// ActName words what a signature is for.
func ActName(a custody.Act) string { return actName(string(a)) }

// Inputs implements Facts.
func (f *Report) Inputs() []Input {
	return f.inputs(Input{"addressee", &f.To, Lines, true}, Input{"assessment", &f.Assessment, Lines, false}, Input{"needs", &f.Needs, Lines, false}, Input{"asked", &f.Asked, Lines, false})
}

// span names the period: a half-year, a year, or its days.
func (f *Report) span() string {
	from, until := string(f.From), string(f.Until)
	if len(from) == len("2026-01-01") && len(until) == len(from) && from[:4] == until[:4] {
		switch year := from[:4]; from[4:] + until[4:] {
		case "-01-01-06-30":
			return "6 tháng đầu năm " + year
		case "-07-01-12-31":
			return "6 tháng cuối năm " + year
		case "-01-01-12-31":
			return "năm " + year
		}
	}
	return "từ ngày " + shortDay(f.From) + " đến ngày " + shortDay(f.Until)
}

func (f *Report) sheet() paper.Sheet {
	s := paper.Sheet{Head: f.head(), Title: "BÁO CÁO", About: "Quản lý, sử dụng thiết bị lưu khóa bí mật và chữ ký số " + f.span(), Ruled: true}
	add := func(blocks ...paper.Block) { s.Blocks = append(s.Blocks, blocks...) }
	add(paper.Addressees{Word: "Kính gửi:", To: lines(f.To)})
	add(paper.Body(f.Issuer + " báo cáo tình hình quản lý, sử dụng thiết bị lưu khóa bí mật và chữ ký số " + f.span() + " như sau:"))

	until := "trong 12 tháng tới"
	if f.More != nil {
		until = "đến hết ngày " + shortDay(f.More.Horizon)
		add(paper.Heading("I. NGƯỜI SỬ DỤNG, THIẾT BỊ VÀ CHỨNG THƯ"), f.More.posts(), counts(f.States, "Trạng thái đến ngày "+shortDay(f.AsOf)))
	} else {
		add(paper.Heading("I. THIẾT BỊ VÀ CHỨNG THƯ"), counts(f.States, "Trạng thái đến ngày "+shortDay(f.AsOf)))
	}
	if len(f.Expiring) == 0 {
		add(paper.Body("Không có chứng thư nào đã hết hạn hoặc hết hạn " + until + "."))
	} else {
		add(paper.Body("Chứng thư đã hết hạn hoặc hết hạn " + until + ":"))
		t := paper.Table{Widths: []float64{10, 55, 40, 25, 35}, Align: "CLLCL", Header: expiryHeader}
		t.Rows = f.expiryRows()
		add(t)
	}
	add(paper.Heading("II. GIAO, NHẬN THIẾT BỊ"), counts(f.HandOvers, "Việc giao, nhận trong kỳ"))
	if f.More != nil {
		add(paper.Body("Kiểm kê thiết bị trong kỳ:"), f.More.checks())
	}
	add(paper.Heading("III. SỰ CỐ"), counts(f.Incidents, "Sự cố trong kỳ"))
	if f.More != nil {
		add(f.More.cases()...)
	}

	signed := 0
	labels, values := []string{}, []int{}
	for _, m := range f.Months {
		signed += m.Count
		label := m.Month
		if len(label) == 7 {
			label = strings.TrimPrefix(label[5:], "0") + "/" + label[:4]
		}
		labels, values = append(labels, label), append(values, m.Count)
	}
	add(paper.Heading("IV. KÝ SỐ"), paper.Body(fmt.Sprintf("Trong kỳ đã ký %s chữ ký số có ghi nhật ký; %s lần đề nghị ký bị từ chối.", Number(signed), Number(f.Refused))))
	if len(values) > 0 {
		add(paper.Bars{Title: "Số chữ ký số theo tháng", Labels: labels, Values: values})
	}
	if f.More != nil {
		add(f.More.months())
	}
	add(counts(f.Acts, "Loại chữ ký"))
	if f.More != nil && len(f.More.Kinds) > 0 {
		add(counts(f.More.Kinds, "Loại văn bản được ký"))
	}

	add(paper.Heading("V. VIỆC CÒN MỞ ĐẾN NGÀY " + shortDay(f.AsOf)))
	if len(f.OpenCases) == 0 {
		add(paper.Body("Không có việc nào còn mở."))
	} else {
		add(paper.Table{Widths: []float64{10, 95, 25, 35}, Align: "CLCL", Header: openHeader, Rows: f.openRows()})
	}
	add(paper.Heading("VI. ĐÁNH GIÁ, NHU CẦU, KIẾN NGHỊ"))
	for _, part := range [][2]string{{"1. Đánh giá: ", f.Assessment}, {"2. Nhu cầu cấp mới, gia hạn, thay thế kỳ tới: ", f.Needs}, {"3. Kiến nghị: ", f.Asked}} {
		add(paper.Body(part[0] + orWord(strings.Join(lines(part[1]), " "), "không.")))
	}
	add(paper.Body(fmt.Sprintf("Số liệu được lập từ nhật ký ký số của nhà trường, gồm %d mục đến hết ngày %s./.", f.LogSize, shortDay(f.LogUntil))), f.foot())
	return s
}

var (
	expiryHeader = []string{"STT", "Đối tượng", "Số hiệu thiết bị", "Hết hạn ngày", "Người giữ"}
	openHeader   = []string{"STT", "Việc", "Từ ngày", "Người liên quan"}
)

func (f *Report) expiryRows() [][]string {
	var rows [][]string
	for i, e := range f.Expiring {
		rows = append(rows, []string{fmt.Sprint(i + 1), e.Subject, e.Serial, shortDay(e.Until), e.Keeper})
	}
	return rows
}

func (f *Report) openRows() [][]string {
	var rows [][]string
	for i, o := range f.OpenCases {
		rows = append(rows, []string{fmt.Sprint(i + 1), o.What, shortDay(o.Since), o.Who})
	}
	return rows
}

// Rows are the report as a table, for spreadsheets: one part below the other.
func (f *Report) Rows() [][]string {
	rows := [][]string{{strings.ToUpper(f.Issuer)}, {"BÁO CÁO"}, {"Quản lý, sử dụng thiết bị lưu khóa bí mật và chữ ký số " + f.span()}}
	part := func(name string, header []string, lines [][]string) {
		rows = append(rows, []string{}, []string{name})
		if len(lines) == 0 {
			rows = append(rows, []string{"Không có."})
			return
		}
		rows = append(append(rows, header), lines...)
	}
	table := func(name string, t paper.Table) { part(name, t.Header, t.Rows) }
	if f.More != nil {
		table("Người sử dụng", f.More.posts())
	}
	table("Thiết bị", counts(f.States, "Trạng thái đến ngày "+shortDay(f.AsOf)))
	horizon := "trong 12 tháng tới"
	if f.More != nil {
		horizon = "đến hết ngày " + shortDay(f.More.Horizon)
	}
	part("Chứng thư đã hết hạn hoặc hết hạn "+horizon, expiryHeader, f.expiryRows())
	table("Giao, nhận thiết bị", counts(f.HandOvers, "Việc giao, nhận trong kỳ"))
	if f.More != nil {
		part("Kiểm kê thiết bị", checkHeader, f.More.checkRows())
	}
	table("Sự cố", counts(f.Incidents, "Sự cố trong kỳ"))
	if f.More != nil {
		blocks := f.More.cases()
		if t, ok := blocks[len(blocks)-1].(paper.Table); ok {
			table("Thời gian xử lý sự cố", t)
		}
		part("Chữ ký số theo tháng", f.More.monthHeader(), f.More.monthRows())
		table("Chữ ký số theo loại văn bản", counts(f.More.Kinds, "Loại văn bản được ký"))
	}
	table("Chữ ký số theo loại chữ ký", counts(f.Acts, "Loại chữ ký"))
	rows = append(rows, []string{}, []string{"Số lần đề nghị ký bị từ chối", strconv.Itoa(f.Refused)})
	part("Việc còn mở đến ngày "+shortDay(f.AsOf), openHeader, f.openRows())
	rows = append(rows, []string{}, []string{"Nhu cầu cấp mới, gia hạn, thay thế kỳ tới", orWord(strings.Join(lines(f.Needs), " "), "không.")},
		[]string{fmt.Sprintf("Số liệu được lập từ nhật ký ký số của nhà trường, gồm %d mục đến hết ngày %s.", f.LogSize, shortDay(f.LogUntil))})
	return rows
}

func counts(rows []Count, name string) paper.Table {
	t := paper.Table{Widths: []float64{75, 30, 30, 30}, Align: "LCCC", Header: []string{name, "Cá nhân", "Cơ quan", "Cộng"}, Total: true}
	sum := Count{Name: "Tổng cộng"}
	for _, c := range rows {
		sum.Personal, sum.Seal = sum.Personal+c.Personal, sum.Seal+c.Seal
		t.Rows = append(t.Rows, []string{c.Name, strconv.Itoa(c.Personal), strconv.Itoa(c.Seal), strconv.Itoa(c.Total())})
	}
	t.Rows = append(t.Rows, []string{sum.Name, strconv.Itoa(sum.Personal), strconv.Itoa(sum.Seal), strconv.Itoa(sum.Total())})
	return t
}
