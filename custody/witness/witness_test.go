package witness_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
	"sokyso/custody/witness"
)

var ctx = context.Background()

// growing is a log of a test, in memory.
type growing struct {
	t      testing.TB
	signer note.Signer
	vkey   string
	hashes []tlog.Hash
	size   int64
}

func newLog(t testing.TB, origin string) *growing {
	t.Helper()
	skey, vkey, err := signinglog.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return &growing{t: t, signer: signer, vkey: vkey}
}

func (g *growing) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = g.hashes[index]
	}
	return out, nil
}

// add appends entries and returns the signed checkpoint.
func (g *growing) add(entries ...string) []byte {
	g.t.Helper()
	for _, entry := range entries {
		more, err := tlog.StoredHashes(g.size, []byte(entry), g)
		if err != nil {
			g.t.Fatal(err)
		}
		g.hashes = append(g.hashes, more...)
		g.size++
	}
	root, err := tlog.TreeHash(g.size, g)
	if err != nil {
		g.t.Fatal(err)
	}
	signed, err := signinglog.Sign(signinglog.Checkpoint{Origin: g.signer.Name(), Size: g.size, Root: root}, g.signer)
	if err != nil {
		g.t.Fatal(err)
	}
	return signed
}

func (g *growing) from(old int64) []tlog.Hash {
	g.t.Helper()
	if old == 0 || old == g.size {
		return nil
	}
	proof, err := tlog.ProveTree(g.size, old, g)
	if err != nil {
		g.t.Fatal(err)
	}
	return proof
}

// A log is cosigned as it grows, also by a witness that was started anew; one that was
// altered, went back or was signed by another key is not, and neither is one unknown.
func TestWitness(t *testing.T) {
	log := newLog(t, "sokyso/hoa-sen")
	key, public, err := witness.GenerateKey("phong-giao-duc.example/nhan-chung")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	start := func() *witness.Witness {
		t.Helper()
		server, err := witness.NewServer(witness.ServerConfig{Key: key, Folder: folder, Logs: []string{log.vkey}})
		if err != nil {
			t.Fatal(err)
		}
		running := httptest.NewServer(server)
		t.Cleanup(running.Close)
		w, err := witness.Parse(public + "@" + running.URL + "/nhan-chung/")
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := start()
	verifier, err := cosignature.NewVerifierForCosignatureV1(public)
	if err != nil {
		t.Fatal(err)
	}
	var old int64
	for round, entries := range [][]string{{"a"}, {"b", "c", "d"}, {}, {"e"}} {
		signed := log.add(entries...)
		line, err := w.Cosign(ctx, old, log.from(old), signed)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		// Another program's verifier takes it.
		n, err := note.Open(append(bytes.Clone(signed), line...), note.VerifierList(verifier))
		if err != nil || len(n.Sigs) != 1 {
			t.Errorf("round %d: %v", round, err)
		}
		if at, err := cosignature.CoSigV1Timestamp(n.Sigs[0]); err != nil || at.Year() < 2026 {
			t.Errorf("round %d: made %v, %v", round, at, err)
		}
		old = log.size
	}

	w = start() // it remembers
	latest := log.add("f")
	_, err = w.Cosign(ctx, 0, nil, latest)
	var other *witness.OtherSizeError
	if !errors.As(err, &other) || other.Size != old {
		t.Errorf("from nothing: %v", err)
	}
	fork := newLog(t, "sokyso/hoa-sen")
	fork.signer = log.signer
	altered := fork.add("a", "b", "X", "d", "e", "f", "g")
	for name, test := range map[string]struct {
		old    int64
		proof  []tlog.Hash
		signed []byte
	}{
		"an altered log":         {old, fork.from(old), altered},
		"no proof":               {old, nil, latest},
		"somebody else's proof":  {old, log.from(1), latest},
		"another key's log":      {old, log.from(old), newLog(t, "sokyso/hoa-sen").add("a", "b", "c", "d", "e", "f")},
		"a log nobody knows":     {0, nil, newLog(t, "sokyso/la").add("a")},
		"another root, old size": {old, nil, prefix(t, log.signer, "a", "b", "X", "d", "e")},
	} {
		if _, err := w.Cosign(ctx, test.old, test.proof, test.signed); !errors.Is(err, witness.ErrRefused) && !errors.As(err, &other) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Cosign(ctx, old, log.from(old), latest); err != nil {
		t.Errorf("the true log, afterwards: %v", err)
	}
	if _, err := w.Cosign(ctx, log.size, nil, prefix(t, log.signer, "a", "b")); err == nil {
		t.Error("a log that went back was cosigned")
	}
}

func prefix(t testing.TB, signer note.Signer, entries ...string) []byte {
	t.Helper()
	g := newLog(t, signer.Name())
	g.signer = signer
	return g.add(entries...)
}

// What is no cosignature by the witness's key is not taken for one.
func TestAnswersAreVerified(t *testing.T) {
	log := newLog(t, "sokyso/hoa-sen")
	signed := log.add("a")
	_, public, err := witness.GenerateKey("nhan-chung.example")
	if err != nil {
		t.Fatal(err)
	}
	for answer, status := range map[string]int{"": 200, "— nhan-chung.example AAAA\n": 200, "xin chào": 200, "7\n": 409, "moved": 302, "x": 500, strings.Repeat("x", 1<<20): 200} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, answer)
		}))
		w, err := witness.Parse(public + "@" + server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if line, err := w.Cosign(ctx, 0, nil, signed); err == nil {
			t.Errorf("%d %.20q: taken as %q", status, answer, line)
		}
		server.Close()
	}
	for _, bad := range []string{"", public, public + "@", public + "@ftp://x", public + "@https://a:b@x", "x+00000000+AAAA@https://x"} {
		if _, err := witness.Parse(bad); !errors.Is(err, witness.ErrMalformed) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

func FuzzQuestion(f *testing.F) {
	log := newLog(f, "sokyso/hoa-sen")
	key, _, err := witness.GenerateKey("nhan-chung.example")
	if err != nil {
		f.Fatal(err)
	}
	server, err := witness.NewServer(witness.ServerConfig{Key: key, Folder: f.TempDir(), Logs: []string{log.vkey}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("old 0\n\n" + string(log.add("a"))))
	f.Add([]byte("old 1\nAAAA\n\nx"))
	f.Fuzz(func(t *testing.T, body []byte) {
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/add-checkpoint", bytes.NewReader(body)))
		if recorder.Code == http.StatusInternalServerError {
			t.Errorf("%q: %d", body, recorder.Code)
		}
	})
}
