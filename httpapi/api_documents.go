package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func wireSubmission(d store.SubmissionRow) wire.Submission {
	out := wire.Submission{
		ID: string(d.ID), State: string(d.State), Note: d.Note, Due: string(d.Due), SubmittedBy: d.SubmitterName, SubmittedAt: d.SubmittedAt.UTC(),
		Document: wire.DocumentFacts{Number: d.Document.Number, Symbol: d.Document.Symbol, Kind: d.Document.Kind, Summary: d.Document.Summary, FileName: d.Document.FileName},
		Route:    make([]wire.RouteStep, len(d.Steps)), SHA256: d.SHA256, Size: d.Size, Pages: d.Pages, HeldBy: d.HeldBy, Reason: d.Reason, Entry: d.Entry, MayHandle: d.MayHandle,
	}
	for i, step := range d.Steps {
		out.Route[i] = wire.RouteStep{PersonID: string(step.Person), Person: step.Name, Act: string(step.Act), Capacity: string(step.Capacity),
			SignedAt: step.SignedAt, SignatureEntry: entryOrNil(step.SignatureEntry)}
	}
	_, out.Step, _ = d.Current()
	return out
}

type documentsInput struct {
	Paged
	Waiting bool `query:"waiting" doc:"only those that wait for the person's own signature, up to 200, what is due first in front; no pages"`
}

func (s *server) apiDocuments(ctx context.Context, actor custody.Actor, in *documentsInput) (*body[wire.Submissions], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	var rows []store.SubmissionRow
	switch {
	case !in.Waiting:
		rows, err = s.store.SubmissionsPage(ctx, actor, page)
	case in.Cursor != "":
		err = invalid("cursor", nil)
	default:
		rows, err = s.store.DocumentsWaiting(ctx, actor)
	}
	if err != nil {
		return nil, err
	}
	out := wire.Submissions{Documents: make([]wire.Submission, len(rows)), Next: next(page)}
	for i, row := range rows {
		out.Documents[i] = wireSubmission(row)
	}
	return &body[wire.Submissions]{out}, nil
}

// submission answers with a document.
func submission(row store.SubmissionRow, err error) (*body[wire.Submission], error) {
	if err != nil {
		return nil, err
	}
	return &body[wire.Submission]{wireSubmission(row)}, nil
}

func (s *server) apiDocument(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.Submission], error) {
	return submission(s.store.Submission(ctx, actor, custody.DocumentID(in.ID)))
}

// Bytes is the body of a request as it comes in, which huma would read into memory.
type Bytes struct {
	reader io.Reader
	sum    hash.Hash // of what was read
}

// Resolve implements huma.Resolver.
func (b *Bytes) Resolve(ctx huma.Context) []error {
	b.sum = sha256.New()
	b.reader = io.TeeReader(ctx.BodyReader(), b.sum)
	return nil
}

// read is the SHA-256 of what was read, in hexadecimal digits; rest of all that there is.
func (b *Bytes) read() string { return hex.EncodeToString(b.sum.Sum(nil)) }

func (b *Bytes) rest() (string, error) {
	if _, err := io.Copy(io.Discard, b.reader); err != nil {
		return "", fmt.Errorf("read file: %w", err)
	}
	return b.read(), nil
}

type stageInput struct{ Bytes }

func (s *server) apiStageFile(ctx context.Context, actor custody.Actor, in *stageInput) (*body[wire.DocumentFile], error) {
	file, err := s.takePDF(ctx, actor, in.reader)
	if err != nil {
		return nil, err
	}
	return &body[wire.DocumentFile]{wire.DocumentFile{ID: string(file.ID), SHA256: file.SHA256, Size: file.Size, Pages: file.Pages}}, nil
}

func (s *server) apiSubmitDocument(ctx context.Context, actor custody.Actor, in *body[wire.NewSubmission]) (*body[wire.Submission], error) {
	b := in.Body
	due, err := custody.ParseDate(b.Due)
	if err != nil {
		return nil, invalid("due", err)
	}
	n := store.NewSubmission{File: custody.FileID(b.File), Note: b.Note, Due: due,
		Document: custody.Document{Number: b.Document.Number, Symbol: b.Document.Symbol, Kind: b.Document.Kind, Summary: b.Document.Summary, FileName: b.Document.FileName}}
	for _, step := range b.Route {
		n.Route = append(n.Route, custody.RouteStep{Person: custody.PersonID(step.PersonID), Act: custody.Act(step.Act), Capacity: custody.Capacity(step.Capacity)})
	}
	return submission(s.submit(ctx, actor, n))
}

