//go:build linux

package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sokyso/httpapi/wire"
	"sokyso/signer/authority"
	"sokyso/signer/cms"
)

// password is that of everybody in the run's school.
const password = "Sen-hong-no-som-2026"

// signers hold a token each; the agents of a run are spread over them.
const signers = 8

// school is the register that a run works on.
type school struct {
	url       string // where clients go
	tls       keyPair
	authority *authority.Authority
	verifier  note.Verifier
	admin     *wire.Client
	signers   []*signer
	readers   []string // usernames
	begin     int64    // entries of the log before the run
}

// signer is somebody with a token: a key in software with a real certificate.
type signer struct {
	username string
	serial   string
	key      crypto.Signer
	cert     *x509.Certificate
	capacity string
	client   *wire.Client
}

// initSchool makes the register and its accounts by the command line, before the service runs.
func initSchool(ctx context.Context, r *replica, readers int) error {
	if _, err := r.command(ctx, "", "init", "--school-name", "Trường Mầm non Hoa Sen", "--school-code", "MNHS"); err != nil {
		return err
	}
	add := func(username, name string, more ...string) error {
		if _, err := r.command(ctx, "", append([]string{"user", "add", "--username", username, "--name", name}, more...)...); err != nil {
			return err
		}
		// Who looks after the server sets it here: nobody is there to follow hundreds of links.
		_, err := r.command(ctx, password+"\n", "user", "password", "--username", username, "--password-file", "/dev/stdin")
		return err
	}
	if err := add("admin", "Người quản trị", "--admin", "--position", "staff", "--title", "Nhân viên"); err != nil {
		return err
	}
	for i := range signers {
		position := []string{"--position", "deputy", "--title", "Phó Hiệu trưởng"}
		if i == 0 {
			position = []string{"--position", "principal", "--title", "Hiệu trưởng"}
		}
		if err := add(signerName(i), fmt.Sprintf("Người ký số %d", i+1), position...); err != nil {
			return err
		}
	}
	// Who sees the whole log has the heaviest pages.
	for i := range readers {
		if err := add(readerName(i), fmt.Sprintf("Người đọc số %d", i+1), "--admin"); err != nil {
			return err
		}
	}
	return nil
}

func signerName(i int) string { return fmt.Sprintf("ky%d", i+1) }
func readerName(i int) string { return fmt.Sprintf("doc%d", i+1) }

// open fills the register through the API: tokens, scopes, custody.
func (s *school) open(ctx context.Context, readers int) error {
	var err error
	if s.authority, err = authority.New(authority.Config{Name: "Thử tải"}); err != nil {
		return err
	}
	if s.admin, err = s.signIn(ctx, "admin", 0); err != nil {
		return err
	}
	about, err := s.admin.School(ctx)
	if err != nil {
		return err
	}
	if s.verifier, err = note.NewVerifier(about.LogKey); err != nil {
		return err
	}
	people, err := s.admin.People(ctx)
	if err != nil {
		return err
	}
	ids := map[string]string{}
	for _, person := range people {
		ids[person.Name] = person.ID
	}
	today := time.Now().UTC().Add(7 * time.Hour).Format(time.DateOnly)
	for i := range signers {
		name := fmt.Sprintf("Người ký số %d", i+1)
		one := &signer{username: signerName(i), serial: fmt.Sprintf("T%04d", i+1)}
		if one.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return err
		}
		if one.cert, err = s.authority.Issue(one.key.Public(), authority.Subject{CommonName: name, OrganizationalUnit: "Trường Mầm non Hoa Sen"}); err != nil {
			return err
		}
		if i > 0 {
			one.capacity = "KT"
			if err := s.admin.AddScope(ctx, ids[name], wire.NewScope{Acts: []string{wire.ActApprove}, Kinds: []string{"KH"}, Capacities: []string{"KT"}, From: today, Paper: "25/QĐ-MNHS"}); err != nil {
				return err
			}
		}
		token, err := s.admin.RegisterToken(ctx, wire.NewToken{Serial: one.serial, Label: "USB ký số " + one.serial, Model: "Phần mềm", Kind: "personal", Certificate: one.cert.Raw, Owner: ids[name]})
		if err != nil {
			return err
		}
		offer, err := s.admin.OfferHandOver(ctx, wire.NewHandOver{TokenID: token.ID, To: ids[name], Reason: "Giao mới", Condition: "Nguyên vẹn"})
		if err != nil {
			return err
		}
		if one.client, err = s.signIn(ctx, one.username, 1+i); err != nil {
			return err
		}
		if _, err := one.client.AcceptHandOver(ctx, offer.ID); err != nil {
			return err
		}
		s.signers = append(s.signers, one)
	}
	for i := range readers {
		s.readers = append(s.readers, readerName(i))
	}
	return nil
}

func (s *school) close() {
	if s.authority != nil {
		s.authority.Close()
	}
}

func (s *school) signIn(ctx context.Context, username string, machine int) (*wire.Client, error) {
	client, err := wire.NewClient(wire.ClientConfig{URL: s.url, HTTP: s.tls.transport(machine)})
	if err != nil {
		return nil, err
	}
	if _, err := client.SignIn(ctx, wire.SignIn{Username: username, Password: password}); err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", username, err)
	}
	return client, nil
}

// pair gives a signer one more agent, on a machine of its own.
func (s *school) pair(ctx context.Context, of *signer, machine int, timeout time.Duration) (*wire.Client, error) {
	code, err := of.client.CreatePairingCode(ctx)
	if err != nil {
		return nil, err
	}
	transport := s.tls.transport(machine)
	open, err := wire.NewClient(wire.ClientConfig{URL: s.url, HTTP: transport})
	if err != nil {
		return nil, err
	}
	paired, err := open.Pair(ctx, wire.Pair{Code: code.Code, Device: fmt.Sprintf("Máy số %d", machine)})
	if err != nil {
		return nil, err
	}
	return wire.NewClient(wire.ClientConfig{URL: s.url, HTTP: transport, APIKey: paired.APIKey, Timeout: timeout})
}

// settled notes where the log stands before the run.
func (s *school) settled(ctx context.Context) error {
	signed, err := s.admin.Checkpoint(ctx)
	if err != nil {
		return err
	}
	head, err := openCheckpoint(signed, s.verifier)
	s.begin = head.size
	return err
}

// finished is a signature as an agent reports it, made in software.
func (s *school) finished(by *signer) (wire.Record, error) {
	content := make([]byte, 32)
	rand.Read(content)
	digest := sha256.Sum256(content)
	signed, err := cms.Sign(rand.Reader, by.key, cms.Request{Digest: digest[:], Certificate: by.cert, Chain: s.authority.Chain()})
	if err != nil {
		return wire.Record{}, err
	}
	return wire.Record{CMS: signed, ByteRangeDigest: hex.EncodeToString(digest[:]), SHA256Out: randomHash(), Level: "b-b", Field: "Signature1"}, nil
}

func randomHash() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// secondData makes a data folder for a further replica: the same log key, a mark of its own.
func secondData(first, folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(first, "log.key"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "log.key"), key, 0o600)
}
