package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// staffPage is who is what on a day, with what each holds and may sign.
type staffPage struct {
	On     string // as typed
	Day    custody.Date
	Today  bool
	Search string
	Kind   string // of position; "" = all
	Kinds  []custody.PositionKind
	Rows   []store.StaffRow
	All    int
	Acting *custody.Delegation // who acts for the principal on that day
	Unread bool
	pager
}

// pagePeople handles "GET /people": the staff list of today, or of the day ?on=.
func (s *server) pagePeople(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	q := r.URL.Query()
	page := staffPage{On: q.Get("on"), Search: q.Get("q"), Kind: q.Get("kind"), Day: custody.DateOf(s.now()),
		Kinds: []custody.PositionKind{custody.Principal, custody.Deputy, custody.OfficeHead, custody.Staff}}
	day, err := readDay("on", page.On)
	if err != nil {
		page.Unread = true
		return s.showAgain(w, r, "people", page, err)
	}
	page.Today = day == "" || day == page.Day
	if day != "" {
		page.Day = day
	}
	rows, err := s.store.Staff(r.Context(), actor, page.Day)
	if err != nil {
		return err
	}
	page.All = len(rows)
	for _, row := range rows {
		if acting, ok := custody.ActingOn(row.Delegated, page.Day); ok {
			page.Acting = &acting
		}
	}
	rows = slices.DeleteFunc(rows, func(row store.StaffRow) bool {
		return page.Kind != "" && !slices.ContainsFunc(row.Today, func(p custody.Position) bool { return string(p.Kind) == page.Kind }) ||
			!contains(page.Search, row.Name, row.Username)
	})
	page.Rows, page.pager = cut(rows, r)
	return s.show(w, r, http.StatusOK, "people", page)
}

// pageNewPerson handles "GET /people/new".
func (s *server) pageNewPerson(w http.ResponseWriter, r *http.Request, _ custody.Actor) error {
	return s.show(w, r, http.StatusOK, "person_new", wire.NewPerson{})
}

// doNewPerson handles "POST /people".
func (s *server) doNewPerson(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	form := wire.NewPerson{
		Name: r.PostFormValue("name"), Email: r.PostFormValue("email"), Phone: r.PostFormValue("phone"),
		Username: r.PostFormValue("username"), Admin: r.PostFormValue("admin") != "",
	}
	person, link, err := s.createPerson(r.Context(), actor, form)
	if err != nil {
		return s.showAgain(w, r, "person_new", form, err)
	}
	if link != nil {
		return s.showLink(w, r, person.ID, person.Name, *link, false)
	}
	return s.done(w, r, "/people/"+string(person.ID), "person.created", map[string]string{"Name": person.Name})
}

// personPage is one person with the forms to add a position and a scope, and to
// make a link by which they set their password.
type personPage struct {
	store.PersonRow
	Position   wire.NewPosition // as filled in; days as typed
	Scope      wire.NewScope
	Wrong      string // the form that was not taken: "position", "scope", "erase" or "account"
	Kinds      []custody.DocumentKind
	Acts       []custody.Act
	Capacities []custody.Capacity

	Today        custody.Date
	AccountEnded bool
	admin        bool
	Sessions     []sessionLine
	Unopened     bool                  // the account has no password yet
	Links        []custody.AccountLink // by which they set their password
	HasFactor    bool                  // shown to who runs the register
	Passkeys     []store.Passkey       // same
	Pairings     []store.Pairing
	Delegations  []custody.Delegation // to the person, the newest first
	Holds        []tokenCard          // tokens in the person's hands
	Given        []givenRole          // roles that an admin gives, with what the person has
	Leaving      bool                 // nothing is left to hold them by
}

// givenRole is a role that an admin gives and ends.
type givenRole struct {
	Role       custody.Role
	Has        bool
	Own, Fixed bool // why it can't be ended: one's own, or the person was registered with it
}

func accountEnded(p store.PersonRow, today custody.Date) bool {
	return p.AccountUntil != "" && p.AccountUntil < today
}

// MayErase: who has left, and is not erased already.
func (p personPage) MayErase() bool {
	return p.admin && p.Name != "" && (p.AccountEnded || p.Username == "")
}

// MayEnd: what has ended already, or ends yesterday, can't end earlier from here.
func (p personPage) MayEnd(until custody.Date) bool { return until == "" || until >= p.Today }

