package wire

import "time"

// Notice is what the person was told of one thing. Title, Text and Next are in the
// language that was asked for.
type Notice struct {
	ID      string     `json:"id"`
	Kind    string     `json:"kind"`
	At      time.Time  `json:"at"` // it happened
	Urgent  bool       `json:"urgent"`
	TokenID string     `json:"token_id,omitempty"`
	Entry   *int64     `json:"entry,omitempty"` // log index
	ReadAt  *time.Time `json:"read_at,omitempty"`
	Title   string     `json:"title"`
	Text    string     `json:"text"`
	Next    string     `json:"next"` // what to do now
	Path    string     `json:"path"` // of the page
}

// Notices is a list of notices, newest first, and how many are unread in all. The
// following ones are asked for with the last one's ID as before.
type Notices struct {
	Unread  int      `json:"unread"`
	Notices []Notice `json:"notices"`
}

// ReadNotices marks all notices up to one, that one included, as read.
type ReadNotices struct {
	UpTo string `json:"up_to" maxLength:"64"`
}

// Job is work in the background and what became of its last run. Outcome is ok, or
// the code of an error; "" before the first run ended.
type Job struct {
	Name        string     `json:"name"`
	Running     bool       `json:"running"`
	DueAt       time.Time  `json:"due_at"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	FinishedAt  *time.Time `json:"finished_at,omitempty"`
	SucceededAt *time.Time `json:"succeeded_at,omitempty"`
	Outcome     string     `json:"outcome"`
	Done        int        `json:"done"`     // things done in the last run
	Failures    int        `json:"failures"` // runs that failed, one after another
	Late        bool       `json:"late"`
}

// Delivery is a notice that could not be sent.
type Delivery struct {
	ID        string    `json:"id"`
	Channel   string    `json:"channel"` // mail, webhook
	Recipient string    `json:"recipient,omitempty"`
	Attempts  int       `json:"attempts"`
	Error     string    `json:"error"`
	GivenUpAt time.Time `json:"given_up_at"`
	Title     string    `json:"title"`
}

// Background is the work that nobody waits for.
type Background struct {
	Jobs    []Job      `json:"jobs"`
	Waiting int        `json:"waiting"` // messages still to go out
	GivenUp []Delivery `json:"given_up"`
}
