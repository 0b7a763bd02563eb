package httpapi

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// delegationsPage lists who may sign for the head by which paper, with the form
// that enters one.
type delegationsPage struct {
	Show       string // "" = in force or to come, "over" = ended
	Today      custody.Date
	Lines      []custody.Delegation
	Over       int // how many have ended
	Grantors   []store.StaffRow
	Delegates  []store.StaffRow
	Capacities []custody.Capacity
	Kinds      []custody.DocumentKind
	Form       delegationForm
	Wrong      bool
	MayAdd     bool
	pager
}

// delegationForm is the form as filled in; days as typed.
type delegationForm struct {
	Grantor, Delegate, Capacity            string
	Kinds                                  []string
	From, Until                            string
	PaperNumber, PaperOn, Signer, Contents string
}

// Absent stands in the form's choice of capacities for who acts while the head is away.
const absent = "absence"

// MayEnd: what ended yesterday or before can't end earlier from here.
func (p delegationsPage) MayEnd(d custody.Delegation) bool {
	return p.MayAdd && (d.Until == "" || d.Until > p.Today.AddDays(-1))
}

func (s *server) delegationsPage(r *http.Request, actor custody.Actor) (delegationsPage, error) {
	today := custody.DateOf(s.now())
	page := delegationsPage{Show: r.URL.Query().Get("show"), Today: today, MayAdd: actor.Roles.May(custody.RunRegister), Kinds: custody.DocumentKinds,
		Capacities: []custody.Capacity{custody.KT, custody.TL, custody.TUQ, custody.TM}, Form: delegationForm{From: string(today), Delegate: r.URL.Query().Get("to")}}
	all, err := s.store.Delegations(r.Context(), actor, "")
	if err != nil {
		return page, err
	}
	var lines []custody.Delegation
	for _, d := range all {
		over := d.Until != "" && d.Until < today
		if over {
			page.Over++
		}
		if over == (page.Show == "over") {
			lines = append(lines, d)
		}
	}
	page.Lines, page.pager = cut(lines, r)
	if !page.MayAdd {
		return page, nil
	}
	staff, err := s.store.Staff(r.Context(), actor, today)
	if err != nil {
		return page, err
	}
	for _, row := range staff {
		switch {
		case len(row.Today) == 0:
		case row.Today[0].Kind == custody.Principal:
			page.Grantors = append(page.Grantors, row)
		default:
			page.Delegates = append(page.Delegates, row)
		}
	}
	return page, nil
}

// pageDelegations handles "GET /delegations".
func (s *server) pageDelegations(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.delegationsPage(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "delegations", page)
}

// doAddDelegation handles "POST /delegations".
func (s *server) doAddDelegation(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.delegationsPage(r, actor)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return invalid("form", err)
	}
	form := delegationForm{Grantor: r.PostFormValue("grantor"), Delegate: r.PostFormValue("delegate"), Capacity: r.PostFormValue("capacity"), Kinds: r.PostForm["kinds"],
		From: r.PostFormValue("from"), Until: r.PostFormValue("until"), PaperNumber: r.PostFormValue("paper_number"), PaperOn: r.PostFormValue("paper_on"),
		Signer: r.PostFormValue("paper_signer"), Contents: r.PostFormValue("content")}
	page.Form = form
	d := custody.Delegation{Grantor: custody.PersonID(form.Grantor), Delegate: custody.PersonID(form.Delegate), Capacity: custody.Capacity(form.Capacity),
		Kinds: form.Kinds, PaperNumber: form.PaperNumber, PaperSigner: form.Signer, Content: form.Contents}
	if form.Capacity == absent {
		d.Capacity, d.Absence = custody.KT, true
	}
	if d.From, err = readDay("from", form.From); err == nil {
		d.Until, err = readDay("until", form.Until)
	}
	if err == nil {
		d.PaperOn, err = readDay("paper_on", form.PaperOn)
	}
	if err == nil {
		d, err = s.store.AddDelegation(r.Context(), actor, d)
	}
	if err != nil {
		page.Wrong = true
		return s.showAgain(w, r, "delegations", page, err)
	}
	return s.done(w, r, "/delegations", "delegation.added", map[string]string{"Name": d.DelegateName})
}

// endDelegationPage ends a delegation early; the page says what for, and asks.
type endDelegationPage struct {
	Delegation    custody.Delegation
	Until, Reason string
}

func (s *server) endDelegation(r *http.Request, actor custody.Actor) (endDelegationPage, error) {
	d, err := s.store.Delegation(r.Context(), actor, custody.DelegationID(chi.URLParam(r, "id")))
	return endDelegationPage{Delegation: d, Until: r.PostFormValue("until"), Reason: r.PostFormValue("reason")}, err
}

// pageEndDelegation handles "GET /delegations/{id}/end".
func (s *server) pageEndDelegation(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.endDelegation(r, actor)
	if err != nil {
		return err
	}
	page.Until = string(custody.DateOf(s.now()))
	return s.show(w, r, http.StatusOK, "delegation_end", page)
}

// doEndDelegation handles "POST /delegations/{id}/end".
func (s *server) doEndDelegation(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.endDelegation(r, actor)
	if err != nil {
		return err
	}
	until, err := readDay("until", page.Until)
	if err == nil {
		err = s.store.EndDelegation(r.Context(), actor, page.Delegation.ID, until, page.Reason)
	}
	if err != nil {
		return s.showAgain(w, r, "delegation_end", page, err)
	}
	return s.done(w, r, "/delegations", "delegation.ended", map[string]string{"Name": page.Delegation.DelegateName, "Until": writtenDay(until)})
}

// delegationsTo picks those to a person that are in force on a day.
func delegationsTo(all []custody.Delegation, person custody.PersonID, day custody.Date) []custody.Delegation {
	return slices.DeleteFunc(slices.Clone(all), func(d custody.Delegation) bool { return d.Delegate != person || !d.InForce(day) })
}
