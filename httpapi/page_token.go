package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// tokenPage is one token with its whole life: who holds it, since when, under which
// paper, what is open, and every step that led there.
type tokenPage struct {
	tokenCard
	Timeline     store.TokenTimeline
	Bar          custodyBar
	Certificates []certificateLine // newest first
	Current      *certificateLine
	Proposals    []store.CertificateProposal
	Steps        []stepLine
	MostSigned   int64 // of a month, for the bars
	Reported     *custody.Incident
	MayPlace     bool
	MayRegister  bool
	Place        string // as filled in
	Wrong        string // the form that was not taken: "certificate" or "place"
}

// stepLine is a step of a token's life.
type stepLine struct {
	logLine
	Visible bool   // the reader may open the entry
	More    string // what the type of step adds: a place, a source, a paper
	Set     string // of fixed values whose names the catalogue has, for More
}

func (s *server) token(r *http.Request, actor custody.Actor) (tokenPage, error) {
	ctx := r.Context()
	timeline, err := s.store.Timeline(ctx, actor, custody.TokenID(chi.URLParam(r, "id")))
	if err != nil {
		return tokenPage{}, err
	}
	settings, err := s.store.Settings(ctx, actor)
	if err != nil {
		return tokenPage{}, err
	}
	_, names, err := s.people(ctx, actor)
	if err != nil {
		return tokenPage{}, err
	}
	proposals, err := s.store.CertificateProposals(ctx, actor)
	if err != nil {
		return tokenPage{}, err
	}
	var open []store.HandOverRow
	if timeline.Open != nil {
		open = append(open, *timeline.Open)
	}
	page := tokenPage{tokenCard: s.card(timeline.TokenRow, open), Timeline: timeline, Bar: barOf(timeline, s.now()), Place: timeline.Place,
		MayRegister: actor.Roles.May(custody.RunRegister), MayPlace: actor.Roles.May(custody.RunRegister) || timeline.Custodian == actor.Person}
	if actor.Roles.May(custody.RunRegister) {
		page.tokenCard = s.managerCard(timeline.TokenRow, open, actor)
	} else if timeline.Custodian != actor.Person {
		page.MayOffer = false
	}
	for _, c := range slices.Backward(timeline.TokenRow.Certificates) {
		line := s.certificateLine(timeline.TokenRow, c, settings)
		page.Certificates = append(page.Certificates, line)
		if line.Current {
			page.Current = &line
		}
	}
	for _, p := range proposals {
		if p.Token == timeline.ID {
			page.Proposals = append(page.Proposals, p)
		}
	}
	for _, incident := range timeline.Incidents {
		if incident.State == "open" {
			page.Reported = &incident
			break
		}
	}
	labels := map[string]string{string(timeline.ID): cmp.Or(timeline.Label, timeline.Serial)}
	for _, step := range timeline.Steps {
		page.Steps = append(page.Steps, stepOf(step, timeline.TokenRow.Certificates, names, labels))
	}
	for _, month := range timeline.Months {
		page.MostSigned = max(page.MostSigned, month.Count)
	}
	return page, nil
}

func stepOf(step store.TimelineStep, certificates []custody.Certificate, names map[custody.PersonID]string, labels map[string]string) stepLine {
	line := stepLine{logLine: logLineOf(step.LogRow, names, labels), Visible: step.Visible}
	entry, err := signinglog.Parse(step.Bytes)
	if err != nil {
		return line
	}
	f := entry.Fields
	switch entry.Type {
	case signinglog.TypePlacing:
		line.More = f["place"]
	case signinglog.TypeRevocation:
		line.More = f["source"]
	case signinglog.TypePossession:
		line.More, line.Set = f["purpose"], "purpose"
	case signinglog.TypeOffer:
		if number := f["permission_number"]; number != "" {
			line.More = number + " · " + custody.Date(f["permission_on"]).Written()
		}
	case signinglog.TypeToken, signinglog.TypeCertificate:
		for _, c := range certificates {
			if c.SHA256 == f[signinglog.FieldCertificate] {
				line.More = custody.DateOf(c.NotBefore).Written() + " – " + custody.DateOf(c.NotAfter).Written()
			}
		}
	}
	return line
}

// pageToken handles "GET /tokens/{id}".
func (s *server) pageToken(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.token(r, actor)
	if err != nil {
		return err
	}
	return s.show(w, r, http.StatusOK, "token", page)
}

// doPlace handles "POST /tokens/{id}/place".
func (s *server) doPlace(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page, err := s.token(r, actor)
	if err != nil {
		return err
	}
	page.Place = r.PostFormValue("place")
	if err := s.store.PlaceToken(r.Context(), actor, page.ID, page.Place); err != nil {
		page.Wrong = "place"
		return s.showAgain(w, r, "token", page, err)
	}
	return s.done(w, r, "/tokens/"+string(page.ID), "token.placed", map[string]string{"Place": page.Place})
}

