package signinglog

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Errors of receipts.
var (
	ErrMalformedReceipt = errors.New("malformed receipt")
	ErrNotIncluded      = errors.New("entry is not in the log of the checkpoint")
)

// Receipt proves that an entry is in the log, without the log.
type Receipt struct {
	Index      int64       // of the entry
	Entry      []byte      // verbatim
	Proof      []tlog.Hash // inclusion proof, leaf upwards (RFC 6962 §2.1.1)
	Checkpoint []byte      // signed note
}

// CheckReceipt verifies the checkpoint's signature and the inclusion proof and
// returns what the receipt proves.
func CheckReceipt(r Receipt, verifier note.Verifier) (Entry, Checkpoint, error) {
	c, err := Open(r.Checkpoint, verifier)
	if err != nil {
		return Entry{}, Checkpoint{}, fmt.Errorf("check receipt: %w", err)
	}
	if r.Index < 0 || r.Index >= c.Size {
		return Entry{}, Checkpoint{}, fmt.Errorf("check receipt: %w: entry %d, size %d", ErrNotIncluded, r.Index, c.Size)
	}
	if err := tlog.CheckRecord(tlog.RecordProof(r.Proof), c.Size, c.Root, r.Index, LeafHash(r.Entry)); err != nil {
		return Entry{}, Checkpoint{}, fmt.Errorf("check receipt: %w: entry %d", ErrNotIncluded, r.Index)
	}
	e, err := Parse(r.Entry)
	if err != nil {
		return Entry{}, Checkpoint{}, fmt.Errorf("check receipt: %w", err)
	}
	return e, c, nil
}

// proofHeader is the first line of the text form (C2SP tlog-proof).
const proofHeader = "c2sp.org/tlog-proof@v1"

// maxProof bounds the hashes of a proof: a tree of 2^63 entries has 63 levels.
const maxProof = 63

// Marshal returns the receipt as a text file (C2SP tlog-proof): the header, the
// entry in base64 as the extra data, the index, the proof, a blank line, and the
// signed checkpoint.
func (r Receipt) Marshal() ([]byte, error) {
	if r.Index < 0 || len(r.Entry) == 0 || len(r.Entry) > MaxEntrySize || len(r.Proof) > maxProof || len(r.Checkpoint) == 0 {
		return nil, fmt.Errorf("marshal receipt: %w", ErrMalformedReceipt)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(r.Entry), r.Index)
	for _, h := range r.Proof {
		b.WriteString(h.String())
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.Write(r.Checkpoint)
	return []byte(b.String()), nil
}

// ParseReceipt reads the text form. It accepts only what Marshal writes; that
// the receipt holds is for [CheckReceipt] to say.
func ParseReceipt(text []byte) (Receipt, error) {
	malformed := func(what string) (Receipt, error) {
		return Receipt{}, fmt.Errorf("parse receipt: %w: %s", ErrMalformedReceipt, what)
	}
	if len(text) > 1<<18 {
		return malformed("too long")
	}
	head, checkpoint, ok := strings.Cut(string(text), "\n\n")
	if !ok || checkpoint == "" {
		return malformed("no checkpoint")
	}
	lines := strings.Split(head, "\n")
	if lines[0] != proofHeader || len(lines) < 3 || len(lines) > 3+maxProof {
		return malformed("header")
	}
	r := Receipt{Checkpoint: []byte(checkpoint)}
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	if !ok {
		return malformed("entry")
	}
	var err error
	r.Entry, err = base64.StdEncoding.Strict().DecodeString(extra)
	if err != nil || len(r.Entry) == 0 || len(r.Entry) > MaxEntrySize || strings.Contains(extra, "\r") {
		return malformed("entry")
	}
	index, ok := strings.CutPrefix(lines[2], "index ")
	if !ok {
		return malformed("index")
	}
	r.Index, err = strconv.ParseInt(index, 10, 64)
	if err != nil || r.Index < 0 || strconv.FormatInt(r.Index, 10) != index {
		return malformed("index")
	}
	for _, line := range lines[3:] {
		h, err := parseHash(line)
		if err != nil {
			return malformed("proof")
		}
		r.Proof = append(r.Proof, h)
	}
	return r, nil
}
