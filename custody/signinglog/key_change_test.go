package signinglog

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// keyPair is a key of the test log.
func keyPair(t *testing.T, origin string) (note.Signer, note.Verifier, string) {
	t.Helper()
	skey, vkey, err := GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier, vkey
}

// TestKeyChanges follows a log over two changes of its key, and refuses what only looks so.
func TestKeyChanges(t *testing.T) {
	const origin = "sokyso/test"
	first, verifier, _ := keyPair(t, origin)
	second, _, secondKey := keyPair(t, origin)
	third, _, thirdKey := keyPair(t, origin)
	stranger, _, strangerKey := keyPair(t, origin)
	other, _, otherKey := keyPair(t, "sokyso/other")
	at := func(size int64) Checkpoint {
		return Checkpoint{Origin: origin, Size: size, Root: tlog.Hash{byte(size)}}
	}
	line := func(signer note.Signer, key string, size int64) string {
		t.Helper()
		l, err := EndorseKey(signer, key, at(size))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	one, two := line(first, secondKey, 5), line(second, thirdKey, 9)
	for name, c := range map[string]struct {
		lines  string
		signer note.Signer
		size   int64
		want   error
	}{
		"no change":                     {"", first, 3, nil},
		"one":                           {one, second, 5, nil},
		"two":                           {one + two, third, 12, nil},
		"still the old key":             {one, first, 6, ErrSignature},
		"a key that nobody named":       {one, stranger, 6, ErrSignature},
		"named by a stranger":           {line(stranger, strangerKey, 5), stranger, 6, ErrSignature},
		"the second change alone":       {two, third, 12, ErrSignature},
		"in the wrong order":            {two + one, second, 12, ErrSignature},
		"older than its change":         {one, second, 4, ErrMalformedCheckpoint},
		"changes that don't go forward": {one + line(second, thirdKey, 5), third, 6, ErrMalformedCheckpoint},
		"no base64":                     {"key-change !\n", first, 6, ErrMalformedCheckpoint},
		"a checkpoint for a change":     {"key-change " + "c29reXNv" + "\n", first, 6, ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			checkpoint := at(c.size)
			checkpoint.KeyChanges = c.lines
			signed, err := Sign(checkpoint, c.signer)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Open(signed, verifier)
			if !errors.Is(err, c.want) || c.want == nil && (err != nil || got != checkpoint) {
				t.Errorf("%+v, %v; want %v", got, err, c.want)
			}
		})
	}
	if _, err := EndorseKey(first, otherKey, at(5)); !errors.Is(err, ErrOrigin) {
		t.Errorf("a key of another log was endorsed: %v", err)
	}
	if _, err := EndorseKey(other, secondKey, at(5)); !errors.Is(err, ErrOrigin) {
		t.Errorf("another log's key endorsed: %v", err)
	}
	if key, err := CurrentKey("sokyso/test", one); !errors.Is(err, ErrMalformedKey) {
		t.Errorf("%q signs a log that began with no key: %v", key, err)
	}
}

// TestAReplacedKeySignsNoFork: whoever has seen the change takes no longer log that the old
// key goes on signing.
func TestAReplacedKeySignsNoFork(t *testing.T) {
	const origin = "sokyso/test"
	first, _, _ := keyPair(t, origin)
	_, _, secondKey := keyPair(t, origin)
	var frontier Frontier
	for i := range 8 {
		var err error
		if frontier, _, err = frontier.Append(LeafHash([]byte{byte(i)})); err != nil {
			t.Fatal(err)
		}
	}
	root, err := frontier.Root()
	if err != nil {
		t.Fatal(err)
	}
	same := Checkpoint{Origin: origin, Size: 8, Root: root}
	changed := same
	if changed.KeyChanges, err = EndorseKey(first, secondKey, same); err != nil {
		t.Fatal(err)
	}
	if err := CheckConsistency(same, changed, nil); err != nil {
		t.Errorf("the change itself: %v", err)
	}
	var inconsistent *InconsistentError
	if err := CheckConsistency(changed, same, nil); !errors.As(err, &inconsistent) {
		t.Errorf("the old key's log: %v", err)
	}
}

func FuzzKeyChanges(f *testing.F) {
	skey, vkey, err := GenerateKey("sokyso/test")
	if err != nil {
		f.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		f.Fatal(err)
	}
	line, err := EndorseKey(signer, vkey, Checkpoint{Origin: "sokyso/test", Size: 3})
	if err != nil {
		f.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add(line + line)
	f.Add("key-change \n")
	f.Fuzz(func(t *testing.T, lines string) {
		changes, err := KeyChanges(lines, verifier)
		if err == nil && len(changes) != strings.Count(lines, "\n") && lines != "" {
			t.Errorf("%d changes in %q", len(changes), lines)
		}
	})
}
