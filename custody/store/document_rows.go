package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// Kinds of steps.
const (
	stepFetched   = "fetched"
	stepSigned    = "signed"
	stepDeclined  = "declined"
	stepWithdrawn = "withdrawn"
)

type documentRow struct {
	rowBase
	Person      string       `db:"person_id"`
	Kind        string       `db:"document_kind"`
	Number      string       `db:"document_number"`
	Symbol      string       `db:"document_symbol"`
	Route       string       `db:"route"`
	SHA256In    string       `db:"sha256_in"`
	Size        int64        `db:"size"`
	Due         custody.Date `db:"due_on"`
	SubmittedAt stamp        `db:"submitted_at"`
}

const documentColumns = `d.id, d.school_id, d.person_id, d.document_kind, d.document_number, d.document_symbol, d.route, d.sha256_in, d.size, d.due_on, d.submitted_at, d.entry_index`

func (r documentRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeDocument, r.SubmittedAt.Time
}

// fields are those of the entry; the first signer stands in the route.
func (r documentRow) fields() map[string]string {
	first, _, _ := strings.Cut(r.Route, ",")
	return map[string]string{signinglog.FieldActor: r.Person, signinglog.FieldPerson: first[strings.LastIndex(first, ":")+1:], "document": r.ID,
		"document_kind": r.Kind, "document_number": r.Number, "document_symbol": r.Symbol, "route": r.Route, "sha256_in": r.SHA256In,
		"size": count(r.Size), "due": string(r.Due)}
}

type documentStepRow struct {
	rowBase
	Document       string `db:"document_id"`
	Kind           string `db:"kind"`
	Number         int    `db:"number"`
	Actor          string `db:"actor_id"`
	Person         string `db:"person_id"`
	APIKey         string `db:"api_key_id"`
	SignatureEntry *int64 `db:"signature_entry"`
	SHA256Out      string `db:"sha256_out"`
	MadeAt         stamp  `db:"made_at"`
}

const documentStepColumns = `s.id, s.school_id, s.document_id, s.kind, s.number, COALESCE(s.actor_id, '') AS actor_id, COALESCE(s.person_id, '') AS person_id,
	COALESCE(s.api_key_id, '') AS api_key_id, s.signature_entry, COALESCE(s.sha256_out, '') AS sha256_out, s.made_at, s.entry_index`

func (r documentStepRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeDocumentStep, r.MadeAt.Time
}

func (r documentStepRow) fields() map[string]string {
	f := map[string]string{signinglog.FieldActor: actorField(r.Actor), signinglog.FieldPerson: r.Person, "document": r.Document, "document_step": r.ID,
		"step": r.Kind, "number": count(int64(r.Number)), "api_key": r.APIKey, "sha256_out": r.SHA256Out, "signature_entry": ""}
	if r.SignatureEntry != nil {
		f["signature_entry"] = count(*r.SignatureEntry)
	}
	return f
}

// submission is a document as a transaction or a list sees it.
type submission struct {
	SubmissionRow
	heldKey string // of the agent that has it in hand
}

type listedDocument struct {
	documentRow
	Submitter string `db:"submitter"`
	Summary   string `db:"summary"`
	FileName  string `db:"file_name"`
	Note      string `db:"note"`
}

var queryDocuments = `SELECT ` + documentColumns + `, ` + fmt.Sprintf(nameOf, "d.person_id") + ` AS submitter,
	COALESCE(u.value, '') AS summary, COALESCE(f.value, '') AS file_name, COALESCE(n.value, '') AS note
	FROM documents d
	LEFT JOIN reveals u ON u.school_id = d.school_id AND u.entry_index = d.entry_index AND u.field = 'summary'
	LEFT JOIN reveals f ON f.school_id = d.school_id AND f.entry_index = d.entry_index AND f.field = 'file_name'
	LEFT JOIN reveals n ON n.school_id = d.school_id AND n.entry_index = d.entry_index AND n.field = 'note'
	WHERE d.school_id = ?`

