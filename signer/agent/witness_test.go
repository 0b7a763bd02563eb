package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
)

// testLog is a log in memory, signed by its own key.
type testLog struct {
	t       *testing.T
	signer  note.Signer
	key     string
	entries [][]byte
	hashes  []tlog.Hash
}

func newTestLog(t *testing.T) *testLog {
	t.Helper()
	secret, key, err := signinglog.GenerateKey("sokyso/test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{t: t, signer: signer, key: key}
}

func (l *testLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = l.hashes[index]
	}
	return hashes, nil
}

func (l *testLog) append(entry []byte) int64 {
	l.t.Helper()
	index := int64(len(l.entries))
	hashes, err := tlog.StoredHashes(index, entry, l)
	if err != nil {
		l.t.Fatal(err)
	}
	l.entries, l.hashes = append(l.entries, entry), append(l.hashes, hashes...)
	return index
}

// grow appends n entries that nobody looks at.
func (l *testLog) grow(n int) {
	for range n {
		l.append(fmt.Appendf(nil, "entry %d", len(l.entries)))
	}
}

func (l *testLog) checkpoint(size int) []byte {
	l.t.Helper()
	root, err := tlog.TreeHash(int64(size), l)
	if err != nil {
		l.t.Fatal(err)
	}
	signed, err := signinglog.Sign(signinglog.Checkpoint{Origin: "sokyso/test", Size: int64(size), Root: root}, l.signer)
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

func (l *testLog) head() []byte { return l.checkpoint(len(l.entries)) }

func (l *testLog) receipt(index int64) signinglog.Receipt {
	l.t.Helper()
	proof, err := tlog.ProveRecord(int64(len(l.entries)), index, l)
	if err != nil {
		l.t.Fatal(err)
	}
	return signinglog.Receipt{Index: index, Entry: l.entries[index], Proof: proof, Checkpoint: l.head()}
}

func (l *testLog) proof(_ context.Context, from, to int64) ([]tlog.Hash, error) {
	if to > int64(len(l.entries)) {
		return nil, errors.New("no such size")
	}
	return tlog.ProveTree(to, from, l)
}

func (l *testLog) verifier() note.Verifier {
	l.t.Helper()
	verifier, err := note.NewVerifier(l.key)
	if err != nil {
		l.t.Fatal(err)
	}
	return verifier
}

func codeOf(err error) string {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

func TestWitnessFollowsALogThatOnlyGrows(t *testing.T) {
	ctx, home, log := t.Context(), t.TempDir(), newTestLog(t)
	for size := 1; size < 40; size += 3 {
		log.grow(3)
		w, err := openWitness(home, log.verifier(), log.proof) // as each start does
		if err != nil {
			t.Fatal(err)
		}
		if err := w.seeHead(ctx, log.head()); err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		if err := w.see(ctx, log.checkpoint(size)); err != nil { // a receipt from before
			t.Fatalf("older size %d: %v", size, err)
		}
		if w.last.Size != int64(len(log.entries)) {
			t.Fatalf("an older checkpoint replaced a newer one: %d", w.last.Size)
		}
	}
}

// TestWitnessRefusesAFork: the same key signs another history. The witness sees
// it whatever the sizes are, and keeps what it knew.
func TestWitnessRefusesAFork(t *testing.T) {
	ctx, log := t.Context(), newTestLog(t)
	log.grow(20)
	for _, sizes := range []struct{ common, seen, forked int }{
		{0, 20, 20}, {19, 20, 20}, {10, 20, 25}, {10, 20, 15}, {19, 20, 21}, {0, 1, 2},
	} {
		home := t.TempDir()
		w, err := openWitness(home, log.verifier(), log.proof)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.see(ctx, log.checkpoint(sizes.seen)); err != nil {
			t.Fatal(err)
		}
		fork := newTestLog(t)
		fork.signer, fork.key = log.signer, log.key
		for i := range sizes.common {
			fork.append(log.entries[i])
		}
		for i := sizes.common; i < max(sizes.forked, sizes.seen); i++ {
			fork.append(fmt.Appendf(nil, "other %d", i))
		}
		w.proof = fork.proof
		if err := w.see(ctx, fork.checkpoint(sizes.forked)); codeOf(err) != "log_forked" {
			t.Errorf("%+v: %v", sizes, err)
		}
		again, err := openWitness(home, log.verifier(), log.proof)
		if err != nil || again.last.Size != int64(sizes.seen) {
			t.Errorf("%+v: the witness forgot: %+v, %v", sizes, again, err)
		}
	}
}

func TestWitnessRefusesAShorterHead(t *testing.T) {
	ctx, log := t.Context(), newTestLog(t)
	log.grow(9)
	w, err := openWitness(t.TempDir(), log.verifier(), log.proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.seeHead(ctx, log.head()); err != nil {
		t.Fatal(err)
	}
	if err := w.seeHead(ctx, log.checkpoint(8)); codeOf(err) != "log_forked" {
		t.Errorf("a log restored from a backup was taken: %v", err)
	}
	if err := w.see(ctx, log.checkpoint(8)); err != nil {
		t.Errorf("an older receipt of the same log was refused: %v", err)
	}
}

func TestWitnessWithoutAProofDecidesNothing(t *testing.T) {
	ctx, log := t.Context(), newTestLog(t)
	log.grow(4)
	w, err := openWitness(t.TempDir(), log.verifier(), log.proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.see(ctx, log.head()); err != nil {
		t.Fatal(err)
	}
	log.grow(4)
	lost := errors.New("connection lost")
	w.proof = func(context.Context, int64, int64) ([]tlog.Hash, error) { return nil, lost }
	if err := w.see(ctx, log.head()); !errors.Is(err, lost) || codeOf(err) == "log_forked" {
		t.Errorf("%v", err)
	}
	if w.last.Size != 4 {
		t.Error("a checkpoint was kept unproven")
	}
}

func TestWitnessRefusesAnotherKey(t *testing.T) {
	log, other := newTestLog(t), newTestLog(t)
	log.grow(2)
	other.grow(2)
	w, err := openWitness(t.TempDir(), log.verifier(), log.proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.see(t.Context(), other.head()); codeOf(err) != "receipt_invalid" {
		t.Errorf("%v", err)
	}
}

func TestDamagedMemoryIsNotPassedOver(t *testing.T) {
	home, log := t.TempDir(), newTestLog(t)
	log.grow(2)
	if err := os.WriteFile(home+"/"+checkpointName, append(log.head()[:20], '7'), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openWitness(home, log.verifier(), log.proof); codeOf(err) != "pairing_damaged" {
		t.Errorf("%v", err)
	}
}

// signatureEntry is the entry of a finished job.
func signatureEntry(t *testing.T, current *job, change func(map[string]string)) []byte {
	t.Helper()
	const id = "018f8e5c-0000-7000-8000-000000000001"
	fields := map[string]string{
		signinglog.FieldActor: id, signinglog.FieldVia: "agent", "signature": id, "grant": current.Intent.Grant, "grant_entry": "1",
		"custody_entry": "0", signinglog.FieldToken: id, "act": current.Intent.Act, "capacity": current.Intent.Capacity,
		signinglog.FieldCertificate: current.Signature.CertificateSHA256, "sha256_in": current.Intent.SHA256In,
		"sha256_out": current.Signature.SHA256Out, "byte_range_digest": current.Signature.ByteRangeDigest,
		"cms_sha256": hexSum(current.Signature.CMS), "level": "b-b", "signature_field": "Signature1", "signed_at": signinglog.FormatTime(noon),
	}
	change(fields)
	entry := signinglog.Entry{Version: signinglog.Version, Type: signinglog.TypeSignature, At: noon.Add(time.Second), School: id, Fields: fields}
	if fields["type"] != "" {
		entry.Type = signinglog.Type(fields["type"])
		delete(fields, "type")
	}
	content, err := entry.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func finishedJob() *job {
	return &job{ID: "j", Step: stepCommitted,
		Intent: intent{Grant: "018f8e5c-0000-7000-8000-000000000009", Act: "approve", SHA256In: hexSum([]byte("in"))},
		Signature: finishedRecord{CMS: []byte("cms"), CertificateSHA256: hexSum([]byte("certificate")),
			ByteRangeDigest: hexSum([]byte("range")), SHA256Out: hexSum([]byte("out"))}}
}

// TestReceiptMustNameThisSignature: a receipt that is signed and included is not
// enough, its entry has to be about this very signature.
func TestReceiptMustNameThisSignature(t *testing.T) {
	current := finishedJob()
	other := hexSum([]byte("other"))
	for name, test := range map[string]struct {
		change func(map[string]string)
		tamper func(*signinglog.Receipt)
		good   bool
	}{
		"as it should be":     {good: true},
		"another output":      {change: func(f map[string]string) { f["sha256_out"] = other }},
		"another input":       {change: func(f map[string]string) { f["sha256_in"] = other }},
		"another CMS":         {change: func(f map[string]string) { f["cms_sha256"] = other }},
		"another digest":      {change: func(f map[string]string) { f["byte_range_digest"] = other }},
		"another certificate": {change: func(f map[string]string) { f[signinglog.FieldCertificate] = other }},
		"another grant":       {change: func(f map[string]string) { f["grant"] = f["signature"] }},
		"another act":         {change: func(f map[string]string) { f["act"] = "initial" }},
		"another capacity":    {change: func(f map[string]string) { f["capacity"] = "KT" }},
		"another type":        {change: func(f map[string]string) { f["type"] = "grant" }},
		"changed entry":       {tamper: func(r *signinglog.Receipt) { r.Entry = append([]byte(nil), r.Entry...); r.Entry[40] ^= 1 }},
		"changed index":       {tamper: func(r *signinglog.Receipt) { r.Index-- }},
		"changed proof":       {tamper: func(r *signinglog.Receipt) { r.Proof[0][3] ^= 1 }},
		"shorter proof":       {tamper: func(r *signinglog.Receipt) { r.Proof = r.Proof[1:] }},
		"changed checkpoint":  {tamper: func(r *signinglog.Receipt) { r.Checkpoint[15] ^= 1 }},
	} {
		log := newTestLog(t)
		log.grow(5)
		change := test.change
		if change == nil {
			change = func(map[string]string) {}
		}
		index := log.append(signatureEntry(t, current, change))
		log.grow(3)
		receipt := log.receipt(index)
		if test.tamper != nil {
			test.tamper(&receipt)
		}
		err := checkReceipt(receipt, log.verifier(), current)
		if test.good && err != nil || !test.good && codeOf(err) != "receipt_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
