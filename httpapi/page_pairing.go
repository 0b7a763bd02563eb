package httpapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// pairingPage shows the person's computers, and a code, once.
type pairingPage struct {
	Code     string
	Expires  string
	Command  string
	Pairings []store.Pairing
}

func (s *server) pairing(r *http.Request, actor custody.Actor) (pairingPage, error) {
	rows, err := s.store.Pairings(r.Context(), actor, actor.Person)
	return pairingPage{Pairings: rows}, err
}

// pagePairing handles "GET /pairing".
func (s *server) pagePairing(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.pairing(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "pairing", page)
}

// doPairing handles "POST /pairing". The code is in this answer and nowhere else,
// so there is no redirect.
func (s *server) doPairing(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.pairing(r, actor)
	if err != nil {
		return err
	}
	code, expires, err := s.store.CreatePairingCode(r.Context(), actor)
	if err != nil {
		return err
	}
	address := s.publicURL
	if address == "" {
		address = "http://" + r.Host
	}
	page.Code, page.Expires, page.Command = code, localTime(expires), "signagent pair "+address+" "+code
	if len(code) == 8 {
		page.Code = code[:4] + "-" + code[4:]
	}
	return s.show(w, r, http.StatusOK, "pairing", page)
}

// endPairingPage asks whether an agent's key is to end.
type endPairingPage struct {
	store.Pairing
	Own  bool
	Name string // whose it is
	Back string
}

func (s *server) endPairing(r *http.Request, actor custody.Actor) (endPairingPage, error) {
	row, err := s.store.Pairing(r.Context(), actor, custody.APIKeyID(chi.URLParam(r, "id")))
	if err != nil {
		return endPairingPage{}, err
	}
	person, err := s.store.Person(r.Context(), actor, row.Person)
	if err != nil {
		return endPairingPage{}, err
	}
	page := endPairingPage{Pairing: row, Own: row.Person == actor.Person, Name: person.Name, Back: "/pairing"}
	if !page.Own {
		page.Back = "/people/" + string(row.Person)
	}
	return page, nil
}

// pageEndPairing handles "GET /pairing/{id}/end".
func (s *server) pageEndPairing(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.endPairing(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "pairing_end", page)
}

// doEndPairing handles "POST /pairing/{id}/end".
func (s *server) doEndPairing(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.endPairing(r, actor)
	if err != nil {
		return err
	}
	if err := s.store.EndPairing(r.Context(), actor, page.ID); err != nil {
		return s.showAgain(w, r, "pairing_end", page, err)
	}
	return s.done(w, r, page.Back, "pairing.ended", map[string]string{"Device": page.Device})
}
