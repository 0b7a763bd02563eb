package httpapi

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/plaintext"
)

// schoolsPage is the department's list of the schools that let the reader in.
type schoolsPage struct {
	Search string
	Sort   string
	Sorts  []string
	Rows   []schoolLine
	All    int
	pager
}

// schoolLine is a school with its address, "" where this service does not serve it.
type schoolLine struct {
	store.SchoolRead
	Address string
	Overdue bool // its review of the log
}

// Open is where one opens it.
func (l schoolLine) Open() string { return l.Address + "/from-department" }

// schoolSorts are the orders of the list; the first is the usual one. What wants a look
// comes first in each of the others.
var schoolSorts = []string{"name", "losses", "unreviewed", "latest"}

func compareSchools(sort string, a, b schoolLine) int {
	byName := cmp.Compare(plaintext.Of(a.Name), plaintext.Of(b.Name))
	switch sort {
	case "losses":
		return cmp.Or(cmp.Compare(b.Losses+b.Alarms, a.Losses+a.Alarms), byName)
	case "unreviewed":
		return cmp.Or(boolRank(b.Overdue)-boolRank(a.Overdue), cmp.Compare(b.Unreviewed, a.Unreviewed), byName)
	case "latest":
		return cmp.Or(a.LatestAt.Compare(b.LatestAt), byName)
	}
	return byName
}

// pageSchools handles "GET /schools".
func (s *server) pageSchools(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if s.schools == nil {
		return errNotFound
	}
	q := r.URL.Query()
	page := schoolsPage{Search: q.Get("q"), Sort: q.Get("sort"), Sorts: schoolSorts}
	if !slices.Contains(schoolSorts, page.Sort) {
		page.Sort = schoolSorts[0]
	}
	schools, err := s.store.SchoolsRead(r.Context(), actor)
	if err != nil {
		return err
	}
	page.All = len(schools)
	addresses := s.schools()
	var lines []schoolLine
	for _, school := range schools {
		line := schoolLine{SchoolRead: school, Address: addresses[school.ID]}
		line.Overdue = line.Waits && (line.ReviewedAt == nil || s.now().Sub(*line.ReviewedAt) > reviewEvery)
		if plaintext.Contains(page.Search, line.Name, line.Code, line.Address) {
			lines = append(lines, line)
		}
	}
	slices.SortStableFunc(lines, func(a, b schoolLine) int { return compareSchools(page.Sort, a, b) })
	page.Rows, page.pager = cut(lines, r)
	return s.show(w, r, http.StatusOK, "schools", page)
}

// schoolEnterPage asks whether this school is to be opened now.
type schoolEnterPage struct {
	schoolLine
	State string // names the browser at the school
}

func (s *server) schoolEnter(r *http.Request, actor custody.Actor) (schoolEnterPage, error) {
	page := schoolEnterPage{State: r.FormValue("state")}
	if s.schools == nil {
		return page, errNotFound
	}
	var err error
	if page.SchoolRead, err = s.store.SchoolRead(r.Context(), actor, custody.SchoolID(chi.URLParam(r, "id"))); err != nil {
		return page, err
	}
	if page.Address = s.schools()[page.ID]; page.Address == "" {
		return page, errNotFound
	}
	return page, nil
}

// pageEnterSchool handles "GET /schools/{id}/enter", to which the school sends the browser.
func (s *server) pageEnterSchool(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.schoolEnter(r, actor)
	if err != nil {
		return err
	}
	return s.showEnterSchool(w, r, page, nil)
}

// showEnterSchool shows the page, whose form goes on to the school.
func (s *server) showEnterSchool(w http.ResponseWriter, r *http.Request, page schoolEnterPage, err error) error {
	address, parsed := url.Parse(page.Address)
	if parsed != nil {
		return parsed
	}
	h := w.Header()
	h.Set("Referrer-Policy", "strict-origin") // so that the school learns which site sent it, and no more
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'self'", "form-action 'self' "+originOf(address), 1))
	if err != nil {
		return s.showAgain(w, r, "school_enter", page, err)
	}
	return s.show(w, r, http.StatusOK, "school_enter", page)
}

// doEnterSchool handles "POST /schools/{id}/enter": makes a ticket and has the browser send
// this same form on to the school (307), which thus knows that a page of the department
// sent it. The form has nothing in it that opens anything.
func (s *server) doEnterSchool(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.schoolEnter(r, actor)
	if err != nil {
		return err
	}
	session := requestOf(r.Context()).session
	ticket, err := s.store.VisitTicket(r.Context(), store.NewVisit{Actor: actor, Session: session.ID, Origin: session.Origin, School: page.ID, Browser: page.State})
	if err != nil {
		return s.showEnterSchool(w, r, page, err)
	}
	w.Header().Set("Referrer-Policy", "strict-origin")
	http.Redirect(w, r, page.Open()+"?"+url.Values{"ticket": {ticket}}.Encode(), http.StatusTemporaryRedirect)
	return nil
}
