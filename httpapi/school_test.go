package httpapi_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
	"sokyso/signer/authority"
	"sokyso/signer/cms"
)

var ctx = context.Background()

const password = "Hoa-Sen-Trang-2026"

// passwordHash is made once: hashing is slow on purpose.
var passwordHash = sync.OnceValue(func() string {
	hash, err := httpapi.HashPassword(password)
	if err != nil {
		panic(err)
	}
	return hash
})

// authorities is the certification authority of all tests that need none of their own.
var authorities = sync.OnceValue(func() *authority.Authority {
	a, err := authority.New(authority.Config{Name: "Thử nghiệm", Now: func() time.Time { return time.Date(2026, 10, 7, 2, 0, 0, 0, time.UTC) }})
	if err != nil {
		panic(err)
	}
	return a
})

// school is the service on a real server with a real register, and its people.
type school struct {
	*storetest.Register
	server *httptest.Server

	admin, principal, deputy, deputyTwo, officeHead *member
}

// member is a person with an agent and, where they hold one, a token.
type member struct {
	actor    custody.Actor
	name     string
	username string
	agent    *wire.Client
	token    custody.Token
	key      crypto.Signer
	cert     *x509.Certificate
}

// each runs a test on a school of its own on each database; with -short on SQLite
// alone, since what races in this package does so on both.
func each(t *testing.T, test func(t *testing.T, s *school)) {
	t.Helper()
	databases := storetest.Databases()
	if testing.Short() {
		databases = databases[:1]
	}
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			s := newSchool(t, storetest.Open(t, database), httpapi.Config{})
			s.give()
			test(t, s)
		})
	}
}

// sqlite runs a test where the database is not the point.
func sqlite(t *testing.T, cfg httpapi.Config) *school {
	t.Helper()
	return newSchool(t, storetest.Open(t, "sqlite"), cfg)
}

func newSchool(t testing.TB, r *storetest.Register, cfg httpapi.Config) *school {
	t.Helper()
	s := &school{Register: r}
	s.admin = s.member("Phạm Thu Hằng", "hang", "")
	s.principal = s.member("Nguyễn Văn Nghĩa", "nghia", custody.Principal)
	s.deputy = s.member("Trần Thị Hòa", "hoa", custody.Deputy)
	s.deputyTwo = s.member("Võ Thị Mai", "mai", custody.Deputy)
	s.officeHead = s.member("Lê Minh Quân", "quan", custody.OfficeHead)
	for _, deputy := range []*member{s.deputy, s.deputyTwo} {
		if err := r.AddScope(ctx, r.System, deputy.actor.Person, custody.Scope{Acts: []custody.Act{custody.Approve, custody.Initial}, Kinds: []string{"TB", "KH"},
			Capacities: []custody.Capacity{custody.KT}, From: "2026-01-01", Paper: "25/QĐ-MNHS"}); err != nil {
			t.Fatal(err)
		}
	}
	s.equip(s.principal, "A1001", custody.Personal)
	s.equip(s.deputy, "A1002", custody.Personal)
	s.equip(s.deputyTwo, "A1003", custody.Personal)
	s.equip(s.officeHead, "B2001", custody.Seal)

	cfg.Store, cfg.Now = r.Store, r.Clock.Now
	if cfg.Revocation == "" {
		cfg.Revocation = httpapi.RevocationOff
	}
	handler, err := httpapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(handler)
	t.Cleanup(s.server.Close)
	for _, m := range []*member{s.admin, s.principal, s.deputy, s.deputyTwo, s.officeHead} {
		m.agent = s.pair(m)
	}
	return s
}

func (s *school) member(name, username string, kind custody.PositionKind) *member {
	s.TB.Helper()
	p, err := s.CreatePerson(ctx, s.System, store.NewPerson{Name: name, Username: username, PasswordHash: passwordHash(), Admin: kind == ""})
	if err != nil {
		s.TB.Fatal(err)
	}
	titles := map[custody.PositionKind]string{custody.Principal: "Hiệu trưởng", custody.Deputy: "Phó Hiệu trưởng", custody.OfficeHead: "Tổ trưởng văn phòng", custody.Staff: "Nhân viên"}
	if kind != "" {
		if err := s.AddPosition(ctx, s.System, p.ID, custody.Position{Kind: kind, Title: titles[kind], From: "2026-01-01"}); err != nil {
			s.TB.Fatal(err)
		}
	}
	return &member{actor: s.Actor(p.ID), name: name, username: username}
}

// equip registers a token with a certificate of the test authority.
func (s *school) equip(m *member, serial string, kind custody.TokenKind) {
	s.TB.Helper()
	m.key, m.cert = s.certify(m.name, kind)
	owner := m.actor.Person
	if kind == custody.Seal {
		owner = ""
	}
	var err error
	m.token, err = s.RegisterToken(ctx, s.System, store.NewToken{Serial: serial, Label: "USB ký số " + serial, Model: "USB token", Kind: kind, Certificate: m.cert.Raw, Owner: owner})
	if err != nil {
		s.TB.Fatal(err)
	}
}

func (s *school) certify(name string, kind custody.TokenKind) (crypto.Signer, *x509.Certificate) {
	s.TB.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.TB.Fatal(err)
	}
	profile := authority.Person
	if kind == custody.Seal {
		profile = authority.Seal
	}
	cert, err := authorities().Issue(key.Public(), authority.Subject{CommonName: name, OrganizationalUnit: "Trường Mầm non Hoa Sen", Profile: profile})
	if err != nil {
		s.TB.Fatal(err)
	}
	return key, cert
}

