package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// BenchmarkRecord measures signatures recorded per second (one operation: a
// grant's finished signature becomes durable with its entry, and its receipt is
// made) beside raw commits of one row of the same size on the same database in
// the same run, with the same number of callers.
//
//	recorded/s   signatures recorded a second
//	p99-ms       how long a caller waits, all but one in a hundred, in milliseconds
//	raw/s        raw single-row commits a second
//	ratio        the first by the second
//	fdatasync-us time of one fdatasync of a block on this disk, in microseconds
func BenchmarkRecord(b *testing.B) {
	for _, database := range storetest.Databases() {
		for _, callers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", database, callers), func(b *testing.B) {
				r := storetest.Open(b, database)
				s := handedOut(r)
				sync := fdatasyncTime(b)
				grants := make([]custody.GrantID, b.N)
				records := make([]store.Record, b.N)
				each(callers, b.N, func(i int) {
					g, err := s.RequestGrant(ctx, s.principal, s.approval())
					if err != nil {
						b.Error(err)
						return
					}
					grants[i] = g.ID
					cms := make([]byte, 2200) // RSA-2048 with one issuer's certificate
					rand.Read(cms)
					records[i] = record()
					records[i].CMS, records[i].SignedAt = cms, time.Now()
				})
				raw := rawCommits(b, r, callers, b.N)
				times := make([]time.Duration, b.N)
				b.ResetTimer()
				begin := time.Now()
				each(callers, b.N, func(i int) {
					asked := time.Now()
					if _, err := s.RecordSignature(ctx, s.principal, grants[i], records[i]); err != nil {
						b.Error(err)
					}
					times[i] = time.Since(asked)
				})
				recorded := float64(b.N) / time.Since(begin).Seconds()
				b.StopTimer()
				b.ReportMetric(recorded, "recorded/s")
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1e3, "p99-ms")
				b.ReportMetric(raw, "raw/s")
				b.ReportMetric(recorded/raw, "ratio")
				b.ReportMetric(float64(sync.Nanoseconds())/1e3, "fdatasync-us")
				if report := s.CheckLog(); report.ByType["signature"] != int64(b.N) {
					b.Errorf("%d signatures in the log, %d recorded", report.ByType["signature"], b.N)
				}
			})
		}
	}
}

// BenchmarkGrant measures grants per second in the same way.
func BenchmarkGrant(b *testing.B) {
	for _, database := range storetest.Databases() {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", database, callers), func(b *testing.B) {
				s := handedOut(storetest.Open(b, database))
				begin := time.Now()
				each(callers, b.N, func(int) {
					if _, err := s.RequestGrant(ctx, s.principal, s.approval()); err != nil {
						b.Error(err)
					}
				})
				b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "granted/s")
			})
		}
	}
}

// BenchmarkVerifyLog measures how many entries a second VerifyLog recomputes.
func BenchmarkVerifyLog(b *testing.B) {
	for _, database := range storetest.Databases() {
		b.Run(database, func(b *testing.B) {
			s := handedOut(storetest.Open(b, database))
			each(64, 1000, func(int) { s.sign(s.principal, s.approval()) })
			size := int64(0)
			for b.Loop() {
				size = s.CheckLog().Size
			}
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// each calls run for 0..n-1 from that many callers.
func each(callers, n int, run func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				run(i)
			}
		})
	}
	wg.Wait()
}

// rawCommits commits single rows of the size of a recorded signature (CMS,
// entry, columns) and returns how many a second.
func rawCommits(b *testing.B, r *storetest.Register, callers, n int) float64 {
	b.Helper()
	db := storetest.RawDB(b, r.Config.URL)
	connections := callers
	if db.DriverName() == "sqlite" {
		connections = 1 // SQLite has one writer; more only wait in turns
		if _, err := db.Exec("PRAGMA synchronous = FULL"); err != nil {
			b.Fatal(err)
		}
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	blob := map[string]string{"sqlite": "BLOB", "pgx": "BYTEA"}[db.DriverName()]
	if _, err := db.Exec("CREATE TABLE raw_commits (id BIGINT PRIMARY KEY, content " + blob + " NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	insert, err := db.PrepareContext(context.Background(), db.Rebind("INSERT INTO raw_commits (id, content) VALUES (?, ?)"))
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	content := make([]byte, 4000)
	rand.Read(content)
	n = max(n, 200)
	begin := time.Now()
	each(callers, n, func(i int) { insertRaw(b, insert, i, content) })
	return float64(n) / time.Since(begin).Seconds()
}

func insertRaw(b *testing.B, insert *sql.Stmt, i int, content []byte) {
	if _, err := insert.Exec(i, content); err != nil {
		b.Error(err)
	}
}

// fdatasyncTime is the median of 50 synced writes of 4 KiB.
func fdatasyncTime(b *testing.B) time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	var times []time.Duration
	for range 50 {
		begin := time.Now()
		if _, err := f.WriteAt(block, 0); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(begin))
	}
	for i := range times {
		for j := i; j > 0 && times[j] < times[j-1]; j-- {
			times[j], times[j-1] = times[j-1], times[j]
		}
	}
	return times[len(times)/2]
}
