package signer_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"sokyso/signer"
	"sokyso/signer/token/softhsm"
	"sokyso/signer/validation"
)

// batchSize is how many files a batch has.
const batchSize = 200

// BenchmarkBatch signs batches of 200 files of 131 KB on tmpfs with a key on a SoftHSM token, each output validated and
// written durably. In each round the token alone makes as many signatures in one session, and digitorus/pdfsign signs
// the same files, so that all meet the same machine; the figures are medians of the rounds.
//
//	of-C_Sign   our rate in terms of the token's alone with one session
//	of-pdfsign  the same in terms of pdfsign's with as many workers
//	cpu-ms      processor time a document above that of C_Sign
//	cpu-C_Sign  the same in terms of C_Sign's own, which depends less on the machine
func BenchmarkBatch(b *testing.B) {
	w := newWorld(b)
	store, err := softhsm.New(filepath.Join(folder, "tokens"))
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"rsa2048", "rsa3072", "p256"} {
		for _, sessions := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/sessions=%d", kind, sessions), func(b *testing.B) {
				who := onToken(b, w, store, kind)
				dir := fast(b)
				files := make([]signer.File, batchSize)
				for i := range files {
					in := writeFile(b, filepath.Join(dir, fmt.Sprintf("in%d.pdf", i)), letter131())
					files[i] = signer.File{Input: in, Output: filepath.Join(dir, fmt.Sprintf("out%d.pdf", i))}
				}
				clean := func() {
					for _, f := range files {
						if err := os.Remove(f.Output); err != nil {
							b.Fatal(err)
						}
					}
				}
				opt := signer.Options{Name: "Nguyễn Văn Nghĩa", Roots: w.roots, Cache: &validation.Cache{}}
				raw := rawSigner(b, who)
				var rates, ofRaw, ofPeer, cpu, ofCPU []float64
				for b.Loop() {
					alone := measure(func() { raw(batchSize) })
					ours := measure(func() {
						for i, r := range signer.SignFiles(context.Background(), files, who.key, sessions, who.chain, opt) {
							if r.Err != nil {
								b.Fatal(files[i].Input, r.Err)
							}
						}
					})
					clean()
					peer := measure(func() { peerBatch(b, files, who.identity, sessions) })
					clean()
					rates = append(rates, batchSize/ours.wall.Seconds())
					ofRaw = append(ofRaw, alone.wall.Seconds()/ours.wall.Seconds())
					ofPeer = append(ofPeer, peer.wall.Seconds()/ours.wall.Seconds())
					cpu = append(cpu, (ours.cpu-alone.cpu).Seconds()*1000/batchSize)
					ofCPU = append(ofCPU, (ours.cpu-alone.cpu).Seconds()/alone.cpu.Seconds())
				}
				b.ReportMetric(median(rates), "docs/s")
				b.ReportMetric(median(ofRaw), "of-C_Sign")
				b.ReportMetric(median(ofPeer), "of-pdfsign")
				b.ReportMetric(median(cpu), "cpu-ms")
				b.ReportMetric(median(ofCPU), "cpu-C_Sign")
			})
		}
	}
}

// usage is what something took.
type usage struct{ wall, cpu time.Duration }

func measure(f func()) usage {
	runtime.GC() // what came before is not its cost
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	began := time.Now()
	f()
	wall := time.Since(began)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := func(r syscall.Rusage) time.Duration {
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return usage{wall, cpu(after) - cpu(before)}
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

func peerBatch(b *testing.B, files []signer.File, who identity, workers int) {
	next := make(chan signer.File)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for f := range next {
				signWithPDFSign(b, f.Input, f.Output, who)
			}
		})
	}
	for _, f := range files {
		next <- f
	}
	close(next)
	group.Wait()
}

// rawSigner makes signatures with nothing around: C_SignInit and C_Sign in one session.
func rawSigner(b *testing.B, who tokenIdentity) func(count int) {
	b.Helper()
	data := make([]byte, sha256.Size)
	mechanism := uint(pkcs11.CKM_ECDSA)
	if who.rsa {
		mechanism, data = pkcs11.CKM_RSA_PKCS, make([]byte, 51) // a DigestInfo of SHA-256 is so long
	}
	return func(count int) {
		err := who.module.Direct(func(context *pkcs11.Ctx) error {
			session, err := context.OpenSession(who.slot, pkcs11.CKF_SERIAL_SESSION)
			if err != nil {
				return err
			}
			defer context.CloseSession(session)
			if err := context.FindObjectsInit(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}); err != nil {
				return err
			}
			keys, _, err := context.FindObjects(session, 2)
			if err != nil || len(keys) != 1 {
				return fmt.Errorf("%d private keys: %w", len(keys), err)
			}
			if err := context.FindObjectsFinal(session); err != nil {
				return err
			}
			for range count {
				if err := context.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, keys[0]); err != nil {
					return err
				}
				if _, err := context.Sign(session, data); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
