package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// answering starts a server that answers as told and counts.
func answering(t *testing.T, handle func(n int64, w http.ResponseWriter, r *http.Request)) (*Client, *atomic.Int64) {
	t.Helper()
	var count atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(count.Add(1), w, r) }))
	t.Cleanup(server.Close)
	client, err := NewClient(ClientConfig{URL: server.URL, APIKey: "khóa", Language: "vi"})
	if err != nil {
		t.Fatal(err)
	}
	return client, &count
}

func answer(w http.ResponseWriter, status int, mediaType, body string) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

var request = GrantRequest{Request: "r1", SHA256In: strings.Repeat("0", 64), Act: ActApprove}

const grantAnswer = `{"id":"g1","request":"r1","sha256_in":"0000000000000000000000000000000000000000000000000000000000000000","act":"approve","signer":"Nguyễn Văn Nghĩa"}`

func TestGrantIsSentAgainUntilAnswered(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter, r *http.Request){
		"unavailable": func(w http.ResponseWriter, r *http.Request) { answer(w, 503, "text/html", "<h1>503</h1>") },
		"gateway":     func(w http.ResponseWriter, r *http.Request) { answer(w, 502, "", "") },
		"problem 503": func(w http.ResponseWriter, r *http.Request) {
			answer(w, 503, "application/problem+json", `{"status":503,"code":"unavailable"}`)
		},
		"connection reset": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"answer cut off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"id":`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, count := answering(t, func(n int64, w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer khóa" || r.Header.Get(HeaderIdempotencyKey) != "r1" || r.Header.Get("Accept-Language") != "vi" {
					t.Errorf("headers %v", r.Header)
				}
				if n < 3 {
					fail(w, r)
					return
				}
				answer(w, http.StatusCreated, "application/json", grantAnswer)
			})
			grant, err := client.Grant(context.Background(), request)
			if err != nil || grant.Signer != "Nguyễn Văn Nghĩa" || count.Load() != 3 {
				t.Errorf("grant %+v, %v after %d attempts", grant, err, count.Load())
			}
		})
	}
}

