package httpapi

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// offerPage is the form of a hand-over or a return.
type offerPage struct {
	Token            store.TokenRow
	Return           bool
	Receivers        []store.PersonRow
	To               string
	Reason           string
	Condition        string
	PermissionNumber string
	PermissionDate   string
	Behalf           bool // a return for the custodian, by who runs the register
	Confirm          bool // everything is filled in: shown to be looked over
	ToName           string
}

// offer reads the form, or begins one.
func (s *server) offer(r *http.Request, actor custody.Actor) (offerPage, error) {
	token, err := s.store.Token(r.Context(), actor, custody.TokenID(chi.URLParam(r, "id")))
	if err != nil {
		return offerPage{}, err
	}
	page := offerPage{
		Token: token, Return: r.FormValue("return") != "", To: r.PostFormValue("to"), Reason: r.PostFormValue("reason"), Condition: r.PostFormValue("condition"),
		PermissionNumber: r.PostFormValue("permission_number"), PermissionDate: r.PostFormValue("permission_date"),
	}
	page.Behalf = page.Return && token.Custodian != "" && token.Custodian != actor.Person
	people, names, err := s.people(r.Context(), actor)
	if err != nil {
		return offerPage{}, err
	}
	page.ToName = names[custody.PersonID(page.To)]
	for _, person := range people {
		switch {
		case person.ID == token.Custodian, accountEnded(person, custody.DateOf(s.now())):
		case token.Kind == custody.Personal && person.ID != token.Owner:
		default:
			page.Receivers = append(page.Receivers, person)
		}
	}
	return page, nil
}

// pageOffer handles "GET /tokens/{id}/hand-over".
func (s *server) pageOffer(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.offer(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "offer", page)
}

// doOffer handles "POST /tokens/{id}/hand-over": first it shows what is about to
// be recorded, then, confirmed, it offers.
func (s *server) doOffer(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.offer(r, actor)
	if err != nil {
		return err
	}
	if r.PostFormValue("change") != "" {
		return s.show(w, r, http.StatusOK, "offer", page)
	}
	day, err := readDay("permission_date", page.PermissionDate)
	if err != nil {
		return s.showAgain(w, r, "offer", page, err)
	}
	if !page.Return && page.ToName == "" {
		return s.showAgain(w, r, "offer", page, invalid("to", nil))
	}
	if page.Behalf && page.Reason == "" {
		return s.showAgain(w, r, "offer", page, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "reason", "reason": custody.ReasonOnBehalf}})
	}
	if r.PostFormValue("confirmed") == "" {
		page.Confirm = true
		return s.show(w, r, http.StatusOK, "offer", page)
	}
	to := custody.PersonID(page.To)
	if page.Return {
		to = ""
	}
	row, err := s.store.OfferHandOver(r.Context(), actor, store.NewHandOver{
		Token: page.Token.ID, To: to, Reason: page.Reason, Condition: page.Condition,
		PermissionNumber: page.PermissionNumber, PermissionDate: day,
	})
	if err != nil {
		return s.showAgain(w, r, "offer", page, err)
	}
	key, where := "offer.done", "/"
	if page.Return {
		key = "offer.return_done"
	}
	if page.Behalf {
		key, where = "offer.behalf_done", "/hand-overs"
	}
	return s.done(w, r, where, key, map[string]string{"Token": row.TokenLabel, "To": row.ToName})
}

// handOverPage is one hand-over, to be confirmed or only looked at.
type handOverPage struct {
	store.HandOverRow
	Serial      string
	TokenKind   custody.TokenKind
	MayWithdraw bool
}

// pageHandOver handles "GET /hand-overs/{id}": the receiver looks at what is
// confirmed before confirming it.
func (s *server) pageHandOver(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	row, err := s.store.HandOver(r.Context(), actor, custody.HandOverID(chi.URLParam(r, "id")))
	if err != nil {
		return err
	}
	return s.showHandOver(w, r, actor, row, nil)
}

func (s *server) showHandOver(w http.ResponseWriter, r *http.Request, actor custody.Actor, row store.HandOverRow, problem error) error {
	page := handOverPage{HandOverRow: row, MayWithdraw: custody.CanWithdraw(actor, row.HandOver) == nil}
	// A receiver need not see the token before it is theirs.
	if token, err := s.store.Token(r.Context(), actor, row.Token); err == nil {
		page.Serial, page.TokenKind = token.Serial, token.Kind
	}
	if problem != nil {
		return s.showAgain(w, r, "hand_over", page, problem)
	}
	return s.show(w, r, http.StatusOK, "hand_over", page)
}

// doHandOver handles "POST /hand-overs/{id}/accept", decline and withdraw.
func (s *server) doHandOver(key string, take func(context.Context, custody.Actor, custody.HandOverID) (store.HandOverRow, error)) http.HandlerFunc {
	return s.page(func(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
		id := custody.HandOverID(chi.URLParam(r, "id"))
		if key == "hand_over.accepted" && r.PostFormValue("received") == "" {
			row, err := s.store.HandOver(r.Context(), actor, id)
			if err != nil {
				return err
			}
			return s.showHandOver(w, r, actor, row, &failure{status: http.StatusUnprocessableEntity, code: "invalid", params: map[string]string{"reason": "not_confirmed"}})
		}
		row, err := take(r.Context(), actor, id)
		if err != nil {
			if before, again := s.store.HandOver(r.Context(), actor, id); again == nil {
				return s.showHandOver(w, r, actor, before, err)
			}
			return err
		}
		return s.done(w, r, "/", key, map[string]string{"Token": row.TokenLabel})
	})
}

// pageHandOvers handles "GET /hand-overs": what waits for somebody.
func (s *server) pageHandOvers(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	rows, err := s.store.HandOvers(r.Context(), actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "hand_overs", rows)
}
