package wire

import (
	"context"
	"time"
)

// Receipt proves that an entry is in the log. It can be checked offline with the
// log's verifier key: see custody/signinglog.
type Receipt struct {
	Index      int64    `json:"index"`
	Entry      []byte   `json:"entry"`      // verbatim canonical bytes
	Proof      []string `json:"proof"`      // base64 hashes, leaf upwards (RFC 6962 §2.1.1)
	Checkpoint string   `json:"checkpoint"` // C2SP signed note
}

// Entry is one entry of the log as a person with the right to see it sees it.
type Entry struct {
	Index    int64             `json:"index"`
	Type     string            `json:"type"`
	At       time.Time         `json:"at"`
	Bytes    []byte            `json:"bytes"`
	LeafHash string            `json:"leaf_hash"`         // base64
	Reveals  map[string]string `json:"reveals,omitempty"` // field -> value of the commitments in the entry, absent once erased
}

// Entries is a page of the log: in order when asked with From, otherwise newest
// first. A page may hold fewer entries than asked for, or none, and still have a
// following page: the person sees some of them only.
type Entries struct {
	Size    int64   `json:"size"` // of the tree
	Entries []Entry `json:"entries"`
	Next    *int64  `json:"next,omitempty"`   // From of the following page
	Before  *int64  `json:"before,omitempty"` // Before of the following page, newest first
}

// Proof is an inclusion or consistency proof (RFC 6962 §2.1), base64 hashes.
type Proof struct {
	Hashes []string `json:"hashes"`
}

// Health is the answer of the health check.
type Health struct {
	Status   string   `json:"status"`              // ok
	LateJobs []string `json:"late_jobs,omitempty"` // work in the background that should have run long ago
}

// Ready is the answer of a service that is to be sent requests; one that is not answers
// 503 with a problem whose reason says why.
type Ready struct {
	Status string `json:"status"` // ready
}

// SeenCheckpoint is a checkpoint that an agent has seen: a C2SP signed note.
type SeenCheckpoint struct {
	Checkpoint string `json:"checkpoint" maxLength:"65536"`
}

// SeeCheckpoint tells the service of a checkpoint that its log does not extend. It
// answers nil when it does after all, else a conflict, and takes no changes any more.
func (c *Client) SeeCheckpoint(ctx context.Context, in SeenCheckpoint) error {
	return c.change(ctx, PathSeen, in, nil)
}
