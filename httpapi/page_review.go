package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// reviewPage is what is new in the log, what wants a look first.
type reviewPage struct {
	store.ReviewSpan
	Last    *store.LogReview // the latest that was finished
	History []store.LogReview
	Lines   []reviewLine // of this span, as filtered
	Waiting []reviewLine // of earlier ones: something is still open
	Hidden  int          // of this span, which the filter leaves out
	Counts  []pointCount

	Point, Person string // filters, from the address
	All           bool   // what was seen already too
	People        []reviewPerson
	Here          string // the address with its filters

	Note   string // of the form that ends the review, as it was filled in
	Before string // of the one that skips
	Reason string
}

// pointCount is how many entries of a span have a point.
type pointCount struct {
	Point   custody.Point
	Count   int
	Address string // the page with only these
}

type reviewPerson struct {
	ID   custody.PersonID
	Name string
}

// reviewLine is an entry as a review lists it.
type reviewLine struct {
	store.ReviewItem
	TokenLabel string
	Document   string // number and symbol
	KindName   string
	CodeSet    string // of the names that Code is one of
	MaySee     bool
}

// historyShown is how many finished reviews the page lists.
const historyShown = 20

func (s *server) review(r *http.Request, actor custody.Actor) (reviewPage, error) {
	q := r.URL.Query()
	page := reviewPage{Point: q.Get("point"), Person: q.Get("person"), All: q.Get("all") != ""}
	var err error
	if page.ReviewSpan, err = s.store.Review(r.Context(), actor); err != nil {
		return page, err
	}
	if page.History, err = s.store.LogReviews(r.Context(), actor, historyShown); err != nil {
		return page, err
	}
	if len(page.History) > 0 {
		page.Last = &page.History[0]
	}
	tokens, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return page, err
	}
	labels := tokenLabels(tokens)
	for _, item := range page.Items {
		if !slices.ContainsFunc(page.People, func(p reviewPerson) bool { return p.ID == item.Whose }) && item.WhoseName != "" {
			page.People = append(page.People, reviewPerson{item.Whose, item.WhoseName})
		}
		if page.Point != "" && !slices.Contains(item.Points, custody.Point(page.Point)) || page.Person != "" && string(item.Whose) != page.Person || !page.All && !item.Last.Open() && item.Last != "" {
			page.Hidden++
			continue
		}
		page.Lines = append(page.Lines, s.reviewLine(actor, item, labels))
	}
	for _, item := range page.Earlier {
		page.Waiting = append(page.Waiting, s.reviewLine(actor, item, labels))
	}
	slices.SortFunc(page.People, func(a, b reviewPerson) int { return cmp.Compare(a.Name, b.Name) })
	for _, point := range custody.Points {
		n := 0
		for _, item := range page.Items {
			if slices.Contains(item.Points, point) {
				n++
			}
		}
		if n > 0 {
			page.Counts = append(page.Counts, pointCount{point, n, "/review?" + url.Values{"point": {string(point)}, "all": {"1"}}.Encode()})
		}
	}
	page.Here = "/review"
	if r.URL.RawQuery != "" {
		page.Here += "?" + r.URL.RawQuery
	}
	return page, nil
}

func (s *server) reviewLine(actor custody.Actor, item store.ReviewItem, labels map[string]string) reviewLine {
	line := reviewLine{ReviewItem: item, TokenLabel: labels[string(item.Token)], KindName: custody.KindName(item.Kind), Document: item.Number}
	if item.Symbol != "" {
		line.Document = cmp.Or(item.Number, "…") + "/" + item.Symbol
	}
	switch item.Type {
	case signinglog.TypeRefusal:
		line.CodeSet = "code"
	case signinglog.TypeAbandonment:
		line.CodeSet = "abandoned"
	}
	line.MaySee = custody.CanStepReview(actor, item.Whose, item.Last, custody.ReviewSeen) == nil
	return line
}

// allowScript lets a page have a script of this site: the keys of a review, which works
// without them, and the check of a receipt that the reader need not trust this service for.
func allowScript(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; script-src 'self'")
}

// pageReview handles "GET /review".
func (s *server) pageReview(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.review(r, actor)
	if err != nil {
		return err
	}
	allowScript(w)
	return s.show(w, r, http.StatusOK, "review", page)
}

