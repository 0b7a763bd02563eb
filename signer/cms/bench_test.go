package cms

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/digitorus/pkcs7"
)

// BenchmarkSign beside BenchmarkRawSign: the difference is what CMS costs.
func BenchmarkSign(b *testing.B) { benchmarkKeys(b, false) }

func BenchmarkRawSign(b *testing.B) { benchmarkKeys(b, true) }

func benchmarkKeys(b *testing.B, raw bool) {
	for _, key := range []string{"rsa2048", "p256"} {
		b.Run(key, func(b *testing.B) {
			id := identities()[key]
			req := Request{Digest: sum(crypto.SHA256, content), Certificate: id.cert, Chain: id.chain}
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if raw {
					_, err = id.key.Sign(rand.Reader, req.Digest, crypto.SHA256)
				} else {
					_, err = Sign(rand.Reader, id.key, req)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEncode is Sign without the key.
func BenchmarkEncode(b *testing.B) {
	id := identities()["rsa2048"]
	req := Request{Digest: sum(crypto.SHA256, content), Certificate: id.cert, Chain: id.chain}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := MaxSize(req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	id := identities()["rsa2048"]
	der := mustSign(b, id, Request{Chain: id.chain})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(der); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseVerify(b *testing.B) {
	for _, key := range []string{"rsa2048", "rsa3072", "p256"} {
		b.Run(key, func(b *testing.B) {
			id := identities()[key]
			der, digest := mustSign(b, id, Request{Chain: id.chain}), sum(crypto.SHA256, content)
			b.ReportAllocs()
			for b.Loop() {
				sd, err := Parse(der)
				if err != nil {
					b.Fatal(err)
				}
				if err := sd.Signers[0].Verify(digest); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRawVerify is the share of the key in BenchmarkParseVerify.
func BenchmarkRawVerify(b *testing.B) {
	id := identities()["rsa2048"]
	digest := sum(crypto.SHA256, content)
	signature, err := id.key.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(id.cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest, signature); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPeerParseVerify is digitorus/pkcs7 on the same CMS, for comparison.
func BenchmarkPeerParseVerify(b *testing.B) {
	for _, key := range []string{"rsa2048", "p256"} {
		b.Run(key, func(b *testing.B) {
			id := identities()[key]
			der := mustSign(b, id, Request{Chain: id.chain})
			b.ReportAllocs()
			for b.Loop() {
				p7, err := pkcs7.Parse(der)
				if err != nil {
					b.Fatal(err)
				}
				p7.Content = content
				if err := p7.Verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
