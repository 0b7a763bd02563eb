package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// MaxDocument bounds a PDF that is submitted or comes back signed, in bytes.
const MaxDocument = 50 << 20

// RouteStep is one signature that a document waits for, in its order.
type RouteStep struct {
	PersonID       string     `json:"person_id"`
	Person         string     `json:"person,omitempty"` // name; not read when a document is submitted
	Act            string     `json:"act"`
	Capacity       string     `json:"capacity,omitempty"`
	SignedAt       *time.Time `json:"signed_at,omitempty"`
	SignatureEntry *int64     `json:"signature_entry,omitempty"`
}

// NewSubmission submits a file that was taken in before.
type NewSubmission struct {
	File     string        `json:"file"` // of DocumentFile
	Document DocumentFacts `json:"document"`
	Note     string        `json:"note,omitempty"`
	Due      string        `json:"due,omitempty"` // 2026-11-30
	Route    []RouteStep   `json:"route"`
}

// DocumentFile is a file that was taken in, for a day unless a document names it.
type DocumentFile struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Pages  int    `json:"pages"` // 0 = not known
}

// Submission is a document on its way through the signatures.
type Submission struct {
	ID          string        `json:"id"`
	State       string        `json:"state"` // waiting in_hand signed declined withdrawn
	Document    DocumentFacts `json:"document"`
	Note        string        `json:"note,omitempty"`
	Due         string        `json:"due,omitempty"`
	SubmittedBy string        `json:"submitted_by"` // name
	SubmittedAt time.Time     `json:"submitted_at"`
	Route       []RouteStep   `json:"route"`
	Step        int           `json:"step"`   // that waits, from 1; 0 = none
	SHA256      string        `json:"sha256"` // of the file that waits, or of the last one
	Size        int64         `json:"size"`
	Pages       int           `json:"pages"`
	HeldBy      string        `json:"held_by,omitempty"` // computer that has it in hand
	Reason      string        `json:"reason,omitempty"`  // why it was declined or withdrawn
	Entry       int64         `json:"entry"`
	MayHandle   bool          `json:"may_handle"`
}

// Submissions is a list of documents.
type Submissions struct {
	Documents []Submission `json:"documents"`
	Next      string       `json:"next,omitempty"` // cursor of the page that follows
}

// NewTicket asks for a ticket for one of the person's agents.
type NewTicket struct {
	Pairing string `json:"pairing"`
}

// Ticket lets an agent take one document in hand, once.
type Ticket struct {
	Ticket    string    `json:"ticket"`
	Code      string    `json:"code"` // stands for it, to be typed
	ExpiresAt time.Time `json:"expires_at"`
}

// TradeTicket trades a ticket or its code for the document.
type TradeTicket struct {
	Ticket string `json:"ticket,omitempty"`
	Code   string `json:"code,omitempty"`
}

// WhyNot ends a document.
type WhyNot struct {
	Reason string `json:"reason,omitempty"`
}

// Submissions lists the documents that the person has to do with; waiting: only those that wait for their signature.
func (c *Client) Submissions(ctx context.Context, waiting bool) ([]Submission, error) {
	query := url.Values{}
	if waiting {
		query.Set("waiting", "true")
	}
	return wholeList(ctx, c, PathDocuments, query, func(page *Submissions) ([]Submission, string) { return page.Documents, page.Next })
}

// Submission tells what became of a document.
func (c *Client) Submission(ctx context.Context, id string) (Submission, error) {
	var s Submission
	err := c.get(ctx, fmt.Sprintf(PathDocument, url.PathEscape(id)), nil, &s)
	return s, err
}

// StageFile sends a PDF of that size; Submit then names it.
func (c *Client) StageFile(ctx context.Context, r io.Reader, size int64) (DocumentFile, error) {
	var file DocumentFile
	err := c.send(ctx, PathDocumentFiles, r, size, &file)
	return file, err
}

// Submit submits a document.
func (c *Client) Submit(ctx context.Context, in NewSubmission) (Submission, error) {
	var s Submission
	err := c.change(ctx, PathDocuments, in, &s)
	return s, err
}

// CreateTicket makes a ticket (in person).
func (c *Client) CreateTicket(ctx context.Context, document string, in NewTicket) (Ticket, error) {
	var t Ticket
	err := c.post(ctx, fmt.Sprintf(PathDocumentTickets, url.PathEscape(document)), in, &t)
	return t, err
}

// TradeTicket trades a ticket or code. A ticket opens once; sent again under its key, the trade has the same answer.
func (c *Client) TradeTicket(ctx context.Context, in TradeTicket) (Submission, error) {
	var s Submission
	err := c.change(ctx, PathTickets, in, &s)
	return s, err
}

