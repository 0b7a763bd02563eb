package forms

import (
	"fmt"
	"strconv"
	"time"

	"sokyso/custody"
	"sokyso/custody/paper"
)

// Details are what reports say since they list cases and checks. A report from before has
// none, and comes out as it did.
type Details struct {
	Horizon     custody.Date  `json:"horizon"` // last day of the certificates listed as ending
	Posts       []Post        `json:"posts"`
	ReportHours int           `json:"report_hours"` // that the school has for its report to the authority
	DeviceDays  int           `json:"device_days"`  // working days for handing over the device
	Cases       []Case        `json:"cases"`
	Kinds       []Count       `json:"kinds"` // signatures by kind of document
	ByMonth     []SignedMonth `json:"by_month"`
	Checks      []CheckLine   `json:"checks"`
}

// Post is a kind of position with how many people have it, and how many of these hold a
// token.
type Post struct {
	Kind    custody.PositionKind `json:"kind"` // "" = people without one
	People  int                  `json:"people"`
	Holders int                  `json:"holders"`
}

// Case is an incident of the period with its times. A moment that is zero has not come; a
// due moment that is zero does not run.
type Case struct {
	Kind         custody.IncidentKind `json:"kind"`
	Serial       string               `json:"serial"`
	DiscoveredAt time.Time            `json:"discovered_at"`
	ReportedAt   time.Time            `json:"reported_at"`
	Authority    Met                  `json:"authority"` // told, or asked to revoke
	RevokedAt    time.Time            `json:"revoked_at"`
	Device       Met                  `json:"device"` // handed over, or confirmed lost
	State        string               `json:"state"`  // words
}

// Met is when something was done, against when it was due.
type Met struct {
	At   time.Time `json:"at"`
	Due  time.Time `json:"due"`
	Late bool      `json:"late"`
}

// SignedMonth is how many signatures of each act were made in a month, in the order of
// custody.Acts.
type SignedMonth struct {
	Month string `json:"month"` // 2026-11
	Acts  []int  `json:"acts"`
}

// CheckLine is a custody check of the period.
type CheckLine struct {
	Kind     custody.CheckKind `json:"kind"`
	OpenedAt time.Time         `json:"opened_at"`
	Due      custody.Date      `json:"due"`
	ClosedAt time.Time         `json:"closed_at"` // zero = open
	Late     bool              `json:"late"`
	Tokens   int               `json:"tokens"`
	Proved   int               `json:"proved"`
	Seen     int               `json:"seen"`
	Excused  int               `json:"excused"`
	Missing  int               `json:"missing"` // or not accounted for yet
}

// PostName words a kind of position.
func PostName(k custody.PositionKind) string {
	switch k {
	case custody.Principal:
		return "Hiệu trưởng"
	case custody.Deputy:
		return "Phó Hiệu trưởng"
	case custody.OfficeHead:
		return "Tổ trưởng văn phòng"
	case custody.Staff:
		return "Viên chức, nhân viên"
	}
	return "Không giữ chức vụ"
}

// text is a moment with what became of its deadline.
func (m Met) text() string {
	switch {
	case !m.At.IsZero() && m.Late:
		return shortMoment(m.At) + " (quá hạn " + shortMoment(m.Due) + ")"
	case !m.At.IsZero():
		return shortMoment(m.At) + " (đúng hạn)"
	case m.Due.IsZero():
		return ""
	case m.Late:
		return "Chưa làm, quá hạn " + shortMoment(m.Due)
	}
	return "Chưa làm, hạn " + shortMoment(m.Due)
}

func (d *Details) posts() paper.Table {
	t := paper.Table{Widths: []float64{95, 35, 35}, Align: "LCC", Header: []string{"Chức vụ", "Số người", "Đang giữ thiết bị"}, Total: true}
	people, holders := 0, 0
	for _, p := range d.Posts {
		people, holders = people+p.People, holders+p.Holders
		t.Rows = append(t.Rows, []string{PostName(p.Kind), strconv.Itoa(p.People), strconv.Itoa(p.Holders)})
	}
	t.Rows = append(t.Rows, []string{"Tổng cộng", strconv.Itoa(people), strconv.Itoa(holders)})
	return t
}

