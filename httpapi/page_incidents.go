package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// incidentPage is one incident: what is next, what is late, what was done.
type incidentPage struct {
	store.TrackRow
	Next      *stepForm // the next step, when the reader may do it
	NextKind  custody.StepKind
	Others    []*stepForm // what else the reader may record now
	Later     []laterStep
	Deadlines []deadlineLine
	Manages   bool
	Unsettled int // doubtful signatures without a verdict
}

// stepForm is the form of a step, with what was typed.
type stepForm struct {
	custody.StepRule
	Done        moment
	PaperNumber string
	PaperDate   string
	Addressee   string
	Note        string
	Papers      bool // the form asks for a paper, needed or not
	Ends        bool // it can't be taken back: to be confirmed
	Ask         bool // the service asks the authority: a button, no form
	Open        bool // it was sent and refused
}

// laterStep is a step whose turn has not come, and the one before it.
type laterStep struct {
	Kind, First custody.StepKind
}

// deadlineLine is a deadline in words.
type deadlineLine struct {
	custody.Deadline
	Late  bool
	Words string
}

// LastMoment is the last that is in time: the end of a day belongs to that day.
func (l deadlineLine) LastMoment() time.Time { return l.Due.Add(-time.Nanosecond) }

func (s *server) deadlineLines(lang string, deadlines []custody.Deadline) []deadlineLine {
	now := s.now()
	lines := make([]deadlineLine, len(deadlines))
	for i, d := range deadlines {
		lines[i] = deadlineLine{Deadline: d, Late: d.Late(now), Words: s.deadlineWords(lang, d, now)}
	}
	return lines
}

// deadlineWords says how long there is: to the day from two days on, else to the
// hour, in the last hour to the minute.
func (s *server) deadlineWords(lang string, d custody.Deadline, now time.Time) string {
	if d.Met != nil {
		if d.Late(now) {
			return s.words.sentence(lang, "deadline.met_late", nil)
		}
		return s.words.sentence(lang, "deadline.met", nil)
	}
	key, span := "deadline.left_", d.Due.Sub(now)
	if span < 0 {
		key, span = "deadline.late_", -span
	}
	unit, n := "days", int(span/(24*time.Hour))
	if span < time.Hour {
		unit, n = "minutes", int(span/time.Minute)
	} else if span < 48*time.Hour {
		unit, n = "hours", int(span/time.Hour)
	}
	return s.words.sentence(lang, key+unit, map[string]string{"N": strconv.Itoa(n)})
}

// incidentPageOf prepares the page for who reads it. typed is a step that was sent
// and refused; nil = none.
func (s *server) incidentPageOf(r *http.Request, actor custody.Actor, typed *stepForm) (incidentPage, error) {
	row, err := s.store.IncidentTrack(r.Context(), actor, custody.IncidentID(chi.URLParam(r, "id")))
	if err != nil {
		return incidentPage{}, err
	}
	settings, err := s.store.Settings(r.Context(), actor)
	if err != nil {
		return incidentPage{}, err
	}
	page := incidentPage{TrackRow: row, NextKind: row.Track.Next(), Manages: actor.Roles.May(custody.RunRegister)}
	page.Deadlines = s.deadlineLines(requestOf(r.Context()).language, row.Deadlines)
	for _, d := range row.Doubtful {
		if d.Verdict == "" {
			page.Unsettled++
		}
	}
	for _, rule := range custody.StepRules {
		obstacle := row.Track.Obstacle(rule.Kind)
		if obstacle != nil {
			if first := obstacle.Params["first"]; first != "" && !rule.Optional {
				page.Later = append(page.Later, laterStep{Kind: rule.Kind, First: custody.StepKind(first)})
			}
			continue
		}
		if !mayRecord(actor, rule) {
			continue
		}
		form := &stepForm{StepRule: rule, Done: momentNow(s.now()), Ends: rule.Kind.Ends() != "", Papers: rule.Paper || rule.Kind == custody.StepAuthorityInformed,
			Ask: rule.Kind == custody.StepCertificateRevoked && row.Track.Askable}
		if rule.Kind == custody.StepRevocationAsked || rule.Kind == custody.StepDeviceReturned || rule.Kind == custody.StepDeviceLost {
			form.Addressee = settings.Value(custody.SettingRevokeTo)
		}
		if typed != nil && typed.Kind == rule.Kind {
			form.Done, form.PaperNumber, form.PaperDate, form.Addressee, form.Note, form.Open = typed.Done, typed.PaperNumber, typed.PaperDate, typed.Addressee, typed.Note, true
		}
		if rule.Kind == page.NextKind {
			page.Next = form
		} else {
			page.Others = append(page.Others, form)
		}
	}
	return page, nil
}

// mayRecord mirrors who records a step: the store decides.
func mayRecord(actor custody.Actor, rule custody.StepRule) bool {
	switch rule.By {
	case custody.ByAnyone:
		return true
	case custody.ByPrincipal:
		return actor.Roles.May(custody.HeadOnly)
	}
	return actor.Roles.May(custody.RunRegister)
}

