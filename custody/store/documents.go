package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// NewSubmission is a document to be signed by the people of its route, in their order.
type NewSubmission struct {
	File     custody.FileID // as StageFile has taken it
	Document custody.Document
	Note     string
	Due      custody.Date
	Route    []custody.RouteStep
	Pages    int // 0 = not known
}

// RouteRow is a step of the route with what lists show.
type RouteRow struct {
	custody.RouteStep
	Number         int
	Name           string // of the person
	SignedAt       *time.Time
	SignatureEntry int64
}

// SubmissionRow is a submitted document with what lists show.
type SubmissionRow struct {
	custody.Submission
	SubmitterName string
	Steps         []RouteRow
	SHA256        string // of the file that waits, or of the last one
	Size          int64
	Pages         int
	HeldBy        string // device that has it in hand
	Reason        string // why it was declined or withdrawn
	EndedAt       *time.Time
	MayHandle     bool
	MayWithdraw   bool
}

// SubmitDocument submits a staged file. Everybody on the route has an account and a position today.
func (s *Store) SubmitDocument(ctx context.Context, actor custody.Actor, n NewSubmission) (SubmissionRow, error) {
	if actor.Person == "" {
		return SubmissionRow{}, custody.Invalid("person", "only a person submits")
	}
	d := &n.Document
	if err := texts("number", &d.Number, "symbol", &d.Symbol, "kind!", &d.Kind, "summary!", &d.Summary, "file_name!", &d.FileName, "note", &n.Note); err != nil {
		return SubmissionRow{}, err
	}
	if due, err := custody.ParseDate(string(n.Due)); err != nil || due != "" && due < custody.DateOf(s.now()) {
		return SubmissionRow{}, custody.Invalid("due", "due on %q", n.Due)
	}
	if err := custody.CheckRoute(n.Route); err != nil {
		return SubmissionRow{}, err
	}
	id := newID()
	err := s.write(ctx, actor.School, func(t *tx) error {
		if err := t.requireAccount(actor.Person); err != nil {
			return err
		}
		for _, step := range n.Route {
			if err := t.requireSigner(step.Person); err != nil {
				return err
			}
		}
		file, err := t.stagedFile(actor, n.File)
		if err != nil {
			return err
		}
		row := documentRow{rowBase: rowBase{ID: id, School: string(t.school)}, Person: string(actor.Person), Kind: d.Kind, Number: d.Number, Symbol: d.Symbol,
			Route: custody.FormatRoute(n.Route), SHA256In: file.SHA256, Size: file.Size, Due: n.Due, SubmittedAt: at(t.now)}
		private := map[string]string{"summary": d.Summary, "file_name": d.FileName, "note": n.Note}
		fields := row.fields()
		fields[signinglog.FieldPerson] = string(n.Route[0].Person)
		if row.Entry, err = t.append(signinglog.TypeDocument, actor, fields, private); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO documents (id, school_id, person_id, document_kind, document_number, document_symbol, route, sha256_in, size, due_on, submitted_at, entry_index)`,
			row.ID, row.School, row.Person, row.Kind, row.Number, row.Symbol, row.Route, row.SHA256In, row.Size, row.Due, row.SubmittedAt, row.Entry); err != nil {
			return fmt.Errorf("write document: %w", err)
		}
		for i, step := range n.Route {
			if err := t.insertRow(`INSERT INTO document_routes (document_id, number, school_id, person_id, act, capacity)`,
				row.ID, i+1, row.School, string(step.Person), string(step.Act), string(step.Capacity)); err != nil {
				return fmt.Errorf("write route: %w", err)
			}
		}
		return t.attachFile(file, row.ID, 0, n.Pages)
	})
	if err != nil {
		return SubmissionRow{}, err
	}
	return s.Submission(ctx, actor, custody.DocumentID(id))
}

// requireSigner refuses a route through somebody who has left or holds no position.
func (t *tx) requireSigner(person custody.PersonID) error {
	if err := t.requirePerson(person); err != nil {
		return err
	}
	refused := &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid,
		Params: map[string]string{"field": "route", "reason": custody.ReasonRoute, "why": "left"}}
	if err := t.requireAccount(person); err != nil {
		refused.Err = err
		return refused
	}
	positions, _, err := t.personFacts(person)
	if err != nil {
		return err
	}
	if _, ok := custody.PositionOn(positions, custody.DateOf(t.now)); !ok {
		return refused
	}
	return nil
}

// TakeInHand notes that the actor's agent has fetched the document to sign it. Asked again by the same agent while it
// still counts as in hand, it changes nothing.
func (s *Store) TakeInHand(ctx context.Context, actor custody.Actor, id custody.DocumentID) (SubmissionRow, error) {
	if actor.Key == "" {
		return SubmissionRow{}, custody.Forbidden(custody.ReasonAgentOnly)
	}
	err := s.write(ctx, actor.School, func(t *tx) error { return t.takeInHand(actor, id) })
	if err != nil {
		return SubmissionRow{}, err
	}
	return s.Submission(ctx, actor, id)
}

func (t *tx) takeInHand(actor custody.Actor, id custody.DocumentID) error {
	d, err := t.submission(actor, id)
	if err != nil {
		return err
	}
	if err := custody.CanHandle(actor, d.Submission); err != nil {
		return err
	}
	if d.State == custody.SubmissionInHand && d.heldKey == string(actor.Key) {
		return nil
	}
	return t.step(actor, d, documentStepRow{Kind: stepFetched, APIKey: string(actor.Key)}, "")
}

// DeclineDocument says why whose turn it is does not sign. Nobody after them is asked.
func (s *Store) DeclineDocument(ctx context.Context, actor custody.Actor, id custody.DocumentID, reason string) (SubmissionRow, error) {
	return s.endDocument(ctx, actor, id, stepDeclined, reason, custody.CanHandle)
}

// WithdrawDocument takes a document back. What was signed until then stays signed.
func (s *Store) WithdrawDocument(ctx context.Context, actor custody.Actor, id custody.DocumentID, reason string) (SubmissionRow, error) {
	return s.endDocument(ctx, actor, id, stepWithdrawn, reason, custody.CanWithdrawSubmission)
}

func (s *Store) endDocument(ctx context.Context, actor custody.Actor, id custody.DocumentID, kind, reason string,
	may func(custody.Actor, custody.Submission) error) (SubmissionRow, error) {
	name := "reason"
	if kind == stepDeclined {
		name = "reason!"
	}
	if err := texts(name, &reason); err != nil {
		return SubmissionRow{}, err
	}
	err := s.write(ctx, actor.School, func(t *tx) error {
		d, err := t.submission(actor, id)
		if err != nil {
			return err
		}
		if err := may(actor, d.Submission); err != nil {
			return err
		}
		row := documentStepRow{Kind: kind, Person: string(d.SubmittedBy)}
		if kind == stepWithdrawn {
			row.Person = string(d.Route[d.Signed].Person)
		}
		return t.step(actor, d, row, reason)
	})
	if err != nil {
		return SubmissionRow{}, err
	}
	return s.Submission(ctx, actor, id)
}

// TakeSigned takes the signed form of a document that waits: the staged file, and the log's entry of the signature.
// The signature must be one by the person whose turn it is, over exactly the file that waits, in the act and capacity
// of the route, and the file must be exactly what it made. Sent again, the same changes nothing.
func (s *Store) TakeSigned(ctx context.Context, actor custody.Actor, id custody.DocumentID, signature int64, file custody.FileID, pages int) (SubmissionRow, error) {
	err := s.write(ctx, actor.School, func(t *tx) error {
		staged, err := t.stagedFile(actor, file)
		if err != nil {
			return err
		}
		d, err := t.submission(actor, id)
		if err != nil {
			return err
		}
		for _, step := range d.Steps {
			if step.SignatureEntry == signature && step.Person == actor.Person {
				return nil // it came before
			}
		}
		if err := custody.CanHandle(actor, d.Submission); err != nil {
			return err
		}
		wanted, number, _ := d.Current()
		made, err := t.loggedSignature(`s.entry_index = ?`, signature)
		if err != nil {
			return err
		}
		if made == nil || made.Person != string(actor.Person) || made.SHA256In != d.SHA256 || made.SHA256Out != staged.SHA256 ||
			made.Act != string(wanted.Act) || made.Capacity != string(wanted.Capacity) {
			return custody.Conflict(custody.ReasonOtherSignature)
		}
		row := documentStepRow{Kind: stepSigned, Person: string(d.SubmittedBy), APIKey: string(actor.Key), SignatureEntry: &signature, SHA256Out: staged.SHA256}
		if number < len(d.Route) {
			row.Person = string(d.Route[number].Person)
		}
		if err := t.step(actor, d, row, ""); err != nil {
			return err
		}
		return t.attachFile(staged, string(id), number, pages)
	})
	if err != nil {
		return SubmissionRow{}, err
	}
	return s.Submission(ctx, actor, id)
}

// step appends what became of a document.
func (t *tx) step(actor custody.Actor, d *submission, row documentStepRow, reason string) error {
	row.rowBase = rowBase{ID: newID(), School: string(t.school)}
	row.Document, row.Number, row.Actor, row.MadeAt = string(d.ID), d.Signed+1, string(actor.Person), at(t.now)
	var err error
	if row.Entry, err = t.append(signinglog.TypeDocumentStep, actor, row.fields(), map[string]string{"reason": reason}); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO document_steps (id, school_id, document_id, kind, number, actor_id, person_id, api_key_id, signature_entry, sha256_out, made_at, entry_index)`,
		row.ID, row.School, row.Document, row.Kind, row.Number, orNull(row.Actor), orNull(row.Person), orNull(row.APIKey), row.SignatureEntry, orNull(row.SHA256Out),
		row.MadeAt, row.Entry); err != nil {
		return fmt.Errorf("write document step: %w", err)
	}
	return nil
}