// waitsForPerson: the next step of the route is the person's, and nobody has ended it.
const waitsForPerson = ` AND EXISTS (SELECT 1 FROM document_routes r WHERE r.document_id = d.id AND r.person_id = ?
	AND r.number = 1 + (SELECT COUNT(*) FROM document_steps s WHERE s.document_id = d.id AND s.kind = 'signed'))
	AND NOT EXISTS (SELECT 1 FROM document_steps s WHERE s.document_id = d.id AND s.kind IN ('declined', 'withdrawn'))`

// documents reads documents that the actor may see, with their routes, steps and files, in
// that order or by page.
func (s *Store) documents(ctx context.Context, q querier, actor custody.Actor, page *Page, order, condition string, args ...any) ([]submission, error) {
	query, all := queryDocuments+condition, append([]any{string(actor.School)}, args...)
	if !actor.Roles.May(custody.RunRegister) {
		query += ` AND (d.person_id = ? OR EXISTS (SELECT 1 FROM document_routes r WHERE r.document_id = d.id AND r.person_id = ?))`
		all = append(all, string(actor.Person), string(actor.Person))
	}
	if query += order; page != nil {
		query, all = page.order(query, all, "d.entry_index", true)
	}
	var listed []listedDocument
	if err := q.list(ctx, &listed, query, all...); err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	listed = cut(page, listed, func(r *listedDocument) int64 { return r.Entry })
	found := make([]submission, 0, len(listed))
	for _, r := range listed {
		d, err := s.withSteps(ctx, q, actor, r)
		if err != nil {
			return nil, err
		}
		found = append(found, d)
	}
	return found, nil
}

// withSteps fills in what the steps have made of a document.
func (s *Store) withSteps(ctx context.Context, q querier, actor custody.Actor, r listedDocument) (submission, error) {
	d := submission{SubmissionRow: SubmissionRow{SubmitterName: r.Submitter, SHA256: r.SHA256In, Size: r.Size,
		Submission: custody.Submission{ID: custody.DocumentID(r.ID), SubmittedBy: custody.PersonID(r.Person), SubmittedAt: r.SubmittedAt.Time, Note: r.Note,
			Due: r.Due, Entry: r.Entry, State: custody.SubmissionWaiting,
			Document: custody.Document{Number: r.Number, Symbol: r.Symbol, Kind: r.Kind, Summary: r.Summary, FileName: r.FileName}}}}
	var route []struct {
		Number   int    `db:"number"`
		Person   string `db:"person_id"`
		Act      string `db:"act"`
		Capacity string `db:"capacity"`
		Name     string `db:"name"`
	}
	if err := q.list(ctx, &route, `SELECT w.number, w.person_id, w.act, w.capacity, `+fmt.Sprintf(nameOf, "w.person_id")+` AS name
		FROM document_routes w WHERE w.document_id = ? ORDER BY w.number`, r.ID); err != nil {
		return d, fmt.Errorf("read route: %w", err)
	}
	for _, step := range route {
		planned := custody.RouteStep{Person: custody.PersonID(step.Person), Act: custody.Act(step.Act), Capacity: custody.Capacity(step.Capacity)}
		d.Route = append(d.Route, planned)
		d.Steps = append(d.Steps, RouteRow{RouteStep: planned, Number: step.Number, Name: step.Name})
	}
	var steps []struct {
		documentStepRow
		Device string `db:"device"`
		Reason string `db:"reason"`
	}
	if err := q.list(ctx, &steps, `SELECT `+documentStepColumns+`, COALESCE(v.value, '') AS device, COALESCE(w.value, '') AS reason
		FROM document_steps s
		LEFT JOIN api_keys k ON k.id = s.api_key_id
		LEFT JOIN reveals v ON v.school_id = k.school_id AND v.entry_index = k.entry_index AND v.field = 'device'
		LEFT JOIN reveals w ON w.school_id = s.school_id AND w.entry_index = s.entry_index AND w.field = 'reason'
		WHERE s.document_id = ? ORDER BY s.entry_index`, r.ID); err != nil {
		return d, fmt.Errorf("read document steps: %w", err)
	}
	now := s.now()
	for _, step := range steps {
		made := step.MadeAt.Time
		switch step.Kind {
		case stepFetched:
			if now.Sub(made) < custody.InHandFor {
				d.State, d.HeldBy, d.heldKey = custody.SubmissionInHand, step.Device, step.APIKey
			}
			continue
		case stepSigned:
			d.State, d.HeldBy, d.heldKey = custody.SubmissionWaiting, "", ""
			if d.Signed < len(d.Steps) {
				d.Steps[d.Signed].SignedAt, d.Steps[d.Signed].SignatureEntry = &made, indexOr0(step.SignatureEntry)
			}
			d.Signed++
			if d.SHA256 = step.SHA256Out; d.Signed == len(d.Route) {
				d.State, d.EndedAt = custody.SubmissionSigned, &made
			}
			continue
		}
		d.State = map[string]custody.SubmissionState{stepDeclined: custody.SubmissionDeclined, stepWithdrawn: custody.SubmissionWithdrawn}[step.Kind]
		d.HeldBy, d.heldKey, d.Reason, d.EndedAt = "", "", step.Reason, &made
	}
	var files []documentFile
	if err := q.list(ctx, &files, `SELECT `+fileColumns+` FROM document_files WHERE document_id = ? AND number <= ? ORDER BY number DESC LIMIT 1`, r.ID, d.Signed); err != nil {
		return d, fmt.Errorf("read document file: %w", err)
	}
	for _, file := range files {
		d.Size, d.Pages = file.Size, file.Pages
	}
	d.MayHandle = custody.CanHandle(actor, d.Submission) == nil
	d.MayWithdraw = custody.CanWithdrawSubmission(actor, d.Submission) == nil
	return d, nil
}

