//go:build linux

package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/httpapi/wire"
)

// tree is what a checkpoint says of the log.
type tree struct {
	size int64
	root tlog.Hash
}

// openCheckpoint reads a signed checkpoint (C2SP tlog-checkpoint: origin, size, root).
func openCheckpoint(signed string, verifier note.Verifier) (tree, error) {
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tree{}, fmt.Errorf("checkpoint: %.80q is not one of %s", opened.Text, verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return tree{}, fmt.Errorf("checkpoint: size %.40q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tree{}, fmt.Errorf("checkpoint: root: %w", err)
	}
	return tree{size, root}, nil
}

// checkReceipt verifies a receipt (RFC 6962 §2.1.1) and returns the tree it is of.
func checkReceipt(receipt wire.Receipt, verifier note.Verifier) (tree, error) {
	t, err := openCheckpoint(receipt.Checkpoint, verifier)
	if err != nil {
		return tree{}, err
	}
	proof := make(tlog.RecordProof, len(receipt.Proof))
	for i, text := range receipt.Proof {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != tlog.HashSize {
			return tree{}, fmt.Errorf("proof: hash %.60q", text)
		}
		proof[i] = tlog.Hash(raw)
	}
	if receipt.Index < 0 || receipt.Index >= t.size {
		return tree{}, fmt.Errorf("entry %d in a tree of %d", receipt.Index, t.size)
	}
	if err := tlog.CheckRecord(proof, t.size, t.root, receipt.Index, tlog.RecordHash(receipt.Entry)); err != nil {
		return tree{}, fmt.Errorf("inclusion of entry %d: %w", receipt.Index, err)
	}
	return t, nil
}

// entry is what the judge reads of an entry's bytes: its type and its fields.
type entry struct {
	kind   string
	fields map[string]string
}

func readEntry(b []byte) (entry, error) {
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) < 4 || lines[0] != "sokyso/entry/v1" {
		return entry{}, errors.New("no entry of version 1")
	}
	kind, ok := strings.CutPrefix(lines[1], "type ")
	if !ok {
		return entry{}, errors.New("no type")
	}
	e := entry{kind: kind, fields: map[string]string{}}
	for _, text := range lines[2:] {
		name, value, _ := strings.Cut(text, " ")
		e.fields[name] = value
	}
	return e, nil
}

// hashes are all those of a log, in the order of tlog.StoredHashIndex.
type hashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d is not there", index)
		}
		found[i] = h[index]
	}
	return found, nil
}

// grow adds entry n.
func (h *hashes) grow(n int64, entry []byte) error {
	more, err := tlog.StoredHashes(n, entry, *h)
	if err != nil {
		return err
	}
	*h = append(*h, more...)
	return nil
}
