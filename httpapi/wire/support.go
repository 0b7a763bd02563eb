package wire

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// NewSupportRequest asks the provider's help for a token. Kind is unlock (form
// 06), technical, renewal or change (form 04); Present and Wanted are of a change.
type NewSupportRequest struct {
	TokenID     string `json:"token_id"`
	Kind        string `json:"kind"`
	Description string `json:"description"`
	Present     string `json:"present,omitempty"`
	Wanted      string `json:"wanted,omitempty"`
	LockPIN     bool   `json:"lock_pin,omitempty"` // unlock: report the PIN locked with it
}

// NewSupportStep takes a request a step on. State is sent (to Addressee, by the
// letter PaperNumber of PaperOn, answer expected by Due), answered, solved, refused
// or withdrawn; all but sent need a note.
type NewSupportStep struct {
	State       string `json:"state"`
	Addressee   string `json:"addressee,omitempty"`
	PaperNumber string `json:"paper_number,omitempty"`
	PaperOn     string `json:"paper_on,omitempty"` // 2026-11-26
	Due         string `json:"due,omitempty"`
	Note        string `json:"note,omitempty"`
}

// SupportStep is a step of a request's history.
type SupportStep struct {
	State       string    `json:"state"`
	Addressee   string    `json:"addressee,omitempty"`
	PaperNumber string    `json:"paper_number,omitempty"`
	PaperOn     string    `json:"paper_on,omitempty"`
	Due         string    `json:"due,omitempty"`
	Note        string    `json:"note,omitempty"`
	By          string    `json:"by,omitempty"`
	At          time.Time `json:"at"`
	Entry       int64     `json:"entry"`
}

// SupportRequest is a request; Steps only when it was asked for by itself. Form is
// 04 or 06, absent for technical help; Due is absent when nothing is waited for.
type SupportRequest struct {
	ID          string        `json:"id"`
	TokenID     string        `json:"token_id"`
	TokenLabel  string        `json:"token_label"`
	TokenSerial string        `json:"token_serial"`
	Kind        string        `json:"kind"`
	Form        string        `json:"form,omitempty"`
	State       string        `json:"state"` // asked sent answered solved refused withdrawn
	Person      string        `json:"person,omitempty"`
	AskedBy     string        `json:"asked_by,omitempty"`
	AskedAt     time.Time     `json:"asked_at"`
	Description string        `json:"description,omitempty"`
	Present     string        `json:"present,omitempty"`
	Wanted      string        `json:"wanted,omitempty"`
	Due         string        `json:"due,omitempty"`
	Late        bool          `json:"late,omitempty"`
	Entry       int64         `json:"entry"`
	Steps       []SupportStep `json:"steps,omitempty"`
}

// SupportRequests is a page of requests, newest first. Next is the from of the
// following page, absent on the last.
type SupportRequests struct {
	Requests []SupportRequest `json:"requests"`
	Next     string           `json:"next,omitempty"` // cursor of the page that follows
}

// SupportQuery chooses requests; empty fields choose all. State is open, done or a
// state.
type SupportQuery struct {
	State, Kind, TokenID string
	Cursor               string // next of the page before
}

// SupportRequests lists requests that the person may see.
func (c *Client) SupportRequests(ctx context.Context, q SupportQuery) (SupportRequests, error) {
	values := url.Values{}
	for name, value := range map[string]string{"state": q.State, "kind": q.Kind, "token": q.TokenID} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if q.Cursor != "" {
		values.Set("cursor", q.Cursor)
	}
	var list SupportRequests
	err := c.get(ctx, PathSupportRequests, values, &list)
	return list, err
}

// SupportRequest returns one request with its history.
func (c *Client) SupportRequest(ctx context.Context, id string) (SupportRequest, error) {
	var request SupportRequest
	err := c.get(ctx, fmt.Sprintf(PathSupportRequest, url.PathEscape(id)), nil, &request)
	return request, err
}

// AskSupport asks the provider's help for a token.
func (c *Client) AskSupport(ctx context.Context, in NewSupportRequest) (SupportRequest, error) {
	var request SupportRequest
	err := c.change(ctx, PathSupportRequests, in, &request)
	return request, err
}

// StepSupport takes a request a step on (admin, principal; who asked may withdraw).
func (c *Client) StepSupport(ctx context.Context, id string, in NewSupportStep) (SupportRequest, error) {
	var request SupportRequest
	err := c.change(ctx, fmt.Sprintf(PathSupportSteps, url.PathEscape(id)), in, &request)
	return request, err
}
