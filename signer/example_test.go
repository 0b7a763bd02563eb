package signer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"sokyso/signer"
	"sokyso/signer/authority"
	"sokyso/signer/validation"
)

// Sign a file, write it beside the input, and validate it as its recipient would.
func Example() {
	ca, err := authority.New(authority.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = ca.Close() }()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // in use: a key on a token
	if err != nil {
		log.Fatal(err)
	}
	cert, err := ca.Issue(key.Public(), authority.Subject{CommonName: "Nguyễn Văn Nghĩa"})
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Root())

	in, err := signer.OpenFile(filepath.Join("..", "testdata", "pdf", "thong-bao.pdf"))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	ctx := context.Background()
	doc, err := signer.Sign(ctx, in, key, append([]*x509.Certificate{cert}, ca.Chain()...), signer.Options{
		Reason: "Ký duyệt", Roots: roots,
		Visible: &signer.Visible{Page: 1, Rect: [4]float64{320, 80, 200, 60}, Lines: []string{"Nguyễn Văn Nghĩa", "Hiệu trưởng"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "thong-bao-da-ky.pdf")
	if err := doc.Save(path); err != nil {
		log.Fatal(err)
	}

	out, err := signer.OpenFile(path)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	report, err := validation.Validate(ctx, out, out.Size(), validation.Options{Roots: roots, AllowPrivate: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range report.Signatures {
		fmt.Println(s.Field, s.Indication, s.Signer, s.Level, s.Covers)
	}
	// Output: Signature1 TOTAL-PASSED Nguyễn Văn Nghĩa B-B whole-file
}
