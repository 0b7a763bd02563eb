package agent

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"

	"sokyso/signer/token"
	"sokyso/signer/token/worker"
)

// triesName is the file of the state folder that counts PINs which were not taken, by
// the token's serial, since the last one that was: {"5a8c2f10": 1}. Some modules show
// no such count, and some refuse a wrong PIN with a code that may mean anything.
const triesName = "pin-tries.json"

const maxTriesFile = 1 << 20

func readTries(home string) (map[string]int, error) {
	tries := map[string]int{}
	content, err := readBounded(filepath.Join(home, triesName), maxTriesFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return tries, nil
	case err != nil:
		return nil, fail("home_unusable", err, "folder", home)
	}
	if err := json.Unmarshal(content, &tries); err != nil {
		return nil, fail("pin_tries_damaged", err, "file", filepath.Join(home, triesName))
	}
	return tries, nil
}

func writeTries(home, serial string, count int) error {
	tries, err := readTries(home)
	if err != nil {
		return err
	}
	if tries[serial] == count {
		return nil
	}
	if count == 0 {
		delete(tries, serial)
	} else {
		tries[serial] = count
	}
	content, err := json.Marshal(tries)
	if err == nil {
		err = replaceFile(filepath.Join(home, triesName), append(content, '\n'), 0o600)
	}
	if err != nil {
		return fail("home_unusable", err, "folder", home)
	}
	return nil
}

// tryPIN lets try send a PIN to the token, once. The count is raised before, so that
// a power cut in between does not lose it, and mended by what the token answers.
func tryPIN(home string, info token.Info, try func() error) error {
	tries, err := readTries(home)
	if err != nil {
		return err
	}
	before := tries[info.Serial]
	if err := writeTries(home, info.Serial, before+1); err != nil {
		return err
	}
	failure := try()
	after := before
	switch {
	case failure == nil:
		after = 0
	case mayBeWrongPIN(failure):
		return failure
	}
	return errors.Join(failure, writeTries(home, info.Serial, after))
}

// mayBeWrongPIN says whether a failed login may have cost a try: the token said so,
// or it gave no reason, or its module ended in the middle.
func mayBeWrongPIN(err error) bool {
	return errors.Is(err, token.ErrWrongPIN) || errors.Is(err, token.ErrPINLocked) || errors.Is(err, token.ErrDevice) ||
		errors.Is(err, worker.ErrHang) || errors.Is(err, worker.ErrWorkerDied)
}

// PINState is what is known of a token's PIN before it is typed.
type PINState struct {
	Info token.Info
	// Wrong is how many PINs in a row this agent has seen refused, with no right one since.
	Wrong int
}

// doubtful is from how many refused PINs on the next one may be the last though the
// token does not say so: many tokens lock at the third.
const doubtful = 2

// LastTry says whether one more wrong PIN locks the token: for sure, or for all that
// is known.
func (s PINState) LastTry() (sure, maybe bool) {
	return s.Info.Flags.PINFinalTry, s.Wrong >= doubtful && !s.Info.Flags.PINFinalTry
}

func pinState(home string, info token.Info) (PINState, error) {
	tries, err := readTries(home)
	return PINState{Info: info, Wrong: tries[info.Serial]}, err
}
