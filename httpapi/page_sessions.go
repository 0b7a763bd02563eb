package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// sessionLine is a sign-in as the list shows it.
type sessionLine struct {
	store.AccountSession
	Browser, System string // words of the catalogue
}

// sessionsPage is where a person is signed in, in browsers and by agents.
type sessionsPage struct {
	Sessions []sessionLine
	Others   int // besides the one that asks
	Pairings []store.Pairing
}

func (s *server) sessionLines(r *http.Request, actor custody.Actor, person custody.PersonID) ([]sessionLine, error) {
	rows, err := s.store.AccountSessions(r.Context(), actor, person, s.sessions.Token(r.Context()), time.Now())
	if err != nil {
		return nil, err
	}
	lines := make([]sessionLine, 0, len(rows))
	for _, row := range rows {
		line := sessionLine{AccountSession: row}
		line.Browser, line.System, _ = strings.Cut(row.Device, "/")
		lines = append(lines, line)
	}
	return lines, nil
}

// pageSessions handles "GET /sessions".
func (s *server) pageSessions(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	lines, err := s.sessionLines(r, actor, actor.Person)
	if err != nil {
		return err
	}
	page := sessionsPage{Sessions: lines}
	for _, line := range lines {
		if !line.Own {
			page.Others++
		}
	}
	if page.Pairings, err = s.store.Pairings(r.Context(), actor, actor.Person); err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "sessions", page)
}

// doEndSession handles "POST /sessions/{id}/end": one of one's own.
func (s *server) doEndSession(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.EndSession(r.Context(), actor, chi.URLParam(r, "id")); err != nil {
		return err
	}
	return s.done(w, r, "/sessions", "session.ended", nil)
}

// doEndOtherSessions handles "POST /sessions/end": all of one's own but this one.
func (s *server) doEndOtherSessions(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	ended, err := s.store.EndOtherSessions(r.Context(), actor, s.sessions.Token(r.Context()))
	if err != nil {
		return err
	}
	return s.done(w, r, "/sessions", "session.others_ended", map[string]string{"Count": strconv.FormatInt(ended, 10)})
}

// doEndSessionsOf handles "POST /people/{id}/sessions/end": all of somebody else's.
func (s *server) doEndSessionsOf(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	id := custody.PersonID(chi.URLParam(r, "id"))
	if id == actor.Person {
		http.Redirect(w, r, "/sessions", http.StatusSeeOther)
		return nil
	}
	ended, err := s.store.EndAllSessions(r.Context(), actor, id)
	if err != nil {
		return err
	}
	return s.done(w, r, "/people/"+string(id), "session.all_ended", map[string]string{"Count": strconv.FormatInt(ended, 10)})
}
