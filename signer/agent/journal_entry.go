package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// step is how far a job has come, as the journal knows it.
type step string

const (
	stepAsked     step = "asked"     // the service is asked for leave
	stepIntent    step = "intent"    // nothing has been handed out
	stepSigned    step = "signed"    // the signature lies in the temporary file
	stepCommitted step = "committed" // the output has its name
	stepDone      step = "done"      // the receipt is stored, or there is no service
	stepAbandoned step = "abandoned" // nothing came of it, and the service knows
	stepSeen      step = "seen"      // a recovered job whose result a person has been told
)

// follows says which step may come after which.
var follows = map[step][]step{
	"":            {stepAsked, stepIntent},
	stepAsked:     {stepIntent, stepAbandoned},
	stepIntent:    {stepSigned, stepAbandoned},
	stepSigned:    {stepCommitted, stepAbandoned},
	stepCommitted: {stepDone},
	stepDone:      {stepSeen},
}

// journalEntry is one line of the journal.
type journalEntry struct {
	Job  string    `json:"job"` // UUID; also the identifier of the grant's request
	Step step      `json:"step"`
	At   time.Time `json:"at"`

	Intent    *intent         `json:"intent,omitempty"`    // with stepAsked (neither grant nor output yet) and stepIntent
	Signature *finishedRecord `json:"signature,omitempty"` // with stepSigned
	Output    string          `json:"output,omitempty"`    // with stepCommitted: its name in the end
	Index     *int64          `json:"index,omitempty"`     // with stepDone: entry of the log
	Recovered bool            `json:"recovered,omitempty"` // with stepCommitted, stepDone: by a later start
	Reason    string          `json:"reason,omitempty"`    // with stepAbandoned
}

// intent is what is known before the token is asked. Paths are absolute.
type intent struct {
	Input    string `json:"input"`
	SHA256In string `json:"sha256_in"` // hex
	Wanted   string `json:"wanted"`    // output as asked for or derived from the input's name, before " (2)"
	Explicit bool   `json:"explicit,omitempty"`
	Output   string `json:"output"` // free when the job began
	Temp     string `json:"temp"`   // where the finished bytes will lie
	Act      string `json:"act,omitempty"`
	Capacity string `json:"capacity,omitempty"`
	Grant    string `json:"grant,omitempty"`   // "" = standalone
	LogKey   string `json:"log_key,omitempty"` // of the service that granted
	Serial   string `json:"token,omitempty"`   // of the token
	Batch    string `json:"batch,omitempty"`   // the batch that can be resumed, and the
	Number   int    `json:"number,omitempty"`  // number of the file in it, from 1
}

// finishedRecord is what the service has to be told of a finished signature.
type finishedRecord struct {
	CMS               []byte    `json:"cms"`
	CertificateSHA256 string    `json:"certificate_sha256"`
	ByteRangeDigest   string    `json:"byte_range_digest"` // hex, by the CMS's own digest algorithm
	SHA256Out         string    `json:"sha256_out"`
	Level             string    `json:"level"`
	Algorithm         string    `json:"algorithm,omitempty"`
	Field             string    `json:"field"`
	SignedAt          time.Time `json:"signed_at"`
}

const (
	journalHeader  = "sokyso agent journal 1\n"
	maxJournalLine = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// marshal is the line of an entry, with its end.
func (e journalEntry) marshal() ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("journal entry: %w", err)
	}
	if len(body)+10 > maxJournalLine {
		return nil, fmt.Errorf("journal entry of %d bytes is too long", len(body))
	}
	line := make([]byte, 0, len(body)+10)
	line = fmt.Appendf(line, "%08x ", crc32.Checksum(body, castagnoli))
	line = append(line, body...)
	return append(line, '\n'), nil
}

// parseEntry reads a line without its end.
func parseEntry(line []byte) (journalEntry, error) {
	sum, body, found := bytes.Cut(line, []byte(" "))
	if !found || len(sum) != 8 {
		return journalEntry{}, fmt.Errorf("no checksum")
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil {
		return journalEntry{}, fmt.Errorf("checksum: %w", err)
	}
	if got := crc32.Checksum(body, castagnoli); uint64(got) != want {
		return journalEntry{}, fmt.Errorf("checksum %08x instead of %08x", got, want)
	}
	var entry journalEntry
	if err := json.Unmarshal(body, &entry); err != nil {
		return journalEntry{}, fmt.Errorf("entry: %w", err)
	}
	return entry, nil
}
