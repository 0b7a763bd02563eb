package httpapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// programKeysPage lists the keys of programs, with the form for another. A key that was
// just made is shown once.
type programKeysPage struct {
	Keys   []store.ProgramKey
	Scopes []custody.ProgramScope
	Name   string   // as typed
	Chosen []string // scopes, as ticked
	Until  string   // as typed
	Key    string   // just made
}

func (s *server) programKeys(r *http.Request, actor custody.Actor) (programKeysPage, error) {
	keys, err := s.store.ProgramKeys(r.Context(), actor)
	return programKeysPage{Keys: keys, Scopes: custody.ProgramScopeList}, err
}

// pageProgramKeys handles "GET /program-keys".
func (s *server) pageProgramKeys(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.programKeys(r, actor)
	if err != nil {
		return err
	}
	page.Until = writtenDay(custody.DateOf(s.now().AddDate(1, 0, 0)))
	return s.show(w, r, http.StatusOK, "program_keys", page)
}

// doMakeProgramKey handles "POST /program-keys". The key is in this answer and nowhere
// else, so there is no redirect.
func (s *server) doMakeProgramKey(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.programKeys(r, actor)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return invalid("form", err)
	}
	page.Name, page.Chosen, page.Until = r.PostForm.Get("name"), r.PostForm["scopes"], r.PostForm.Get("until")
	scopes, err := custody.JoinScopes(page.Chosen)
	key := ""
	if err == nil {
		var until custody.Date
		if until, err = readDay("until", page.Until); err == nil {
			key, err = s.store.MakeProgramKey(r.Context(), actor, page.Name, scopes, until)
		}
	}
	if err != nil {
		return s.showAgain(w, r, "program_keys", page, err)
	}
	if page, err = s.programKeys(r, actor); err != nil {
		return err
	}
	page.Key = key
	w.Header().Set("Cache-Control", "no-store")
	return s.show(w, r, http.StatusOK, "program_keys", page)
}

// doEndProgramKey handles "POST /program-keys/{id}/end".
func (s *server) doEndProgramKey(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.EndProgramKey(r.Context(), actor, custody.APIKeyID(chi.URLParam(r, "id"))); err != nil {
		return err
	}
	return s.done(w, r, "/program-keys", "program_key.ended", nil)
}
