package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
)

// maxReceipt bounds a receipt file: an entry in base64 and a proof.
const maxReceipt = 256 << 10

func readReceipt(path string) (signinglog.Receipt, error) {
	text, err := readBounded(path, maxReceipt)
	if err != nil {
		return signinglog.Receipt{}, err
	}
	return signinglog.ParseReceipt(text)
}

// receiptOf reads the service's form of a receipt.
func receiptOf(answer wire.Receipt) (signinglog.Receipt, error) {
	proof, err := hashesOf(answer.Proof)
	if err != nil {
		return signinglog.Receipt{}, fail("receipt_invalid", err)
	}
	return signinglog.Receipt{Index: answer.Index, Entry: answer.Entry, Proof: proof, Checkpoint: []byte(answer.Checkpoint)}, nil
}

func hashesOf(texts []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		var err error
		if hashes[i], err = tlog.ParseHash(text); err != nil {
			return nil, fmt.Errorf("hash %d of the proof: %w", i, err)
		}
	}
	return hashes, nil
}

// checkReceipt checks that the receipt is signed by the log, proves its entry,
// and that the entry is about exactly this signature.
func checkReceipt(receipt signinglog.Receipt, verifier note.Verifier, current *job) error {
	entry, _, err := signinglog.CheckReceipt(receipt, verifier)
	if err != nil {
		return fail("receipt_invalid", err)
	}
	cms := sha256.Sum256(current.Signature.CMS)
	for field, want := range map[string]string{
		"grant":                     current.Intent.Grant,
		"act":                       current.Intent.Act,
		"capacity":                  current.Intent.Capacity,
		"sha256_in":                 current.Intent.SHA256In,
		"sha256_out":                current.Signature.SHA256Out,
		"byte_range_digest":         current.Signature.ByteRangeDigest,
		"cms_sha256":                hex.EncodeToString(cms[:]),
		signinglog.FieldCertificate: current.Signature.CertificateSHA256,
	} {
		if got := entry.Fields[field]; got != want {
			return fail("receipt_invalid", fmt.Errorf("entry %d names %s %q instead of %q", receipt.Index, field, got, want))
		}
	}
	if entry.Type != signinglog.TypeSignature {
		return fail("receipt_invalid", fmt.Errorf("entry %d is of type %q", receipt.Index, entry.Type))
	}
	return nil
}

// consistencyProof asks the service for the proof that the tree of size to
// extends that of size from.
func (a *Agent) consistencyProof(ctx context.Context, from, to int64) ([]tlog.Hash, error) {
	return consistencyProof(ctx, a.client, from, to)
}

func consistencyProof(ctx context.Context, client *wire.Client, from, to int64) ([]tlog.Hash, error) {
	proof, err := client.ConsistencyProof(ctx, from, to)
	if err != nil {
		var problem *wire.Problem
		if errors.As(err, &problem) && !temporary(err) {
			// It signed a checkpoint of that size and now does not know it.
			return nil, fail("log_forked", err)
		}
		return nil, err
	}
	hashes, err := hashesOf(proof.Hashes)
	if err != nil {
		return nil, fail("log_forked", err)
	}
	return hashes, nil
}

// checkLog looks at the log's head before a signature is asked for: nothing is
// signed into a log that does not extend what was seen.
func (a *Agent) checkLog(ctx context.Context) error {
	head, err := a.client.Checkpoint(ctx)
	if err != nil {
		return err
	}
	return a.witness.seeHead(ctx, []byte(head))
}

// ReceiptPath is where the receipt of a signed file lies, if it has one.
func ReceiptPath(output string) string { return output + receiptSuffix }
