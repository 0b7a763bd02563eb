// Package storetest opens fresh registers for tests, on SQLite always and on
// PostgreSQL when SOKYSO_TEST_POSTGRES holds the URL of a server where schemas
// can be made, and fills them with a small school. Only tests import it.
package storetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
)

// Variable names the environment variable with the URL of a PostgreSQL server.
const Variable = "SOKYSO_TEST_POSTGRES"

// Clock is a clock that tests set. It moves a microsecond each time it is read,
// so that moments can be told apart.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Register is a fresh register with a school.
type Register struct {
	*store.Store
	TB     testing.TB
	Config store.Config
	VKey   string // of the log
	Clock  *Clock
	School custody.School
	System custody.Actor
}

// Each runs a test on a fresh register of each database.
func Each(t *testing.T, test func(t *testing.T, r *Register)) {
	t.Helper()
	for _, database := range Databases() {
		t.Run(database, func(t *testing.T) { test(t, Open(t, database)) })
	}
}

// Databases lists what there is to test on.
func Databases() []string {
	if os.Getenv(Variable) == "" {
		return []string{"sqlite"}
	}
	return []string{"sqlite", "postgres"}
}

// Open makes a fresh register with a school, people none. It is closed after
// the test.
func Open(tb testing.TB, database string) *Register {
	tb.Helper()
	ctx := context.Background()
	skey, vkey, err := signinglog.GenerateKey("sokyso/mnhs")
	if err != nil {
		tb.Fatal(err)
	}
	clock := &Clock{now: time.Date(2026, 10, 7, 2, 15, 0, 0, time.UTC)}
	r := &Register{TB: tb, VKey: vkey, Clock: clock, Config: store.Config{URL: Migrated(tb, database), Now: clock.Now, LogKey: skey,
		MarkFile: filepath.Join(tb.TempDir(), "mark")}}
	r.Reopen()
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	r.School, err = r.CreateSchool(ctx, store.NewSchool{Name: "Trường Mầm non Hoa Sen", Code: "MNHS", Superior: "UBND xã Hoa Sen", Place: "Hoa Sen"})
	if err != nil {
		tb.Fatal(err)
	}
	r.System = custody.SystemActor(r.School.ID)
	return r
}

// Reopen closes the register and opens it with what Config says now.
func (r *Register) Reopen() {
	r.TB.Helper()
	if r.Store != nil {
		if err := r.Close(); err != nil {
			r.TB.Fatal(err)
		}
	}
	opened, err := store.Open(context.Background(), r.Config)
	if err != nil {
		r.TB.Fatal(err)
	}
	r.Store = opened
}

// AddPerson registers a person with a position from the first of the year on.
func (r *Register) AddPerson(name string, kind custody.PositionKind) custody.Actor {
	r.TB.Helper()
	ctx := context.Background()
	p, err := r.CreatePerson(ctx, r.System, store.NewPerson{Name: name, Admin: kind == ""})
	if err != nil {
		r.TB.Fatal(err)
	}
	titles := map[custody.PositionKind]string{custody.Principal: "Hiệu trưởng", custody.Deputy: "Phó Hiệu trưởng",
		custody.OfficeHead: "Tổ trưởng văn phòng", custody.Staff: "Nhân viên"}
	if kind != "" {
		if err := r.AddPosition(ctx, r.System, p.ID, custody.Position{Kind: kind, Title: titles[kind], From: "2026-01-01"}); err != nil {
			r.TB.Fatal(err)
		}
	}
	return r.Actor(p.ID)
}

// Actor returns a person with the roles of today.
func (r *Register) Actor(id custody.PersonID) custody.Actor {
	r.TB.Helper()
	a, _, err := r.ActorOf(context.Background(), r.School.ID, id, custody.ViaPage)
	if err != nil {
		r.TB.Fatal(err)
	}
	return a
}

// Certificate makes a self-signed certificate, valid from 2026 to 2030.
func Certificate(tb testing.TB, name string) []byte {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		tb.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)},
		&x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}}, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// IssuedCertificate makes a certificate of a made authority, valid from the first day
// of a year to that of another, and the authority's own: a chain of one.
func IssuedCertificate(tb testing.TB, name string, from, until int) (leaf, chain []byte) {
	tb.Helper()
	issue := func(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
		serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
		if err != nil {
			tb.Fatal(err)
		}
		template.SerialNumber, template.NotBefore, template.NotAfter = serial, time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(until, 1, 1, 0, 0, 0, 0, time.UTC)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
		if err != nil {
			tb.Fatal(err)
		}
		return der
	}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		keys[i] = key
	}
	root := &x509.Certificate{Subject: pkix.Name{CommonName: "RootCA chuyên dùng Chính phủ G2"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	chain = issue(root, root, keys[0], keys[0])
	parent, err := x509.ParseCertificate(chain)
	if err != nil {
		tb.Fatal(err)
	}
	leaf = issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment}, parent, keys[1], keys[0])
	return leaf, chain
}

// AddToken registers a token; owner "" makes it a seal.
func (r *Register) AddToken(serial string, owner custody.PersonID) (custody.Token, []byte) {
	r.TB.Helper()
	kind := custody.Personal
	if owner == "" {
		kind = custody.Seal
	}
	der := Certificate(r.TB, "chứng thư "+serial)
	token, err := r.RegisterToken(context.Background(), r.System, store.NewToken{Serial: serial, Label: "USB ký số " + serial, Model: "SoftHSM v2",
		Kind: kind, Certificate: der, Owner: owner})
	if err != nil {
		r.TB.Fatal(err)
	}
	return token, der
}

// Give hands a token out of the safe to a person, who accepts it.
func (r *Register) Give(token custody.TokenID, to custody.Actor) store.HandOverRow {
	r.TB.Helper()
	ctx := context.Background()
	offer, err := r.OfferHandOver(ctx, r.System, store.NewHandOver{Token: token, To: to.Person, Reason: "giao mới", Condition: "nguyên vẹn",
		PermissionNumber: "12/QĐ-MNHS", PermissionDate: "2026-09-01", PermissionSigner: "Hiệu trưởng"})
	if err != nil {
		r.TB.Fatal(err)
	}
	row, err := r.AcceptHandOver(ctx, to, offer.ID)
	if err != nil {
		r.TB.Fatal(err)
	}
	return row
}

// CheckLog verifies the whole log and fails the test when it is not in order.
func (r *Register) CheckLog() store.VerifyReport {
	r.TB.Helper()
	report, err := r.VerifyLog(context.Background(), r.School.ID, r.VKey)
	if err != nil {
		r.TB.Fatalf("log: %v", err)
	}
	return report
}

// DB opens the register's database behind the store's back.
func (r *Register) DB() *sqlx.DB { return RawDB(r.TB, r.Config.URL) }

// RawDB opens a register's database by its URL.
func RawDB(tb testing.TB, address string) *sqlx.DB {
	tb.Helper()
	driver, source := "pgx", address
	if path, ok := cutScheme(address); ok {
		driver, source = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	}
	db, err := sqlx.Connect(driver, source)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

func cutScheme(address string) (string, bool) {
	const scheme = "sqlite:"
	if len(address) > len(scheme) && address[:len(scheme)] == scheme {
		return address[len(scheme):], true
	}
	return "", false
}
