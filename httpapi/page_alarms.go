package httpapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
)

// maxAlarm bounds the body of an alarm: its texts, and what encodes them.
const maxAlarm = 16 << 10

// Bounds of an alarm's texts, in characters.
const (
	maxAlarmLine = 120
	maxAlarmText = 1000
)

// reportLossPage is the form for somebody who is not signed in.
type reportLossPage struct {
	Kind, Name, Contact, Description string
}

// pageReportLoss handles "GET /report-loss".
func (s *server) pageReportLoss(w http.ResponseWriter, r *http.Request) error {
	return s.show(w, r, http.StatusOK, "report_loss", reportLossPage{})
}

// doReportLoss handles "POST /report-loss". Whatever is written is answered in the
// same way: nobody learns from it who is at the school and who holds what.
func (s *server) doReportLoss(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxAlarm)
	if err := r.ParseForm(); err != nil {
		return err
	}
	page := reportLossPage{Kind: r.PostForm.Get("kind"), Name: r.PostForm.Get("name"), Contact: r.PostForm.Get("contact"), Description: r.PostForm.Get("description")}
	err := page.check()
	if err == nil {
		err = s.raiseAlarm(r.Context(), store.NewAlarm{Kind: custody.IncidentKind(page.Kind), Name: page.Name, Contact: page.Contact, Description: page.Description})
	}
	if err != nil {
		return s.showAgain(w, r, "report_loss", page, err)
	}
	http.Redirect(w, r, "/report-loss/sent", http.StatusSeeOther)
	return nil
}

func (p reportLossPage) check() error {
	for _, field := range []struct {
		name, value string
		most        int
	}{{"name", p.Name, maxAlarmLine}, {"contact", p.Contact, maxAlarmLine}, {"description", p.Description, maxAlarmText}} {
		if n := len([]rune(field.value)); n == 0 || n > field.most {
			return invalid(field.name, nil)
		}
	}
	if !custody.IncidentKind(p.Kind).Valid() {
		return invalid("kind", nil)
	}
	return nil
}

// pageReportLossSent handles "GET /report-loss/sent".
func (s *server) pageReportLossSent(w http.ResponseWriter, r *http.Request) error {
	return s.show(w, r, http.StatusOK, "report_loss_sent", nil)
}

// alarmsPage lists what was told without a sign-in, and the tokens to choose from.
type alarmsPage struct {
	Open    []store.AlarmRow
	Decided []store.AlarmRow
	Tokens  []store.TokenRow // that can be blocked
	Typed   map[string]string
}

func (s *server) alarms(r *http.Request, actor custody.Actor) (alarmsPage, error) {
	page := alarmsPage{Typed: map[string]string{"alarm": chi.URLParam(r, "id"), "reason": r.PostFormValue("reason"), "token": r.PostFormValue("token")}}
	rows, err := s.store.Alarms(r.Context(), actor)
	if err != nil {
		return page, err
	}
	for _, row := range rows {
		if row.State == custody.AlarmOpen {
			page.Open = append(page.Open, row)
		} else {
			page.Decided = append(page.Decided, row)
		}
	}
	tokens, err := s.store.Tokens(r.Context(), actor)
	if err != nil {
		return page, err
	}
	for _, token := range tokens {
		if token.State != custody.Retired {
			page.Tokens = append(page.Tokens, token)
		}
	}
	return page, nil
}

// pageAlarms handles "GET /alarms".
func (s *server) pageAlarms(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.alarms(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "alarms", page)
}

// doBlockByAlarm handles "POST /alarms/{id}/block".
func (s *server) doBlockByAlarm(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	token := custody.TokenID(r.PostFormValue("token"))
	err := invalid("token", nil)
	var incident store.IncidentRow
	if token != "" {
		incident, err = s.store.BlockByAlarm(r.Context(), actor, custody.AlarmID(chi.URLParam(r, "id")), token)
	}
	if err != nil {
		return s.alarmsAgain(w, r, actor, err)
	}
	http.Redirect(w, r, "/incidents/"+string(incident.ID), http.StatusSeeOther)
	return nil
}

// doDismissAlarm handles "POST /alarms/{id}/dismiss".
func (s *server) doDismissAlarm(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.DismissAlarm(r.Context(), actor, custody.AlarmID(chi.URLParam(r, "id")), r.PostFormValue("reason")); err != nil {
		return s.alarmsAgain(w, r, actor, err)
	}
	return s.done(w, r, "/alarms", "alarm.dismissed", nil)
}

func (s *server) alarmsAgain(w http.ResponseWriter, r *http.Request, actor custody.Actor, err error) error {
	page, pageErr := s.alarms(r, actor)
	if pageErr != nil {
		return pageErr
	}
	return s.showAgain(w, r, "alarms", page, err)
}
