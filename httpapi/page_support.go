package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// supportListPage is the list of requests to the provider with its filters.
type supportListPage struct {
	State, Kind, Token string
	Kinds              []custody.SupportKind
	Tokens             []store.TokenRow
	Rows               []store.SupportRow
	Filtered           bool
	Older              string // address of the following page
}

// pageSupportRequests handles "GET /support".
func (s *server) pageSupportRequests(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	q := r.URL.Query()
	page := supportListPage{State: q.Get("state"), Kind: q.Get("kind"), Token: q.Get("token"), Kinds: custody.SupportKinds}
	var err error
	if page.Tokens, err = s.store.Tokens(r.Context(), actor); err != nil {
		return err
	}
	filter := store.SupportFilter{State: page.State, Kind: custody.SupportKind(page.Kind), Token: custody.TokenID(page.Token)}
	if from := q.Get("from"); from != "" {
		if filter.From, err = strconv.ParseInt(from, 10, 64); err != nil {
			return invalid("from", err)
		}
	}
	rows, next, err := s.store.SupportRequests(r.Context(), actor, filter)
	if err != nil {
		return err
	}
	page.Rows, page.Filtered = rows, page.State != "" || page.Kind != "" || page.Token != ""
	if next > 0 {
		page.Older = "/support?" + url.Values{"state": {page.State}, "kind": {page.Kind}, "token": {page.Token}, "from": {strconv.FormatInt(next, 10)}}.Encode()
	}
	return s.show(w, r, http.StatusOK, "support", page)
}

// newSupportPage is the form by which help is asked for.
type newSupportPage struct {
	Tokens      []store.TokenRow
	Token       string
	Kind        string
	Kinds       []custody.SupportKind
	Description string
	Present     string
	Wanted      string
	Lock        bool // the token's PIN is not reported locked: that is to be confirmed
}

func (s *server) newSupport(r *http.Request, actor custody.Actor) (newSupportPage, error) {
	page := newSupportPage{
		Token: r.FormValue("token"), Kind: r.FormValue("kind"), Kinds: custody.SupportKinds,
		Description: r.PostFormValue("description"), Present: r.PostFormValue("present"), Wanted: r.PostFormValue("wanted"),
	}
	rows, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return page, err
	}
	for _, row := range rows {
		own := row.Custodian == actor.Person || row.Owner == actor.Person
		if row.State != custody.Retired && (own || actor.Roles.May(custody.RunRegister)) {
			page.Tokens = append(page.Tokens, row)
		}
	}
	if page.Token == "" && len(page.Tokens) == 1 {
		page.Token = string(page.Tokens[0].ID)
	}
	return page, nil
}

// pageNewSupport handles "GET /support/new".
func (s *server) pageNewSupport(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.newSupport(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "support_new", page)
}

// doNewSupport handles "POST /support".
func (s *server) doNewSupport(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.newSupport(r, actor)
	if err != nil {
		return err
	}
	row, err := s.store.AskSupport(r.Context(), actor, store.NewSupport{
		Token: custody.TokenID(page.Token), Kind: custody.SupportKind(page.Kind), Description: page.Description, Present: page.Present, Wanted: page.Wanted,
		LockPIN: r.PostFormValue("lock_pin") != "",
	})
	if err != nil {
		var refused *custody.Error
		page.Lock = errors.As(err, &refused) && refused.Params["reason"] == custody.ReasonSupportNotLocked
		return s.showAgain(w, r, "support_new", page, err)
	}
	return s.done(w, r, "/support/"+string(row.ID), "support.asked_done", map[string]string{"Token": row.TokenLabel})
}

// supportPage is one request: what was asked, what became of it, what comes next.
type supportPage struct {
	store.SupportRow
	PIN   bool   // it is about the token's PIN, which has a page of its own
	Paper string // address of the form to be made for it; "" when there is none to make

	// The form of the next step, as it was filled in.
	Wrong       string // the step that was not taken
	Addressee   string
	PaperNumber string
	PaperOn     string
	DueDay      string
	Note        string
}

// supportPapers are the kinds of papers by the number of their form.
var supportPapers = map[string]string{"04": "renewal_request", "06": "recovery_request"}

func (s *server) support(r *http.Request, actor custody.Actor) (supportPage, error) {
	row, err := s.store.Support(r.Context(), actor, custody.SupportID(chi.URLParam(r, "id")))
	if err != nil {
		return supportPage{}, err
	}
	page := supportPage{SupportRow: row, PIN: row.Kind == custody.SupportUnlock, Addressee: row.Addressee, PaperOn: string(custody.DateOf(s.now()))}
	settings, err := s.store.Settings(r.Context(), actor)
	if err != nil {
		return supportPage{}, err
	}
	if page.Addressee == "" {
		page.Addressee = custody.SupportAddressee(row.Kind, settings)
	}
	page.DueDay = string(settings.AddWorkingDays(custody.DateOf(s.now()), custody.SupportAnswerDays))
	if paper := supportPapers[row.Kind.Form()]; paper != "" && actor.Roles.May(custody.RunRegister) && row.State.Open() {
		page.Paper = "/papers/new?" + url.Values{"kind": {paper}, "token": {string(row.Token)}, "support": {string(row.ID)}}.Encode()
	}
	return page, nil
}

// pageSupport handles "GET /support/{id}".
func (s *server) pageSupport(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.support(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "support_request", page)
}

// doSupportStep handles "POST /support/{id}/steps".
func (s *server) doSupportStep(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.support(r, actor)
	if err != nil {
		return err
	}
	to := custody.SupportState(r.PostFormValue("state"))
	page.Wrong, page.Note = string(to), r.PostFormValue("note")
	page.PaperNumber, page.PaperOn = r.PostFormValue("paper_number"), r.PostFormValue("paper_on")
	step := custody.SupportStep{To: to, PaperNumber: page.PaperNumber, Note: page.Note}
	if to == custody.SupportSent {
		page.Addressee, page.DueDay = r.PostFormValue("addressee"), r.PostFormValue("due")
		step.Addressee = page.Addressee
		if step.Due, err = readDay("due", page.DueDay); err != nil {
			return s.showAgain(w, r, "support_request", page, err)
		}
	}
	if step.PaperOn, err = readDay("paper_on", page.PaperOn); err != nil {
		return s.showAgain(w, r, "support_request", page, err)
	}
	if step.PaperNumber == "" && to != custody.SupportSent {
		step.PaperOn = "" // the day stands in the form already; without a number it is none of a paper
	}
	row, err := s.store.StepSupport(r.Context(), actor, page.ID, step)
	if err != nil {
		return s.showAgain(w, r, "support_request", page, err)
	}
	return s.done(w, r, "/support/"+string(row.ID), "support.step_done", map[string]string{"Token": row.TokenLabel})
}

// supportOrCheckField words a field of an entry about a request or a custody check.
func supportOrCheckField(field *entryField, kind string) {
	switch field.Name {
	case "state":
		if kind == string(signinglog.TypeSupportStep) {
			field.Set = "support_state"
		}
	case "support":
		field.Link = "/support/" + field.Value
	case "check":
		field.Link = "/checks/" + field.Value
	case "request_entry", "opening_entry":
		field.Link = "/log/" + field.Value
	case "due_on", "paper_on":
		field.Value = writtenDay(field.Value)
	}
}
