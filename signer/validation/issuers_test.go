package validation_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/digitorus/pkcs7"

	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// shelf serves what stands on it, and counts how often it is asked.
type shelf struct {
	*httptest.Server
	asked atomic.Int64
	files map[string][]byte
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	s := &shelf{files: map[string][]byte{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		b, ok := s.files[r.URL.Path]
		switch {
		case r.URL.Path == "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/der", http.StatusFound)
		case !ok:
			http.NotFound(w, r)
		default:
			_, _ = w.Write(b)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestIssuersFromNetwork: a CMS that holds only the signer's certificate, as many signers write it, is led to the root
// by the addresses in the certificates, and by nothing that is not the issuer's.
func TestIssuersFromNetwork(t *testing.T) {
	s := newShelf(t)
	root := newRoot(t, p256(t))
	at := func(paths ...string) []string {
		var urls []string
		for _, p := range paths {
			if strings.HasPrefix(p, "/") {
				p = s.URL + p
			}
			urls = append(urls, p)
		}
		return urls
	}
	middle := issuer{key: p256(t)}
	middle.cert = root.issue(t, middle.key.Public(), asAuthority("Cấp một"))
	lower := issuer{key: p256(t)}
	lower.cert = middle.issue(t, lower.key.Public(), func(c *x509.Certificate) {
		asAuthority("Cấp hai")(c)
		c.IssuingCertificateURL = at("/middle")
	})
	stranger := issuer{key: p256(t)}
	stranger.cert = stranger.issue(t, stranger.key.Public(), asAuthority("Cấp hai"))
	circle := issuer{key: p256(t)}
	circle.cert = newRoot(t, p256(t)).issue(t, circle.key.Public(), func(c *x509.Certificate) {
		asAuthority("Vòng")(c)
		c.IssuingCertificateURL = at("/circle")
	})
	p7c := func(certs ...*x509.Certificate) []byte {
		var all []byte
		for _, c := range certs {
			all = append(all, c.Raw...)
		}
		b, err := pkcs7.DegenerateCertificate(all)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	inPEM := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	s.files = map[string][]byte{
		"/middle": middle.cert.Raw, "/der": lower.cert.Raw, "/circle": circle.cert.Raw,
		"/pem": inPEM("CERTIFICATE", lower.cert.Raw), "/p7c": p7c(stranger.cert, lower.cert, middle.cert),
		"/p7b": inPEM("PKCS7", p7c(lower.cert)), "/several": append(inPEM("CERTIFICATE", stranger.cert.Raw), inPEM("CERTIFICATE", lower.cert.Raw)...),
		"/stranger": stranger.cert.Raw, "/root": root.cert.Raw, "/empty": {}, "/text": []byte("<html>"), "/cut": lower.cert.Raw[:200],
		"/long": append(bytes.Clone(lower.cert.Raw), make([]byte, 1<<20)...), "/badpem": inPEM("CERTIFICATE", []byte("x")),
	}
	w := &world{roots: root.pool()}
	sign := func(by issuer, urls ...string) []byte {
		key := p256(t)
		cert := by.issue(t, key.Public(), func(c *x509.Certificate) { c.IssuingCertificateURL = urls })
		return signByHand(t, identity{key, []*x509.Certificate{cert}}, nil)
	}
	online := validation.Options{PrivateIssuers: true}
	for _, test := range []struct {
		name  string
		by    issuer
		urls  []string
		found bool
	}{
		{"DER", lower, at("/der"), true},
		{"PEM", lower, at("/pem"), true},
		{"PKCS #7 with others", lower, at("/p7c"), true},
		{"PKCS #7 in PEM", lower, at("/p7b"), true},
		{"several in PEM", lower, at("/several"), true},
		{"by way of a redirect", lower, at("/moved"), true},
		{"the second address", lower, at("/nothing", "/der"), true},
		{"the third address is not asked", lower, at("/nothing", "/text", "/der"), false},
		{"another CA of the same name", lower, at("/stranger"), false},
		{"a root that did not issue it", lower, at("/root"), false},
		{"nothing there", lower, at("/nothing"), false},
		{"empty", lower, at("/empty"), false},
		{"no certificate", lower, at("/text"), false},
		{"cut short", lower, at("/cut"), false},
		{"too long", lower, at("/long"), false},
		{"PEM of nothing", lower, at("/badpem"), false},
		{"redirects without end", lower, at("/loop"), false},
		{"another protocol", lower, at("ldap://127.0.0.1/cn=x", "file:///etc/passwd"), false},
		{"no address", lower, nil, false},
		{"an untrusted one that names itself", circle, at("/circle"), false},
	} {
		before := s.asked.Load()
		got := w.validate(t, sign(test.by, test.urls...), online).Signatures[0]
		// Revocation: the certificates name no source, so that it is unknown.
		found := got.SubIndication == validation.TryLater && has(got, validation.DetailIssuerFetched)
		if found != test.found || !found && got.SubIndication != validation.NoCertificateChainFound {
			t.Errorf("%s: %s %s %v", test.name, got.Indication, got.SubIndication, got.Details)
		}
		if n := s.asked.Load() - before; n > 10 {
			t.Errorf("%s: asked %d times", test.name, n)
		}
	}
	file := sign(lower, at("/der")...)
	before := s.asked.Load()
	for name, opt := range map[string]validation.Options{
		"offline": {Offline: true, PrivateIssuers: true}, "private addresses not allowed": {}, "allowed for revocation only": {AllowPrivate: true},
	} {
		if got := w.validate(t, file, opt).Signatures[0]; got.SubIndication != validation.NoCertificateChainFound {
			t.Errorf("%s: %s %v", name, got.SubIndication, got.Details)
		}
	}
	if n := s.asked.Load() - before; n != 0 {
		t.Errorf("the network was asked %d times without leave", n)
	}
	// The DSS has one, the network the other.
	key := p256(t)
	cert := lower.issue(t, key.Public(), nil)
	stored := storing(t, signByHand(t, identity{key, []*x509.Certificate{cert}}, nil), letter()[1], lower.cert)
	if got := w.validate(t, stored, online).Signatures[0]; got.SubIndication != validation.TryLater {
		t.Errorf("partly stored: %s %v", got.SubIndication, got.Details)
	}
	// An expired certificate is said to be expired, not of an unknown issuer.
	old := online
	old.At = time.Now().AddDate(1, 0, 0)
	if got := w.validate(t, file, old).Signatures[0]; got.SubIndication != validation.OutOfBoundsNoPOE || !has(got, validation.DetailExpired) {
		t.Errorf("expired: %s %v", got.SubIndication, got.Details)
	}
}

// TestDisk: what was fetched is there for the next process, as long as it holds, and only if it is what it was.
func TestDisk(t *testing.T) {
	w := ownWorld(t)
	who := w.person(t, authority.Subject{})
	who.chain = who.chain[:1]
	file := signByHand(t, who, nil)
	dir := filepath.Join(t.TempDir(), "fetched")
	now := time.Now()
	asked := func() int {
		return w.authority.Asked(authority.ServiceOCSP) + w.authority.Asked(authority.ServiceCRL) + w.authority.Asked(authority.ServiceRootCRL)
	}
	// validate is another process each time.
	validate := func(offset time.Duration) validation.Signature {
		disk := validation.NewDisk(dir, 1<<20)
		return w.validate(t, file, validation.Options{
			AllowPrivate: true, Intermediates: w.authority.Chain(), Cache: &validation.Cache{Disk: disk}, Now: func() time.Time { return now.Add(offset) },
		}).Signatures[0]
	}
	expect := func(what string, offset time.Duration, more bool, want validation.Indication) {
		t.Helper()
		before := asked()
		if s := validate(offset); s.Indication != want {
			t.Errorf("%s: %s %s %v", what, s.Indication, s.SubIndication, s.Details)
		}
		if (asked() > before) != more {
			t.Errorf("%s: asked %d times", what, asked()-before)
		}
	}
	expect("first", 0, true, validation.TotalPassed)
	expect("again", time.Minute, false, validation.TotalPassed)
	expect("hours later", 2*time.Hour, true, validation.TotalPassed)
	expect("the clock went back", -2*time.Hour, true, validation.Indeterminate)
	entries, err := filepath.Glob(filepath.Join(dir, "*.fetched"))
	if err != nil || len(entries) < 2 {
		t.Fatalf("%v %v", entries, err)
	}
	kept := map[string][]byte{}
	restore := func() {
		for _, e := range entries {
			write(t, e, kept[e])
		}
	}
	expect("fresh again", 0, true, validation.TotalPassed)
	for _, e := range entries {
		kept[e] = read(t, e)
	}
	for name, damage := range map[string]func(b []byte) []byte{
		"cut":           func(b []byte) []byte { return b[:len(b)/2] },
		"cut by a byte": func(b []byte) []byte { return b[:len(b)-1] },
		"empty":         func([]byte) []byte { return nil },
		"longer":        func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"a bit":         func(b []byte) []byte { c := bytes.Clone(b); c[len(c)-9] ^= 1; return c },
		"no header":     func(b []byte) []byte { return b[60:] },
		"huge":          func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, 40<<20)...) },
	} {
		for _, e := range entries {
			write(t, e, damage(kept[e]))
		}
		expect(name, time.Minute, true, validation.TotalPassed)
	}
	restore()
	expect("restored", time.Minute, false, validation.TotalPassed)

	// An entry in another's place, and one that is whole but says what no responder signed.
	if len(entries) > 1 {
		write(t, entries[0], kept[entries[1]])
		write(t, entries[1], kept[entries[0]])
		expect("exchanged", time.Minute, true, validation.TotalPassed)
	}
	restore()
	for _, e := range entries {
		body := bytes.Clone(kept[e][validation.DiskHeader:])
		body[len(body)-5] ^= 1 // in the signature
		write(t, e, validation.DiskEntry(key32(t, e), body, now, now.Add(time.Hour)))
	}
	expect("forged with a good checksum", time.Minute, true, validation.TotalPassed)
	// One that claims to hold for years.
	for _, e := range entries {
		write(t, e, validation.DiskEntry(key32(t, e), kept[e][validation.DiskHeader:], now, now.AddDate(9, 0, 0)))
	}
	expect("for years", 3*time.Hour, true, validation.TotalPassed)
	// Revoked: what the disk has holds for an hour, then it is known.
	restore()
	if err := w.authority.Revoke(who.chain[0].SerialNumber, 1, now.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	expect("revoked", 2*time.Hour, true, validation.Indeterminate)
}

// TestDiskTogether: processes and goroutines share a folder, and it stays within bounds.
func TestDiskTogether(t *testing.T) {
	dir := t.TempDir()
	done := make(chan string, 8)
	now := time.Now()
	for range 8 {
		go func() {
			disk := validation.NewDisk(dir, 1<<20)
			wrong := ""
			for i := range 200 {
				address := "http://127.0.0.1/" + strings.Repeat("x", i%20)
				body := bytes.Repeat([]byte{byte(i % 20)}, 100_000)
				disk.Put(address, body, now, now.Add(time.Hour))
				if got := disk.Get(address, now.Add(time.Minute), 200_000); got != nil && !bytes.Equal(got, body) {
					wrong = "another body than was put"
				}
			}
			done <- wrong
		}()
	}
	for range 8 {
		if wrong := <-done; wrong != "" {
			t.Error(wrong)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var size int
	for _, f := range files {
		size += len(read(t, f))
	}
	// Eight may each find room for one at the same time.
	if size > 2<<20 || len(files) < 5 {
		t.Errorf("%d bytes in %d files", size, len(files))
	}
}

func key32(t *testing.T, path string) (key [32]byte) {
	t.Helper()
	if n, err := hex.Decode(key[:], []byte(strings.TrimSuffix(filepath.Base(path), ".fetched"))); err != nil || n != 32 {
		t.Fatal(path, err)
	}
	return key
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
