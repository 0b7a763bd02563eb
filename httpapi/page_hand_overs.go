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
	PermissionSigner string
	Accessories      string
	Temporary        bool
	Since, Until     string // of a temporary one, as typed
	Witness          string
	WitnessName      string
	People           []store.PersonRow // who may witness
	Behalf           bool              // a return for the custodian, by who runs the register
	Ask              factorAsk         // second factors
	Confirm          bool              // everything is filled in: shown to be looked over
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
		PermissionSigner: r.PostFormValue("permission_signer"), Accessories: r.PostFormValue("accessories"), Witness: r.PostFormValue("witness"),
		Temporary: r.PostFormValue("term") == string(custody.Temporary), Since: r.PostFormValue("since"), Until: r.PostFormValue("until"),
	}
	page.Behalf = page.Return && token.Custodian != "" && token.Custodian != actor.Person
	people, names, err := s.people(r.Context(), actor)
	if err != nil {
		return offerPage{}, err
	}
	page.ToName, page.WitnessName = names[custody.PersonID(page.To)], names[custody.PersonID(page.Witness)]
	for _, person := range people {
		if person.ID != actor.Person && person.ID != token.Custodian && !accountEnded(person, custody.DateOf(s.now())) {
			page.People = append(page.People, person)
		}
		switch {
		case person.ID == token.Custodian, accountEnded(person, custody.DateOf(s.now())):
		case token.Kind == custody.Personal && person.ID != token.Owner:
		default:
			page.Receivers = append(page.Receivers, person)
		}
	}
	page.Ask, err = s.asksFactor(r.Context(), actor)
	return page, err
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
	n, err := page.newHandOver()
	if err != nil {
		return s.showAgain(w, r, "offer", page, err)
	}
	if r.PostFormValue("confirmed") == "" {
		page.Confirm = true
		return s.show(w, r, http.StatusOK, "offer", page)
	}
	page.Confirm = true
	confirmed, err := s.confirming(w, r, actor)
	if err != nil {
		return s.showAgain(w, r, "offer", page, err)
	}
	row, err := s.store.OfferHandOver(r.Context(), confirmed, n)
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

// newHandOver is what the form says, once it is complete.
func (p offerPage) newHandOver() (store.NewHandOver, error) {
	n := store.NewHandOver{Token: p.Token.ID, Reason: p.Reason, Condition: p.Condition, Accessories: p.Accessories, Witness: custody.PersonID(p.Witness),
		PermissionNumber: p.PermissionNumber, PermissionSigner: p.PermissionSigner}
	var err error
	if n.PermissionDate, err = readDay("permission_date", p.PermissionDate); err != nil {
		return n, err
	}
	if p.Temporary {
		n.ReasonKind = custody.Temporary
		if n.Since, err = readDay("since", p.Since); err != nil {
			return n, err
		}
		if n.Until, err = readDay("until", p.Until); err != nil {
			return n, err
		}
	}
	switch {
	case p.Behalf && p.Reason == "":
		return n, needed("reason", custody.ReasonOnBehalf)
	case p.Return:
		return n, nil
	case p.ToName == "":
		return n, invalid("to", nil)
	case p.Witness != "" && (p.WitnessName == "" || p.Witness == p.To):
		return n, invalid("witness", nil)
	case p.Temporary && n.Until == "":
		return n, needed("until", custody.ReasonLastDayNeeded)
	}
	n.To = custody.PersonID(p.To)
	return n, nil
}

// needed says that a field is empty, and why it must not be.
func needed(field, reason string) error {
	return &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": field, "reason": reason}}
}

// handOverPage is one hand-over, to be confirmed or only looked at.
type handOverPage struct {
	store.HandOverRow
	MayWithdraw bool
	MaySign     bool // the reader's side is still to be confirmed by signature
	Overdue     bool
	PINSaid     string    // yes, no, or ""
	Ask         factorAsk // the reader's second factors
	Received    bool      // as ticked in the form that is shown again
	PINAnswer   string    // same
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
	page := handOverPage{HandOverRow: row, MayWithdraw: custody.CanWithdraw(actor, row.HandOver) == nil,
		MaySign: row.MayAccept || row.Giving == nil && custody.CanConfirm(actor, row.HandOver, custody.Giving, false) == nil,
		Overdue: !row.Ended && row.HandOver.Overdue(custody.DateOf(s.now()))}
	asks, err := s.asksFactor(r.Context(), actor)
	if err != nil {
		return err
	}
	page.Ask = asks
	page.Received, page.PINAnswer = r.PostFormValue("received") != "", r.PostFormValue("pin_changed")
	if said := row.PINChanged; said != nil {
		page.PINSaid = map[bool]string{true: "yes", false: "no"}[*said]
	}
	if problem != nil {
		return s.showAgain(w, r, "hand_over", page, problem)
	}
	return s.show(w, r, http.StatusOK, "hand_over", page)
}

// doHandOver handles "POST /hand-overs/{id}/accept", decline and withdraw.
func doHandOver(key string, take func(*store.Store, context.Context, custody.Actor, custody.HandOverID) (store.HandOverRow, error)) http.HandlerFunc {
	return page(func(s *server, w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
		id := custody.HandOverID(chi.URLParam(r, "id"))
		row, err := take(s.store, r.Context(), actor, id)
		if err != nil {
			if before, again := s.store.HandOver(r.Context(), actor, id); again == nil {
				return s.showHandOver(w, r, actor, before, err)
			}
			return err
		}
		return s.done(w, r, "/", key, map[string]string{"Token": row.TokenLabel})
	})
}

// doAccept handles "POST /hand-overs/{id}/accept": who accepts says that they have the
// device, and whether they changed its PIN.
func (s *server) doAccept(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	id := custody.HandOverID(chi.URLParam(r, "id"))
	before, err := s.store.HandOver(r.Context(), actor, id)
	if err != nil {
		return err
	}
	if r.PostFormValue("received") == "" {
		return s.showHandOver(w, r, actor, before, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"reason": "not_confirmed"}})
	}
	var said store.Acceptance
	if answer := r.PostFormValue("pin_changed"); answer != "" {
		changed := answer == "yes"
		said.PINChanged = &changed
	}
	confirmed, err := s.confirming(w, r, actor)
	if err != nil {
		return s.showHandOver(w, r, actor, before, err)
	}
	row, err := s.store.Accept(r.Context(), confirmed, id, said)
	if err != nil {
		return s.showHandOver(w, r, actor, before, err)
	}
	return s.done(w, r, "/", "hand_over.accepted", map[string]string{"Token": row.TokenLabel})
}

// handOversPage is what waits for somebody, and what should have come back.
type handOversPage struct {
	Open    []store.HandOverRow
	Overdue []store.HandOverRow
}

// pageHandOvers handles "GET /hand-overs".
func (s *server) pageHandOvers(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	var page handOversPage
	var err error
	if page.Open, err = s.store.HandOvers(r.Context(), actor); err != nil {
		return err
	}
	if page.Overdue, err = s.store.OverdueHandOvers(r.Context(), actor); err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "hand_overs", page)
}
