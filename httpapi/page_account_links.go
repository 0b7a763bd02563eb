package httpapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// linkMadePage shows a link, once.
type linkMadePage struct {
	Address string
	Expires string
	Person  custody.PersonID
	Name    string
	Reset   bool // it waits for a second person
}

// showLink shows a link that was just made. It is in this answer and nowhere else, so
// there is no redirect.
func (s *server) showLink(w http.ResponseWriter, r *http.Request, person custody.PersonID, name string, link store.NewAccountLink, reset bool) error {
	address := s.publicURL
	if address == "" {
		address = "http://" + r.Host
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.show(w, r, http.StatusOK, "account_link_made", linkMadePage{Address: address + wire.JoinPath(link.Secret), Expires: localTime(link.Expires), Person: person, Name: name, Reset: reset})
}

// doInvite handles "POST /people/{id}/invite": again, or for somebody without an account.
func (s *server) doInvite(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.person(r, actor)
	if err != nil {
		return err
	}
	link, err := s.store.Invite(r.Context(), actor, page.ID, r.PostFormValue("username"))
	if err != nil {
		page.Wrong = "account"
		return s.showAgain(w, r, "person", page, err)
	}
	return s.showLink(w, r, page.ID, page.Name, link, false)
}

// doAskReset handles "POST /people/{id}/reset".
func (s *server) doAskReset(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.person(r, actor)
	if err != nil {
		return err
	}
	link, err := s.store.AskReset(r.Context(), actor, page.ID)
	if err != nil {
		page.Wrong = "account"
		return s.showAgain(w, r, "person", page, err)
	}
	return s.showLink(w, r, page.ID, page.Name, link, true)
}

// linkLine is a link as the list shows it.
type linkLine struct {
	custody.AccountLink
	Maker      string
	MayConfirm bool
}

// pageAccountLinks handles "GET /account-links".
func (s *server) pageAccountLinks(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if !actor.Roles.May(custody.RunRegister) && !actor.Roles.May(custody.ConfirmReset) {
		return custody.Forbidden("")
	}
	links, err := s.store.AccountLinks(r.Context(), actor)
	if err != nil {
		return err
	}
	_, names, err := s.people(r.Context(), actor)
	if err != nil {
		return err
	}
	lines := make([]linkLine, 0, len(links))
	for _, link := range links {
		lines = append(lines, linkLine{AccountLink: link, Maker: names[link.MadeBy], MayConfirm: link.CanConfirm(actor) == nil})
	}
	return s.show(w, r, http.StatusOK, "account_links", lines)
}

// doConfirmReset handles "POST /account-links/{id}/confirm".
func (s *server) doConfirmReset(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.ConfirmReset(r.Context(), actor, custody.AccountLinkID(chi.URLParam(r, "id"))); err != nil {
		return err
	}
	return s.done(w, r, "/account-links", "link.confirmed", nil)
}

// doWithdrawLink handles "POST /account-links/{id}/withdraw".
func (s *server) doWithdrawLink(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.WithdrawLink(r.Context(), actor, custody.AccountLinkID(chi.URLParam(r, "id"))); err != nil {
		return err
	}
	return s.done(w, r, "/account-links", "link.withdrawn", nil)
}

// joinPage is where somebody sets the password of their account, by a link.
type joinPage struct {
	custody.AccountLink
	Secret string
}

// join reads the link of the address, which no cache keeps.
func (s *server) join(w http.ResponseWriter, r *http.Request) (joinPage, error) {
	w.Header().Set("Cache-Control", "no-store")
	page := joinPage{Secret: chi.URLParam(r, "secret")}
	var err error
	if page.AccountLink, err = s.store.AccountLink(r.Context(), s.school.ID, page.Secret); err != nil {
		return page, err
	}
	return page, page.CanUse()
}

// pageJoin handles "GET /join/{secret}". Looking uses nothing up: programs that preview
// messages open links too.
func (s *server) pageJoin(w http.ResponseWriter, r *http.Request) error {
	page, err := s.join(w, r)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "join", page)
}

// doJoin handles "POST /join/{secret}".
func (s *server) doJoin(w http.ResponseWriter, r *http.Request) error {
	page, err := s.join(w, r)
	if err != nil {
		return err
	}
	if r.PostFormValue("password") != r.PostFormValue("again") {
		return s.showAgain(w, r, "join", page, passwordError("password_differs"))
	}
	hash, err := s.hashPassword(r.Context(), r.PostFormValue("password"), page.Name, page.Username)
	if err == nil {
		err = s.store.UseLink(r.Context(), s.school.ID, page.Secret, hash)
	}
	if err != nil {
		return s.showAgain(w, r, "join", page, err)
	}
	factor, err := s.store.SecondFactor(r.Context(), s.school.ID, page.Person)
	if err != nil {
		return err
	}
	if factor.Confirmed {
		return s.askCode(w, r, page.Person, "/")
	}
	account, err := s.store.AccountOf(r.Context(), s.school.ID, page.Person)
	if err != nil {
		return err
	}
	if err := s.beginSession(r.Context(), account, custody.OriginPassword); err != nil {
		return err
	}
	if err := s.rememberDevice(w, r, account); err != nil {
		return err
	}
	return s.done(w, r, "/", "link.used", nil)
}
