//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sokyso/httpapi/wire"
	"sokyso/signer/authority"
	"sokyso/signer/token/softhsm"
)

// school is a copy of the template with its own service, tokens and agents.
type school struct {
	returning *wire.Client    // the session in which a return was offered
	browser   *waitingBrowser // at the page to sign in
	dir       string
	template  *schoolTemplate
	url       string
	service   *exec.Cmd
	ended     chan error
	log       bytes.Buffer
}

func newSchool(dir string) (*school, error) {
	s := &school{dir: filepath.Join(dir, ".school"), template: template(nil)}
	for _, part := range []string{"data", "tokens", "homes"} {
		if err := copyTree(filepath.Join(s.template.dir, part), filepath.Join(s.dir, part)); err != nil {
			return nil, err
		}
	}
	conf := fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", filepath.Join(s.dir, "tokens", "tokens"))
	if err := os.WriteFile(filepath.Join(s.dir, "tokens", "softhsm2.conf"), []byte(conf), 0o600); err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, s.repoint(s.url)
}

// testSchool is newSchool for a Go test.
func testSchool(t testing.TB) *school {
	t.Helper()
	template(t)
	s, err := newSchool(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if err := writeInputs(s.dir); err != nil {
		t.Fatal(err)
	}
	return s
}

// repoint has all agents speak to another address.
func (s *school) repoint(url string) error {
	for _, h := range holders {
		path := filepath.Join(s.home(h.role), "pairing.json")
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := strings.Split(string(content), "\n")
		for i, line := range lines {
			if strings.HasPrefix(line, `  "url":`) {
				lines[i] = fmt.Sprintf(`  "url": %q,`, url)
			}
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// start runs custodyd on the school's data until stop.
func (s *school) start() error {
	address := filepath.Join(s.dir, "address")
	os.Remove(address)
	listen := "127.0.0.1:0"
	if s.url != "" {
		listen = strings.TrimPrefix(s.url, "http://") // where the agents look for it
	}
	s.service = exec.Command(s.template.custodyd, "--data", filepath.Join(s.dir, "data"), "serve", "--listen", listen,
		"--listen-file", address, "--revocation", "off")
	s.service.Stdout, s.service.Stderr = &s.log, &s.log
	s.service.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.service.Start(); err != nil {
		return err
	}
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.service.Wait() }()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		select {
		case err := <-s.ended:
			s.service = nil
			return fmt.Errorf("custodyd ended at once: %w\n%s", err, s.log.String())
		case <-time.After(10 * time.Millisecond):
		}
		if text, err := os.ReadFile(address); err == nil && len(text) > 0 {
			s.url = "http://" + strings.TrimSpace(string(text))
			return nil
		}
	}
	s.stop()
	return fmt.Errorf("custodyd does not answer\n%s", s.log.String())
}

func (s *school) stop() {
	if s.service == nil {
		return
	}
	_ = s.service.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(15 * time.Second):
		_ = s.service.Process.Kill()
		<-s.ended
	}
	s.service = nil
}

func (s *school) close() { s.stop() }

// join sets somebody's password by their link.
func (s *school) join(ctx context.Context, path string) error {
	form := url.Values{"password": {"mat-khau-rat-dai"}, "again": {"mat-khau-rat-dai"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("join: %s", resp.Status)
	}
	return nil
}

func (s *school) signIn(ctx context.Context, username string) (*wire.Client, error) {
	client, err := wire.NewClient(wire.ClientConfig{URL: s.url})
	if err != nil {
		return nil, err
	}
	_, err = client.SignIn(ctx, wire.SignIn{Username: username, Password: "mat-khau-rat-dai"})
	return client, err
}

func (s *school) home(role string) string { return filepath.Join(s.dir, "homes", role) }

func (s *school) environment(role string) []string {
	return []string{
		"SOFTHSM2_CONF=" + filepath.Join(s.dir, "tokens", "softhsm2.conf"), "SOKYSO_HOME=" + s.home(role),
		"LC_ALL=C.UTF-8", "TOKEN=" + s.template.serials[role],
		// Compiling what shows pages takes ten seconds: all tests share it.
		"XDG_CACHE_HOME=" + filepath.Join(os.TempDir(), "sokyso-test-cache"),
	}
}

// pin is a file with the PIN of a role's token.
func (s *school) pin(role string) string {
	path := filepath.Join(s.dir, "pin-"+role)
	if err := os.WriteFile(path, []byte(testPIN+"\n"), 0o600); err != nil {
		panic(err)
	}
	return path
}

// agent is a signagent of this test binary at a person's desk.
func (s *school) agent(role string, args ...string) *exec.Cmd {
	cmd := exec.Command("signagent", args...)
	cmd.Env = append(os.Environ(), s.environment(role)...)
	cmd.Dir = s.dir
	return cmd
}

// signatures asks the service for the log's entries of a type, oldest first.
func (s *school) entries(kind string) ([]wire.Entry, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	admin, err := s.signIn(ctx, "admin")
	if err != nil {
		return nil, err
	}
	first := int64(0)
	page, err := admin.Entries(ctx, wire.EntriesQuery{From: &first, Limit: 100, Type: kind})
	return page.Entries, err
}

// reportLoss reports the principal's token lost, as its holder does on the page.
func (s *school) reportLoss() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	own, err := s.signIn(ctx, "nghia")
	if err != nil {
		return err
	}
	tokens, err := own.MyTokens(ctx)
	if err != nil {
		return err
	}
	_, err = own.ReportIncident(ctx, wire.NewIncident{TokenID: tokens[0].ID, Kind: "lost", DiscoveredAt: time.Now(), Description: "Mất trên đường đi họp"})
	return err
}

// renew puts a further certificate on a token, as the provider does; the service does
// not know of it.
func (s *school) renew(role string) error {
	store, err := softhsm.New(filepath.Join(s.dir, "tokens"))
	if err != nil {
		return err
	}
	certificate, err := s.template.authority.Issue(s.template.keys[role], authority.Subject{CommonName: "Nguyễn Văn Nghĩa", OrganizationalUnit: "TRƯỜNG MẦM NON HOA SEN"})
	if err != nil {
		return err
	}
	return store.Renew(s.template.serials[role], testPIN, certificate)
}

// openCheck opens a custody check, as the principal does on the page.
func (s *school) openCheck() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	principal, err := s.signIn(ctx, "nghia")
	if err != nil {
		return err
	}
	_, err = principal.OpenCheck(ctx, wire.NewCheck{Kind: "special", Due: time.Now().AddDate(0, 0, 7).Format(time.DateOnly)})
	return err
}