// FetchDocument takes a document in hand without a ticket.
func (c *Client) FetchDocument(ctx context.Context, id string) (Submission, error) {
	var s Submission
	err := c.do(ctx, call{method: http.MethodPost, path: fmt.Sprintf(PathDocumentFetch, url.PathEscape(id)), body: struct{}{}, answer: &s, repeats: true})
	return s, err
}

// DeclineDocument says why it is not signed.
func (c *Client) DeclineDocument(ctx context.Context, id string, in WhyNot) (Submission, error) {
	var s Submission
	err := c.change(ctx, fmt.Sprintf(PathDocumentDecline, url.PathEscape(id)), in, &s)
	return s, err
}

// WithdrawDocument takes a document back.
func (c *Client) WithdrawDocument(ctx context.Context, id string, in WhyNot) (Submission, error) {
	var s Submission
	err := c.change(ctx, fmt.Sprintf(PathDocumentWithdraw, url.PathEscape(id)), in, &s)
	return s, err
}

// SendSigned sends the signed form of a document; entry is that of the signature. Sent again it takes effect once.
func (c *Client) SendSigned(ctx context.Context, id string, entry int64, r io.Reader, size int64) (Submission, error) {
	var s Submission
	err := c.send(ctx, fmt.Sprintf(PathDocumentSigned, url.PathEscape(id))+"?entry="+strconv.FormatInt(entry, 10), r, size, &s)
	return s, err
}

// transferTimeout bounds one transfer of a file: 50 MB at 1 Mbit/s.
const transferTimeout = 7 * time.Minute

func (c *Client) transfer(ctx context.Context, method, path string, body io.Reader, size int64) (*http.Response, context.CancelFunc, error) {
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("request %s: %w", path, err)
	}
	if body != nil {
		req.ContentLength = size
		req.Header.Set("Content-Type", "application/pdf")
	}
	req.Header.Set("Accept", "application/json, application/pdf, application/problem+json")
	if c.language != "" {
		req.Header.Set("Accept-Language", c.language)
	}
	if c.apiKey != "" {
		req.Header.Set("Authorization", "Bearer "+c.apiKey)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		cancel()
		return nil, nil, &UnreachableError{URL: c.URL(), Err: withoutURL(err)}
	}
	return resp, cancel, nil
}

// send makes one attempt to send a file; whether to try again is the caller's, who can read it again.
func (c *Client) send(ctx context.Context, path string, r io.Reader, size int64, answer any) error {
	resp, cancel, err := c.transfer(ctx, http.MethodPost, path, r, size)
	if err != nil {
		return err
	}
	defer cancel()
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return &UnreachableError{URL: c.URL(), Err: fmt.Errorf("answer broken off: %w", err)}
	}
	_, err = c.judge(call{method: http.MethodPost, path: path, answer: answer}, resp, content)
	return err
}

// errCut: the transfer ended before the file did.
var errCut = errors.New("the file broke off")

// DocumentBytes fetches the file of a document as it waits and writes it, in one attempt. What was written counts only
// without an error: the bytes are then those of the size and SHA-256.
func (c *Client) DocumentBytes(ctx context.Context, d Submission, w io.Writer) error {
	path := fmt.Sprintf(PathDocumentFile, url.PathEscape(d.ID)) + "?sha256=" + url.QueryEscape(d.SHA256)
	resp, cancel, err := c.transfer(ctx, http.MethodGet, path, nil, 0)
	if err != nil {
		return err
	}
	defer cancel()
	defer resp.Body.Close()
	nonsense := func(reason string) error {
		return &NonsenseError{URL: c.URL(), Operation: "GET " + path, Reason: reason}
	}
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || resp.StatusCode != http.StatusOK || mediaType != "application/pdf" {
		content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return &UnreachableError{URL: c.URL(), Err: err}
		}
		if _, err := c.judge(call{method: http.MethodGet, path: path, answer: &json.RawMessage{}}, resp, content); err != nil {
			return err
		}
		return nonsense("no PDF")
	}
	if d.Size > MaxDocument {
		return nonsense("the document is too large")
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(resp.Body, d.Size+1))
	switch {
	case err != nil:
		return &UnreachableError{URL: c.URL(), Err: fmt.Errorf("answer broken off: %w", err)}
	case n < d.Size:
		return &UnreachableError{URL: c.URL(), Err: errCut}
	case n > d.Size || hex.EncodeToString(sum.Sum(nil)) != d.SHA256:
		return nonsense("the file is another than the document says")
	}
	return nil
}
