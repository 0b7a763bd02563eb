package httpapi

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// checksPage is the list of custody checks.
type checksPage struct {
	Rows    []store.CheckRow
	MayOpen bool // who manages the register, while none is open
}

// pageChecks handles "GET /checks".
func (s *server) pageChecks(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	rows, err := s.store.Checks(r.Context(), actor)
	if err != nil {
		return err
	}
	open := slices.ContainsFunc(rows, func(row store.CheckRow) bool { return row.ClosedAt == nil })
	return s.show(w, r, http.StatusOK, "checks", checksPage{Rows: rows, MayOpen: actor.Roles.May(custody.RunRegister) && !open})
}

// newCheckPage is the form that opens a custody check.
type newCheckPage struct {
	Kinds  []custody.CheckKind
	Kind   string
	Due    string // as typed
	Note   string
	Tokens []store.TokenRow // that it will list
}

func (s *server) newCheck(r *http.Request, actor custody.Actor) (newCheckPage, error) {
	page := newCheckPage{Kinds: custody.CheckKinds, Kind: r.PostFormValue("kind"), Due: r.PostFormValue("due"), Note: r.PostFormValue("note")}
	rows, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return page, err
	}
	for _, row := range rows {
		if row.State != custody.Retired {
			page.Tokens = append(page.Tokens, row)
		}
	}
	return page, nil
}

// pageNewCheck handles "GET /checks/new".
func (s *server) pageNewCheck(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.newCheck(r, actor)
	if err != nil {
		return err
	}
	settings, err := s.store.Settings(r.Context(), actor)
	if err != nil {
		return err
	}
	page.Kind, page.Due = string(custody.MonthlyCheck), string(settings.AddWorkingDays(custody.DateOf(s.now()), custody.CheckDays))
	return s.show(w, r, http.StatusOK, "check_new", page)
}

// doNewCheck handles "POST /checks".
func (s *server) doNewCheck(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.newCheck(r, actor)
	if err != nil {
		return err
	}
	due, err := readDay("due", page.Due)
	if err == nil && due == "" {
		err = invalid("due", nil)
	}
	if err != nil {
		return s.showAgain(w, r, "check_new", page, err)
	}
	row, err := s.store.OpenCheck(r.Context(), actor, store.NewCheck{Kind: custody.CheckKind(page.Kind), Due: due, Note: page.Note})
	if err != nil {
		return s.showAgain(w, r, "check_new", page, err)
	}
	return s.done(w, r, "/checks/"+string(row.ID), "check.opened_done", map[string]string{"Due": writtenDay(due)})
}

// checkPage is one custody check: what is waited for, or what was found.
type checkPage struct {
	store.CheckRow
	People   []store.PersonRow // who may be named as the second person
	MayEnd   bool
	MayPaper bool // minutes can be made of it

	// The step that was not taken, as it was filled in.
	WrongToken string
	Wrong      string
	Reason     string
}

func (s *server) check(r *http.Request, actor custody.Actor) (checkPage, error) {
	row, err := s.store.Check(r.Context(), actor, custody.CheckID(chi.URLParam(r, "id")))
	if err != nil {
		return checkPage{}, err
	}
	page := checkPage{CheckRow: row, MayEnd: actor.Roles.May(custody.RunRegister) && row.ClosedAt == nil, MayPaper: custody.CanIssuePaper(actor) == nil}
	if !page.MayEnd {
		return page, nil
	}
	people, err := s.store.People(r.Context(), actor)
	if err != nil {
		return checkPage{}, err
	}
	for _, person := range people {
		if person.ID != actor.Person && person.Username != "" && !accountEnded(person, custody.DateOf(s.now())) {
			page.People = append(page.People, person)
		}
	}
	return page, nil
}

// pageCheck handles "GET /checks/{id}"; printed, it is the report.
func (s *server) pageCheck(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.check(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "check", page)
}

// checkStepDone is what is told after a step.
var checkStepDone = map[custody.CheckStepKind]string{
	custody.StepSeen: "check.seen_done", custody.StepWitnessed: "check.witnessed_done", custody.StepNotWitnessed: "check.not_witnessed_done",
	custody.StepNotAtHand: "check.not_at_hand_done", custody.StepExcused: "check.excused_done",
}

// doCheckStep handles "POST /checks/{id}/steps".
func (s *server) doCheckStep(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.check(r, actor)
	if err != nil {
		return err
	}
	kind := custody.CheckStepKind(r.PostFormValue("kind"))
	page.WrongToken, page.Wrong, page.Reason = r.PostFormValue("token"), string(kind), r.PostFormValue("reason")
	_, err = s.store.StepCheck(r.Context(), actor, page.ID, store.NewCheckStep{
		Token: custody.TokenID(page.WrongToken), Kind: kind, Witness: custody.PersonID(r.PostFormValue("witness")), Reason: page.Reason,
	})
	if err != nil {
		return s.showAgain(w, r, "check", page, err)
	}
	return s.done(w, r, "/checks/"+string(page.ID), checkStepDone[kind], nil)
}

// pageCloseCheck handles "GET /checks/{id}/close": what closing it will fix.
func (s *server) pageCloseCheck(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.check(r, actor)
	if err != nil {
		return err
	}
	if !page.MayEnd {
		return custody.Conflict(custody.ReasonCheckClosed)
	}
	return s.show(w, r, http.StatusOK, "check_close", page)
}

// doCloseCheck handles "POST /checks/{id}/close".
func (s *server) doCloseCheck(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.check(r, actor)
	if err != nil {
		return err
	}
	page.Reason = r.PostFormValue("conclusion")
	if page.Counts.Left() > 0 && r.PostFormValue("missing_known") == "" {
		return s.showAgain(w, r, "check_close", page, &failure{status: http.StatusUnprocessableEntity, code: "invalid", params: map[string]string{"reason": "missing_not_known"}})
	}
	if _, err := s.store.CloseCheck(r.Context(), actor, page.ID, page.Reason); err != nil {
		return s.showAgain(w, r, "check_close", page, err)
	}
	return s.done(w, r, "/checks/"+string(page.ID), "check.closed_done", nil)
}
