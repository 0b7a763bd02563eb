//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/httpapi/wire"
)

// keptLog is a log as a service would give it, made here.
type keptLog struct {
	entries []string
	signer  note.Signer
}

func (k keptLog) hashes(t *testing.T) hashes {
	t.Helper()
	var h hashes
	for i, e := range k.entries {
		if err := h.grow(int64(i), []byte(e)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (k keptLog) checkpoint(size int64, h hashes) (string, error) {
	root, err := tlog.TreeHash(size, h)
	if err != nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", k.signer.Name(), size, root)}, k.signer)
	return string(signed), err
}

// receipt proves an entry in the log of that size.
func (k keptLog) receipt(t *testing.T, index, size int64) *wire.Receipt {
	t.Helper()
	h := k.hashes(t)
	signed, err := k.checkpoint(size, h)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := tlog.ProveRecord(size, index, h)
	if err != nil {
		t.Fatal(err)
	}
	r := &wire.Receipt{Index: index, Entry: []byte(k.entries[index]), Checkpoint: signed}
	for _, each := range proof {
		r.Proof = append(r.Proof, base64.StdEncoding.EncodeToString(each[:]))
	}
	return r
}

// served gives the log out by pages of three.
type served struct {
	keptLog
	h hashes
}

func (s served) Checkpoint(context.Context) (string, error) {
	return s.checkpoint(int64(len(s.entries)), s.h)
}

func (s served) Entries(_ context.Context, q wire.EntriesQuery) (wire.Entries, error) {
	var page wire.Entries
	for i := *q.From; i < min(*q.From+3, int64(len(s.entries))); i++ {
		page.Entries = append(page.Entries, wire.Entry{Index: i, Bytes: []byte(s.entries[i])})
	}
	return page, nil
}

func grantEntry(grant, request string) string {
	return "sokyso/entry/v1\ntype grant\nat 2026-10-07T02:15:30.123456Z\nschool s\ngrant " + grant + "\nrequest " + request + "\n"
}

func signatureEntry(grant, out string) string {
	return "sokyso/entry/v1\ntype signature\nat 2026-10-07T02:15:30.123456Z\nschool s\ngrant " + grant + "\nsha256_out " + out + "\n"
}

// TestJudge holds true and false ledgers against logs: each lie is found, by its own words.
func TestJudge(t *testing.T) {
	private, public, err := note.GenerateKey(rand.Reader, "sokyso/judged")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	honest := []string{"sokyso/entry/v1\ntype school\nat 2026-10-07T02:15:30.123456Z\nschool s\n",
		grantEntry("g1", "r1"), grantEntry("g2", "r2"), signatureEntry("g1", "o1"), signatureEntry("g2", "o2")}
	told := func(k keptLog) []line {
		return []line{{Kind: lineAsked, Request: "r1"}, {Kind: lineAsked, Request: "r2"},
			{Kind: lineGranted, Request: "r1", Grant: "g1", Index: 1}, {Kind: lineGranted, Request: "r2", Grant: "g2", Index: 2},
			{Kind: lineSending, Grant: "g1", Out: "o1"}, {Kind: lineSending, Grant: "g2", Out: "o2"},
			{Kind: lineRecorded, Grant: "g1", Receipt: k.receipt(t, 3, 4)}, {Kind: lineRecorded, Grant: "g2", Receipt: k.receipt(t, 4, 5)}}
	}
	for _, c := range []struct {
		name  string
		alter func(entries []string, lines []line) ([]string, []line)
		want  string // in a finding; "" = all is true
	}{
		{"all is true", func(e []string, l []line) ([]string, []line) { return e, l }, ""},
		{"the log has lost its end", func(e []string, l []line) ([]string, []line) { return e[:4], l }, "the log 4"},
		{"an answered grant is not there", func(e []string, l []line) ([]string, []line) {
			l[2].Grant = "g9"
			return e, l
		}, "not in the log there"},
		{"a grant is elsewhere", func(e []string, l []line) ([]string, []line) {
			l[2].Index = 2
			return e, l
		}, "not in the log there"},
		{"a signature was recorded twice", func(e []string, l []line) ([]string, []line) { return append(e, signatureEntry("g1", "o1")), l }, "recorded before"},
		{"a request was granted twice", func(e []string, l []line) ([]string, []line) { return append(e, grantEntry("g3", "r1")), l }, "granted twice"},
		{"nobody asked", func(e []string, l []line) ([]string, []line) { return append(e, grantEntry("g3", "r3")), l }, "nobody asked for request r3"},
		{"nobody sent it", func(e []string, l []line) ([]string, []line) { return e, slices.Delete(l, 4, 5) }, "nobody sent"},
		{"another file than was sent", func(e []string, l []line) ([]string, []line) {
			l[4].Out = "o9"
			return e, l
		}, "nobody sent"},
		{"something else than grants", func(e []string, l []line) ([]string, []line) {
			return append(e, strings.Replace(honest[0], "school\n", "setting\n", 1)), l
		}, "nobody asked for a setting"},
		{"refused, and yet there", func(e []string, l []line) ([]string, []line) {
			return e, append(l, line{Kind: lineRefused, Request: "r1"})
		}, "refused for good"},
		{"the history was written anew", func(e []string, l []line) ([]string, []line) {
			e[2] = strings.Replace(e[2], "30.123456Z", "31.123456Z", 1)
			return e, l
		}, "is not the log's"},
		{"a proof of something else", func(e []string, l []line) ([]string, []line) {
			l[6].Receipt.Proof[0] = l[6].Receipt.Proof[1]
			return e, l
		}, "inclusion"},
		{"a checkpoint that nobody signed", func(e []string, l []line) ([]string, []line) {
			l[6].Receipt.Checkpoint = strings.Replace(l[6].Receipt.Checkpoint, "\n4\n", "\n5\n", 1)
			return e, l
		}, "checkpoint"},
		{"the receipt of another", func(e []string, l []line) ([]string, []line) {
			l[6].Receipt = l[7].Receipt
			return e, l
		}, "something else"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := keptLog{entries: slices.Clone(honest), signer: signer}
			entries, lines := c.alter(k.entries, told(k))
			now := served{keptLog{entries, signer}, keptLog{entries, signer}.hashes(t)}
			log, err := readLog(context.Background(), now, verifier)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "ledger.jsonl")
			l, err := openLedger(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.keep(lines...); err != nil {
				t.Fatal(err)
			}
			if err := l.close(); err != nil {
				t.Fatal(err)
			}
			found, err := judge(path, log, 1, verifier)
			if err != nil {
				t.Fatal(err)
			}
			switch err := found.err(); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want == "" && (found.Asked != 2 || found.Granted != 2 || found.Recorded != 2 || found.Unheard != 0):
				t.Errorf("%+v", found)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("found %v, want %q", err, c.want)
			}
		})
	}
}

// TestReadLog: a log whose bytes are not those that were signed is not read.
func TestReadLog(t *testing.T) {
	private, public, err := note.GenerateKey(rand.Reader, "sokyso/judged")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	k := keptLog{entries: []string{grantEntry("g1", "r1"), grantEntry("g2", "r2")}, signer: signer}
	s := served{k, k.hashes(t)}
	if _, err := readLog(context.Background(), s, verifier); err != nil {
		t.Error(err)
	}
	s.entries = []string{k.entries[0], grantEntry("g3", "r2")}
	if _, err := readLog(context.Background(), s, verifier); err == nil {
		t.Error("an altered log was read")
	}
}
