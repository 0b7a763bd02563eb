package wire

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"
)

// NewPaper is an official paper to be drafted, looked at or issued: of a hand-over,
// an incident, a token or a custody check, or of a period.
type NewPaper struct {
	Kind       string            `json:"kind"`
	HandOverID string            `json:"hand_over_id,omitempty"`
	IncidentID string            `json:"incident_id,omitempty"`
	TokenID    string            `json:"token_id,omitempty"`
	CheckID    string            `json:"check_id,omitempty"`   // a closed custody check
	SupportID  string            `json:"support_id,omitempty"` // forms 04 and 06: the request that fields are proposed from
	From       string            `json:"from,omitempty"`       // 2026-01-01
	Until      string            `json:"until,omitempty"`
	Number     int               `json:"number,omitempty"` // 0 = to be written in by hand
	Symbol     string            `json:"symbol,omitempty"` // BB-MNHS; "" = as proposed
	Date       string            `json:"date,omitempty"`   // "" = today
	Inputs     map[string]string `json:"inputs,omitempty"` // by name, see PaperDraft; what is missing stays as proposed
	Replaces   string            `json:"replaces,omitempty"`
	// FactsSHA256 of a draft: the paper is issued of these facts or not at all.
	FactsSHA256 string `json:"facts_sha256,omitempty"`
}

// PaperDraft is what a paper would hold.
type PaperDraft struct {
	Number      int          `json:"number"`
	Symbol      string       `json:"symbol"`
	Date        string       `json:"date"`
	Inputs      []PaperInput `json:"inputs"`
	FactsSHA256 string       `json:"facts_sha256"`
}

// PaperInput is a field that may be filled in.
type PaperInput struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Form     string `json:"form"` // line lines day yes_no
	Required bool   `json:"required"`
}

// Paper is an issued paper.
type Paper struct {
	ID         string        `json:"id"`
	Kind       string        `json:"kind"`
	Number     int           `json:"number"`
	Symbol     string        `json:"symbol"`
	Date       string        `json:"date"`
	HandOverID string        `json:"hand_over_id,omitempty"`
	IncidentID string        `json:"incident_id,omitempty"`
	TokenID    string        `json:"token_id,omitempty"`
	CheckID    string        `json:"check_id,omitempty"`
	From       string        `json:"from,omitempty"`
	Until      string        `json:"until,omitempty"`
	IssuedBy   string        `json:"issued_by"`
	IssuedAt   time.Time     `json:"issued_at"`
	Entry      int64         `json:"entry"`
	Replaces   string        `json:"replaces,omitempty"`
	Replaced   string        `json:"replaced,omitempty"` // by that paper
	FileName   string        `json:"file_name"`
	Signed     []SignedPaper `json:"signed"` // of one paper; lists leave it empty
}

// Papers is a list of papers, the newest first.
type Papers struct {
	Papers []Paper `json:"papers"`
	Next   string  `json:"next,omitempty"` // cursor of the page that follows
}

// SignedPaper is a signed copy that is kept.
type SignedPaper struct {
	ID         string    `json:"id"`
	SHA256     string    `json:"sha256"`
	Size       int64     `json:"size"`
	Signatures int       `json:"signatures"`
	Signers    string    `json:"signers"`
	KeptBy     string    `json:"kept_by"`
	KeptAt     time.Time `json:"kept_at"`
	Entry      int64     `json:"entry"`
}

// Papers lists the papers that the person may see.
func (c *Client) Papers(ctx context.Context) ([]Paper, error) {
	return wholeList(ctx, c, PathPapers, nil, func(page *Papers) ([]Paper, string) { return page.Papers, page.Next })
}

// DraftPaper tells what a paper would hold (admin, principal, office head).
func (c *Client) DraftPaper(ctx context.Context, in NewPaper) (PaperDraft, error) {
	var draft PaperDraft
	err := c.post(ctx, PathPaperDrafts, in, &draft)
	return draft, err
}

// IssuePaper issues a paper (admin, principal, office head).
func (c *Client) IssuePaper(ctx context.Context, in NewPaper) (Paper, error) {
	var paper Paper
	err := c.change(ctx, PathPapers, in, &paper)
	return paper, err
}

// Paper returns one paper with its signed copies.
func (c *Client) Paper(ctx context.Context, id string) (Paper, error) {
	var paper Paper
	err := c.get(ctx, fmt.Sprintf(PathPaper, url.PathEscape(id)), nil, &paper)
	return paper, err
}

// KeepSignedPaper sends a signed copy of a paper in.
func (c *Client) KeepSignedPaper(ctx context.Context, id string, r io.Reader, size int64) (SignedPaper, error) {
	var signed SignedPaper
	err := c.send(ctx, fmt.Sprintf(PathPaperSigned, url.PathEscape(id)), r, size, &signed)
	return signed, err
}