// doSeeEntries handles "POST /review/seen": entries that were looked at, chosen or all
// that were shown.
func (s *server) doSeeEntries(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := r.ParseForm(); err != nil {
		return invalid("entry", err)
	}
	chosen := r.PostForm["entry"]
	if r.PostFormValue("all") != "" {
		chosen = r.PostForm["shown"]
	}
	var entries []int64
	for _, text := range chosen {
		index, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return invalid("entry", err)
		}
		entries = append(entries, index)
	}
	if len(entries) == 0 {
		return s.done(w, r, reviewAddress(r), "log_review.nothing_chosen", nil)
	}
	if err := s.store.StepReview(r.Context(), actor, entries, custody.ReviewSeen, ""); err != nil {
		return s.reviewAgain(w, r, actor, err)
	}
	return s.done(w, r, reviewAddress(r), "log_review.seen_done", map[string]string{"Count": strconv.Itoa(len(entries))})
}

// reviewAddress is the page that a form was on.
func reviewAddress(r *http.Request) string {
	here := r.PostFormValue("here")
	if here == "/review" || strings.HasPrefix(here, "/review?") {
		return here
	}
	return "/review"
}

func (s *server) reviewAgain(w http.ResponseWriter, r *http.Request, actor custody.Actor, err error) error {
	page, pageErr := s.review(r, actor)
	if pageErr != nil {
		return pageErr
	}
	page.Note, page.Before, page.Reason = r.PostFormValue("note"), r.PostFormValue("before"), r.PostFormValue("reason")
	return s.showAgain(w, r, "review", page, err)
}

// doFinishReview handles "POST /review/finish".
func (s *server) doFinishReview(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	from, err := strconv.ParseInt(r.PostFormValue("from"), 10, 64)
	if err != nil {
		return invalid("from", err)
	}
	until, err := strconv.ParseInt(r.PostFormValue("until"), 10, 64)
	if err != nil {
		return invalid("until", err)
	}
	if err := s.store.FinishReview(r.Context(), actor, from, until, r.PostFormValue("note")); err != nil {
		return s.reviewAgain(w, r, actor, err)
	}
	return s.done(w, r, "/review", "log_review.finished", map[string]string{"Until": strconv.FormatInt(until-1, 10)})
}

// doSkipReview handles "POST /review/skip".
func (s *server) doSkipReview(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	day, err := readDay("before", r.PostFormValue("before"))
	if err != nil {
		return s.reviewAgain(w, r, actor, err)
	}
	moment, err := startOf(day)
	if err != nil || moment.IsZero() {
		return s.reviewAgain(w, r, actor, custody.Invalid("before", "no day"))
	}
	if err := s.store.SkipReview(r.Context(), actor, moment, r.PostFormValue("reason")); err != nil {
		return s.reviewAgain(w, r, actor, err)
	}
	return s.done(w, r, "/review", "log_review.skipped", map[string]string{"Day": moment.Format(dateLayout)})
}

// doReviewStep handles "POST /log/{index}/review".
func (s *server) doReviewStep(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	index, err := strconv.ParseInt(chi.URLParam(r, "index"), 10, 64)
	if err != nil || index < 0 {
		return custody.NotFound("entry")
	}
	step := custody.ReviewStepKind(r.PostFormValue("step"))
	if err := s.store.StepReview(r.Context(), actor, []int64{index}, step, r.PostFormValue("note")); err != nil {
		page, pageErr := s.entry(r, actor, index)
		if pageErr != nil {
			return pageErr
		}
		page.Step, page.Note = step, r.PostFormValue("note")
		return s.showAgain(w, r, "entry", page, err)
	}
	return s.done(w, r, "/log/"+strconv.FormatInt(index, 10)+"#review", "review_done."+string(step), nil)
}

// reviewRows is a table of lines; Choose shows a box before each.
type reviewRows struct {
	Page  struct{ Choose bool }
	Lines []reviewLine
}

// Rows are the lines of this span.
func (p reviewPage) Rows() reviewRows {
	rows := reviewRows{Lines: p.Lines}
	rows.Page.Choose = true
	return rows
}

// WaitingRows are the lines of earlier spans.
func (p reviewPage) WaitingRows() reviewRows { return reviewRows{Lines: p.Waiting} }

// Seeable counts the shown lines that can be marked as seen.
func (p reviewPage) Seeable() int {
	n := 0
	for _, line := range p.Lines {
		if line.MaySee {
			n++
		}
	}
	return n
}

// MayFinish: there is something to have reviewed. What a review itself has logged is not.
func (p reviewPage) MayFinish() bool {
	return p.From < p.Until && (p.Signatures > 0 || len(p.Items) > 0 || p.Until < p.Size)
}

// LastEntry is the last entry of the span.
func (p reviewPage) LastEntry() int64 { return p.Until - 1 }

// Rest counts the entries after the span.
func (p reviewPage) Rest() int64 { return p.Size - p.Until }
