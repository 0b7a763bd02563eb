package wire

import (
	"context"
	"fmt"
	"time"
)

// FoundSignatures are signatures that were found in documents, up to 200.
type FoundSignatures struct {
	Signatures []FoundSignature `json:"signatures" maxItems:"200"`
}

// FoundSignature is a signature of a document, whose bytes have not changed under it.
type FoundSignature struct {
	CertificateSHA256 string     `json:"certificate_sha256"` // hex
	ByteRangeDigest   string     `json:"byte_range_digest"`  // hex, by the CMS's own digest algorithm
	CMS               []byte     `json:"cms"`
	Field             string     `json:"field"`
	StatedAt          *time.Time `json:"stated_at,omitempty"` // by the signature itself
	FileSHA256        string     `json:"file_sha256"`
	FileName          string     `json:"file_name"`
}

// HeldSignatures says what the log knows of found signatures, in their order.
type HeldSignatures struct {
	Signatures []HeldSignature `json:"signatures"`
}

// HeldSignature is what the log knows of one: Entry is the log's own, Unlogged that by
// which it was recorded as made outside the log, New that this was done now.
type HeldSignature struct {
	Registered bool  `json:"registered"` // by a certificate of the school
	Broken     bool  `json:"broken,omitempty"`
	Entry      int64 `json:"entry,omitempty"`
	Unlogged   int64 `json:"unlogged,omitempty"`
	New        bool  `json:"new,omitempty"`
}

// Review is what is new in the log since the last review, the gravest first. From is
// the first entry, Until the first after those looked at, Size the log's.
type Review struct {
	From       int64        `json:"from"`
	Until      int64        `json:"until"`
	Size       int64        `json:"size"`
	Signatures int          `json:"signatures"`
	Unseen     int          `json:"unseen"`
	Items      []ReviewItem `json:"items"`
	Earlier    []ReviewItem `json:"earlier,omitempty"` // of reviews before, of which something is open
}

// ReviewItem is an entry that wants a look. Points are words as after_report, refused,
// outside_hours; State is seen, asked, answered, flagged or settled, absent for none.
type ReviewItem struct {
	Entry   int64     `json:"entry"`
	Type    string    `json:"type"`
	At      time.Time `json:"at"`
	Points  []string  `json:"points,omitempty"`
	Person  string    `json:"person,omitempty"`
	TokenID string    `json:"token_id,omitempty"`
	Kind    string    `json:"document_kind,omitempty"`
	Number  string    `json:"document_number,omitempty"`
	Symbol  string    `json:"document_symbol,omitempty"`
	Summary string    `json:"summary,omitempty"`
	State   string    `json:"state,omitempty"`
	Note    string    `json:"note,omitempty"`
}

// ReviewStep says the same of entries, all or none: seen, asked (a question to whose
// act it is), answered, flagged, settled. All but seen need a note.
type ReviewStep struct {
	Entries []int64 `json:"entries" minItems:"1" maxItems:"500"`
	Step    string  `json:"step"`
	Note    string  `json:"note,omitempty"`
}

// FinishReview ends the review of the entries from From up to, not including, Until.
type FinishReview struct {
	From  int64  `json:"from"`
	Until int64  `json:"until"`
	Note  string `json:"note,omitempty"`
}

// FindSignatures holds signatures that were found in documents against the log.
func (c *Client) FindSignatures(ctx context.Context, in FoundSignatures) (HeldSignatures, error) {
	var out HeldSignatures
	err := c.change(ctx, PathUnlogged, in, &out)
	return out, err
}

// Review tells what is new in the log since the last review.
func (c *Client) Review(ctx context.Context) (Review, error) {
	var out Review
	err := c.get(ctx, PathReview, nil, &out)
	return out, err
}

// StepReview says the same of entries.
func (c *Client) StepReview(ctx context.Context, in ReviewStep) error {
	if len(in.Entries) == 0 {
		return fmt.Errorf("step of a review: no entries")
	}
	return c.change(ctx, PathReviewSteps, in, nil)
}

// FinishReview ends the review of a span of entries.
func (c *Client) FinishReview(ctx context.Context, in FinishReview) error {
	return c.change(ctx, PathReviewEnd, in, nil)
}
