package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
)

// homePage is what everybody sees first: what they hold, what waits for them, by
// which paper they sign; for who runs the register what is open and what ran out.
type homePage struct {
	Tokens    []tokenCard
	HandOvers []store.HandOverRow // that the person may accept
	Offered   []store.HandOverRow // that the person offered
	Incidents []store.IncidentRow // open ones
	Waiting   []homeLine          // for this person to do
	Open      []homeLine          // of the whole register
	Over      []homeLine          // what ran out
	Powers    []custody.Delegation
	Acting    *custody.Delegation
}

// homeLine is one thing to look at, with where.
type homeLine struct {
	Text, Link string
	Urgent     bool
}

// tokenCard is a token with what may be done about it.
type tokenCard struct {
	store.TokenRow
	ExpiresSoon bool
	Expired     bool
	MayOffer    bool
	MayTakeBack bool               // into the safe, for its custodian
	MayRetire   bool               // out of use for good
	MayStepPIN  bool               // its PIN's story goes on
	Open        custody.HandOverID // its open hand-over, if the person sees it
	DaysLeft    int                // of its certificate
	Next        string             // what its custodian does next; "" = nothing
}

// soonDays before expiry a card says so.
const soonDays = 60

// Delegations that end within soonOver days, or ended as long ago, stand on the
// page of who runs the register.
const soonOver = 14

func (s *server) card(t store.TokenRow, open []store.HandOverRow) tokenCard {
	now := s.now()
	card := tokenCard{TokenRow: t, Expired: now.After(t.Certificate.NotAfter), MayOffer: slices.Contains(custody.StepsFrom(t.State), custody.TokenOfferReturn),
		DaysLeft: custody.DaysLeft(t.Certificate, now)}
	card.ExpiresSoon = !card.Expired && now.AddDate(0, 0, soonDays).After(t.Certificate.NotAfter)
	for _, h := range open {
		if h.Token == t.ID && h.State == custody.Offered {
			card.Open, card.MayOffer = h.ID, false
		}
	}
	return card
}

// home gathers a page's lines in the reader's language.
type home struct {
	*server
	lang  string
	actor custody.Actor
	today custody.Date
	page  homePage
}

func (h *home) line(urgent bool, link, key string, params ...string) homeLine {
	values := map[string]string{}
	for i := 0; i+1 < len(params); i += 2 {
		values[params[i]] = params[i+1]
	}
	return homeLine{Text: h.words.sentence(h.lang, key, values), Link: link, Urgent: urgent}
}

// pageHome handles "GET /".
func (s *server) pageHome(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	h := &home{server: s, lang: requestOf(r.Context()).language, actor: actor, today: custody.DateOf(s.now())}
	for _, gather := range []func(*http.Request) error{h.mine, h.asked, h.powers, h.register} {
		if err := gather(r); err != nil {
			return err
		}
	}
	return s.show(w, r, http.StatusOK, "home", h.page)
}

// mine: what the person holds and what waits for them.
func (h *home) mine(r *http.Request) error {
	tokens, err := h.store.TokensOf(r.Context(), h.actor)
	if err != nil {
		return err
	}
	open, err := h.store.HandOvers(r.Context(), h.actor)
	if err != nil {
		return err
	}
	incidents, err := h.store.Incidents(r.Context(), h.actor)
	if err != nil {
		return err
	}
	settings, err := h.store.Settings(r.Context(), h.actor)
	if err != nil {
		return err
	}
	for _, offer := range open {
		switch {
		case offer.State != custody.Offered:
		case offer.MayAccept:
			h.page.HandOvers = append(h.page.HandOvers, offer)
		default:
			h.page.Offered = append(h.page.Offered, offer)
		}
		if h.actor.Roles.May(custody.RunRegister) && offer.State == custody.Offered && !offer.MayAccept && h.now().Sub(offer.OfferedAt) > settings.OfferWithin() {
			h.page.Open = append(h.page.Open, h.line(false, "/hand-overs/"+string(offer.ID), "home.offer_waits", "Token", offer.TokenLabel, "Name", cmp.Or(offer.ToName, h.words.sentence(h.lang, "safe", nil)), "At", localTime(offer.OfferedAt)))
		}
	}
	for _, t := range tokens {
		if t.Custodian != h.actor.Person {
			continue // offered to the person, and listed so
		}
		card := h.card(t, open)
		card.Next = h.nextStep(t, settings)
		h.page.Tokens = append(h.page.Tokens, card)
	}
	for _, i := range incidents {
		if i.State == "open" {
			h.page.Incidents = append(h.page.Incidents, i)
		}
	}
	return nil
}

