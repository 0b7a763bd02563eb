package httpapi

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
)

// departmentPage is who of the department a school lets in.
type departmentPage struct {
	Department string
	In         []store.DepartmentReader
	Waiting    []store.DepartmentReader // whom the department has read for it, and the school not
}

// pageDepartment handles "GET /department".
func (s *server) pageDepartment(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if s.department == nil {
		return errNotFound
	}
	readers, err := s.store.DepartmentReaders(r.Context(), actor, s.department.School.ID)
	if err != nil {
		return err
	}
	page := departmentPage{Department: s.department.School.Name}
	for _, reader := range readers {
		if reader.In {
			page.In = append(page.In, reader)
		} else {
			page.Waiting = append(page.Waiting, reader)
		}
	}
	return s.show(w, r, http.StatusOK, "department", page)
}

// doAdmit handles "POST /department": lets those in who are ticked.
func (s *server) doAdmit(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if s.department == nil {
		return errNotFound
	}
	if err := r.ParseForm(); err != nil {
		return invalid("form", err)
	}
	people := r.PostForm["person"]
	if len(people) == 0 {
		return custody.Invalid("person", "nobody is ticked")
	}
	for _, person := range people {
		if _, err := s.store.AdmitReader(r.Context(), actor, s.department.School, custody.PersonID(person)); err != nil {
			return err
		}
	}
	return s.done(w, r, "/department", "department.admitted", map[string]string{"Count": strconv.Itoa(len(people))})
}

// readersWait tells an admin of a school of people of the department who were never let in.
func (h *home) readersWait(r *http.Request) error {
	if h.server.department == nil || !h.actor.Roles.May(custody.Administer) {
		return nil
	}
	readers, err := h.store.DepartmentReaders(r.Context(), h.actor, h.server.department.School.ID)
	if err != nil {
		return err
	}
	waiting := 0
	for _, reader := range readers {
		if reader.Local == "" {
			waiting++
		}
	}
	if waiting > 0 {
		h.page.Open = append(h.page.Open, h.line(false, "/department", "home.readers_wait", "Count", strconv.Itoa(waiting), "Department", h.server.department.School.Name))
	}
	return nil
}

// visitCookie is what a browser has at the school while it fetches leave at the department:
// a secret that opens nothing and that the ticket is bound to, so that nobody can have
// another browser come in their name, nor use a ticket that they have got hold of.
const (
	visitCookie   = "sokyso_visit"
	visitPath     = "/from-department"
	visitWaits    = 10 * time.Minute // for a sign-in at the department
	visitSecret   = 32
	visitTooShort = 64 // characters of the secret in hexadecimal
)

func (s *server) setVisitCookie(w http.ResponseWriter, value string, lasts time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: visitCookie, Value: value, Path: visitPath, MaxAge: int(lasts.Seconds()), HttpOnly: true,
		Secure: s.sessions.Cookie.Secure, SameSite: http.SameSiteLaxMode})
}

// pageFromDepartment handles "GET /from-department": sends the browser to the department,
// with a name for it that only it can prove. It opens nothing and ends nothing.
func (s *server) pageFromDepartment(w http.ResponseWriter, r *http.Request) error {
	if s.department == nil {
		return errNotFound
	}
	secret := make([]byte, visitSecret)
	rand.Read(secret)
	value := hex.EncodeToString(secret)
	s.setVisitCookie(w, value, visitWaits)
	sum := sha256.Sum256([]byte(value))
	where := strings.TrimRight(s.department.URL, "/") + "/schools/" + url.PathEscape(string(s.school.ID)) + "/enter?" + url.Values{"state": {hex.EncodeToString(sum[:])}}.Encode()
	http.Redirect(w, r, where, http.StatusSeeOther)
	return nil
}

// sentByDepartment reports whether a page of the department's may have sent a form on to
// here. Firefox says so in Origin; Chromium says null after a redirect to another host, and
// the site in Referer. It is the second line: the ticket is bound to the browser's cookie,
// which no other site's page knows.
func (s *server) sentByDepartment(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" { // schools are below the department's host
		return false
	}
	switch r.Header.Get("Origin") {
	case s.departmentOrigin:
		return true
	case "null":
		referer := strings.ToLower(r.Referer())
		return referer == "" || strings.HasPrefix(referer, s.departmentOrigin+"/")
	}
	return false
}

// doFromDepartment handles "POST /from-department": the form that the department's page
// sends on. It is the one form that another site's page sends here.
func (s *server) doFromDepartment(w http.ResponseWriter, r *http.Request) error {
	switch {
	case s.department == nil:
		return errNotFound
	case !s.sentByDepartment(r):
		return errForeignPage
	}
	cookie, err := r.Cookie(visitCookie)
	if err != nil || len(cookie.Value) < visitTooShort {
		return custody.Conflict(custody.ReasonVisitEnded)
	}
	visit, err := s.store.Enter(r.Context(), s.school.ID, r.URL.Query().Get("ticket"), cookie.Value, time.Now(), sessionIdle)
	if err != nil {
		return err
	}
	if err := s.beginVisit(r, visit); err != nil {
		return err
	}
	s.setVisitCookie(w, "", -time.Second)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}
