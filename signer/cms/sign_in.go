package cms

import (
	"crypto"
	"crypto/x509"
	"io"
)

// oidSignIn is the content type of a sign-in by one's own token: 2.25 and the UUID
// 1949ffe7-a9fa-45b8-8c4a-c9a3a4552fe0. As with that of possession, what is signed to
// sign in can be no document's signature and no proof of possession, and neither of
// these signs anybody in.
const oidSignIn = objectID("\x69\xb2\xc9\xff\xf9\xf5\x9f\xd2\x96\xf1\x8c\xa5\xb2\xb4\xba\xa2\xd4\xdf\x60")

// SignSignIn signs a sign-in's statement with the key, detached. The key signs once.
func SignSignIn(random io.Reader, key crypto.Signer, statement []byte, certificate *x509.Certificate, scheme Scheme) ([]byte, error) {
	return signStatement(random, key, statement, certificate, scheme, oidSignIn)
}

// VerifySignIn tells whether der is one signature by exactly this certificate's key over
// exactly this statement, made as SignSignIn makes it.
func VerifySignIn(der, statement []byte, certificate *x509.Certificate) error {
	return verifyStatement("sign-in", der, statement, certificate, oidSignIn)
}
