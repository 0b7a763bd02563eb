package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sokyso/httpapi/wire"
)

const (
	pairingName = "pairing.json"
	maxPairing  = 1 << 20
)

// Pairing is what the agent keeps of the service it is paired with.
type Pairing struct {
	URL      string    `json:"url"`
	APIKey   string    `json:"api_key"`
	Device   string    `json:"device"`
	School   string    `json:"school"`
	Code     string    `json:"code"`    // of the school
	LogKey   string    `json:"log_key"` // note verifier key
	PersonID string    `json:"person_id"`
	Person   string    `json:"person"`
	Title    string    `json:"title"`
	PairedAt time.Time `json:"paired_at"`
}

// ReadPairing reads the pairing of a state folder, nil when there is none.
func ReadPairing(home string) (*Pairing, error) {
	path := filepath.Join(home, pairingName)
	content, err := readBounded(path, maxPairing)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail("home_unusable", fmt.Errorf("read pairing: %w", err), "folder", home)
	}
	var p Pairing
	if err := json.Unmarshal(content, &p); err != nil {
		return nil, fail("pairing_damaged", fmt.Errorf("read pairing: %w", err), "file", path)
	}
	if _, err := note.NewVerifier(p.LogKey); err != nil {
		return nil, fail("pairing_damaged", fmt.Errorf("log key: %w", err), "file", path)
	}
	if _, err := ServiceURL(p.URL); err != nil || p.APIKey == "" {
		return nil, fail("pairing_damaged", errors.New("no service address or key"), "file", path)
	}
	return &p, nil
}

func (p *Pairing) write(home string) error {
	content, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("write pairing: %w", err)
	}
	if err := replaceFile(filepath.Join(home, pairingName), append(content, '\n'), 0o600); err != nil {
		return fail("home_unusable", err, "folder", home)
	}
	return nil
}

// verifier checks the signatures of the school's log.
func (p *Pairing) verifier() (note.Verifier, error) {
	v, err := note.NewVerifier(p.LogKey)
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	return v, nil
}

// ServiceURL checks the address of a service as a person typed it and returns
// it in one form. An API key goes there with each request, so plain http is for
// this machine only.
func ServiceURL(text string) (string, error) {
	client, err := wire.NewClient(wire.ClientConfig{URL: strings.TrimSpace(text)})
	switch {
	case errors.Is(err, wire.ErrPlainHTTP):
		return "", fail("pair_insecure", err, "url", text)
	case err != nil:
		return "", fail("pair_bad_url", err, "url", text)
	}
	return client.URL(), nil
}
