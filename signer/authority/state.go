package authority

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2/maybe" // as good as it gets where a rename is not atomic
)

// state is state.json.
type state struct {
	Address      string   `json:"address"` // host:port in the certificates
	Certificates []record `json:"certificates"`
}

// record is one certificate that this CA signed, the root's own excepted.
type record struct {
	Serial    string     `json:"serial"` // hexadecimal
	Issuer    string     `json:"issuer"` // issuerRoot or issuerIssuing
	Subject   string     `json:"subject"`
	NotAfter  time.Time  `json:"not_after,omitzero"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	Reason    int        `json:"reason,omitempty"` // CRLReason, RFC 5280 §5.3.1
}

const (
	issuerRoot    = "root"
	issuerIssuing = "issuing"
)

func (a *Authority) pairs() map[string]*pair {
	return map[string]*pair{"root": &a.root, "issuing": &a.issuing, "ocsp": &a.ocsp, "tsa": &a.tsa}
}

// load reads the folder; fresh tells that there is no CA in it yet.
func (a *Authority) load() (fresh bool, err error) {
	if a.dir == "" {
		return true, nil
	}
	data, err := os.ReadFile(filepath.Join(a.dir, "state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return true, os.MkdirAll(filepath.Join(a.dir, "issued"), 0o700)
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, &a.state); err != nil {
		return false, fmt.Errorf("read state.json: %w", err)
	}
	for name, p := range a.pairs() {
		if *p, err = a.loadPair(name); err != nil {
			return false, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return false, nil
}

func (a *Authority) loadPair(name string) (pair, error) {
	der, err := a.readPEM(name + ".crt")
	if err != nil {
		return pair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return pair{}, err
	}
	if der, err = a.readPEM(name + ".key"); err != nil {
		return pair{}, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return pair{}, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return pair{}, fmt.Errorf("key of type %T", key)
	}
	return pair{cert, signer}, nil
}

func (a *Authority) readPEM(file string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(a.dir, file))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", file)
	}
	return block.Bytes, nil
}

// saveAll writes a new CA, state.json last: a folder without it counts as empty.
func (a *Authority) saveAll() error {
	if a.dir == "" {
		return nil
	}
	for name, p := range a.pairs() {
		key, err := x509.MarshalPKCS8PrivateKey(p.key)
		if err != nil {
			return err
		}
		if err := a.writePEM(name+".key", "PRIVATE KEY", key, 0o600); err != nil {
			return err
		}
		if err := a.writePEM(name+".crt", "CERTIFICATE", p.cert.Raw, 0o644); err != nil {
			return err
		}
	}
	return a.saveState()
}

func (a *Authority) saveIssued(cert *x509.Certificate) error {
	if a.dir == "" {
		return nil
	}
	return a.writePEM(filepath.Join("issued", serialText(cert.SerialNumber)+".crt"), "CERTIFICATE", cert.Raw, 0o644)
}

func (a *Authority) saveState() error {
	if a.dir == "" {
		return nil
	}
	data, err := json.MarshalIndent(a.state, "", "  ")
	if err != nil {
		return err
	}
	return maybe.WriteFile(filepath.Join(a.dir, "state.json"), append(data, '\n'), 0o600)
}

func (a *Authority) writePEM(file, kind string, der []byte, mode fs.FileMode) error {
	return maybe.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
