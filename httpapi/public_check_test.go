package httpapi_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// logged signs a real PDF under a grant and records it, as the agent does.
func (s *school) logged(m *member, content []byte) ([]byte, wire.Receipt) {
	s.TB.Helper()
	sum := sha256.Sum256(content)
	d := newDocument("KH")
	d.hash = hex.EncodeToString(sum[:])
	grant, err := m.agent.Grant(ctx, m.request(d, wire.ActApprove, ""))
	if err != nil {
		s.TB.Fatal(err)
	}
	file := s.signPaper(m, content)
	report, err := validation.Validate(ctx, bytes.NewReader(file), int64(len(file)), validation.Options{Offline: true, Now: s.Clock.Now})
	if err != nil || len(report.Signatures) != 1 {
		s.TB.Fatal(err)
	}
	sum = sha256.Sum256(file)
	receipt, err := m.agent.Record(ctx, grant.ID, wire.Record{CMS: report.Signatures[0].CMS, ByteRangeDigest: hex.EncodeToString(report.Signatures[0].ByteRangeDigest),
		SHA256Out: hex.EncodeToString(sum[:]), Level: "b-b", Field: "Signature1", SignedAt: s.Clock.Now()})
	if err != nil {
		s.TB.Fatal(err)
	}
	return file, receipt
}

// TestFollowedCode: the address in a QR code tells of one signature, once it is recorded.
func TestFollowedCode(t *testing.T) {
	s := sqlite(t, httpapi.Config{PublicURL: "https://so.example.edu.vn"})
	s.give()
	plain, err := os.ReadFile("../testdata/pdf/thong-bao.pdf")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(plain)
	d := newDocument("KH")
	d.hash = hex.EncodeToString(sum[:])
	grant, err := s.principal.agent.Grant(ctx, s.principal.request(d, wire.ActApprove, ""))
	if err != nil {
		t.Fatal(err)
	}
	path, found := strings.CutPrefix(grant.CheckURL, "https://so.example.edu.vn")
	if !found || path != fmt.Sprintf(wire.PathCheckSignature, grant.ID) {
		t.Fatalf("address %q", grant.CheckURL)
	}
	v := s.visitor(t)
	for _, unknown := range []string{path, "/check/s/0", "/check/s/01a21934-2b4b-7d09-ba5d-45a02993c3b3"} {
		if status, _ := v.get(unknown); status != http.StatusNotFound {
			t.Errorf("%s: %d", unknown, status)
		}
	}
	file := s.signPaper(s.principal, plain)
	report, err := validation.Validate(ctx, bytes.NewReader(file), int64(len(file)), validation.Options{Offline: true, Now: s.Clock.Now})
	if err != nil || len(report.Signatures) != 1 {
		t.Fatal(err)
	}
	sum = sha256.Sum256(file)
	if _, err := s.principal.agent.Record(ctx, grant.ID, wire.Record{CMS: report.Signatures[0].CMS, ByteRangeDigest: hex.EncodeToString(report.Signatures[0].ByteRangeDigest),
		SHA256Out: hex.EncodeToString(sum[:]), Level: "b-b", Field: "Signature1", SignedAt: s.Clock.Now()}); err != nil {
		t.Fatal(err)
	}
	status, page := v.get(path)
	if status != http.StatusOK || !strings.Contains(page, "Nhật ký của trường có chữ ký này") || !strings.Contains(page, d.facts.Number+"/"+d.facts.Symbol) {
		t.Errorf("followed: %d\n%s", status, page)
	}
	if strings.Contains(page, d.facts.Summary) {
		t.Errorf("the summary is told: %s", page)
	}
	s.Clock.Advance(time.Hour)
	if _, err := s.ReportIncident(ctx, s.principal.actor, store.NewIncident{Token: s.principal.token.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "rơi"}); err != nil {
		t.Fatal(err)
	}
	if _, page := v.get(path); !strings.Contains(page, "không ảnh hưởng chữ ký này") {
		t.Errorf("after a loss:\n%s", page)
	}
}

