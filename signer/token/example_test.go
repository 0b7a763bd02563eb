package token_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"

	"sokyso/signer/token"
)

func Example() {
	module, err := token.Load(store.Module())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer module.Close()
	principal, err := module.Open(token.ByName("Hiệu trưởng"))
	if err != nil {
		fmt.Println(err) // lists the tokens that there are
		return
	}
	defer principal.Close()
	pin := []byte("123456")
	err = principal.Login(pin) // one try
	clear(pin)
	if err != nil {
		fmt.Println(err)
		return
	}
	certificates, err := principal.Certificates()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, certificate := range certificates {
		if !certificate.HasKey {
			continue // the issuer's
		}
		signer, err := principal.Signer(certificate)
		if err != nil {
			fmt.Println(err)
			return
		}
		digest := sha256.Sum256([]byte("Thông báo"))
		signature, err := signer.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			fmt.Println(err)
			return
		}
		err = rsa.VerifyPKCS1v15(certificate.X509.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature)
		fmt.Println(certificate.X509.Subject.CommonName, err)
	}
	// Output: Nguyễn Văn Nghĩa <nil>
}