func (s *server) person(r *http.Request, actor custody.Actor) (personPage, error) {
	row, err := s.store.Person(r.Context(), actor, custody.PersonID(chi.URLParam(r, "id")))
	if err != nil {
		return personPage{}, err
	}
	today := custody.DateOf(s.now())
	page := personPage{PersonRow: row, Position: wire.NewPosition{From: string(today)}, Scope: wire.NewScope{From: string(today)},
		Kinds: custody.DocumentKinds, Acts: custody.Acts, Capacities: custody.Capacities,
		Today: today, AccountEnded: accountEnded(row, today), admin: actor.Roles.May(custody.Administer)}
	for _, role := range custody.GivenRoles {
		if row.OfDepartment && role != custody.RoleDepartment {
			continue
		}
		page.Given = append(page.Given, givenRole{Role: role, Has: slices.Contains(row.Roles, role), Own: role == custody.RoleAdmin && row.ID == actor.Person,
			Fixed: role == custody.RoleAdmin && row.Founder})
	}
	if page.Pairings, err = s.store.Pairings(r.Context(), actor, row.ID); err != nil {
		return personPage{}, err
	}
	account, err := s.store.AccountOf(r.Context(), actor.School, row.ID)
	if err != nil && !errors.Is(err, custody.ErrNotFound) {
		return personPage{}, err
	}
	page.Unopened = account.PasswordHash == ""
	links, err := s.store.AccountLinks(r.Context(), actor)
	if err != nil {
		return personPage{}, err
	}
	for _, link := range links {
		if link.Person == row.ID {
			page.Links = append(page.Links, link)
		}
	}
	if actor.Roles.May(custody.RunRegister) {
		if page.Sessions, err = s.sessionLines(r, actor, row.ID); err != nil {
			return personPage{}, err
		}
	}
	factor, err := s.store.SecondFactor(r.Context(), actor.School, row.ID)
	if err != nil {
		return personPage{}, err
	}
	page.HasFactor = factor.Confirmed
	if page.Passkeys, err = s.store.Passkeys(r.Context(), actor.School, row.ID); err != nil {
		return personPage{}, err
	}
	delegations, err := s.store.Delegations(r.Context(), actor, "")
	if err != nil {
		return personPage{}, err
	}
	for _, d := range delegations {
		if d.Delegate == row.ID {
			page.Delegations = append(page.Delegations, d)
		}
	}
	tokens, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return personPage{}, err
	}
	open, err := s.store.HandOvers(r.Context(), actor)
	if err != nil {
		return personPage{}, err
	}
	for _, token := range tokens {
		if token.Custodian == row.ID {
			page.Holds = append(page.Holds, s.managerCard(token, open, actor))
		}
	}
	_, positioned := custody.PositionOn(row.Positions, today)
	page.Leaving = page.AccountEnded || !positioned
	return page, nil
}

// pagePerson handles "GET /people/{id}".
func (s *server) pagePerson(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.person(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "person", page)
}

// doAddPosition handles "POST /people/{id}/positions".
func (s *server) doAddPosition(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.person(r, actor)
	if err != nil {
		return err
	}
	form := wire.NewPosition{
		Kind: r.PostFormValue("kind"), Title: r.PostFormValue("title"), From: r.PostFormValue("from"), Until: r.PostFormValue("until"), Paper: r.PostFormValue("paper"),
		Field: r.PostFormValue("field"), Acting: r.PostFormValue("acting"),
	}
	page.Position = form
	var position custody.Position
	if err = readDays(&form.From, &form.Until); err == nil {
		position, err = domainPosition(form)
	}
	if err == nil {
		err = s.store.AddPosition(r.Context(), actor, page.ID, position)
	}
	if err != nil {
		page.Wrong = "position"
		return s.showAgain(w, r, "person", page, err)
	}
	return s.done(w, r, "/people/"+string(page.ID), "person.position_added", nil)
}

// doAddScope handles "POST /people/{id}/scopes".
func (s *server) doAddScope(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.person(r, actor)
	if err != nil {
		return err
	}
	if err := r.ParseForm(); err != nil {
		return invalid("form", err)
	}
	capacities := r.PostForm["capacities"]
	for i, capacity := range capacities {
		capacities[i] = strings.TrimPrefix(capacity, "none")
	}
	form := wire.NewScope{
		Acts: r.PostForm["acts"], Kinds: r.PostForm["kinds"], Capacities: capacities,
		From: r.PostFormValue("from"), Until: r.PostFormValue("until"), Paper: r.PostFormValue("paper"),
	}
	page.Scope = form
	var scope custody.Scope
	if err = readDays(&form.From, &form.Until); err == nil {
		scope, err = domainScope(page.ID, form)
	}
	if err == nil {
		err = s.store.AddScope(r.Context(), actor, page.ID, scope)
	}
	if err != nil {
		page.Wrong = "scope"
		return s.showAgain(w, r, "person", page, err)
	}
	return s.done(w, r, "/people/"+string(page.ID), "person.scope_added", nil)
}

// doErasePerson handles "POST /people/{id}/erase".
func (s *server) doErasePerson(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.person(r, actor)
	if err != nil {
		return err
	}
	page.Wrong = "erase"
	if r.PostFormValue("confirmed") == "" {
		return s.showAgain(w, r, "person", page, invalid("confirmed", nil))
	}
	removed, err := s.store.ErasePerson(r.Context(), actor, page.ID, r.PostFormValue("reason"))
	if err != nil {
		return s.showAgain(w, r, "person", page, err)
	}
	return s.done(w, r, "/people/"+string(page.ID), "erase.done", map[string]string{"Count": strconv.FormatInt(removed, 10)})
}
