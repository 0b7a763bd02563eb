package authority_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"

	"sokyso/signer/authority"
)

// A certificate is issued, revoked, and found on the list.
func Example() {
	a, err := authority.New(authority.Config{}) // in memory, on a free port
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	cert, err := a.Issue(key.Public(), authority.Subject{
		CommonName: "Trường Mầm non Hoa Sen", Organization: "UBND tỉnh Hoa Mai", ParentUnit: "UBND xã Hoa Cúc",
		Locality: "Hoa Mai", Profile: authority.Seal,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Root())
	intermediates.AddCert(a.Issuing())
	_, err = cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	fmt.Println(cert.Subject.CommonName, err)
	fmt.Println(a.Revoke(cert.SerialNumber, 1, time.Time{}), a.CRLURL() == cert.CRLDistributionPoints[0])
	// Output:
	// Trường Mầm non Hoa Sen <nil>
	// <nil> true
}