func TestWhatIsNoFailureOfTheLineIsNotRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		status          int
		mediaType, body string
		problem         bool
	}{
		"refused":            {403, "application/problem+json", `{"status":403,"code":"token_reported","detail":"USB đã báo mất","params":{"kind":"lost"}}`, true},
		"a page":             {200, "text/html", "<h1>Xin chào</h1>", false},
		"no JSON":            {200, "application/json", "xin chào", false},
		"something follows":  {201, "application/json", grantAnswer + "{}", false},
		"another grant":      {201, "application/json", strings.Replace(grantAnswer, `"r1"`, `"r2"`, 1), false},
		"another input":      {201, "application/json", strings.Replace(grantAnswer, `"sha256_in":"0`, `"sha256_in":"1`, 1), false},
		"no id":              {201, "application/json", `{}`, false},
		"a problem without":  {404, "application/problem+json", `{}`, false},
		"a lying status":     {404, "application/problem+json", `{"status":200,"code":"not_found"}`, false},
		"an error page":      {500, "text/plain", "oops", false},
		"a redirect":         {302, "text/plain", "", false},
		"no content":         {204, "", "", false},
		"longer than useful": {200, "application/json", `"` + strings.Repeat("x", maxAnswer) + `"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			client, count := answering(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
				if c.status == 302 {
					w.Header().Set("Location", "/elsewhere")
				}
				answer(w, c.status, c.mediaType, c.body)
			})
			_, err := client.Grant(context.Background(), request)
			var problem *Problem
			var nonsense *NonsenseError
			switch {
			case c.problem && (!errors.As(err, &problem) || problem.Code != "token_reported" || problem.Params["kind"] != "lost"):
				t.Errorf("got %v, want a problem", err)
			case !c.problem && !errors.As(err, &nonsense):
				t.Errorf("got %v, want nonsense", err)
			}
			if count.Load() != 1 {
				t.Errorf("%d attempts", count.Load())
			}
		})
	}
}

// What takes effect each time it is sent is sent once.
func TestOnlyWhatTakesEffectOnceIsRepeated(t *testing.T) {
	client, count := answering(t, func(_ int64, w http.ResponseWriter, _ *http.Request) { answer(w, 503, "", "") })
	_, err := client.CreatePairingCode(context.Background())
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || count.Load() != 1 {
		t.Errorf("%v after %d attempts", err, count.Load())
	}
}

// A change is sent again under the key of its first attempt, the next change under another;
// that an earlier attempt is still carried out is waited for, any other conflict is final.
func TestAChangeIsSentAgainUnderItsKey(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	client, count := answering(t, func(n int64, w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		keys = append(keys, r.Header.Get(HeaderIdempotencyKey))
		mu.Unlock()
		switch n {
		case 1:
			answer(w, 502, "", "")
		case 2:
			w.Header().Set("Retry-After", "1")
			answer(w, 409, "application/problem+json", `{"status":409,"code":"request_running"}`)
		case 3:
			answer(w, 201, "application/json", `{"id":"h1"}`)
		default:
			answer(w, 409, "application/problem+json", `{"status":409,"code":"conflict"}`)
		}
	})
	if h, err := client.OfferHandOver(context.Background(), NewHandOver{TokenID: "t"}); err != nil || h.ID != "h1" || count.Load() != 3 {
		t.Errorf("%+v, %v after %d attempts", h, err, count.Load())
	}
	var problem *Problem
	if _, err := client.OfferHandOver(context.Background(), NewHandOver{TokenID: "t"}); !errors.As(err, &problem) || count.Load() != 4 {
		t.Errorf("%v after %d attempts", err, count.Load())
	}
	mu.Lock()
	defer mu.Unlock()
	if len(keys[0]) < 20 || keys[1] != keys[0] || keys[2] != keys[0] || keys[3] == keys[0] {
		t.Errorf("keys %q", keys)
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	begun := time.Now()
	client, _ := answering(t, func(n int64, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After", "1")
			answer(w, 429, "application/problem+json", `{"status":429,"code":"rate_limited"}`)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	if err := client.Abandon(context.Background(), "g1", Abandon{Reason: "cancelled"}); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(begun); waited < time.Second {
		t.Errorf("waited %v", waited)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client, count := answering(t, func(_ int64, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "20")
		answer(w, 429, "application/problem+json", `{"status":429,"code":"rate_limited"}`)
	})
	begun = time.Now()
	var problem *Problem
	if err := client.Abandon(ctx, "g1", Abandon{Reason: "cancelled"}); !errors.As(err, &problem) || count.Load() != 1 || time.Since(begun) > 2*time.Second {
		t.Errorf("%v after %d attempts and %v: it can't wait so long and should say so at once", err, count.Load(), time.Since(begun))
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := NewClient(ClientConfig{URL: server.URL, Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Grant(context.Background(), request)
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || unreachable.URL != server.URL {
		t.Errorf("got %v", err)
	}
}

func TestASlowServiceIsGivenUpInTime(t *testing.T) {
	done := make(chan struct{})
	client, _ := answering(t, func(_ int64, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	})
	defer close(done)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := client.Grant(ctx, request); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

func TestWhichAddressesAreTaken(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://sokyso.example": true, "https://sokyso.example:8443/": true, "http://127.0.0.1:8421": true, "http://localhost:8421": true, "http://[::1]:8421": true,
		"http://sokyso.example": false, "http://192.168.1.5:8421": false, "ftp://x": false, "": false, "sokyso.example": false, "https://": false,
		"https://user:pass@sokyso.example": false, "https://sokyso.example/path": false, "https://sokyso.example?x=1": false,
	} {
		client, err := NewClient(ClientConfig{URL: address})
		if (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
		if ok && strings.HasSuffix(client.URL(), "/") {
			t.Errorf("%q became %q", address, client.URL())
		}
	}
	if _, err := NewClient(ClientConfig{URL: "http://192.168.1.5:8421", AllowHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestPausesGrowAndDiffer(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		p := pause(3, 0)
		if p < 300*time.Millisecond || p > 600*time.Millisecond {
			t.Fatalf("third pause %v", p)
		}
		seen[p] = true
	}
	if len(seen) < 2 {
		t.Error("no jitter")
	}
	clear(seen)
	if pause(100, 0) > longPause {
		t.Error("bounds")
	}
	// What the service asked for is the least, and no hour for all to come back at.
	for range 50 {
		p := pause(3, time.Minute)
		if p < time.Minute || p > time.Minute+longPause {
			t.Fatalf("pause after one that was asked for: %v", p)
		}
		seen[p] = true
	}
	if len(seen) < 2 {
		t.Error("no jitter after a pause that was asked for")
	}
}

// The types are the protocol: a change of a field's name breaks agents in use.
func TestJSONOfAGrantRequestIsStable(t *testing.T) {
	got, err := json.Marshal(GrantRequest{Request: "r", TokenSerial: "A1", Certificate: []byte{1}, SHA256In: "00", Act: ActApprove,
		Document: DocumentFacts{Kind: "QĐ"}, Prior: []PriorSignature{{Field: "f", CMS: []byte{2}, ByteRangeDigest: "00", CertificateSHA256: "11"}}})
	const want = `{"request":"r","token_serial":"A1","certificate":"AQ==","sha256_in":"00","document":{"kind":"QĐ"},"act":"approve","prior":[{"field":"f","cms":"Ag==","byte_range_digest":"00","certificate_sha256":"11","covers_whole_file":false}]}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
}

// A list is fetched page by page to its end; a service whose pages go round is not followed.
func TestListsAreFetchedWhole(t *testing.T) {
	var asked []string
	client, _ := answering(t, func(n int64, w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		next := []string{`,"next":"7"`, `,"next":"9"`, ``}[min(n, 3)-1]
		answer(w, 200, "application/json", fmt.Sprintf(`{"certificates":[{"serial":"%d"}]%s}`, n, next))
	})
	list, err := client.Certificates(context.Background(), "over")
	if err != nil || len(list) != 3 || list[2].Serial != "3" {
		t.Errorf("%+v, %v", list, err)
	}
	if want := []string{"show=over", "cursor=7&show=over", "cursor=9&show=over"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
	client, _ = answering(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		answer(w, 200, "application/json", `{"people":[],"next":"7"}`)
	})
	var nonsense *NonsenseError
	if _, err := client.People(context.Background()); !errors.As(err, &nonsense) {
		t.Errorf("%v", err)
	}
}
