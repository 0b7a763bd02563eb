package agent

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"strings"

	"sokyso/signer"
	"sokyso/signer/cms"
	"sokyso/signer/token"
)

// scheme settles how the token's key signs. Circular 15/2025/TT-BKHCN asks for RSA-PSS, the tokens and readers in use
// know PKCS#1 v1.5: that is what is made unless the person asks for PSS, or the token has nothing else.
func (d *device) scheme(ctx context.Context, wanted cms.Scheme) (cms.Scheme, error) {
	if _, isRSA := d.certificate.X509.PublicKey.(*rsa.PublicKey); !isRSA {
		return wanted, nil
	}
	offered, err := d.client.RSASchemes(ctx)
	if err != nil {
		return "", d.named(err)
	}
	switch {
	case wanted == cms.PSS && !offered.PSS:
		return "", d.named(&token.Error{Op: "choose scheme", Kind: token.ErrUnsupported, Detail: "no RSA-PSS (CKM_RSA_PKCS_PSS)"})
	case wanted == "" && offered.PSS && !offered.PKCS1v15:
		return cms.PSS, nil
	}
	return wanted, nil
}

// hashes are those that the input is read for besides SHA-256.
func (b *Batch) hashes() []crypto.Hash {
	if b.Hash == 0 || b.Hash == crypto.SHA256 {
		return nil
	}
	return []crypto.Hash{b.Hash}
}

// algorithmName says how a document was signed, such as rsa-pkcs1v15-sha256 or ecdsa-p256-sha384.
func algorithmName(d *signer.Document) string {
	hash := strings.ToLower(strings.ReplaceAll(d.Hash().String(), "-", ""))
	if key, ok := d.Certificate().PublicKey.(*ecdsa.PublicKey); ok {
		return fmt.Sprintf("ecdsa-p%d-%s", key.Curve.Params().BitSize, hash)
	}
	return fmt.Sprintf("rsa-%s-%s", d.Scheme(), hash)
}
