package httpapi

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// lossPage is the form by which a loss is reported. It is made for a phone and a
// person in a hurry: the token is chosen already when there is only one, the time
// is now unless changed, one sentence is enough.
type lossPage struct {
	Tokens      []store.TokenRow
	Token       string
	Chosen      *store.TokenRow
	Kind        string
	Discovered  string // 2006-01-02T15:04 in the school's zone
	Latest      string // same form: nothing is discovered in the future
	Place       string
	Description string
	PINExposed  bool
	At          time.Time // Discovered, read; zero when it can't be
	Fresh       bool      // Discovered is now, as the form begins
}

const fieldTime = "2006-01-02T15:04"

func (s *server) loss(r *http.Request, actor custody.Actor) (lossPage, error) {
	now := s.now().In(custody.SchoolZone).Format(fieldTime)
	page := lossPage{
		Token: r.FormValue("token"), Kind: r.PostFormValue("kind"), Discovered: r.PostFormValue("discovered_at"), Latest: now,
		Place: r.PostFormValue("place"), Description: r.PostFormValue("description"), PINExposed: r.PostFormValue("pin_exposed") != "",
	}
	if page.Discovered == "" && r.Method == http.MethodGet {
		page.Discovered, page.Fresh = now, true
	}
	if at, err := time.ParseInLocation(fieldTime, page.Discovered, custody.SchoolZone); err == nil {
		page.At = at
	}
	rows, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return lossPage{}, err
	}
	for _, row := range rows {
		if row.State != custody.Retired {
			page.Tokens = append(page.Tokens, row)
		}
	}
	if page.Token == "" && len(page.Tokens) == 1 {
		page.Token = string(page.Tokens[0].ID)
	}
	for i, row := range page.Tokens {
		if string(row.ID) == page.Token {
			page.Chosen = &page.Tokens[i]
		}
	}
	return page, nil
}

// check reads what was filled in.
func (p *lossPage) check() error {
	if p.Chosen == nil {
		return invalid("token", nil)
	}
	if !custody.IncidentKind(p.Kind).Valid() {
		return invalid("kind", nil)
	}
	if p.At.IsZero() {
		return invalid("discovered_at", nil)
	}
	if p.Description == "" {
		return invalid("description", nil)
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
	row, err := s.store.ReportIncident(r.Context(), actor, store.NewIncident{
		Token: custody.TokenID(page.Token), Kind: custody.IncidentKind(page.Kind), DiscoveredAt: page.At,
		Place: page.Place, Description: page.Description, PINExposed: page.PINExposed,
	})
	if err != nil {
		return s.showAgain(w, r, "loss", page, err)
	}
	http.Redirect(w, r, "/loss/"+string(row.ID), http.StatusSeeOther)
	return nil
}

// pageIncident handles "GET /loss/{id}": blocked since when, and what to do next.
func (s *server) pageIncident(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	rows, err := s.store.Incidents(r.Context(), actor)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if string(row.ID) == chi.URLParam(r, "id") {
			return s.show(w, r, http.StatusOK, "incident", row)
		}
	}
	return custody.NotFound("incident")
}
