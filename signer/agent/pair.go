package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
)

// Pair trades a one-time code for an API key and keeps the pairing. The log's
// key is taken on trust now and held to from now on: a later pairing with the
// same school starts from the checkpoint that this agent has seen.
func (a *Agent) Pair(ctx context.Context, address, code, device string) (*Pairing, error) {
	address, err := ServiceURL(address)
	if err != nil {
		return nil, err
	}
	client, err := wire.NewClient(wire.ClientConfig{URL: address, Language: a.config.Catalogue.Language, HTTP: a.config.HTTP})
	if err != nil {
		return nil, fail("pair_bad_url", err, "url", address)
	}
	// The key is asked for before the code is spent on it.
	school, err := client.School(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.mayPair(school.LogKey); err != nil {
		return nil, err
	}
	paired, err := client.Pair(ctx, wire.Pair{Code: code, Device: device})
	if err != nil {
		return nil, err
	}
	nonsense := func(reason string) error {
		return &wire.NonsenseError{URL: address, Operation: "POST " + wire.PathPair, Reason: reason}
	}
	me := paired.Me
	if paired.APIKey == "" || me.School.LogKey != school.LogKey {
		return nil, nonsense("no API key, or another log key than before")
	}
	verifier, err := note.NewVerifier(school.LogKey)
	if err != nil {
		return nil, nonsense("log key: " + err.Error())
	}
	pairing := &Pairing{
		URL: address, APIKey: paired.APIKey, Device: device, School: me.School.Name, Code: me.School.Code,
		LogKey: school.LogKey, PersonID: me.PersonID, Person: me.Name, Title: me.Title, PairedAt: a.config.Now().UTC(),
	}
	before := a.pairing
	if err := a.adopt(ctx, pairing, verifier, paired.Checkpoint); err != nil {
		a.pairing = before
		return nil, err
	}
	return pairing, nil
}

// mayPair refuses to leave a service that has not heard of all signatures yet.
func (a *Agent) mayPair(logKey string) error {
	if a.pairing == nil || a.pairing.LogKey == logKey {
		return nil
	}
	waiting := 0
	for _, current := range a.journal.unsettled() {
		if current.signed() && current.Intent.Grant != "" {
			waiting++
		}
	}
	if waiting > 0 {
		return fail("pair_pending", nil, "count", decimal(int64(waiting)))
	}
	return nil
}

// adopt stores pairing and checkpoint. The checkpoint of another school's log is
// of no use to this one's; one of the same log is checked against.
func (a *Agent) adopt(ctx context.Context, pairing *Pairing, verifier note.Verifier, checkpoint string) error {
	path := filepath.Join(a.config.Home, checkpointName)
	if a.pairing != nil && a.pairing.LogKey != pairing.LogKey {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fail("home_unusable", err, "folder", a.config.Home)
		}
	}
	a.pairing = pairing
	if err := a.connect(); err != nil {
		return err
	}
	if checkpoint != "" {
		if _, err := signinglog.Open([]byte(checkpoint), verifier); err != nil {
			return &wire.NonsenseError{URL: pairing.URL, Operation: "POST " + wire.PathPair, Reason: err.Error()}
		}
		if err := a.witness.see(ctx, []byte(checkpoint)); err != nil {
			return err
		}
	}
	return pairing.write(a.config.Home)
}
