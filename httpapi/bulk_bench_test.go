package httpapi_test

import (
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// BenchmarkBulkRecords measures how many finished signatures a second go through HTTPS in
// requests of 200: each CMS (P-256, with its chain) verified, recorded and durable before
// the answer. One operation is one signature.
//
//	recorded/s  signatures a second
//	cms-bytes   the size of a CMS
func BenchmarkBulkRecords(b *testing.B) {
	for _, database := range storetest.Databases() {
		for _, callers := range []int{1, 4} {
			b.Run(database+"/callers="+string(rune('0'+callers)), func(b *testing.B) {
				s := newSchool(b, storetest.Open(b, database), httpapi.Config{})
				s.give()
				server := httptest.NewTLSServer(s.server.Config.Handler)
				b.Cleanup(server.Close)
				code, _, err := s.CreatePairingCode(ctx, s.principal.actor)
				if err != nil {
					b.Fatal(err)
				}
				open, err := wire.NewClient(wire.ClientConfig{URL: server.URL, HTTP: server.Client().Transport})
				if err != nil {
					b.Fatal(err)
				}
				paired, err := open.Pair(ctx, wire.Pair{Code: code, Device: "máy đo"})
				if err != nil {
					b.Fatal(err)
				}
				agent, err := wire.NewClient(wire.ClientConfig{URL: server.URL, HTTP: server.Client().Transport, APIKey: paired.APIKey})
				if err != nil {
					b.Fatal(err)
				}
				const requests = 20
				parts := make([][]wire.GrantRecord, requests)
				size := 0
				for i := range parts {
					asked := make([]wire.GrantRequest, wire.MaxBulk)
					for j := range asked {
						asked[j] = s.principal.request(newDocument("KH"), wire.ActApprove, "")
					}
					outcomes, err := agent.Grants(ctx, asked)
					if err != nil {
						b.Fatal(err)
					}
					for _, outcome := range outcomes {
						record := s.principal.finish(b, s)
						size = len(record.CMS)
						parts[i] = append(parts[i], wire.GrantRecord{Grant: outcome.Grant.ID, Record: record})
					}
				}
				work := make(chan []wire.GrantRecord, requests)
				for _, part := range parts {
					work <- part
				}
				close(work)
				began := time.Now()
				var group sync.WaitGroup
				for range callers {
					group.Go(func() {
						for part := range work {
							outcomes, err := agent.Records(ctx, part)
							if err != nil {
								b.Error(err)
								return
							}
							for _, outcome := range outcomes {
								if outcome.Problem != nil {
									b.Error(outcome.Problem)
								}
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(requests*wire.MaxBulk)/time.Since(began).Seconds(), "recorded/s")
				b.ReportMetric(float64(size), "cms-bytes")
				b.ReportMetric(0, "ns/op")
				if report := s.CheckLog(); report.ByType["signature"] != requests*wire.MaxBulk {
					b.Errorf("%d signatures in the log", report.ByType["signature"])
				}
			})
		}
	}
}