// give hands every token to its custodian.
func (s *school) give() {
	for _, m := range []*member{s.principal, s.deputy, s.deputyTwo, s.officeHead} {
		s.Give(m.token.ID, m.actor)
	}
}

func (s *school) client(cfg wire.ClientConfig) *wire.Client {
	s.TB.Helper()
	cfg.URL = s.server.URL
	if cfg.HTTP == nil {
		cfg.HTTP = &twice{tb: s.TB, next: http.DefaultTransport}
	}
	c, err := wire.NewClient(cfg)
	if err != nil {
		s.TB.Fatal(err)
	}
	return c
}

// pair gives the member an agent by a code, as signagent pair does.
func (s *school) pair(m *member) *wire.Client {
	s.TB.Helper()
	code, _, err := s.CreatePairingCode(ctx, m.actor)
	if err != nil {
		s.TB.Fatal(err)
	}
	paired, err := s.client(wire.ClientConfig{}).Pair(ctx, wire.Pair{Code: code, Device: "máy thử"})
	if err != nil {
		s.TB.Fatal(err)
	}
	return s.client(wire.ClientConfig{APIKey: paired.APIKey})
}

// signIn opens a session with the password.
func (s *school) signIn(m *member) *wire.Client {
	s.TB.Helper()
	c := s.client(wire.ClientConfig{})
	if _, err := c.SignIn(ctx, wire.SignIn{Username: m.username, Password: password}); err != nil {
		s.TB.Fatal(err)
	}
	return c
}

// document is a paper on its way through the signatures: what the service sees of it.
type document struct {
	facts wire.DocumentFacts
	hash  string
	prior []wire.PriorSignature
}

func newDocument(kind string) *document {
	return &document{hash: randomHash(), facts: wire.DocumentFacts{Number: "07", Symbol: kind + "-MNHS", Kind: kind, Summary: "Kế hoạch năm học", Purpose: "Ban hành kế hoạch", FileName: "ke-hoach.pdf"}}
}

func randomHash() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// request asks for the member's signature on a document.
func (m *member) request(d *document, act, capacity string) wire.GrantRequest {
	return wire.GrantRequest{
		Request: uuid.NewString(), TokenSerial: m.token.Serial, Certificate: m.cert.Raw, SHA256In: d.hash, Document: d.facts,
		Act: act, Capacity: capacity, Prior: d.prior,
	}
}

// finish signs some bytes with the member's key, as the agent's signer does.
func (m *member) finish(t testing.TB, s *school) wire.Record {
	t.Helper()
	content := make([]byte, 100)
	rand.Read(content)
	digest := sha256.Sum256(content)
	der, err := cms.Sign(rand.Reader, m.key, cms.Request{Digest: digest[:], Certificate: m.cert, Chain: authorities().Chain()})
	if err != nil {
		t.Fatal(err)
	}
	return wire.Record{CMS: der, ByteRangeDigest: hex.EncodeToString(digest[:]), SHA256Out: randomHash(), Level: "b-b", Field: "Signature1", SignedAt: s.Clock.Now()}
}

// sign makes the whole signature and moves the document on.
func (m *member) sign(t testing.TB, s *school, d *document, act, capacity string) (wire.Grant, wire.Record, wire.Receipt) {
	t.Helper()
	grant, err := m.agent.Grant(ctx, m.request(d, act, capacity))
	if err != nil {
		t.Fatal(err)
	}
	record := m.finish(t, s)
	receipt, err := m.agent.Record(ctx, grant.ID, record)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(m.cert.Raw)
	d.hash = record.SHA256Out
	d.prior = append(d.prior, wire.PriorSignature{Field: record.Field, CMS: record.CMS, ByteRangeDigest: record.ByteRangeDigest, CertificateSHA256: hex.EncodeToString(sum[:]), CoversWholeFile: true})
	return grant, record, receipt
}

// check verifies a receipt as the agent does and returns its entry.
func (s *school) check(t testing.TB, receipt wire.Receipt) (signinglog.Entry, signinglog.Checkpoint) {
	t.Helper()
	verifier, err := note.NewVerifier(s.VKey)
	if err != nil {
		t.Fatal(err)
	}
	entry, checkpoint, err := signinglog.CheckReceipt(signinglog.Receipt{
		Index: receipt.Index, Entry: receipt.Entry, Proof: hashes(t, receipt.Proof), Checkpoint: []byte(receipt.Checkpoint),
	}, verifier)
	if err != nil {
		t.Fatal(err)
	}
	return entry, checkpoint
}

// mustRefuse checks that an error is a problem with that status and code, and says something.
func mustRefuse(t testing.TB, err error, status int, code string) *wire.Problem {
	t.Helper()
	var problem *wire.Problem
	if !errors.As(err, &problem) {
		t.Fatalf("got %v, not a problem with code %s", err, code)
	}
	if problem.Status != status || problem.Code != code {
		t.Fatalf("got %d %s (%s), want %d %s", problem.Status, problem.Code, problem.Detail, status, code)
	}
	if len(problem.Detail) < 20 {
		t.Errorf("%s: detail %q tells no next step", code, problem.Detail)
	}
	return problem
}

func parseReceipt(t testing.TB, text string) wire.Receipt {
	t.Helper()
	parsed, err := signinglog.ParseReceipt([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	receipt := wire.Receipt{Index: parsed.Index, Entry: parsed.Entry, Checkpoint: string(parsed.Checkpoint)}
	for _, hash := range parsed.Proof {
		receipt.Proof = append(receipt.Proof, hash.String())
	}
	return receipt
}
