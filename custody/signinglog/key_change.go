package signinglog

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// A log is known by the verifier key it began with. When that key is replaced, the old
// one signs a note that names its successor, and every later checkpoint carries the
// note in an extension line. Who knows the first key can so follow to the one that
// signs today, offline and with nothing to ask for:
//
//	key-change BASE64
//
// of a signed note with the text, a line feed after each line,
//
//	log-key-change
//	ORIGIN
//	VERIFIER KEY that signs from then on
//	SIZE, ROOT of the log up to and with the entry log_key_change
const (
	keyChangePrefix = "key-change "
	keyChangeTitle  = "log-key-change"
)

// MaxKeyChanges bounds the changes of a log's key: each checkpoint carries all of them.
const MaxKeyChanges = 32

// KeyChange is one replacement of a log's key.
type KeyChange struct {
	Key        string     // verifier key that signs from then on
	Checkpoint Checkpoint // of the log up to and with the entry of the change
}

// EndorseKey returns the extension line by which old, the key that has signed so far, hands
// the log on to newKey. Both have the log's origin for a name.
func EndorseKey(old note.Signer, newKey string, at Checkpoint) (string, error) {
	verifier, err := note.NewVerifier(newKey)
	if err != nil {
		return "", fmt.Errorf("endorse key: %w: %w", ErrMalformedKey, err)
	}
	if old.Name() != at.Origin || verifier.Name() != at.Origin {
		return "", fmt.Errorf("endorse key: %w: %q and %q for %q", ErrOrigin, old.Name(), verifier.Name(), at.Origin)
	}
	text := fmt.Sprintf("%s\n%s\n%s\n%d\n%s\n", keyChangeTitle, at.Origin, newKey, at.Size, at.Root)
	signed, err := note.Sign(&note.Note{Text: text}, old)
	if err != nil {
		return "", fmt.Errorf("endorse key: %w", err)
	}
	return keyChangePrefix + base64.StdEncoding.EncodeToString(signed) + "\n", nil
}

// KeyChanges reads the changes in extension lines, oldest first, each verified with the
// key before it; the first with the key that the log began with.
func KeyChanges(lines string, first note.Verifier) ([]KeyChange, error) {
	var changes []KeyChange
	verifier := first
	for line := range strings.Lines(lines) {
		encoded, ok := strings.CutPrefix(line, keyChangePrefix)
		encoded, ended := strings.CutSuffix(encoded, "\n")
		signed, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if !ok || !ended || err != nil || strings.ContainsAny(encoded, "\r") || len(changes) == MaxKeyChanges {
			return nil, fmt.Errorf("change of the log's key: %w", ErrMalformedCheckpoint)
		}
		n, err := note.Open(signed, note.VerifierList(verifier))
		if err != nil {
			return nil, fmt.Errorf("change of the log's key: %w: %w", ErrSignature, err)
		}
		change, err := parseKeyChange(n.Text)
		if err != nil {
			return nil, err
		}
		if change.Checkpoint.Origin != first.Name() || len(changes) > 0 && change.Checkpoint.Size <= changes[len(changes)-1].Checkpoint.Size {
			return nil, fmt.Errorf("change of the log's key: %w: of %q at %d entries", ErrMalformedCheckpoint, change.Checkpoint.Origin, change.Checkpoint.Size)
		}
		if verifier, err = note.NewVerifier(change.Key); err != nil || verifier.Name() != first.Name() {
			return nil, fmt.Errorf("change of the log's key: %w", ErrMalformedKey)
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func parseKeyChange(text string) (KeyChange, error) {
	malformed := fmt.Errorf("change of the log's key: %w", ErrMalformedCheckpoint)
	lines := strings.Split(text, "\n")
	if len(lines) != 6 || lines[0] != keyChangeTitle || lines[5] != "" {
		return KeyChange{}, malformed
	}
	size, err := strconv.ParseInt(lines[3], 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != lines[3] {
		return KeyChange{}, malformed
	}
	root, err := parseHash(lines[4])
	if err != nil {
		return KeyChange{}, malformed
	}
	return KeyChange{Key: lines[2], Checkpoint: Checkpoint{Origin: lines[1], Size: size, Root: root}}, nil
}

// CurrentKey is the verifier key that signs after the changes.
func CurrentKey(first, lines string) (string, error) {
	verifier, err := note.NewVerifier(first)
	if err != nil {
		return "", fmt.Errorf("log key: %w: %w", ErrMalformedKey, err)
	}
	changes, err := KeyChanges(lines, verifier)
	if err != nil || len(changes) == 0 {
		return first, err
	}
	return changes[len(changes)-1].Key, nil
}

// signingKey is the verifier of a signed checkpoint: that of the last change it carries.
// The lines are not verified as part of the checkpoint yet, but each bears its own signature.
func signingKey(signed []byte, first note.Verifier) (note.Verifier, []KeyChange, error) {
	text := signed[:max(bytes.LastIndex(signed, []byte("\n\n")), 0)] // signatures follow
	changes, err := KeyChanges(keyChangeLines(strings.Split(string(text), "\n")), first)
	if err != nil || len(changes) == 0 {
		return first, nil, err
	}
	verifier, err := note.NewVerifier(changes[len(changes)-1].Key)
	return verifier, changes, err
}

// keyChangeLines picks the extension lines of changes out of a checkpoint's lines.
func keyChangeLines(lines []string) string {
	var changes strings.Builder
	for _, line := range lines[min(3, len(lines)):] {
		if strings.HasPrefix(line, keyChangePrefix) {
			changes.WriteString(line + "\n")
		}
	}
	return changes.String()
}