// asked: the documents that wait for the person's signature, and the open custody
// check where it waits for their proof or their word.
func (h *home) asked(r *http.Request) error {
	documents, err := h.store.DocumentsWaiting(r.Context(), h.actor)
	if err != nil {
		return err
	}
	if len(documents) > 0 { // the first is due first
		late := documents[0].Due != "" && documents[0].Due < h.today
		h.page.Waiting = append(h.page.Waiting, h.line(late, "/documents", "home.documents", "Count", strconv.Itoa(len(documents))))
	}
	questions, err := h.store.QuestionsTo(r.Context(), h.actor)
	if err != nil {
		return err
	}
	for _, entry := range questions {
		number := strconv.FormatInt(entry, 10)
		h.page.Waiting = append(h.page.Waiting, h.line(false, "/log/"+number+"#review", "home.question", "Entry", number))
	}
	if err := h.resets(r); err != nil {
		return err
	}
	check, err := h.store.OpenCheckOf(r.Context(), h.actor)
	if err != nil || check == nil {
		return err
	}
	link, due := "/checks/"+string(check.ID), check.Due.Written()
	for _, item := range check.Items {
		key := ""
		switch {
		case item.MayWitness:
			key = "home.check_witness"
		case item.MayProve && item.Outcome == custody.CheckOpen && !item.SaidNotAtHand:
			key = "home.check_prove"
		default:
			continue
		}
		h.page.Waiting = append(h.page.Waiting, h.line(check.Late, link, key, "Token", cmp.Or(item.Label, item.Serial), "Due", due))
	}
	return nil
}

// resets: forgotten passwords that wait for the person's word.
func (h *home) resets(r *http.Request) error {
	if !h.actor.Roles.May(custody.ConfirmReset) && !h.actor.Roles.May(custody.RunRegister) {
		return nil
	}
	links, err := h.store.AccountLinks(r.Context(), h.actor)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.CanConfirm(h.actor) == nil {
			h.page.Waiting = append(h.page.Waiting, h.line(false, "/account-links", "home.reset_waits", "Name", l.Name, "Until", localTime(l.Expires)))
		}
	}
	return nil
}

// nextStep is what a token's certificate asks of its custodian.
func (h *home) nextStep(t store.TokenRow, settings custody.Settings) string {
	switch custody.ValidityOf(t.Certificate, h.now(), soonest(settings)) {
	case custody.CertificateRevoked:
		return h.words.sentence(h.lang, "home.next_revoked", nil)
	case custody.CertificateExpired:
		return h.words.sentence(h.lang, "home.next_expired", nil)
	case custody.CertificateEnding:
		return h.words.sentence(h.lang, "home.next_ending", map[string]string{"Until": writtenDay(custody.DateOf(t.Certificate.NotAfter))})
	}
	return ""
}

// powers: by which papers the person signs today, and who acts for the principal.
func (h *home) powers(r *http.Request) error {
	delegations, err := h.store.Delegations(r.Context(), h.actor, "")
	if err != nil {
		return err
	}
	h.page.Powers = delegationsTo(delegations, h.actor.Person, h.today)
	if acting, ok := custody.ActingOn(delegations, h.today); ok {
		h.page.Acting = &acting
	}
	for _, d := range delegations {
		link := "/delegations"
		switch {
		case d.Until == "" || !h.actor.Roles.May(custody.ReadRegister) && d.Delegate != h.actor.Person:
		case d.InForce(h.today) && d.Until <= h.today.AddDays(soonOver):
			h.page.Open = append(h.page.Open, h.line(false, link, "home.delegation_ends", "Name", d.DelegateName, "Paper", d.PaperNumber, "Until", d.Until.Written()))
		case d.Until < h.today && d.Until >= h.today.AddDays(-soonOver):
			h.page.Over = append(h.page.Over, h.line(false, link+"?show=over", "home.delegation_over", "Name", d.DelegateName, "Paper", d.PaperNumber, "Until", d.Until.Written()))
		}
	}
	return nil
}