// offerReturn offers the principal's token back to the safe, and returns the hand-over's id.
func (s *school) offerReturn(serial string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	principal, err := s.signIn(ctx, "nghia")
	if err != nil {
		return "", err
	}
	tokens, err := principal.MyTokens(ctx)
	if err != nil {
		return "", err
	}
	for _, token := range tokens {
		if token.Serial == serial {
			s.returning = principal
			h, err := principal.OfferHandOver(ctx, wire.NewHandOver{TokenID: token.ID, Condition: "nguyên vẹn"})
			return h.ID, err
		}
	}
	return "", fmt.Errorf("the principal has no token %s", serial)
}

// offerAgain has the deputy return the token and the admin offer it to them once more.
func (s *school) offerAgain(serial string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	deputy, err := s.signIn(ctx, "hoa")
	if err != nil {
		return "", err
	}
	admin, err := s.signIn(ctx, "admin")
	if err != nil {
		return "", err
	}
	tokens, err := deputy.MyTokens(ctx)
	if err != nil {
		return "", err
	}
	for _, token := range tokens {
		if token.Serial != serial {
			continue
		}
		back, err := deputy.OfferHandOver(ctx, wire.NewHandOver{TokenID: token.ID, Condition: "nguyên vẹn"})
		if err != nil {
			return "", err
		}
		if _, err := admin.AcceptHandOver(ctx, back.ID); err != nil {
			return "", err
		}
		again, err := admin.OfferHandOver(ctx, wire.NewHandOver{TokenID: token.ID, To: token.CustodianID, Condition: "nguyên vẹn"})
		return again.ID, err
	}
	return "", fmt.Errorf("the deputy has no token %s", serial)
}

