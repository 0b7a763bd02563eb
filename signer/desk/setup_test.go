package desk_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"sokyso/signer/agent"
	"sokyso/signer/authority"
	"sokyso/signer/desk"
	"sokyso/signer/preview"
	"sokyso/signer/token/softhsm"
	"sokyso/signer/token/worker"
)

const (
	testPIN  = "24681357"
	wrongPIN = "11111111"
)

func TestMain(m *testing.M) {
	worker.RunIfAsked()
	preview.RunIfAsked()
	os.Exit(m.Run())
}

// place is a person's computer with a token in it and the desk running.
type place struct {
	t        testing.TB
	desk     *desk.Desk
	base     string // http://127.0.0.1:port
	secret   string
	home     string
	out      string
	store    *softhsm.Store
	roots    *agent.Roots
	finalTry bool // the person agrees to what may be the last try of a PIN
}

// sitDown starts a desk that signs without a service. Files are opened by their path.
func sitDown(t testing.TB, paths ...string) *place {
	t.Helper()
	dir := t.TempDir()
	ca, err := authority.New(authority.Config{Name: "CA thử nghiệm", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ca.Close() })
	store, err := softhsm.New(filepath.Join(dir, "tokens"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(softhsm.Spec{Label: "Hieu truong", PIN: testPIN}, func(public crypto.PublicKey) ([]*x509.Certificate, error) {
		c, err := ca.Issue(public, authority.Subject{CommonName: "Nguyễn Thị Mẫu"})
		return append([]*x509.Certificate{c}, ca.Chain()...), err
	}); err != nil {
		t.Fatal(err)
	}
	for _, variable := range store.Env() {
		name, value, _ := bytes.Cut([]byte(variable), []byte("="))
		t.Setenv(string(name), string(value))
	}
	rootFile := filepath.Join(dir, "roots.pem")
	trusted := ca.RootPEM()
	for _, c := range ca.Chain() {
		trusted = append(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	if err := os.WriteFile(rootFile, trusted, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, home: filepath.Join(dir, "home"), out: filepath.Join(dir, "signed"), store: store}
	if p.roots, err = agent.LoadRoots(rootFile); err != nil {
		t.Fatal(err)
	}
	p.desk, err = desk.New(desk.Config{
		Agent:  agent.Config{Home: p.home, Module: store.Module(), Catalogue: agent.NewCatalogue(agent.Vietnamese)},
		Viewer: preview.New(preview.Config{CacheDir: filepath.Join(os.TempDir(), "sokyso-test-cache", "sokyso", "pdfium")}),
		Roots:  p.roots, OutDir: p.out, Standalone: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if err := p.desk.Open(path); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := p.desk.Listen()
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(p.desk.URL())
	if err != nil {
		t.Fatal(err)
	}
	p.base, p.secret = "http://"+address.Host, address.Fragment
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.desk.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && err != http.ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
	})
	return p
}

func sample(name string) string { return filepath.Join("..", "..", "testdata", "pdf", name) }

// copied is a sample in a folder of its own.
func copied(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(sample(name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask sends a request as the page does, changed by what the test wants changed.
func (p *place) ask(method, path string, body io.Reader, change ...func(*http.Request)) (int, []byte) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.base+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.secret)
	for _, f := range change {
		f(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, content
}

// get answers with what a call says; another status than 200 fails the test.
func get[T any](p *place, path string) T {
	p.t.Helper()
	status, content := p.ask(http.MethodGet, path, nil)
	return answered[T](p, path, status, content)
}

func post[T any](p *place, path string, body any) T {
	p.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	status, content := p.ask(http.MethodPost, path, bytes.NewReader(encoded))
	return answered[T](p, path, status, content)
}

func answered[T any](p *place, path string, status int, content []byte) T {
	p.t.Helper()
	var out T
	if status != http.StatusOK {
		p.t.Fatalf("%s: %d %s", path, status, content)
	}
	if err := json.Unmarshal(content, &out); err != nil {
		p.t.Fatalf("%s: %v in %s", path, err, content)
	}
	return out
}

// encoded is a body in JSON.
func encoded(t testing.TB, body any) io.Reader {
	t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(content)
}

// bombPDF is a page of a few kilobytes whose content unpacks to four gigabytes.
func bombPDF(t testing.TB) []byte {
	t.Helper()
	pack := func(content []byte) []byte {
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	var inner bytes.Buffer
	w := zlib.NewWriter(&inner)
	block := bytes.Repeat([]byte(" "), 1<<20)
	for range 4096 {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	packed := pack(inner.Bytes())
	return fmt.Appendf(nil, "%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"+
		"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>endobj\n4 0 obj<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n%s\nendstream endobj\ntrailer<</Root 1 0 R>>\n", len(packed), packed)
}
