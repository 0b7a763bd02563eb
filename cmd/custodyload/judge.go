//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/httpapi/wire"
)

// reading is where the judge has the log from: the public API, as an admin.
type reading interface {
	Checkpoint(ctx context.Context) (string, error)
	Entries(ctx context.Context, q wire.EntriesQuery) (wire.Entries, error)
}

// verdict is what the judge found of a run.
type verdict struct {
	Entries   int64 // of the log
	Asked     int
	Granted   int // answered
	Recorded  int // answered, with a receipt that holds
	Unheard   int // took effect without an answer that reached the agent
	findings  []string
	forgotten int // findings beyond those kept
}

const maxFindings = 20

func (v *verdict) find(format string, args ...any) {
	if len(v.findings) == maxFindings {
		v.forgotten++
		return
	}
	v.findings = append(v.findings, fmt.Sprintf(format, args...))
}

// err is nil when every answer was true.
func (v *verdict) err() error {
	if len(v.findings) == 0 {
		return nil
	}
	errs := make([]error, len(v.findings))
	for i, text := range v.findings {
		errs[i] = errors.New(text)
	}
	if v.forgotten > 0 {
		errs = append(errs, fmt.Errorf("and %d more", v.forgotten))
	}
	return fmt.Errorf("the ledger and the log differ:\n%w", errors.Join(errs...))
}

// wholeLog is the log as it was read and computed anew.
type wholeLog struct {
	entries [][]byte
	hashes  hashes
	head    tree
}

// readLog reads every entry and holds the tree computed from their bytes against the
// signed checkpoint.
func readLog(ctx context.Context, from reading, verifier note.Verifier) (*wholeLog, error) {
	signed, err := from.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	log := &wholeLog{}
	if log.head, err = openCheckpoint(signed, verifier); err != nil {
		return nil, err
	}
	for next := int64(0); next < log.head.size; {
		page, err := from.Entries(ctx, wire.EntriesQuery{From: &next, Limit: 100})
		if err != nil {
			return nil, err
		}
		if len(page.Entries) == 0 {
			return nil, fmt.Errorf("entry %d of %d is not there", next, log.head.size)
		}
		for _, e := range page.Entries {
			if next >= log.head.size {
				break
			}
			if e.Index != next {
				return nil, fmt.Errorf("entry %d follows entry %d", e.Index, next-1)
			}
			if err := log.hashes.grow(next, e.Bytes); err != nil {
				return nil, err
			}
			log.entries = append(log.entries, e.Bytes)
			next++
		}
	}
	root, err := tlog.TreeHash(log.head.size, log.hashes)
	if err != nil {
		return nil, err
	}
	if root != log.head.root {
		return nil, errors.New("the checkpoint's root is not that of the entries")
	}
	return log, nil
}

// judge holds a ledger against the log. Entries before begin are the school's own.
func judge(path string, log *wholeLog, begin int64, verifier note.Verifier) (*verdict, error) {
	v := &verdict{Entries: log.head.size}
	grants, requests, signatures := map[string]int64{}, map[string]string{}, map[string]int64{} // grant → entry; request → grant; grant → entry
	for i := begin; i < log.head.size; i++ {
		e, err := readEntry(log.entries[i])
		if err != nil {
			v.find("entry %d: %v", i, err)
			continue
		}
		grant := e.fields["grant"]
		switch e.kind {
		case "grant":
			if before, twice := requests[e.fields["request"]]; twice {
				v.find("entry %d: request %s was granted twice, first as %s", i, e.fields["request"], before)
			}
			if before, twice := grants[grant]; twice {
				v.find("entry %d: grant %s is entry %d too", i, grant, before)
			}
			grants[grant], requests[e.fields["request"]] = i, grant
		case "signature":
			if before, twice := signatures[grant]; twice {
				v.find("entry %d: the signature of grant %s was recorded before, as entry %d", i, grant, before)
			}
			if _, granted := grants[grant]; !granted {
				v.find("entry %d: a signature of grant %s, which was not granted before", i, grant)
			}
			signatures[grant] = i
		default:
			v.find("entry %d: nobody asked for a %s", i, e.kind)
		}
	}
	roots := map[int64]tlog.Hash{}
	asked, sent, granted, recorded := map[string]bool{}, map[string]string{}, map[string]bool{}, map[string]bool{}
	err := readLedger(path, func(l line) error {
		switch l.Kind {
		case lineAsked:
			asked[l.Request] = true
		case lineSending:
			sent[l.Grant] = l.Out
		case lineRefused:
			if grant, there := requests[l.Request]; there {
				v.find("request %s was refused for good, and is in the log as grant %s", l.Request, grant)
			}
		case lineGranted:
			granted[l.Grant] = true
			if index, there := grants[l.Grant]; !there || index != l.Index || requests[l.Request] != l.Grant {
				v.find("request %s was answered with grant %s of entry %d, which is not in the log there", l.Request, l.Grant, l.Index)
			}
		case lineRecorded:
			recorded[l.Grant] = true
			v.holdReceipt(l, log, roots, verifier)
			if index, there := signatures[l.Grant]; !there || index != l.Receipt.Index {
				v.find("the signature of grant %s was answered with entry %d, which is not in the log there", l.Grant, l.Receipt.Index)
			}
		default:
			return fmt.Errorf("kind %q", l.Kind)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for request, grant := range requests {
		if !asked[request] {
			v.find("entry %d: nobody asked for request %s", grants[grant], request)
		}
		if !granted[grant] {
			v.Unheard++
		}
	}
	for grant, index := range signatures {
		e, err := readEntry(log.entries[index])
		if err != nil {
			return nil, err
		}
		if out, there := sent[grant]; !there || e.fields["sha256_out"] != out {
			v.find("entry %d: nobody sent this signature of grant %s", index, grant)
		}
		if !recorded[grant] {
			v.Unheard++
		}
	}
	v.Asked, v.Granted, v.Recorded = len(asked), len(granted), len(recorded)
	return v, nil
}

// holdReceipt checks one receipt, and that its tree is the log's, as it was then.
func (v *verdict) holdReceipt(l line, log *wholeLog, roots map[int64]tlog.Hash, verifier note.Verifier) {
	if l.Receipt == nil {
		v.find("grant %s: a record without a receipt", l.Grant)
		return
	}
	t, err := checkReceipt(*l.Receipt, verifier)
	if err != nil {
		v.find("receipt of grant %s: %v", l.Grant, err)
		return
	}
	if t.size > log.head.size {
		v.find("receipt of grant %s: its tree has %d entries, the log %d", l.Grant, t.size, log.head.size)
		return
	}
	if !bytes.Equal(l.Receipt.Entry, log.entries[l.Receipt.Index]) {
		v.find("receipt of grant %s: entry %d of the log is another one", l.Grant, l.Receipt.Index)
	}
	root, known := roots[t.size]
	if !known {
		if root, err = tlog.TreeHash(t.size, log.hashes); err != nil {
			v.find("tree of %d entries: %v", t.size, err)
			return
		}
		roots[t.size] = root
	}
	if root != t.root {
		v.find("receipt of grant %s: its tree of %d entries is not the log's", l.Grant, t.size)
	}
	if e, err := readEntry(l.Receipt.Entry); err != nil || e.kind != "signature" || e.fields["grant"] != l.Grant {
		v.find("receipt of grant %s is of something else", l.Grant)
	}
}
