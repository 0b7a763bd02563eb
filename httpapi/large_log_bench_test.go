package httpapi_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// BenchmarkLargeLog measures what a log's size does to it: appending, proofs and the
// review, on one school beside an empty one in the same run. The default is small; ten
// million entries are SOKYSO_BENCH_YEARS=10 SOKYSO_BENCH_SIGNATURES=10400.
//
//	append/s       changes a second, each an entry, by eight callers
//	ratio          the same by that of an empty log
//	proof-ms       median of a receipt of an entry anywhere in the log
//	review-ms      median of the page of the review
func BenchmarkLargeLog(b *testing.B) {
	for _, database := range storetest.Databases() {
		b.Run(database, func(b *testing.B) {
			history := benchSize(b)
			history.Schools = 1
			school, s, server := openSeeded(b, database, history)
			admin := custody.Actor{School: school.School, Person: school.Admin, Roles: custody.Roles{Admin: true}, Via: custody.ViaPage}
			fresh := storetest.Open(b, database)
			small := fresh.AddPerson("Phạm Thu Hằng", "")
			token, _ := fresh.AddToken("B2001", "")
			empty := appendRate(b, fresh.Store, small, token.ID)
			large := appendRate(b, s, admin, school.Tokens[3])

			var proofs []time.Duration
			for range 201 {
				began := time.Now()
				if _, err := s.Receipt(ctx, admin, rand.Int64N(school.Entries)); err != nil {
					b.Fatal(err)
				}
				proofs = append(proofs, time.Since(began))
			}
			slices.Sort(proofs)
			review := medianOf(b, seededClient(b, server, school.Usernames[school.Admin]), server.URL+"/review")
			b.ReportMetric(float64(school.Entries), "entries")
			b.ReportMetric(large, "append/s")
			b.ReportMetric(large/empty, "ratio")
			b.ReportMetric(float64(proofs[len(proofs)/2].Microseconds())/1000, "proof-ms")
			b.ReportMetric(review, "review-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// appendRate has eight callers say where a token is kept, for three seconds.
func appendRate(b *testing.B, s *store.Store, actor custody.Actor, token custody.TokenID) float64 {
	b.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	total, began := 0, time.Now()
	for caller := range 8 {
		group.Go(func() {
			for n := 0; time.Since(began) < 3*time.Second; n++ {
				if err := s.PlaceToken(ctx, actor, token, fmt.Sprintf("Két %d ngăn %d", caller, n)); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				total++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return float64(total) / time.Since(began).Seconds()
}