// custodyBar shows who held a token when, drawn by the server: its numbers are
// percentages of the bar's width. The page has the same as a table.
type custodyBar struct {
	From, Until time.Time
	Spans       []barSpan
	Reports     []barSpan // while the token was blocked
	Ticks       []barTick
}

// barSpan is a stretch of the bar.
type barSpan struct {
	Person      string // "" = the safe
	Short       string // what fits
	From, Until time.Time
	Open        bool // goes on
	Entry       int64
	At, Width   float64
	Colour      int // 0 is the safe; people from 1 on, in the order they came
}

type barTick struct {
	At    float64
	Label string
}

// narrowest is the least width of a stretch: who held a token for an hour in five
// years is to be seen.
const narrowest = 0.6

// colours is how many people have a colour of their own before they begin again.
const colours = 6

func barOf(t store.TokenTimeline, now time.Time) custodyBar {
	from := now
	for _, c := range t.Custodies {
		if c.Since.Before(from) {
			from = c.Since
		}
	}
	if len(t.Steps) > 0 && !t.More {
		if registered := t.Steps[len(t.Steps)-1].At; registered.Before(from) {
			from = registered
		}
	}
	bar := custodyBar{From: from, Until: now}
	whole := now.Sub(from)
	if whole <= 0 {
		whole = time.Second
	}
	place := func(span barSpan) barSpan {
		span.At = 100 * float64(span.From.Sub(from)) / float64(whole)
		span.Width = max(100*float64(span.Until.Sub(span.From))/float64(whole), narrowest)
		span.At = min(span.At, 100-span.Width)
		return span
	}
	known := map[string]int{}
	last := from
	safe := func(until time.Time, open bool) {
		if until.Sub(last) >= time.Minute || open { // from the registration to the hand-over after it is no stay
			bar.Spans = append(bar.Spans, place(barSpan{From: last, Until: until, Open: open}))
		}
	}
	for _, c := range t.Custodies {
		safe(c.Since, false)
		key := string(c.Person)
		if known[key] == 0 {
			known[key] = len(known)%colours + 1
		}
		span := barSpan{Person: cmp.Or(c.Name, "…"), Short: givenName(c.Name), From: c.Since, Until: now, Open: c.Until == nil, Entry: c.Entry, Colour: known[key]}
		if c.Until != nil {
			span.Until = *c.Until
		}
		bar.Spans = append(bar.Spans, place(span))
		last = span.Until
	}
	if len(t.Custodies) == 0 || !bar.Spans[len(bar.Spans)-1].Open {
		safe(now, true)
	}
	ends := incidentEnds(t.Steps)
	for _, incident := range t.Incidents {
		if incident.State == string(custody.IncidentOpen) {
			bar.Reports = append(bar.Reports, place(barSpan{From: incident.ReportedAt, Until: now, Open: true, Entry: incident.Entry}))
		} else if end, ok := ends[string(incident.ID)]; ok {
			bar.Reports = append(bar.Reports, place(barSpan{From: incident.ReportedAt, Until: end, Entry: incident.Entry}))
		}
	}
	bar.Ticks = yearTicks(from, now, whole)
	return bar
}

// incidentEnds finds when incidents ended: the step that cleared or closed each, as far
// as the steps go back.
func incidentEnds(steps []store.TimelineStep) map[string]time.Time {
	ends := map[string]time.Time{}
	for _, step := range steps { // newest first
		if step.Type != string(signinglog.TypeIncidentStep) {
			continue
		}
		entry, err := signinglog.Parse(step.Bytes)
		if err != nil {
			continue // the log's page says what is wrong with it
		}
		switch custody.StepKind(entry.Fields["step"]) {
		case custody.StepCleared, custody.StepClosed:
			if id := entry.Fields["incident"]; ends[id].IsZero() {
				ends[id] = step.At
			}
		}
	}
	return ends
}

func yearTicks(from, until time.Time, whole time.Duration) []barTick {
	var ticks []barTick
	for year := from.In(custody.SchoolZone).Year() + 1; ; year++ {
		begin := time.Date(year, 1, 1, 0, 0, 0, 0, custody.SchoolZone)
		if !begin.Before(until) {
			return ticks
		}
		if at := 100 * float64(begin.Sub(from)) / float64(whole); at < 92 {
			ticks = append(ticks, barTick{At: at, Label: begin.Format("2006")})
		}
	}
}

// givenName is the last word of a Vietnamese name, by which people are called.
func givenName(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}
