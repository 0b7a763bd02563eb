package worker_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"sokyso/signer/token"
	"sokyso/signer/token/worker"
)

// BenchmarkSign compares, signature by signature in turn, what a caller could do
// at best (C_SignInit and C_Sign in one session through the binding) with a
// Signer of package token and one of a worker. The unit "x raw" is the time of
// one in terms of the raw one.
func BenchmarkSign(b *testing.B) {
	for _, name := range []string{"principal", "seal"} {
		b.Run(map[string]string{"principal": "rsa2048", "seal": "p256"}[name], func(b *testing.B) {
			module, err := token.Load(store.Module())
			if err != nil {
				b.Fatal(err)
			}
			defer module.Close()
			opened, err := module.Open(token.Selector{TokenSerial: created[name].Serial})
			if err != nil {
				b.Fatal(err)
			}
			defer opened.Close()
			if err := opened.Login([]byte(pin)); err != nil {
				b.Fatal(err)
			}
			client, byWorker := ready(b, store.Module(), name, nil)
			byToken, err := opened.Signer(own(b, client, name))
			if err != nil {
				b.Fatal(err)
			}
			digest := sha256.Sum256([]byte("Thông báo"))
			err = module.Direct(func(context *pkcs11.Ctx) error {
				raw, err := rawSigner(context, opened.Info().Slot, name)
				if err != nil {
					return err
				}
				bySigner := func(signer crypto.Signer) func() error {
					return func() error {
						_, err := signer.Sign(nil, digest[:], crypto.SHA256)
						return err
					}
				}
				ways := []func() error{raw, bySigner(byToken), bySigner(byWorker)}
				var took [3]time.Duration
				for _, way := range ways { // the first of each looks its key up
					if err := way(); err != nil {
						return err
					}
				}
				for b.Loop() {
					for i, way := range ways {
						began := time.Now()
						if err := way(); err != nil {
							return err
						}
						took[i] += time.Since(began)
					}
				}
				b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N), "raw-ns/sig")
				b.ReportMetric(float64(took[1])/float64(took[0]), "token-x-raw")
				b.ReportMetric(float64(took[2])/float64(took[0]), "worker-x-raw")
				b.ReportMetric(float64((took[2]-took[0]).Microseconds())/float64(b.N), "worker-extra-us/sig")
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

// rawSigner signs in a session of its own; the process is logged in already.
func rawSigner(context *pkcs11.Ctx, slot uint, name string) (func() error, error) {
	session, err := context.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return nil, err
	}
	if err := context.FindObjectsInit(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}); err != nil {
		return nil, err
	}
	keys, _, err := context.FindObjects(session, 2)
	if err != nil {
		return nil, err
	}
	if err := context.FindObjectsFinal(session); err != nil {
		return nil, err
	}
	if len(keys) != 1 {
		return nil, fmt.Errorf("%d private keys", len(keys))
	}
	mechanism, data := uint(pkcs11.CKM_ECDSA), make([]byte, 32)
	if name == "principal" {
		mechanism, data = pkcs11.CKM_RSA_PKCS, make([]byte, 51) // a DigestInfo of SHA-256 is so long
	}
	return func() error {
		if err := context.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, keys[0]); err != nil {
			return err
		}
		_, err := context.Sign(session, data)
		return err
	}, nil
}

// BenchmarkRestart is how long a person waits after a module crashed: a new
// child, the module loaded, the token open.
func BenchmarkRestart(b *testing.B) {
	ctx := context.Background()
	for b.Loop() {
		client, err := worker.Start(ctx, worker.Config{Module: store.Module()})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := client.Open(ctx, token.Selector{TokenSerial: created["seal"].Serial}); err != nil {
			b.Fatal(err)
		}
		client.Close()
	}
}
