package cms

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ParsePKCS1 reads the Contents of a signature with the SubFilter
// adbe.x509.rsa_sha1 (ISO 32000-2 §12.8.3.2): a DER OCTET STRING that holds a
// bare PKCS #1 signature over the content, of which the signature dictionary
// keeps the certificates, the signer's first. It answers what a SignedData
// without signed attributes would, so that a validator needs one way only.
// Errors wrap ErrMalformed.
func ParsePKCS1(contents []byte, certificates [][]byte) (*SignedData, error) {
	e, rest, err := readElement(contents, 0)
	if err == nil && (len(rest) > 0 || !e.is(asn1.OCTET_STRING)) {
		err = malformed("no OCTET STRING")
	}
	if err == nil && len(certificates) > maxCertificates {
		err = malformed("more than %d certificates", maxCertificates)
	}
	if err != nil {
		return nil, fmt.Errorf("parse PKCS #1 signature: %w", err)
	}
	s := &Signer{Scheme: PKCS1v15, Hash: crypto.SHA1, contentType: oidData.String()}
	if s.Signature, err = e.octets(0); err != nil {
		return nil, fmt.Errorf("parse PKCS #1 signature: %w", err)
	}
	sd := &SignedData{Version: 1, ContentType: s.contentType, Detached: true, Signers: []*Signer{s}}
	for i, der := range certificates {
		cert, err := x509.ParseCertificate(der)
		if err == nil {
			err = checkKeySize(cert)
		}
		if err != nil {
			sd.Unreadable = append(sd.Unreadable, Unreadable{Raw: der, Reason: err})
			if i == 0 {
				s.unreadable = &Unreadable{Raw: der, Reason: err}
			}
			continue
		}
		sd.Certificates = append(sd.Certificates, cert)
		if i == 0 {
			s.Certificate = cert
		}
	}
	if s.Certificate == nil {
		return sd, nil
	}
	key, ok := publicKey(s.Certificate).(*rsa.PublicKey)
	if !ok {
		s.unsupported = fmt.Errorf("%w: PKCS #1 with a key of type %T", ErrUnsupported, s.Certificate.PublicKey)
		return sd, nil
	}
	if hash, ok := hashInside(key, s.Signature); ok {
		s.Hash = hash
	}
	return sd, nil
}

// hashInside answers the hash that a PKCS #1 v1.5 signature names within itself:
// nothing else tells which one it is over. Whether the signature holds is seen
// when it is verified, with that hash.
func hashInside(key *rsa.PublicKey, signature []byte) (crypto.Hash, bool) {
	if key.N.Sign() <= 0 || len(signature) > key.Size() {
		return 0, false
	}
	block := new(big.Int).Exp(new(big.Int).SetBytes(signature), big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
	if len(block) < 2 || block[0] != 0 || block[1] != 1 {
		return 0, false
	}
	i := 2
	for i < len(block) && block[i] == 0xff {
		i++
	}
	if i == len(block) || block[i] != 0 {
		return 0, false
	}
	info, body := cryptobyte.String(block[i+1:]), cryptobyte.String(nil)
	if !info.ReadASN1(&body, asn1.SEQUENCE) {
		return 0, false
	}
	alg, ok := readAlgorithm(&body)
	hash := digestIDs[alg.id]
	return hash, ok && hash != 0
}

// verifyPKCS1v15 also takes a DigestInfo whose hash has no parameters, where RFC
// 8017 §9.2 writes NULL: some signers leave it out, and note 2 there lets
// verifiers accept it. The whole block is compared either way.
func verifyPKCS1v15(key *rsa.PublicKey, hash crypto.Hash, digest, signature []byte) error {
	err := rsa.VerifyPKCS1v15(key, hash, digest, signature)
	if err == nil {
		return nil
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addDigest(b, hash)
		b.AddASN1OctetString(digest)
	})
	info, buildErr := b.Bytes()
	if buildErr == nil && rsa.VerifyPKCS1v15(key, 0, info, signature) == nil {
		return nil
	}
	return err
}