// submission reads one in the transaction.
func (t *tx) submission(actor custody.Actor, id custody.DocumentID) (*submission, error) {
	found, err := t.store.documents(t.ctx, t.connection, actor, nil, "", ` AND d.id = ?`, string(id))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, custody.NotFound("document")
	}
	return &found[0], nil
}

// Submission returns a document that the actor has to do with.
func (s *Store) Submission(ctx context.Context, actor custody.Actor, id custody.DocumentID) (SubmissionRow, error) {
	found, err := s.documents(ctx, s.reader, actor, nil, "", ` AND d.id = ?`, string(id))
	if err != nil {
		return SubmissionRow{}, err
	}
	if len(found) == 0 {
		return SubmissionRow{}, custody.NotFound("document")
	}
	return found[0].SubmissionRow, nil
}

// maxDocuments bounds a list.
const maxDocuments = 200

func rowsOf(found []submission, err error) ([]SubmissionRow, error) {
	rows := make([]SubmissionRow, 0, len(found))
	for _, d := range found {
		rows = append(rows, d.SubmissionRow)
	}
	return rows, err
}

// DocumentsWaiting lists what waits for the actor's own signature now, what is due first in front.
func (s *Store) DocumentsWaiting(ctx context.Context, actor custody.Actor) ([]SubmissionRow, error) {
	return rowsOf(s.documents(ctx, s.reader, actor, nil, fmt.Sprintf(` ORDER BY COALESCE(d.due_on, '9999'), d.entry_index LIMIT %d`, maxDocuments), waitsForPerson, string(actor.Person)))
}

// Submissions lists the documents that the actor has to do with, the newest first.
func (s *Store) Submissions(ctx context.Context, actor custody.Actor) ([]SubmissionRow, error) {
	return s.SubmissionsPage(ctx, actor, &Page{Limit: maxDocuments})
}

// SubmissionsPage is a page of Submissions.
func (s *Store) SubmissionsPage(ctx context.Context, actor custody.Actor, page *Page) ([]SubmissionRow, error) {
	return rowsOf(s.documents(ctx, s.reader, actor, page, "", ""))
}
