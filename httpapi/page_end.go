package httpapi

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// endPage ends a position, a scope or an account of a person's: a form with the
// last day and the reason, then everything once more to be confirmed.
type endPage struct {
	Person       store.PersonRow
	Kind         custody.EndingKind
	Which        string            // id of the position or scope
	Position     *custody.Position // what is to end, one of the two or neither
	Scope        *custody.Scope
	Until        string // as typed
	Reason       string
	HoldingKnown bool
	WriteOffs    map[custody.TokenID]string // reasons, as typed

	Confirm bool
	Day     custody.Date
	AtOnce  bool             // the last day has passed
	Since   string           // address of the log from the day after the last, where that lies back
	Holds   []store.TokenRow // tokens with nothing left to hold them by
}

// ending reads what is to end and the form.
func (s *server) ending(r *http.Request, actor custody.Actor) (endPage, error) {
	if !actor.Roles.May(custody.Administer) {
		return endPage{}, custody.Forbidden(custody.ReasonAdminOnly)
	}
	person, err := s.store.Person(r.Context(), actor, custody.PersonID(chi.URLParam(r, "id")))
	if err != nil {
		return endPage{}, err
	}
	page := endPage{
		Person: person, Kind: custody.EndingKind(r.FormValue("kind")), Which: r.FormValue("which"), Until: r.PostFormValue("until"),
		Reason: r.PostFormValue("reason"), HoldingKnown: r.PostFormValue("holding_known") != "", WriteOffs: map[custody.TokenID]string{},
	}
	switch page.Kind {
	case custody.EndPosition:
		for _, position := range person.Positions {
			if string(position.ID) == page.Which {
				page.Position = &position
				return page, nil
			}
		}
	case custody.EndScope:
		for _, scope := range person.Scopes {
			if string(scope.ID) == page.Which {
				page.Scope = &scope
				return page, nil
			}
		}
	case custody.EndAccount:
		if person.Username != "" {
			return page, nil
		}
		return endPage{}, custody.NotFound("account")
	}
	return endPage{}, custody.NotFound("ending")
}

// pageEnd handles "GET /people/{id}/end".
func (s *server) pageEnd(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.ending(r, actor)
	if err != nil {
		return err
	}
	page.Until = string(custody.DateOf(s.now()).AddDays(-1)) // at once
	return s.show(w, r, http.StatusOK, "end", page)
}

// doEnd handles "POST /people/{id}/end": first it shows what is about to be
// recorded, then, confirmed, it ends.
func (s *server) doEnd(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.ending(r, actor)
	if err != nil {
		return err
	}
	if r.PostFormValue("change") != "" {
		return s.show(w, r, http.StatusOK, "end", page)
	}
	if page.Day, err = readDay("until", page.Until); err == nil && page.Day == "" {
		err = invalid("until", nil)
	} else if err == nil && page.Reason == "" {
		err = invalid("reason", nil)
	}
	if err != nil {
		return s.showAgain(w, r, "end", page, err)
	}
	if err := s.endingEffect(r, actor, &page); err != nil {
		return err
	}
	if r.PostFormValue("confirmed") == "" {
		page.Confirm = true
		return s.show(w, r, http.StatusOK, "end", page)
	}
	ending := custody.Ending{Kind: page.Kind, Person: page.Person.ID, Until: page.Day}
	switch page.Kind {
	case custody.EndPosition:
		ending.Position = page.Position.ID
	case custody.EndScope:
		ending.Scope = page.Scope.ID
	}
	if err := s.store.End(r.Context(), actor, store.NewEnding{Ending: ending, Reason: page.Reason, HoldingKnown: page.HoldingKnown, WriteOffs: page.WriteOffs}); err != nil {
		page.Confirm = page.AtOnce || page.HoldingKnown || len(page.Holds) == 0
		return s.showAgain(w, r, "end", page, err)
	}
	if page.Kind == custody.EndAccount && page.Person.ID == actor.Person && page.AtOnce {
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return nil
	}
	return s.done(w, r, "/people/"+string(page.Person.ID), "end.done", map[string]string{"Name": page.Person.Name, "Until": writtenDay(page.Day)})
}

// endingEffect says what will be when it is confirmed: from when on, which
// signatures lie behind the last day, which tokens have to come back.
func (s *server) endingEffect(r *http.Request, actor custody.Actor, page *endPage) error {
	today := custody.DateOf(s.now())
	page.AtOnce = page.Day < today
	if page.Kind != custody.EndAccount && page.Day < today.AddDays(-1) {
		page.Since = "/log?" + url.Values{"type": {"signature"}, "person": {string(page.Person.ID)}, "since": {string(page.Day.AddDays(1))}}.Encode()
	}
	if page.Kind == custody.EndScope {
		return nil
	}
	if page.Kind == custody.EndPosition && custody.LeavesPosition(page.Person.Positions, page.Position.ID, page.Day, today) {
		return nil
	}
	tokens, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return err
	}
	for _, token := range tokens {
		if token.Custodian != page.Person.ID {
			continue
		}
		page.Holds = append(page.Holds, token)
		if reason := r.PostFormValue("write_off_" + string(token.ID)); reason != "" && page.AtOnce {
			page.WriteOffs[token.ID] = reason
		}
	}
	return nil
}