// register: what is open and what ran out, for who runs the register.
func (h *home) register(r *http.Request) error {
	if !h.actor.Roles.May(custody.RunRegister) {
		return nil
	}
	ctx := r.Context()
	proposals, err := h.store.CertificateProposals(ctx, h.actor)
	if err != nil {
		return err
	}
	for _, p := range proposals {
		h.page.Waiting = append(h.page.Waiting, h.line(false, "/certificates", "home.proposal", "Name", p.PersonName, "Token", p.TokenSerial))
	}
	certificates, err := h.certificates(r, h.actor, "", "")
	if err != nil {
		return err
	}
	for _, c := range certificates {
		link := "/tokens/" + string(c.TokenID)
		switch {
		case !c.Current || c.State == custody.Retired:
		case c.Standing == custody.CertificateEnding:
			h.page.Open = append(h.page.Open, h.line(c.DaysLeft <= 30, link, "home.certificate_ends", "Token", c.TokenLabel, "Days", strconv.Itoa(c.DaysLeft), "Until", writtenDay(custody.DateOf(c.NotAfter))))
		case c.Standing == custody.CertificateExpired:
			h.page.Over = append(h.page.Over, h.line(true, link, "home.certificate_over", "Token", c.TokenLabel, "Until", writtenDay(custody.DateOf(c.NotAfter))))
		case c.Standing == custody.CertificateRevoked:
			h.page.Over = append(h.page.Over, h.line(true, link, "home.certificate_revoked", "Token", c.TokenLabel))
		}
	}
	if err := h.keys(r); err != nil {
		return err
	}
	grants, err := h.store.UnconfirmedGrants(ctx, h.actor, h.unconfirmedAfter)
	if err != nil {
		return err
	}
	if len(grants) > 0 {
		h.page.Open = append(h.page.Open, h.line(false, "/grants", "home.grants", "Count", strconv.Itoa(len(grants))))
	}
	if err := h.late(r); err != nil {
		return err
	}
	return h.staff(r)
}

// keys of programs that somebody made who has left, and may have kept.
func (h *home) keys(r *http.Request) error {
	if !h.actor.Roles.May(custody.Administer) {
		return nil
	}
	keys, err := h.store.ProgramKeys(r.Context(), h.actor)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.MakerLeft {
			h.page.Waiting = append(h.page.Waiting, h.line(false, "/program-keys", "home.key_of_leaver", "Name", key.Name))
		}
	}
	return nil
}

// reviewEvery is how long after a review the next is due.
const reviewEvery = 7 * 24 * time.Hour

// late: what the register waits for and is not done in time.
func (h *home) late(r *http.Request) error {
	ctx := r.Context()
	waits, since, err := h.store.ReviewWaits(ctx, h.actor)
	switch {
	case err != nil:
		return err
	case waits && since == nil:
		h.page.Open = append(h.page.Open, h.line(false, "/review", "home.never_reviewed"))
	case waits && h.now().Sub(*since) > reviewEvery:
		h.page.Open = append(h.page.Open, h.line(false, "/review", "home.review", "Since", writtenDay(custody.DateOf(*since))))
	}
	deadlines, err := h.store.IncidentDeadlines(ctx, h.actor)
	if err != nil {
		return err
	}
	for _, d := range deadlines {
		if d.Late(h.now()) {
			h.page.Waiting = append(h.page.Waiting, h.line(true, "/incidents/"+string(d.ID), "home.deadline", "Token", cmp.Or(d.TokenLabel, d.TokenSerial),
				"What", h.words.sentence(h.lang, "deadline_kind."+string(d.Deadline.Kind), nil), "At", localTime(d.Due)))
		}
	}
	overdue, err := h.store.OverdueHandOvers(ctx, h.actor)
	if err != nil {
		return err
	}
	for _, o := range overdue {
		h.page.Waiting = append(h.page.Waiting, h.line(true, "/hand-overs/"+string(o.ID), "home.lent", "Token", o.TokenLabel, "Name", o.ToName, "Until", o.Until.Written()))
	}
	requests, err := h.store.SupportOverdue(ctx, h.actor)
	if err != nil {
		return err
	}
	for _, q := range requests {
		h.page.Waiting = append(h.page.Waiting, h.line(true, "/support/"+string(q.ID), "home.support_late", "What", h.words.sentence(h.lang, "support_kind."+string(q.Kind), nil),
			"Token", cmp.Or(q.TokenLabel, q.TokenSerial), "Due", q.Due.Written()))
	}
	check, err := h.store.OpenCheckOf(ctx, h.actor)
	if err != nil || check == nil {
		return err
	}
	h.page.Open = append(h.page.Open, h.line(check.Late, "/checks/"+string(check.ID), "home.check_open", "Left", strconv.Itoa(check.Counts.Left()), "Total", strconv.Itoa(check.Counts.Total()), "Due", check.Due.Written()))
	return nil
}

// staff: who left and still holds a token; a school without a principal.
func (h *home) staff(r *http.Request) error {
	rows, err := h.store.Staff(r.Context(), h.actor, h.today)
	if err != nil {
		return err
	}
	principal := false
	for _, row := range rows {
		principal = principal || slices.ContainsFunc(row.Today, func(p custody.Position) bool { return p.Kind == custody.Principal })
		leaves := len(row.Today) == 0 || row.AccountUntil != "" && row.AccountUntil < h.today
		if leaves && len(row.Holds) > 0 {
			h.page.Waiting = append(h.page.Waiting, h.line(true, "/people/"+string(row.ID), "home.left_holding", "Name", row.Name))
		}
	}
	if !principal {
		h.page.Waiting = append(h.page.Waiting, h.line(true, "/people", "home.no_principal"))
	}
	return h.readersWait(r)
}
