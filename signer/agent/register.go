package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
)

// registerTimeout bounds one question: a verdict does not wait long for a
// service that does not answer.
const registerTimeout = 10 * time.Second

// Register asks the paired service what it knows of signatures, and believes what
// its log proves. Like every agent it is a witness of the log.
type Register struct {
	Pairing  Pairing
	client   *wire.Client
	verifier note.Verifier
	witness  *witness
	home     string
	last     []byte // the newest checkpoint seen here, as signed
	down     error  // the service did not answer: it is not asked again
}

// OpenRegister opens the register of the paired service; nil when there is no
// state folder or the agent is not paired. It takes no lock: another agent may be signing meanwhile.
func OpenRegister(home string, catalogue *Catalogue) (*Register, error) {
	if home == "" {
		return nil, nil
	}
	pairing, err := ReadPairing(home)
	if err != nil || pairing == nil {
		return nil, err
	}
	r := &Register{Pairing: *pairing, home: home}
	r.client, err = wire.NewClient(wire.ClientConfig{URL: pairing.URL, APIKey: pairing.APIKey, Language: catalogue.Language,
		Timeout: registerTimeout, Attempts: 2})
	if err != nil {
		return nil, fail("pairing_damaged", err, "file", pairingName)
	}
	if r.verifier, err = pairing.verifier(); err != nil {
		return nil, fail("pairing_damaged", err, "file", pairingName)
	}
	r.witness, err = openWitness(home, r.verifier, func(ctx context.Context, from, to int64) ([]tlog.Hash, error) {
		return consistencyProof(ctx, r.client, from, to)
	})
	if err != nil {
		return nil, err
	}
	r.witness.inMemory = true
	return r, nil
}

// Close keeps the newest checkpoint that was seen, unless another agent is at
// work: that one sees a newer one soon. It returns what speaks against the log.
func (r *Register) Close(ctx context.Context) error {
	if r == nil || r.last == nil {
		return nil
	}
	lock, err := lockHome(ctx, r.home, 0, nil)
	var own *Error
	if errors.As(err, &own) && own.Code == "agent_busy" {
		return nil
	}
	if err != nil {
		return err
	}
	kept, err := openWitness(r.home, r.verifier, r.witness.proof)
	if err == nil {
		err = kept.see(ctx, r.last)
	}
	return errors.Join(err, lock.Close())
}

// standing asks about one signature and checks what is proved: the answer's
// entries by their index.
func (r *Register) standing(ctx context.Context, query wire.StandingQuery) (wire.Standing, map[int64]signinglog.Entry, error) {
	if r.down != nil {
		return wire.Standing{}, nil, r.down
	}
	answer, err := r.client.Standing(ctx, query)
	if err != nil {
		if temporary(err) {
			r.down = err
		}
		return wire.Standing{}, nil, err
	}
	// The log as it is now has to go on from what was seen: a restored backup would
	// not know of what happened since.
	if err := r.witness.seeHead(ctx, []byte(answer.Checkpoint)); err != nil {
		return wire.Standing{}, nil, err
	}
	r.last = []byte(answer.Checkpoint)
	entries := make(map[int64]signinglog.Entry, len(answer.Receipts))
	for _, given := range answer.Receipts {
		receipt, err := receiptOf(given)
		if err != nil {
			return wire.Standing{}, nil, err
		}
		entry, _, err := signinglog.CheckReceipt(receipt, r.verifier)
		if err != nil {
			return wire.Standing{}, nil, fail("receipt_invalid", err)
		}
		if given.Checkpoint != answer.Checkpoint {
			return wire.Standing{}, nil, fail("receipt_invalid", fmt.Errorf("entry %d is proved against another checkpoint", given.Index))
		}
		entries[receipt.Index] = entry
	}
	return answer, entries, nil
}