func (d *Details) cases() []paper.Block {
	if len(d.Cases) == 0 {
		return []paper.Block{paper.Body("Trong kỳ không có sự cố nào.")}
	}
	t := paper.Table{Widths: []float64{12, 33, 22, 22, 29, 21, 29, 20}, Size: 9, Align: "CLCCCCCL",
		Header: []string{"STT", "Sự cố, thiết bị", "Phát hiện lúc", "Báo lúc", "Báo cơ quan có thẩm quyền", "Thu hồi chứng thư lúc", "Nộp, xác nhận mất thiết bị", "Kết quả"}}
	late := 0
	for i, c := range d.Cases {
		if c.Authority.Late || c.Device.Late {
			late++
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), IncidentName(c.Kind) + ", " + c.Serial, shortMoment(c.DiscoveredAt), shortMoment(c.ReportedAt), c.Authority.text(),
			shortMoment(c.RevokedAt), c.Device.text(), c.State})
	}
	return []paper.Block{paper.Body(fmt.Sprintf("Thời hạn: báo cơ quan có thẩm quyền trong %d giờ từ khi phát hiện; nộp hoặc xác nhận mất thiết bị trong %d ngày làm việc từ khi có thông báo thu hồi. "+
		"Trong kỳ có %s sự cố, trong đó %s sự cố quá hạn.", d.ReportHours, d.DeviceDays, Number(len(d.Cases)), Number(late))), t}
}

// months is the table below the bars.
func (d *Details) months() paper.Table {
	t := paper.Table{Widths: []float64{25, 23, 23, 28, 28, 23, 20}, Size: 10, Align: "CCCCCCC", Header: d.monthHeader(), Total: true}
	t.Rows = d.monthRows()
	return t
}

func (d *Details) monthHeader() []string {
	header := []string{"Tháng"}
	for _, act := range custody.Acts {
		header = append(header, ActName(act))
	}
	return append(header, "Cộng")
}

func (d *Details) monthRows() [][]string {
	sums := make([]int, len(custody.Acts)+1)
	var rows [][]string
	line := func(name string, acts []int) {
		row, sum := []string{name}, 0
		for _, n := range acts {
			row, sum = append(row, strconv.Itoa(n)), sum+n
		}
		rows = append(rows, append(row, strconv.Itoa(sum)))
	}
	for _, m := range d.ByMonth {
		for i, n := range m.Acts {
			sums[i] += n
		}
		line(monthName(m.Month), m.Acts)
	}
	line("Tổng cộng", sums[:len(custody.Acts)])
	return rows
}

// monthName is 2/2026 of 2026-02.
func monthName(month string) string {
	if t, err := time.Parse("2006-01", month); err == nil {
		return t.Format("1/2006")
	}
	return month
}

func checkName(k custody.CheckKind) string {
	switch k {
	case custody.MonthlyCheck:
		return "Hằng tháng"
	case custody.PlenaryCheck:
		return "Trước sơ kết, tổng kết"
	case custody.SpecialCheck:
		return "Đột xuất"
	}
	return string(k)
}

var checkHeader = []string{"STT", "Đợt kiểm kê", "Mở ngày", "Hạn", "Kết thúc ngày", "Thiết bị", "Có chứng minh", "Hai người thấy", "Có lý do", "Chưa rõ, thiếu"}

func (d *Details) checkRows() [][]string {
	var rows [][]string
	for i, c := range d.Checks {
		closed := shortDay(custody.DateOf(c.ClosedAt))
		switch {
		case c.ClosedAt.IsZero() && c.Late:
			closed = "chưa kết thúc, quá hạn"
		case c.ClosedAt.IsZero():
			closed = "chưa kết thúc"
		case c.Late:
			closed += " (quá hạn)"
		}
		rows = append(rows, []string{fmt.Sprint(i + 1), checkName(c.Kind), shortDay(custody.DateOf(c.OpenedAt)), shortDay(c.Due), closed,
			strconv.Itoa(c.Tokens), strconv.Itoa(c.Proved), strconv.Itoa(c.Seen), strconv.Itoa(c.Excused), strconv.Itoa(c.Missing)})
	}
	return rows
}

func (d *Details) checks() paper.Block {
	if len(d.Checks) == 0 {
		return paper.Body("Trong kỳ không có đợt kiểm kê nào.")
	}
	return paper.Table{Widths: []float64{12, 29, 20, 20, 24, 15, 18, 16, 14, 18}, Size: 9, Align: "CLCCCCCCCC", Header: checkHeader, Rows: d.checkRows()}
}