// withdrawReturn withdraws it in the same session: signing in is limited.
func (s *school) withdrawReturn(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := s.returning.WithdrawHandOver(ctx, id)
	return err
}

// closeCheck closes it and fails unless exactly the principal's token was proven.
func (s *school) closeCheck() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	principal, err := s.signIn(ctx, "nghia")
	if err != nil {
		return err
	}
	checks, err := principal.Checks(ctx)
	if err != nil {
		return err
	}
	closed, err := principal.CloseCheck(ctx, checks[0].ID, wire.CloseCheck{})
	if err != nil {
		return err
	}
	for _, item := range closed.Items {
		want := "missing"
		if item.Custodian == "Nguyễn Văn Nghĩa" {
			want = "proved"
		}
		if item.Outcome != want || (item.Entry > 0) != (want == "proved") {
			return fmt.Errorf("%s of %s is %s by entry %d", item.Serial, item.Custodian, item.Outcome, item.Entry)
		}
	}
	if closed.Proved != 1 || closed.Missing == 0 {
		return fmt.Errorf("%d proved, %d missing", closed.Proved, closed.Missing)
	}
	return nil
}

// unpair ends the keys of all of a person's agents, as they do on the page.
func (s *school) unpair(username string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	own, err := s.signIn(ctx, username)
	if err != nil {
		return err
	}
	pairings, err := own.MyPairings(ctx)
	if err != nil {
		return err
	}
	for _, pairing := range pairings {
		if err := own.EndPairing(ctx, pairing.ID); err != nil {
			return err
		}
	}
	return nil
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o600)
	})
}

// inputs of the scripts. Their names say what is the matter with them.
func writeInputs(dir string) error {
	good := simplePDF(1, "")
	for _, name := range []string{"ke-hoach.pdf", "du-thao.pdf", "du-thao-cham.pdf"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pdf", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	for name, content := range map[string][]byte{
		"thong-bao.pdf": good,
		"hai.pdf":       simplePDF(2, ""),
		"rong.pdf":      nil,
		"khong-pdf.pdf": []byte("Kính gửi: các thầy cô giáo\n"),
		"cut.pdf":       good[:len(good)/2],
		"ma-hoa.pdf":    simplePDF(1, "/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <"+strings.Repeat("41", 32)+"> /U <"+strings.Repeat("42", 32)+"> >> "),
		"0-trang.pdf":   simplePDF(0, ""),
		"sai-pin":       []byte("00000000\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	for name, vector := range map[string]string{
		"rc4.pdf": "rc4-40", "aes.pdf": "aes-256", "rieng.pdf": "aes-128-password", "viet.pdf": "aes-256-password",
		"han-che.pdf": "aes-128-restricted", "nguoi-nhan.pdf": "for-recipients", "la.pdf": "unknown-version",
	} {
		content, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pdf", "encrypted-"+vector+".pdf"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(dir, "thu-muc"), 0o700)
}

// simplePDF is a document with pages of one line each; trailer is added to the
// trailer dictionary.
func simplePDF(pages int, trailer string) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(offsets), fmt.Sprintf(format, args...))
	}
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	kids := ""
	for page := range pages {
		kids += fmt.Sprintf("%d 0 R ", 4+2*page)
	}
	object("<< /Type /Pages /Kids [ %s] /Count %d /MediaBox [ 0 0 595 842 ] >>", kids, pages)
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>")
	for page := range pages {
		object("<< /Type /Page /Parent 2 0 R /Contents %d 0 R /Resources << /Font << /F 3 0 R >> >> >>", 5+2*page)
		text := fmt.Sprintf("BT /F 14 Tf 72 700 Td (Trang %d) Tj ET", page+1)
		object("<< /Length %d >>\nstream\n%s\nendstream", len(text), text)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /ID [ <00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff> ] %s>>\nstartxref\n%d\n%%%%EOF\n",
		len(offsets)+1, trailer, start)
	return b.Bytes()
}
