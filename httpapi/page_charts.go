package httpapi

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
)

// Sizes of the charts, in the units of their viewBox.
const (
	cellSize = 13 // of a day in the calendar, with its gap
	barWidth = 46 // of a month, with its gap
	barTall  = 120
	kindLong = 240
)

// chartsPage shows a year of signing: a calendar, months, kinds and refusals. Each
// picture has its numbers in a table behind it.
type chartsPage struct {
	Year          int
	Years         []int
	Person, Token string
	People        []store.PersonRow
	Tokens        []store.TokenRow
	Manages       bool

	Signatures, Refused int
	Busiest             *calendarDay
	Weeks               []calendarDay
	MonthMarks          []monthMark
	Months              []monthBar
	Most                int // of a month's signatures
	Kinds               []kindBar
	Refusals            []kindBar
}

// calendarDay is a cell of the calendar: weeks are columns that begin on Monday.
type calendarDay struct {
	X, Y       int
	Day        custody.Date
	Signatures int
	Refusals   int
	Shade      int // 0 to 4, by the busiest day
}

type monthMark struct {
	X     int
	Month int
}

type monthBar struct {
	X, Middle         int
	Number            int
	Signatures        int
	Refusals          int
	Y, Tall           int // of the signatures' bar
	RefusedY, Refused int // of the refusals'
}

type kindBar struct {
	Long  int
	Code  string
	Name  string
	Count int
}

// Width of the calendar, in its own units as all sizes here.
func (p chartsPage) CalendarWidth() int { return 54*cellSize + 30 }

// CalendarTall is its height.
func (p chartsPage) CalendarTall() int { return 7*cellSize + 20 }

// MonthsWidth is that of the months' bars.
func (p chartsPage) MonthsWidth() int { return 12*barWidth + 10 }

// pageCharts handles "GET /review/charts".
func (s *server) pageCharts(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	q := r.URL.Query()
	now := s.now().In(custody.SchoolZone)
	page := chartsPage{Year: now.Year(), Person: q.Get("person"), Token: q.Get("token"), Manages: actor.Roles.May(custody.ReviewLog)}
	if written := q.Get("year"); written != "" {
		year, err := strconv.Atoi(written)
		if err != nil || year < firstYear || year > now.Year() {
			return invalid("year", err)
		}
		page.Year = year
	}
	var err error
	if page.Tokens, err = s.store.Tokens(r.Context(), actor); err != nil {
		return err
	}
	if page.Manages {
		if page.People, _, err = s.people(r.Context(), actor); err != nil {
			return err
		}
	}
	school, err := s.store.Entry(r.Context(), custody.SystemActor(actor.School), 0)
	if err != nil {
		return err
	}
	for year := now.Year(); year >= min(school.At.In(custody.SchoolZone).Year(), page.Year); year-- {
		page.Years = append(page.Years, year)
	}
	first := custody.Date(strconv.Itoa(page.Year) + "-01-01")
	activity, err := s.store.Activity(r.Context(), actor, store.ActivityQuery{From: first, Until: custody.Date(strconv.Itoa(page.Year) + "-12-31"),
		Person: custody.PersonID(page.Person), Token: custody.TokenID(page.Token)})
	if err != nil {
		return err
	}
	page.calendar(activity)
	page.months(activity)
	page.Kinds = bars(activity.Kinds, custody.KindName)
	page.Refusals = bars(activity.Refusals, func(code string) string {
		return s.words.sentence(requestOf(r.Context()).language, "code."+code, nil)
	})
	return s.show(w, r, http.StatusOK, "charts", page)
}

// calendar lays the days of the year out.
func (p *chartsPage) calendar(a store.Activity) {
	most := 0
	for _, day := range a.Days {
		most = max(most, day.Signatures)
		p.Signatures += day.Signatures
		p.Refused += day.Refusals
	}
	begin := time.Date(p.Year, 1, 1, 0, 0, 0, 0, time.UTC)
	offset := (int(begin.Weekday()) + 6) % 7
	for at, n := begin, 0; at.Year() == p.Year; at, n = at.AddDate(0, 0, 1), n+1 {
		day := custody.Date(at.Format(time.DateOnly))
		counted := a.Days[day]
		x, y := 28+(n+offset)/7*cellSize, 16+(n+offset)%7*cellSize
		cell := calendarDay{X: x, Y: y, Day: day, Signatures: counted.Signatures, Refusals: counted.Refusals}
		if counted.Signatures > 0 {
			cell.Shade = 1 + (counted.Signatures*4-1)/(max(most, 4))
			cell.Shade = min(cell.Shade, 4)
			if p.Busiest == nil || counted.Signatures > p.Busiest.Signatures {
				p.Busiest = &cell
			}
		}
		if at.Day() == 1 {
			p.MonthMarks = append(p.MonthMarks, monthMark{X: x, Month: int(at.Month())})
		}
		p.Weeks = append(p.Weeks, cell)
	}
}

// months sums the days up by month.
func (p *chartsPage) months(a store.Activity) {
	p.Months = make([]monthBar, 12)
	for day, counted := range a.Days {
		month, err := strconv.Atoi(string(day[5:7]))
		if err != nil || month < 1 || month > 12 {
			continue
		}
		p.Months[month-1].Signatures += counted.Signatures
		p.Months[month-1].Refusals += counted.Refusals
	}
	for _, bar := range p.Months {
		p.Most = max(p.Most, bar.Signatures, bar.Refusals)
	}
	for i := range p.Months {
		bar := &p.Months[i]
		bar.X, bar.Number = 6+i*barWidth, i+1
		bar.Middle = bar.X + barWidth/2 - 4
		bar.Tall, bar.Refused = bar.Signatures*barTall/max(p.Most, 1), bar.Refusals*barTall/max(p.Most, 1)
		bar.Y, bar.RefusedY = 20+barTall-bar.Tall, 20+barTall-bar.Refused
	}
}

// bars are counts by name, the largest first.
func bars(counts map[string]int, name func(string) string) []kindBar {
	codes := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var out []kindBar
	for _, code := range codes {
		out = append(out, kindBar{Long: max(2, counts[code]*kindLong/counts[codes[0]]), Code: code, Name: cmp.Or(name(code), code), Count: counts[code]})
	}
	return out
}

// Address is the page for another year, with the same filters.
func (p chartsPage) Address(year int) string {
	return "/review/charts?" + url.Values{"year": {strconv.Itoa(year)}, "person": {p.Person}, "token": {p.Token}}.Encode()
}
