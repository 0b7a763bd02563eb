package httpapi

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// pinPage is the story of a token's PIN: the steps that may come next.
type pinPage struct {
	Token                       store.TokenRow
	MayLock, MayAsk, MayRecover bool
	FormNumber, FormDate, Note  string

	Support    custody.SupportID // the open request to unlock it, if the person sees one
	AskSupport bool              // there is none, and it may be asked for
}

func (s *server) pin(r *http.Request, actor custody.Actor) (pinPage, error) {
	token, err := s.store.Token(r.Context(), actor, custody.TokenID(chi.URLParam(r, "id")))
	if err != nil {
		return pinPage{}, err
	}
	facts := custody.CustodyFacts{Token: token.Token}
	if token.Custodian != "" {
		facts.Custody = &custody.Custody{Person: token.Custodian}
	}
	may := custody.StepsFrom(token.State)
	mine := custody.CanLockPIN(actor, facts) == nil
	page := pinPage{Token: token, MayLock: mine && slices.Contains(may, custody.TokenLockPIN),
		MayAsk:     actor.Roles.May(custody.RunRegister) && slices.Contains(may, custody.TokenAskRecovery),
		MayRecover: mine && slices.Contains(may, custody.TokenRecover),
		FormNumber: r.PostFormValue("form_number"), FormDate: r.PostFormValue("form_date"), Note: r.PostFormValue("note")}
	requests, _, err := s.store.SupportRequests(r.Context(), actor, store.SupportFilter{Token: token.ID, Kind: custody.SupportUnlock, State: "open", Limit: 1})
	if err != nil {
		return pinPage{}, err
	}
	if len(requests) > 0 {
		page.Support = requests[0].ID
	}
	page.AskSupport = page.Support == "" && mine && token.State == custody.PINLocked
	return page, nil
}

// pagePIN handles "GET /tokens/{id}/pin".
func (s *server) pagePIN(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.pin(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "pin", page)
}

// doPIN handles "POST /tokens/{id}/pin". No PIN is ever typed here.
func (s *server) doPIN(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.pin(r, actor)
	if err != nil {
		return err
	}
	token, key := page.Token.ID, ""
	switch custody.PINStep(r.PostFormValue("step")) {
	case custody.PINStepLocked:
		key, err = "pin.locked_done", s.store.LockPIN(r.Context(), actor, token, page.Note)
	case custody.PINStepAsked:
		var day custody.Date
		if day, err = readDay("form_date", page.FormDate); err == nil {
			key, err = "pin.asked_done", s.store.AskRecovery(r.Context(), actor, token, page.FormNumber, day)
		}
	case custody.PINStepRecovered:
		key, err = "pin.recovered_done", s.store.RecoverPIN(r.Context(), actor, token, page.Note)
	default:
		err = invalid("step", nil)
	}
	if err != nil {
		return s.showAgain(w, r, "pin", page, err)
	}
	return s.done(w, r, "/tokens/"+string(token)+"/pin", key, map[string]string{"Token": page.Token.Label})
}

// retirePage takes a token out of use: a form, then everything once more to be
// confirmed, since it is for good.
type retirePage struct {
	Token               store.TokenRow
	Kinds               []custody.RetirementKind
	Kind, Reason, Paper string
	Confirm             bool
}

func (s *server) retirement(r *http.Request, actor custody.Actor) (retirePage, error) {
	token, err := s.store.Token(r.Context(), actor, custody.TokenID(chi.URLParam(r, "id")))
	return retirePage{Token: token, Kinds: custody.RetirementKinds, Kind: r.PostFormValue("kind"), Reason: r.PostFormValue("reason"), Paper: r.PostFormValue("paper")}, err
}

// pageRetire handles "GET /tokens/{id}/retire".
func (s *server) pageRetire(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.retirement(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "retire", page)
}

// doRetire handles "POST /tokens/{id}/retire".
func (s *server) doRetire(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.retirement(r, actor)
	switch {
	case err != nil:
		return err
	case r.PostFormValue("change") != "":
		return s.show(w, r, http.StatusOK, "retire", page)
	case !custody.RetirementKind(page.Kind).Valid():
		return s.showAgain(w, r, "retire", page, invalid("kind", nil))
	case page.Reason == "":
		return s.showAgain(w, r, "retire", page, invalid("reason", nil))
	case r.PostFormValue("confirmed") == "":
		page.Confirm = true
		return s.show(w, r, http.StatusOK, "retire", page)
	}
	if err := s.store.Retire(r.Context(), actor, store.NewRetirement{Token: page.Token.ID, Kind: custody.RetirementKind(page.Kind), Reason: page.Reason, Paper: page.Paper}); err != nil {
		return s.showAgain(w, r, "retire", page, err)
	}
	return s.done(w, r, "/tokens", "retire.done", map[string]string{"Token": page.Token.Label})
}