// submit submits a staged file with the number of its pages.
func (s *server) submit(ctx context.Context, actor custody.Actor, n store.NewSubmission) (store.SubmissionRow, error) {
	facts, err := s.pdfFacts(ctx, actor, store.StagedFile{ID: n.File})
	if err != nil {
		return store.SubmissionRow{}, err
	}
	n.Pages = facts.Pages
	return s.store.SubmitDocument(ctx, actor, n)
}

type documentFileInput struct {
	ByID
	SHA256 string `query:"sha256" maxLength:"64" doc:"of the file that is expected; another one is a conflict"`
}

// apiDocumentFile streams the file as it waits.
func (s *server) apiDocumentFile(ctx context.Context, actor custody.Actor, in *documentFileInput) (*huma.StreamResponse, error) {
	file, err := s.store.DocumentFile(ctx, actor, custody.DocumentID(in.ID), -1)
	if err != nil {
		return nil, err
	}
	if in.SHA256 != "" && in.SHA256 != file.SHA256 {
		return nil, custody.Conflict(custody.ReasonOtherSignature)
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", "application/pdf")
		if err := file.CopyTo(out.BodyWriter()); err != nil {
			requestOf(ctx).note("not_sent", err.Error()) // the client sees that it is short
		}
	}}, nil
}

func (s *server) apiFetchDocument(ctx context.Context, actor custody.Actor, in *struct {
	ByID
	Body nothing
}) (*body[wire.Submission], error) {
	return submission(s.store.TakeInHand(ctx, actor, custody.DocumentID(in.ID)))
}

type signedInput struct {
	ByID
	Bytes
	Entry int64 `query:"entry" required:"true" minimum:"1" doc:"of the signature in the log"`
}

func (s *server) apiTakeSigned(ctx context.Context, actor custody.Actor, in *signedInput) (*body[wire.Submission], error) {
	// Whether it can be taken at all is looked at before 50 MB are.
	if _, err := s.store.Submission(ctx, actor, custody.DocumentID(in.ID)); err != nil {
		return nil, err
	}
	file, err := s.takePDF(ctx, actor, in.reader)
	if err != nil {
		return nil, err
	}
	return submission(s.store.TakeSigned(ctx, actor, custody.DocumentID(in.ID), in.Entry, file.ID, file.Pages))
}

type whyNotInput struct {
	ByID
	Body wire.WhyNot
}

func (s *server) apiDeclineDocument(ctx context.Context, actor custody.Actor, in *whyNotInput) (*body[wire.Submission], error) {
	return submission(s.store.DeclineDocument(ctx, actor, custody.DocumentID(in.ID), in.Body.Reason))
}

func (s *server) apiWithdrawDocument(ctx context.Context, actor custody.Actor, in *whyNotInput) (*body[wire.Submission], error) {
	return submission(s.store.WithdrawDocument(ctx, actor, custody.DocumentID(in.ID), in.Body.Reason))
}

func (s *server) apiCreateTicket(ctx context.Context, actor custody.Actor, in *struct {
	ByID
	Body wire.NewTicket
}) (*body[wire.Ticket], error) {
	issued, err := s.store.CreateTicket(ctx, actor, custody.DocumentID(in.ID), custody.APIKeyID(in.Body.Pairing))
	if err != nil {
		return nil, err
	}
	return &body[wire.Ticket]{wire.Ticket{Ticket: issued.Ticket, Code: issued.Code, ExpiresAt: issued.Expires.In(time.UTC)}}, nil
}

func (s *server) apiTradeTicket(ctx context.Context, actor custody.Actor, in *body[wire.TradeTicket]) (*body[wire.Submission], error) {
	return submission(s.store.TradeTicket(ctx, actor, in.Body.Ticket, in.Body.Code))
}
