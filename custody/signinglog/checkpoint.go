package signinglog

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Errors of checkpoints and proofs.
var (
	ErrMalformedCheckpoint = errors.New("malformed checkpoint")
	ErrSignature           = errors.New("checkpoint is not signed by the log's key")
	ErrOrigin              = errors.New("checkpoint is of another log")
	ErrMalformedKey        = errors.New("malformed log key")
)

// Checkpoint is a log's size and root hash (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string    // names the log, also the name of its key
	Size   int64     // entries
	Root   tlog.Hash // RFC 6962 Merkle tree hash of the first Size entries

	KeyChanges string // extension lines by which the log's key was replaced; see EndorseKey
}

// Marshal returns the text that is signed: origin, size, root in base64, each
// with a line feed, and the changes of the log's key.
func (c Checkpoint) Marshal() ([]byte, error) {
	if !validOrigin(c.Origin) || c.Size < 0 {
		return nil, fmt.Errorf("marshal checkpoint: %w: origin %q, size %d", ErrMalformedCheckpoint, c.Origin, c.Size)
	}
	return fmt.Appendf(nil, "%s\n%d\n%s\n%s", c.Origin, c.Size, c.Root, c.KeyChanges), nil
}

// ParseCheckpoint reads the text of a checkpoint. Extension lines after the
// third are allowed by the specification; those not of this package are ignored.
func ParseCheckpoint(text []byte) (Checkpoint, error) {
	if len(text) > 1<<16 || !bytes.HasSuffix(text, []byte("\n")) {
		return Checkpoint{}, fmt.Errorf("parse checkpoint: %w", ErrMalformedCheckpoint)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) < 3 || !validOrigin(lines[0]) {
		return Checkpoint{}, fmt.Errorf("parse checkpoint: %w", ErrMalformedCheckpoint)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("parse checkpoint: %w: size %.20q", ErrMalformedCheckpoint, lines[1])
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("parse checkpoint: %w: root %.50q", ErrMalformedCheckpoint, lines[2])
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root, KeyChanges: keyChangeLines(lines)}, nil
}

// Sign returns the checkpoint as a signed note. The signer's name must be the
// checkpoint's origin.
func Sign(c Checkpoint, signer note.Signer) ([]byte, error) {
	if signer.Name() != c.Origin {
		return nil, fmt.Errorf("sign checkpoint: %w: key %q, origin %q", ErrOrigin, signer.Name(), c.Origin)
	}
	text, err := c.Marshal()
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return signed, nil
}

// Open verifies a signed note with the key that the log began with, or the one that
// followed it (see EndorseKey), and returns its checkpoint. Further signatures (of
// witnesses) are allowed and ignored.
func Open(signed []byte, verifier note.Verifier) (Checkpoint, error) {
	_, c, err := OpenNote(signed, verifier)
	return c, err
}

// OpenNote is Open that returns the note too, for who signs it besides.
func OpenNote(signed []byte, first note.Verifier) (*note.Note, Checkpoint, error) {
	verifier, changes, err := signingKey(signed, first)
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("open checkpoint: %w: %w", ErrSignature, err)
	}
	for _, signature := range n.Sigs {
		// note accepts stray bits after the base64 of a signature; one form is enough.
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil {
			return nil, Checkpoint{}, fmt.Errorf("open checkpoint: %w: %w", ErrSignature, err)
		}
	}
	c, err := ParseCheckpoint([]byte(n.Text))
	if err != nil {
		return nil, Checkpoint{}, err
	}
	if c.Origin != verifier.Name() {
		return nil, Checkpoint{}, fmt.Errorf("open checkpoint: %w: %q instead of %q", ErrOrigin, c.Origin, verifier.Name())
	}
	if len(changes) > 0 && c.Size < changes[len(changes)-1].Checkpoint.Size {
		return nil, Checkpoint{}, fmt.Errorf("open checkpoint: %w: older than the change of its key", ErrMalformedCheckpoint)
	}
	return n, c, nil
}

// GenerateKey makes an Ed25519 key pair in the text form of
// golang.org/x/mod/sumdb/note. Keep skey secret; vkey is what receipts are
// checked with. The origin is the key's name: no spaces, no plus sign.
func GenerateKey(origin string) (skey, vkey string, err error) {
	if !validOrigin(origin) {
		return "", "", fmt.Errorf("generate log key: %w: origin %q", ErrMalformedKey, origin)
	}
	skey, vkey, err = note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", "", fmt.Errorf("generate log key: %w", err)
	}
	return skey, vkey, nil
}

// VerifierKey returns the verifier key that belongs to a signer key.
func VerifierKey(skey string) (string, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return "", fmt.Errorf("log key: %w: %w", ErrMalformedKey, err)
	}
	encoded := skey[strings.LastIndex(skey, "+")+1:]
	// A base64 text may hold a plus sign itself: its start is the fifth part.
	if parts := strings.SplitN(skey, "+", 5); len(parts) == 5 {
		encoded = parts[4]
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return "", fmt.Errorf("log key: %w", ErrMalformedKey)
	}
	public := ed25519.NewKeyFromSeed(key[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return "", fmt.Errorf("log key: %w: %w", ErrMalformedKey, err)
	}
	return vkey, nil
}

// CheckConsistency checks that the newer checkpoint's log extends the older's
// (RFC 6962 §2.1.2) and goes on with its keys. Proofs from and to the same size, or from
// size 0, are empty.
func CheckConsistency(older, newer Checkpoint, proof []tlog.Hash) error {
	if older.Origin != newer.Origin {
		return fmt.Errorf("check consistency: %w: %q and %q", ErrOrigin, older.Origin, newer.Origin)
	}
	inconsistent := &InconsistentError{Older: older, Newer: newer}
	switch {
	case older.Size < 0 || newer.Size < older.Size:
		return inconsistent
	case !strings.HasPrefix(newer.KeyChanges, older.KeyChanges):
		return inconsistent // a key that was replaced signs no longer log
	case older.Size == newer.Size:
		if older.Root != newer.Root || len(proof) != 0 {
			return inconsistent
		}
		return nil
	case older.Size == 0:
		if older.Root != emptyRoot || len(proof) != 0 {
			return inconsistent
		}
		return nil
	}
	if err := tlog.CheckTree(tlog.TreeProof(proof), newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return inconsistent
	}
	return nil
}

// InconsistentError says that a log is not an extension of what was seen
// before: entries were altered or dropped, or the log was rewound.
type InconsistentError struct {
	Older, Newer Checkpoint
}

func (e *InconsistentError) Error() string {
	return fmt.Sprintf("log of %d entries (root %v) does not extend the one of %d entries (root %v) seen before",
		e.Newer.Size, e.Newer.Root, e.Older.Size, e.Older.Root)
}

func validOrigin(s string) bool {
	return s != "" && len(s) <= 255 && !strings.ContainsAny(s, " +\t\r\n") && checkValue(s) == nil
}

// parseHash reads standard base64 in its one canonical form.
func parseHash(s string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tlog.HashSize || strings.ContainsAny(s, "\r\n") {
		return tlog.Hash{}, fmt.Errorf("malformed hash %.50q", s)
	}
	return tlog.Hash(b), nil
}
