package wire

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// NewCheck opens a custody check (kiểm kê). Kind is monthly, plenary or special.
type NewCheck struct {
	Kind string `json:"kind"`
	Due  string `json:"due"` // 2026-11-30
	Note string `json:"note,omitempty"`
}

// NewCheckStep notes something of one token of a check. Kind is seen (by the
// caller, with WitnessID as the second person), witnessed, not_witnessed,
// not_at_hand or excused; all but the first two need a reason.
type NewCheckStep struct {
	TokenID   string `json:"token_id"`
	Kind      string `json:"kind"`
	WitnessID string `json:"witness_id,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// CloseCheck fixes the result of a check.
type CloseCheck struct {
	Conclusion string `json:"conclusion,omitempty"`
}

// CheckItem is a token of a check. Outcome is proved, seen, excused or missing,
// absent while nothing is known; Entry proves it.
type CheckItem struct {
	TokenID   string     `json:"token_id"`
	Label     string     `json:"label"`
	Serial    string     `json:"serial"`
	Custodian string     `json:"custodian,omitempty"` // when the check was opened; absent: the safe
	Outcome   string     `json:"outcome,omitempty"`
	Entry     int64      `json:"entry,omitempty"`
	At        *time.Time `json:"at,omitempty"`
	SeenBy    string     `json:"seen_by,omitempty"`
	Witness   string     `json:"witness,omitempty"`
	NotAtHand string     `json:"not_at_hand,omitempty"`
	Excuse    string     `json:"excuse,omitempty"`
}

// Check is a custody check; Items only when it was asked for by itself, and of
// those what the person may see.
type Check struct {
	ID         string      `json:"id"`
	Kind       string      `json:"kind"`
	Period     string      `json:"period"`
	Due        string      `json:"due"`
	OpenedBy   string      `json:"opened_by,omitempty"` // absent: the service, by the settings
	OpenedAt   time.Time   `json:"opened_at"`
	ClosedBy   string      `json:"closed_by,omitempty"`
	ClosedAt   *time.Time  `json:"closed_at,omitempty"`
	Late       bool        `json:"late,omitempty"`
	Proved     int         `json:"proved"`
	Seen       int         `json:"seen"`
	Excused    int         `json:"excused"`
	Missing    int         `json:"missing"`
	Open       int         `json:"open"`
	Note       string      `json:"note,omitempty"`
	Conclusion string      `json:"conclusion,omitempty"`
	Entry      int64       `json:"entry"`
	Closing    int64       `json:"closing_entry,omitempty"`
	Items      []CheckItem `json:"items,omitempty"`
}

// Checks is a list of checks, newest first.
type Checks struct {
	Checks []Check `json:"checks"`
	Next   string  `json:"next,omitempty"` // cursor of the page that follows
}

// Checks lists the custody checks that concern the person.
func (c *Client) Checks(ctx context.Context) ([]Check, error) {
	return wholeList(ctx, c, PathChecks, nil, func(page *Checks) ([]Check, string) { return page.Checks, page.Next })
}

// Check returns one custody check with its tokens.
func (c *Client) Check(ctx context.Context, id string) (Check, error) {
	var check Check
	err := c.get(ctx, fmt.Sprintf(PathCheck, url.PathEscape(id)), nil, &check)
	return check, err
}

// OpenCheck opens a custody check (admin, principal).
func (c *Client) OpenCheck(ctx context.Context, in NewCheck) (Check, error) {
	var check Check
	err := c.change(ctx, PathChecks, in, &check)
	return check, err
}

// StepCheck notes something of one token of a check.
func (c *Client) StepCheck(ctx context.Context, id string, in NewCheckStep) (Check, error) {
	var check Check
	err := c.change(ctx, fmt.Sprintf(PathCheckSteps, url.PathEscape(id)), in, &check)
	return check, err
}

// CloseCheck fixes the result of a check (admin, principal).
func (c *Client) CloseCheck(ctx context.Context, id string, in CloseCheck) (Check, error) {
	var check Check
	err := c.change(ctx, fmt.Sprintf(PathCheckClose, url.PathEscape(id)), in, &check)
	return check, err
}
