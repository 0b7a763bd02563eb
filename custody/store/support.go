package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// NewSupport is what AskSupport asks for. Present and Wanted are of a change: what
// the certificate says and what it should say.
type NewSupport struct {
	Token       custody.TokenID
	Kind        custody.SupportKind
	Description string
	Present     string
	Wanted      string
	LockPIN     bool // unlock: the PIN is locked, and is to be recorded so with the request
}

// SupportRow is a request with what lists show.
type SupportRow struct {
	custody.SupportRequest
	TokenLabel  string
	TokenSerial string
	TokenKind   custody.TokenKind
	Person      custody.PersonID // whom it is for: the custodian when it was asked, else the owner or who asked
	PersonName  string
	AskedByName string
	Description string
	Present     string
	Wanted      string
	Late        bool // the day by which the next step is expected has passed

	// Of the latest sending, once there is one.
	Addressee   string
	PaperNumber string
	PaperOn     custody.Date

	Steps []SupportStepRow       // the history, oldest first; of Support only
	May   []custody.SupportState // the steps that the asking actor may take; of Support only
}

// SupportStepRow is a step of a request's history.
type SupportStepRow struct {
	custody.SupportStep
	By     custody.PersonID
	ByName string // "" = the system
	At     time.Time
	Entry  int64
}

// SupportFilter chooses requests, the newest first.
type SupportFilter struct {
	State string // "open", "done", a state, or "" for all
	Kind  custody.SupportKind
	Token custody.TokenID
	From  int64 // the newest entry to show; 0 = the newest there is
	Limit int   // 1..200; 0 = 50
}

// SupportFacts are what the forms 04 and 06 say.
type SupportFacts struct {
	Request      SupportRow
	School       custody.School
	Token        TokenRow
	Person       PersonRow // the subscriber's side: whom it is for, else who asked
	Title        string    // of that person on the day of the request
	Addressee    string    // by the sending, else by the settings
	ManagingBody string    // "" = the school itself
}

type supportRow struct {
	rowBase
	Token   string `db:"token_id"`
	Person  string `db:"person_id"`
	Kind    string `db:"kind"`
	AskedBy string `db:"asked_by"`
	AskedAt stamp  `db:"asked_at"`
}

const supportColumns = `q.id, q.school_id, q.token_id, COALESCE(q.person_id, '') AS person_id, q.kind, COALESCE(q.asked_by, '') AS asked_by, q.asked_at, q.entry_index`

func (r supportRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeSupportRequest, r.AskedAt.Time
}

func (r supportRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.AskedBy), "support": r.ID, signinglog.FieldToken: r.Token, signinglog.FieldPerson: r.Person, "kind": r.Kind}
}

// supportStepRow is a step with what its entry says of the request.
type supportStepRow struct {
	rowBase
	Request      string       `db:"request_id"`
	State        string       `db:"state"`
	Addressee    string       `db:"addressee"`
	PaperNumber  string       `db:"paper_number"`
	PaperOn      custody.Date `db:"paper_on"`
	DueOn        custody.Date `db:"due_on"`
	By           string       `db:"stepped_by"`
	At           stamp        `db:"stepped_at"`
	Token        string       `db:"token_id"`
	Person       string       `db:"person_id"`
	RequestEntry int64        `db:"request_entry"`
}

const supportStepColumns = `z.id, z.school_id, z.request_id, z.state, z.addressee, z.paper_number, z.paper_on, z.due_on,
	COALESCE(z.stepped_by, '') AS stepped_by, z.stepped_at, z.entry_index, q.token_id, COALESCE(q.person_id, '') AS person_id, q.entry_index AS request_entry`

const supportStepsOf = `support_steps z JOIN support_requests q ON q.id = z.request_id`

func (r supportStepRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeSupportStep, r.At.Time
}

func (r supportStepRow) fields() map[string]string {
	return map[string]string{signinglog.FieldActor: actorField(r.By), "support": r.Request, "step": r.ID, signinglog.FieldToken: r.Token, signinglog.FieldPerson: r.Person,
		"state": r.State, "request_entry": count(r.RequestEntry), "addressee": r.Addressee, "paper_number": r.PaperNumber,
		"paper_on": string(r.PaperOn), "due_on": string(r.DueOn)}
}