// Anybody may ask about a document; what is told is what the document shows and what
// the log proves of its signatures.
func TestPublicCheck(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	plain, err := os.ReadFile("../testdata/pdf/thong-bao.pdf")
	if err != nil {
		t.Fatal(err)
	}
	file, receipt := s.logged(s.principal, plain)
	changed := bytes.Clone(file)
	at := bytes.Index(changed, []byte("endobj"))
	changed[at-2] ^= 1
	unlogged := s.signPaper(s.deputy, plain)
	v := s.visitor(t) // signed in as nobody
	if status, page := v.get("/check"); status != http.StatusOK || !strings.Contains(page, "Không cần đăng nhập") {
		t.Fatalf("the page: %d", status)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
		not  string
	}{
		"logged":   {file, "đúng là do trường ký", "Không sử dụng"},
		"changed":  {changed, "Không sử dụng văn bản này", "đúng là do trường ký"},
		"unlogged": {unlogged, "không có trong nhật ký của trường", "Mục nhật ký"},
		"unsigned": {plain, "không có chữ ký số", "Mục nhật ký"},
	} {
		resp, page := v.uploadPaper("/check", c.file)
		if resp.StatusCode != http.StatusOK || !strings.Contains(page, c.want) || strings.Contains(page, c.not) {
			t.Errorf("%s: %s\n%s", name, resp.Status, page)
		}
	}
	for _, junk := range [][]byte{[]byte("không phải PDF"), {}, bytes.Repeat([]byte{'x'}, 20<<20+1)} {
		if resp, _ := v.uploadPaper("/check", junk); resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%d bytes of junk: %s", len(junk), resp.Status)
		}
	}
	// A loss that is reported later does not touch what was signed before it.
	s.Clock.Advance(24 * time.Hour)
	if _, err := s.ReportIncident(ctx, s.principal.actor, store.NewIncident{Token: s.principal.token.ID, Kind: custody.Lost, DiscoveredAt: s.Clock.Now(), Description: "rơi ở chợ Hoa Sen"}); err != nil {
		t.Fatal(err)
	}
	resp, page := v.uploadPaper("/check", file)
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, "đúng là do trường ký") || !strings.Contains(page, "không ảnh hưởng chữ ký này") || strings.Contains(page, "chợ Hoa Sen") {
		t.Errorf("after a loss: %s\n%s", resp.Status, page)
	}
	answer, err := http.Post(s.server.URL+wire.PathCheckDocument, "application/pdf", bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := v.read(answer); status != http.StatusOK || !strings.Contains(body, `"verdict":"accepted"`) || !strings.Contains(body, `"entry":`+strconv.FormatInt(receipt.Index, 10)) {
		t.Errorf("API: %d %s", status, body)
	}

	// Many at once are let through a few at a time, and then refused; nobody waits for ever.
	var group sync.WaitGroup
	var refused, other int
	var mu sync.Mutex
	for range 100 {
		group.Go(func() {
			resp, err := http.Post(s.server.URL+wire.PathCheckDocument, "application/pdf", bytes.NewReader(file))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			switch resp.StatusCode {
			case http.StatusOK:
			case http.StatusTooManyRequests:
				refused++
			default:
				other++
			}
		})
	}
	group.Wait()
	if refused < 80 || other > 0 {
		t.Errorf("of 100 at once %d were refused, %d failed", refused, other)
	}
	s.CheckLog()
}

// The page is for a parent's phone: a file is chosen, and the answer stands above the form.
func TestPagesOfThePublicCheck(t *testing.T) {
	s := sqlite(t, httpapi.Config{})
	s.give()
	plain, err := os.ReadFile("../testdata/pdf/thong-bao.pdf")
	if err != nil {
		t.Fatal(err)
	}
	file, _ := s.logged(s.principal, plain)
	path := filepath.Join(t.TempDir(), "thong-bao.signed.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	b := openBrowser(t, s, 390, 800)
	b.visit("/sign-in")
	b.press(`a[href="/check"]`)
	b.shoot("check")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path}))
	b.press("main form button")
	b.mustSay("đúng là do trường ký", "Mục nhật ký", "Kiểm tra tệp khác")
	b.shoot("checked")
}

// Whether a certificate leads to a root that the service was given is said in words, and
// changes no verdict: of a stranger's signature it is what its name is worth.
func TestPublicCheckSaysWhoIssued(t *testing.T) {
	plain, err := os.ReadFile("../testdata/pdf/thong-bao.pdf")
	if err != nil {
		t.Fatal(err)
	}
	other, err := authority.New(authority.Config{Name: "Chứng thực tự làm", Now: func() time.Time { return time.Date(2026, 10, 7, 2, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	forged := func(s *school) []byte { // by a certificate in the principal's name that another authority issued
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := other.Issue(key.Public(), authority.Subject{CommonName: s.principal.name, OrganizationalUnit: "Trường Mầm non Hoa Sen", Profile: authority.Person})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := signer.Sign(ctx, bytes.NewReader(plain), key, append([]*x509.Certificate{cert}, other.Chain()...), signer.Options{Now: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := doc.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	ours, theirs := []*x509.Certificate{authorities().Root()}, []*x509.Certificate{other.Root()}
	for name, c := range map[string]struct {
		roots        custody.Roots
		logged, fake string // issuer of the school's own signature, and of the forged one
	}{
		"none given":      {custody.Roots{}, "", ""},
		"the State's":     {custody.Roots{Official: ours}, "official", "unknown"},
		"a licensed one":  {custody.Roots{Public: ours}, "public", "unknown"},
		"both worlds":     {custody.Roots{Official: theirs, Public: ours}, "public", "official"},
		"another's alone": {custody.Roots{Public: theirs}, "unknown", "public"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sqlite(t, httpapi.Config{Roots: c.roots})
			s.give()
			file, _ := s.logged(s.principal, plain)
			fake := forged(s)
			v := s.visitor(t)
			for _, one := range []struct {
				file            []byte
				verdict, issuer string
			}{{file, "accepted", c.logged}, {fake, "foreign", c.fake}} {
				resp, err := http.Post(s.server.URL+wire.PathCheckDocument, "application/pdf", bytes.NewReader(one.file))
				if err != nil {
					t.Fatal(err)
				}
				var answer wire.CheckedDocument
				if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if answer.Verdict != one.verdict || len(answer.Signatures) != 1 || answer.Signatures[0].Issuer != one.issuer {
					t.Errorf("%+v, want %s by %q", answer, one.verdict, one.issuer)
				}
			}
			words := map[string]string{"official": "chuyên dùng công vụ (Ban Cơ yếu", "public": "công cộng được cấp phép", "unknown": "Ai cũng tự làm được chứng thư mang tên này"}
			_, page := v.uploadPaper("/check", fake)
			for issuer, said := range words {
				if strings.Contains(page, said) != (issuer == c.fake) {
					t.Errorf("%q is said: %v\n%s", said, issuer != c.fake, page)
				}
			}
			s.CheckLog()
		})
	}
}