// pageIncident handles "GET /incidents/{id}", and "GET /loss/{id}" of before.
func (s *server) pageIncident(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.incidentPageOf(r, actor, nil)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "incident", page)
}

// doIncidentStep handles "POST /incidents/{id}/steps".
func (s *server) doIncidentStep(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	rule, known := custody.RuleOfStep(custody.StepKind(r.PostFormValue("step")))
	if !known {
		return invalid("step", nil)
	}
	typed := &stepForm{StepRule: rule, Done: formMoment(r, "done"), PaperNumber: r.PostFormValue("paper_number"), PaperDate: r.PostFormValue("paper_date"),
		Addressee: r.PostFormValue("addressee"), Note: r.PostFormValue("note")}
	row, err := s.recordStep(r, actor, typed)
	if err != nil {
		page, pageErr := s.incidentPageOf(r, actor, typed)
		if pageErr != nil {
			return pageErr
		}
		return s.showAgain(w, r, "incident", page, err)
	}
	key := "incident.step_done"
	if state := rule.Kind.Ends(); state != "" {
		key = "incident.ended_" + string(state)
	}
	return s.done(w, r, "/incidents/"+string(row.ID), key, map[string]string{"Step": s.words.sentence(requestOf(r.Context()).language, "step."+string(rule.Kind), nil), "Token": row.TokenLabel})
}

func (s *server) recordStep(r *http.Request, actor custody.Actor, f *stepForm) (store.TrackRow, error) {
	done, err := f.Done.read("done_at")
	if err != nil {
		return store.TrackRow{}, err
	}
	day, err := readDay("paper_date", f.PaperDate)
	if err != nil {
		return store.TrackRow{}, err
	}
	if f.Kind.Ends() != "" && r.PostFormValue("confirmed") == "" {
		return store.TrackRow{}, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeInvalid, params: map[string]string{"field": "confirmed", "reason": "not_sure"}}
	}
	return s.store.RecordStep(r.Context(), actor, custody.IncidentID(chi.URLParam(r, "id")), store.NewStep{
		Step: custody.Step{Kind: f.Kind, DoneAt: done, PaperNumber: f.PaperNumber, PaperDate: day, Addressee: f.Addressee}, Note: f.Note,
	})
}

// doAskAuthority handles "POST /incidents/{id}/ask".
func (s *server) doAskAuthority(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	id := custody.IncidentID(chi.URLParam(r, "id"))
	answer, err := s.askAuthority(r.Context(), actor, id)
	var own *failure
	if errors.As(err, &own) {
		page, pageErr := s.incidentPageOf(r, actor, nil)
		if pageErr != nil {
			return pageErr
		}
		state := requestOf(r.Context())
		problem, _ := s.problemOf(err, state.language)
		state.code, state.err = problem.Code, err
		return s.render(w, r, problem.Status, "incident", &problem, page)
	}
	if err != nil {
		return err
	}
	if answer.status == authorityRevoked {
		return s.done(w, r, "/incidents/"+string(id), "incident.asked_revoked", map[string]string{"Source": answer.source})
	}
	return s.done(w, r, "/incidents/"+string(id), "incident.asked_good", map[string]string{"Source": answer.source})
}

// doReview handles "POST /incidents/{id}/reviews".
func (s *server) doReview(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	id := custody.IncidentID(chi.URLParam(r, "id"))
	verdict := custody.Verdict(r.PostFormValue("verdict"))
	if err := s.store.ReviewSignature(r.Context(), actor, id, custody.SignatureID(r.PostFormValue("signature")), verdict, r.PostFormValue("note")); err != nil {
		page, pageErr := s.incidentPageOf(r, actor, nil)
		if pageErr != nil {
			return pageErr
		}
		return s.showAgain(w, r, "incident", page, err)
	}
	return s.done(w, r, "/incidents/"+string(id)+"#doubtful", "review."+string(verdict), nil)
}

// incidentsPage lists the incidents that the reader may see.
type incidentsPage struct {
	Open    []incidentLine
	Ended   []incidentLine
	Manages bool
}

type incidentLine struct {
	store.TrackRow
	Next      custody.StepKind
	Deadlines []deadlineLine // not met
}

// pageIncidents handles "GET /incidents".
func (s *server) pageIncidents(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	rows, err := s.store.IncidentTracks(r.Context(), actor)
	if err != nil {
		return err
	}
	page := incidentsPage{Manages: actor.Roles.May(custody.ReadRegister)}
	for _, row := range rows {
		line := incidentLine{TrackRow: row, Next: row.Track.Next(), Deadlines: s.deadlineLines(requestOf(r.Context()).language, row.Open())}
		if row.State == string(custody.IncidentOpen) {
			page.Open = append(page.Open, line)
		} else {
			page.Ended = append(page.Ended, line)
		}
	}
	return s.show(w, r, http.StatusOK, "incidents", page)
}
