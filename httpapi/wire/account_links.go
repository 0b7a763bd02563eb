package wire

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// AccountLink is a link by which a person sets the password of their account themselves.
// Path and URL hold its secret: they are in the answer that made it, and in no other.
type AccountLink struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind" enum:"invited,reset_asked"`
	State      string    `json:"state" enum:"open,waits" doc:"a reset waits until a second person has confirmed it"`
	PersonID   string    `json:"person_id"`
	MadeBy     string    `json:"made_by,omitempty" doc:"absent where the command line made it"`
	MayConfirm bool      `json:"may_confirm" doc:"whether the caller is one of those who confirm it"`
	ExpiresAt  time.Time `json:"expires_at"`
	Path       string    `json:"path,omitempty" doc:"at the service's address; good once, in this answer only"`
	URL        string    `json:"url,omitempty" doc:"the same with the public address, where that is set up"`
}

// NewAccountLink says what link to make: invited for somebody who has set no password yet,
// by Username where they have no account; reset_asked for a forgotten password.
type NewAccountLink struct {
	Kind     string `json:"kind" enum:"invited,reset_asked"`
	Username string `json:"username,omitempty"`
}

// AccountLinks are those that are open or wait, the newest first.
type AccountLinks struct {
	AccountLinks []AccountLink `json:"account_links"`
}

// JoinPath is where a link with this secret is used: a page for people.
func JoinPath(secret string) string { return "/join/" + secret }

// MakeAccountLink makes a link for a person (who runs the register).
func (c *Client) MakeAccountLink(ctx context.Context, person string, in NewAccountLink) (AccountLink, error) {
	var link AccountLink
	err := c.change(ctx, fmt.Sprintf(PathPersonLinks, url.PathEscape(person)), in, &link)
	return link, err
}

// AccountLinks lists links that are open or wait: all to who runs the register, to others
// the resets that they may confirm.
func (c *Client) AccountLinks(ctx context.Context) ([]AccountLink, error) {
	var links AccountLinks
	err := c.get(ctx, PathAccountLinks, nil, &links)
	return links.AccountLinks, err
}

// ConfirmReset says, as a second person, that a reset may be used.
func (c *Client) ConfirmReset(ctx context.Context, link string) error {
	return c.change(ctx, fmt.Sprintf(PathConfirmReset, url.PathEscape(link)), struct{}{}, nil)
}

// WithdrawAccountLink ends a link unused.
func (c *Client) WithdrawAccountLink(ctx context.Context, link string) error {
	return c.change(ctx, fmt.Sprintf(PathWithdrawLink, url.PathEscape(link)), struct{}{}, nil)
}
