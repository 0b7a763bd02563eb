package httpapi

import (
	"net/http"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
)

// lossPage is the form by which a loss is reported. It is made for a phone and a
// person in a hurry: the token is chosen already when there is only one, the time
// is now unless changed, one sentence is enough.
type lossPage struct {
	Mine        []lossToken // that the person holds or owns
	Others      []lossToken // that they may report as well: managers see all
	Token       string
	Chosen      *lossToken
	Kind        string
	Discovered  moment
	LastUse     string // log, at or unknown: what the last certain use is
	Used        moment // with at
	Place       string
	Description string
	PIN         string    // custody.PINExposure
	At          time.Time // Discovered, read; zero when it can't be
	UsedAt      time.Time // the last certain use; zero = not known
	Fresh       bool      // Discovered is now, as the form begins

	onErr, usedErr error // why Discovered and Used can't be read
}

// lossToken is a token with the last use that the log knows of.
type lossToken struct {
	store.TokenRow
	LastUsed time.Time // zero = none
}

// What the last certain use is.
const (
	lastUseLog     = "log"
	lastUseAt      = "at"
	lastUseUnknown = "unknown"
)

func (s *server) loss(r *http.Request, actor custody.Actor) (lossPage, error) {
	page := lossPage{
		Token: r.FormValue("token"), Kind: r.PostFormValue("kind"), Discovered: formMoment(r, "discovered"), LastUse: r.PostFormValue("last_use"), Used: formMoment(r, "last_used"),
		Place: r.PostFormValue("place"), Description: r.PostFormValue("description"), PIN: r.PostFormValue("pin"),
	}
	if r.Method == http.MethodGet {
		page.Discovered, page.Fresh = momentNow(s.now()), true
	}
	page.At, page.onErr = page.Discovered.read("discovered_at")
	rows, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return lossPage{}, err
	}
	used, err := s.store.TokenLastUsed(r.Context(), actor)
	if err != nil {
		return lossPage{}, err
	}
	for _, row := range rows {
		switch token := (lossToken{row, used[row.ID]}); {
		case row.State == custody.Retired:
		case row.Custodian == actor.Person || row.Custodian == "" && row.Owner == actor.Person:
			page.Mine = append(page.Mine, token)
		default:
			page.Others = append(page.Others, token)
		}
	}
	if page.Token == "" && len(page.Mine) == 1 {
		page.Token = string(page.Mine[0].ID)
	}
	for _, tokens := range [][]lossToken{page.Mine, page.Others} {
		for i, token := range tokens {
			if string(token.ID) == page.Token {
				page.Chosen = &tokens[i]
			}
		}
	}
	switch page.LastUse {
	case lastUseLog:
		if page.Chosen != nil {
			page.UsedAt = page.Chosen.LastUsed
		}
	case lastUseAt:
		page.UsedAt, page.usedErr = page.Used.read("last_used_at")
	}
	return page, nil
}

// OtherChosen reports whether the token chosen is not one of the person's own.
func (p lossPage) OtherChosen() bool {
	for _, token := range p.Others {
		if string(token.ID) == p.Token {
			return true
		}
	}
	return false
}

// check reads what was filled in.
func (p *lossPage) check() error {
	switch {
	case p.Chosen == nil:
		return invalid("token", nil)
	case !custody.IncidentKind(p.Kind).Valid():
		return invalid("kind", nil)
	case p.onErr != nil:
		return p.onErr
	case p.At.IsZero():
		return invalid("discovered_at", nil)
	case p.usedErr != nil:
		return p.usedErr
	case p.LastUse == lastUseAt && p.UsedAt.IsZero():
		return invalid("last_used_at", nil)
	case !p.UsedAt.IsZero() && p.LastUse == lastUseAt && p.UsedAt.After(p.At):
		return &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid, Params: map[string]string{"field": "last_used_at", "reason": custody.ReasonAfterDiscovery}}
	case p.Description == "":
		return invalid("description", nil)
	case !custody.PINExposure(p.PIN).Valid():
		return invalid("pin", nil)
	}
	return nil
}

// pageLoss handles "GET /loss".
func (s *server) pageLoss(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.loss(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "loss", page)
}

// doLoss handles "POST /loss": the form filled in is shown once more; confirmed,
// the token is blocked that second.
func (s *server) doLoss(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.loss(r, actor)
	if err != nil {
		return err
	}
	if r.PostFormValue("change") != "" {
		return s.show(w, r, http.StatusOK, "loss", page)
	}
	if err := page.check(); err != nil {
		return s.showAgain(w, r, "loss", page, err)
	}
	if r.PostFormValue("confirmed") == "" {
		return s.show(w, r, http.StatusOK, "loss_confirm", page)
	}
	n := store.NewIncident{
		Token: custody.TokenID(page.Token), Kind: custody.IncidentKind(page.Kind), DiscoveredAt: page.At, LastUsedAt: page.UsedAt,
		Place: page.Place, Description: page.Description, PIN: custody.PINExposure(page.PIN),
	}
	if n.LastUsedAt.After(n.DiscoveredAt) {
		n.LastUsedAt = time.Time{} // the log's last signature came after the loss: it is no certain use
	}
	row, err := s.store.ReportIncident(r.Context(), actor, n)
	if err != nil {
		return s.showAgain(w, r, "loss", page, err)
	}
	http.Redirect(w, r, "/incidents/"+string(row.ID), http.StatusSeeOther)
	return nil
}