// AskSupport asks the provider's help for a token, by way of who runs the register.
// Unlocking is asked for a token whose PIN is reported locked, or is reported so
// now; otherwise it fails with custody.ReasonSupportNotLocked.
func (s *Store) AskSupport(ctx context.Context, actor custody.Actor, n NewSupport) (SupportRow, error) {
	if err := texts("description!", &n.Description, "present", &n.Present, "wanted", &n.Wanted); err != nil {
		return SupportRow{}, err
	}
	switch {
	case !n.Kind.Valid():
		return SupportRow{}, custody.Invalid("kind", "kind of support %.40q", string(n.Kind))
	case n.Kind == custody.SupportChange && n.Present == "":
		return SupportRow{}, custody.Invalid("present", "what the certificate says now is missing")
	case n.Kind == custody.SupportChange && n.Wanted == "":
		return SupportRow{}, custody.Invalid("wanted", "what it should say is missing")
	case n.Kind != custody.SupportChange:
		n.Present, n.Wanted = "", ""
	}
	id := newID()
	err := s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.tokenBy("id", string(n.Token))
		if err != nil {
			return err
		}
		if f == nil {
			return custody.NotFound("token")
		}
		var open int
		if err := t.get(t.ctx, &open, `SELECT COUNT(*) FROM support_requests q WHERE q.school_id = ? AND q.token_id = ? AND q.kind = ?
			AND NOT EXISTS (SELECT 1 FROM support_steps z WHERE z.request_id = q.id AND z.state IN ('solved', 'refused', 'withdrawn'))`,
			string(t.school), string(n.Token), string(n.Kind)); err != nil {
			return fmt.Errorf("read support requests: %w", err)
		}
		if err := custody.CanAskSupport(actor, f.rules(), open > 0); err != nil {
			return err
		}
		if n.Kind == custody.SupportUnlock && !custody.PINStep(f.PIN).Locked() {
			if !n.LockPIN {
				return custody.Conflict(custody.ReasonSupportNotLocked)
			}
			if err := t.stepPIN(actor, f, pinStepRow{Token: string(n.Token), Step: string(custody.PINStepLocked)}, n.Description); err != nil {
				return err
			}
		}
		row := supportRow{rowBase: rowBase{ID: id, School: string(t.school)}, Token: string(n.Token), Kind: string(n.Kind), AskedBy: string(actor.Person), AskedAt: at(t.now)}
		switch {
		case f.custody != nil:
			row.Person = f.custody.Person
		case f.token.Owner != "":
			row.Person = string(f.token.Owner)
		default:
			row.Person = string(actor.Person)
		}
		if row.Entry, err = t.append(signinglog.TypeSupportRequest, actor, row.fields(),
			map[string]string{"description": n.Description, "present": n.Present, "wanted": n.Wanted}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO support_requests (id, school_id, token_id, person_id, kind, asked_by, asked_at, entry_index)`,
			row.ID, row.School, row.Token, orNull(row.Person), row.Kind, orNull(row.AskedBy), row.AskedAt, row.Entry); err != nil {
			return fmt.Errorf("ask for support: %w", err)
		}
		return nil
	})
	if err != nil {
		return SupportRow{}, err
	}
	return s.Support(ctx, actor, custody.SupportID(id))
}

// StepSupport takes a request a step on: it was sent, answered, solved, refused or
// withdrawn. Of an unlock the steps of the token's PIN are recorded with it, by
// their own rules: recovery is asked when it is sent, by the letter's number and
// day as those of form 06, and the PIN is recovered when it is solved.
func (s *Store) StepSupport(ctx context.Context, actor custody.Actor, id custody.SupportID, n custody.SupportStep) (SupportRow, error) {
	if err := texts("addressee", &n.Addressee, "paper_number", &n.PaperNumber, "note", &n.Note); err != nil {
		return SupportRow{}, err
	}
	for field, day := range map[string]custody.Date{"paper_on": n.PaperOn, "due": n.Due} {
		if _, err := custody.ParseDate(string(day)); err != nil {
			return SupportRow{}, custody.Invalid(field, "%v", err)
		}
	}
	err := s.write(ctx, actor.School, func(t *tx) error {
		row, err := optional[supportRow](t, `SELECT `+supportColumns+` FROM support_requests q WHERE q.school_id = ? AND q.id = ?`, string(t.school), string(id))
		if err != nil {
			return fmt.Errorf("read support request: %w", err)
		}
		if row == nil || !seesSupport(actor, *row) {
			return custody.NotFound("support")
		}
		latest, err := optional[supportStepRow](t, `SELECT `+supportStepColumns+` FROM `+supportStepsOf+` WHERE z.request_id = ? ORDER BY z.entry_index DESC LIMIT 1`, row.ID)
		if err != nil {
			return fmt.Errorf("read support steps: %w", err)
		}
		request := custody.SupportRequest{ID: id, Kind: custody.SupportKind(row.Kind), AskedBy: custody.PersonID(row.AskedBy), State: custody.SupportAsked}
		if latest != nil {
			request.State = custody.SupportState(latest.State)
		}
		if err := custody.CanStepSupport(actor, request, n, custody.DateOf(t.now)); err != nil {
			return err
		}
		if n.To != custody.SupportSent {
			n.Addressee, n.Due = "", ""
		}
		step := supportStepRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Request: row.ID, State: string(n.To), Addressee: n.Addressee,
			PaperNumber: n.PaperNumber, PaperOn: n.PaperOn, DueOn: n.Due, By: string(actor.Person), At: at(t.now), Token: row.Token, Person: row.Person, RequestEntry: row.Entry}
		if step.Entry, err = t.append(signinglog.TypeSupportStep, actor, step.fields(), map[string]string{"note": n.Note}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO support_steps (id, school_id, request_id, state, addressee, paper_number, paper_on, due_on, stepped_by, stepped_at, entry_index)`,
			step.ID, step.School, step.Request, step.State, step.Addressee, step.PaperNumber, step.PaperOn, step.DueOn, orNull(step.By), step.At, step.Entry); err != nil {
			return fmt.Errorf("write support step: %w", err)
		}
		return t.stepPINOf(actor, request, *row, n)
	})
	if err != nil {
		return SupportRow{}, err
	}
	return s.Support(ctx, actor, id)
}

// stepPINOf records the step of the token's PIN that a request's step is, too.
func (t *tx) stepPINOf(actor custody.Actor, request custody.SupportRequest, row supportRow, n custody.SupportStep) error {
	f, err := t.tokenBy("id", row.Token)
	if err != nil {
		return err
	}
	step, err := request.PINStep(n.To, custody.PINStep(f.PIN))
	if err != nil || step == "" {
		return err
	}
	pin := pinStepRow{Token: row.Token, Step: string(step)}
	if step == custody.PINStepAsked {
		pin.FormNumber, pin.FormOn = n.PaperNumber, n.PaperOn
	}
	return t.stepPIN(actor, f, pin, n.Note)
}

func seesSupport(actor custody.Actor, row supportRow) bool {
	p := string(actor.Person)
	return actor.Roles.May(custody.ReadRegister) || p != "" && (p == row.AskedBy || p == row.Person)
}
