package notices

import (
	"math/rand/v2"
	"time"
)

// Codes of why something could not be sent. There is a sentence for each.
const (
	CodeMailUnreachable    = "mail_unreachable"
	CodeMailTLS            = "mail_tls"
	CodeMailAuth           = "mail_auth"
	CodeMailRefused        = "mail_refused"
	CodeMailLater          = "mail_later"
	CodeMailAddress        = "mail_address"
	CodeWebhookUnreachable = "webhook_unreachable"
	CodeWebhookLater       = "webhook_later"
	CodeWebhookRefused     = "webhook_refused"
	CodeInternal           = "internal"
)

// Failure says why something was not sent. A permanent one would come again.
type Failure struct {
	Code      string
	Permanent bool
	Err       error
}

func (f *Failure) Error() string { return f.Code + ": " + f.Err.Error() }

// Unwrap yields the cause.
func (f *Failure) Unwrap() error { return f.Err }

// MaxAttempts is after how many tries a message is given up: with NextTry that is
// about a day and a half, a weekend's broken mail server is seen by then.
const MaxAttempts = 14

const (
	firstPause = time.Minute
	maxPause   = 6 * time.Hour
)

// NextTry is when to try again after so many attempts: a minute later, then twice as
// long each time, at most six hours, and up to a quarter more or less, so that what
// failed together is not tried together.
func NextTry(now time.Time, attempts int) time.Time {
	pause := maxPause
	if attempts < 10 {
		pause = min(maxPause, firstPause<<max(attempts-1, 0))
	}
	return now.Add(pause*3/4 + rand.N(pause/2))
}
