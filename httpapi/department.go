package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
)

// Department is who runs a service of many schools: the first, whose people sign in at its
// own address and read at those schools that let them in.
type Department struct {
	School custody.School
	URL    string // its public address
}

// departmentOf checks an address and returns what browsers name as the origin of its pages.
func departmentOf(d *Department) (string, error) {
	if d == nil {
		return "", nil
	}
	address, err := url.Parse(d.URL)
	if err != nil || address.Host == "" {
		return "", fmt.Errorf("address of the department %q is none", d.URL)
	}
	return originOf(address), nil
}

// originOf writes an origin as browsers do (RFC 6454 §6.2): without the port that is meant
// anyway.
func originOf(address *url.URL) string {
	host := strings.ToLower(address.Host)
	switch address.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return address.Scheme + "://" + host
}

// visitNote is told on each page to who comes from the department.
type visitNote struct {
	Department string
	Back       string // address of the list of schools
}

// accountPages are about an account that signs in here, and formPages are there for a form
// that would be refused: who comes from the department has no use for them.
var (
	accountPages = []string{"/password", "/passkeys", "/second-factor", "/pairing"}
	formPages    = []string{"/loss", "/documents/new", "/support/new"}
)

// visitorsForms are the only forms that who comes from the department may send: about
// their own notices, views and sessions. All else is refused before it is looked at.
var visitorsForms = []string{"/notices", "/log/views", "/sessions"}

// visitorMay decides which requests a session from the department is good for. Whatever
// route is added is closed to it, unless it only reads.
func visitorMay(r *http.Request) bool {
	below := func(paths []string) bool {
		for _, path := range paths {
			if r.URL.Path == path || strings.HasPrefix(r.URL.Path, path+"/") {
				return true
			}
		}
		return false
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return !below(accountPages) && !slices.Contains(formPages, r.URL.Path)
	}
	return below(visitorsForms)
}

// beginVisit signs in who was let in from the department: for a short time, and no longer
// than they are signed in there.
func (s *server) beginVisit(r *http.Request, visit store.Visit) error {
	if err := s.begin(r.Context(), visit.Account, custody.OriginDepartment, visit.Session, custody.DepartmentVisitLifetime); err != nil {
		return err
	}
	s.sessions.SetDeadline(r.Context(), time.Now().Add(custody.DepartmentVisitLifetime).UTC())
	return nil
}
