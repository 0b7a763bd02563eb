package httpapi

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// sessionSignIn names the row of store.SignIn that the session rests on.
const sessionSignIn = "sign_in"

// maxAgent bounds what is kept of the User-Agent header.
const maxAgent = 300

// browser is what a session is bound to.
type browser struct {
	agent   string
	address string // of the client, without a port
}

// network is the part of an address that stays the same while somebody works: the first
// half of IPv4, the first 32 bits of IPv6. A provider moves its customers about within it.
func (b browser) network() string {
	address, err := netip.ParseAddr(b.address)
	if err != nil {
		return ""
	}
	bits := 16
	if address = address.Unmap(); address.Is6() {
		bits = 32
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// signInsPage lists where a person is signed in.
type signInsPage struct {
	Rows  []signInView
	Other int // besides the present one
}

type signInView struct {
	ID              string
	Browser, System string // proper names; "" = not known
	Address         string
	Began, Used     time.Time
	Present         bool
}

// pageSignIns handles "GET /sign-ins".
func (s *server) pageSignIns(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	all, err := s.store.SignIns(r.Context(), actor, actor.Person)
	if err != nil {
		return err
	}
	page := signInsPage{}
	present := s.sessions.GetString(r.Context(), sessionSignIn)
	for _, in := range all {
		v := viewOf(in)
		if v.Present = in.ID == present; !v.Present {
			page.Other++
		}
		page.Rows = append(page.Rows, v)
	}
	return s.show(w, r, http.StatusOK, "sign_ins", page)
}

func viewOf(in store.SignIn) signInView {
	v := signInView{ID: in.ID, Address: in.Address, Began: in.BeganAt, Used: in.UsedAt}
	v.Browser, v.System = namesOf(in.Agent)
	return v
}

// doEndSignIn handles "POST /sign-ins/{id}/end".
func (s *server) doEndSignIn(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	n, err := s.store.EndSignIns(r.Context(), actor, actor.Person, chi.URLParam(r, "id"), false)
	if err != nil {
		return err
	}
	if n == 0 {
		return custody.NotFound("sign_in")
	}
	return s.done(w, r, "/sign-ins", "sign_ins.ended", nil)
}

// doEndOtherSignIns handles "POST /sign-ins/end-others".
func (s *server) doEndOtherSignIns(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	n, err := s.store.EndSignIns(r.Context(), actor, actor.Person, s.sessions.GetString(r.Context(), sessionSignIn), true)
	if err != nil {
		return err
	}
	return s.done(w, r, "/sign-ins", "sign_ins.ended_others", map[string]string{"Count": strconv.FormatInt(n, 10)})
}

// doEndSignInsOf handles "POST /people/{id}/sign-ins/end".
func (s *server) doEndSignInsOf(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	id := custody.PersonID(chi.URLParam(r, "id"))
	if _, err := s.store.Person(r.Context(), actor, id); err != nil {
		return err
	}
	n, err := s.store.EndSignIns(r.Context(), actor, id, s.sessions.GetString(r.Context(), sessionSignIn), true)
	if err != nil {
		return err
	}
	return s.done(w, r, "/people/"+string(id), "sign_ins.ended_others", map[string]string{"Count": strconv.FormatInt(n, 10)})
}

// namesOf tells browser and system by the User-Agent header, for the eyes of its owner.
func namesOf(agent string) (browser, system string) {
	first := func(names [][2]string) string {
		for _, name := range names {
			if strings.Contains(agent, name[0]) {
				return name[1]
			}
		}
		return ""
	}
	// Most say that they are several others too: the particular ones come first.
	browser = first([][2]string{{"coc_coc_browser", "Cốc Cốc"}, {"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Zalo", "Zalo"},
		{"Firefox", "Firefox"}, {"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}})
	system = first([][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}})
	return browser, system
}
