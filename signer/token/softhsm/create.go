package softhsm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/miekg/pkcs11"

	"sokyso/signer/token"
)

// Spec says what token to make.
type Spec struct {
	Label string // at most 32 bytes of UTF-8
	PIN   string // the user's, 4 to 255 characters
	SOPIN string // the security officer's; "" = "so-" + PIN
	Key   string // "rsa2048" (""), "rsa3072", "rsa4096", "p256", "p384" or "p521"
	// WithChain puts the issuers' certificates on the token too, as some CAs do.
	WithChain bool
	// PrivateCertificates hides the certificates until login, as some tokens do.
	PrivateCertificates bool
	// NoKey deletes the private key again: a certificate alone is left.
	NoKey bool
	// NoCertificate leaves the key pair alone; issue is not called and may be nil.
	NoCertificate bool
}

// Created is a token that was made.
type Created struct {
	Serial      string
	Certificate *x509.Certificate   // nil with NoCertificate
	Chain       []*x509.Certificate // what issue returned after the first
	PublicKey   crypto.PublicKey
}

// Create initialises a new token, makes its key pair on it, has issue make the
// certificate (first; its issuers may follow) for the public key and stores it.
func (s *Store) Create(spec Spec, issue func(crypto.PublicKey) ([]*x509.Certificate, error)) (Created, error) {
	if spec.SOPIN == "" {
		spec.SOPIN = "so-" + spec.PIN
	}
	if spec.Label == "" || len(spec.Label) > 32 {
		return Created{}, fmt.Errorf("create token: label %q has %d bytes, 1 to 32 fit", spec.Label, len(spec.Label))
	}
	creating.Lock()
	defer creating.Unlock()
	var created Created
	err := s.use(func(module *token.Module) error {
		err := module.Direct(func(context *pkcs11.Ctx) error {
			var err error
			created, err = create(context, spec, issue)
			return err
		})
		if err != nil {
			return fmt.Errorf("create token %q: %w", spec.Label, err)
		}
		return module.Reinitialize() // only now do others see the token
	})
	if err != nil {
		return Created{}, err
	}
	return created, nil
}

func create(context *pkcs11.Ctx, spec Spec, issue func(crypto.PublicKey) ([]*x509.Certificate, error)) (Created, error) {
	slot, err := blankSlot(context)
	if err != nil {
		return Created{}, err
	}
	if err := context.InitToken(slot, spec.SOPIN, spec.Label); err != nil {
		return Created{}, fmt.Errorf("C_InitToken: %w", err)
	}
	info, err := context.GetTokenInfo(slot)
	if err != nil {
		return Created{}, fmt.Errorf("C_GetTokenInfo: %w", err)
	}
	session, err := context.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return Created{}, fmt.Errorf("C_OpenSession: %w", err)
	}
	defer context.CloseSession(session) // logs out too
	if err := context.Login(session, pkcs11.CKU_SO, spec.SOPIN); err != nil {
		return Created{}, fmt.Errorf("C_Login as SO: %w", err)
	}
	if err := context.InitPIN(session, spec.PIN); err != nil {
		return Created{}, fmt.Errorf("C_InitPIN: %w", err)
	}
	if err := context.Logout(session); err != nil {
		return Created{}, fmt.Errorf("C_Logout: %w", err)
	}
	if err := context.Login(session, pkcs11.CKU_USER, spec.PIN); err != nil {
		return Created{}, fmt.Errorf("C_Login: %w", err)
	}

	id := make([]byte, 8)
	rand.Read(id)
	public, private, err := generate(context, session, spec, id)
	if err != nil {
		return Created{}, err
	}
	created := Created{Serial: info.SerialNumber, PublicKey: public}
	if !spec.NoCertificate {
		chain, err := issue(public)
		if err != nil {
			return Created{}, fmt.Errorf("issue certificate: %w", err)
		}
		if len(chain) == 0 {
			return Created{}, errors.New("issue certificate: none came back")
		}
		created.Certificate, created.Chain = chain[0], chain[1:]
		if !spec.WithChain {
			chain = chain[:1]
		}
		for i, certificate := range chain {
			template := certificateTemplate(certificate, spec, id, i > 0)
			if _, err := context.CreateObject(session, template); err != nil {
				return Created{}, fmt.Errorf("C_CreateObject of certificate %d: %w", i, err)
			}
		}
	}
	if spec.NoKey {
		if err := context.DestroyObject(session, private); err != nil {
			return Created{}, fmt.Errorf("C_DestroyObject: %w", err)
		}
	}
	return created, nil
}

// blankSlot is SoftHSM's slot with the token that is not initialised yet.
func blankSlot(context *pkcs11.Ctx) (uint, error) {
	slots, err := context.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("C_GetSlotList: %w", err)
	}
	for _, slot := range slots {
		info, err := context.GetTokenInfo(slot)
		if err != nil {
			return 0, fmt.Errorf("C_GetTokenInfo: %w", err)
		}
		if info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			return slot, nil
		}
	}
	return 0, errors.New("no slot with a blank token")
}

// curves are the elliptic ones, with their object identifiers (RFC 5480 §2.1.1.1).
var curves = map[string]struct {
	elliptic.Curve
	id asn1.ObjectIdentifier
}{
	"p256": {elliptic.P256(), asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}},
	"p384": {elliptic.P384(), asn1.ObjectIdentifier{1, 3, 132, 0, 34}},
	"p521": {elliptic.P521(), asn1.ObjectIdentifier{1, 3, 132, 0, 35}},
}

// generate makes the key pair on the token and reads the public key back.
func generate(context *pkcs11.Ctx, session pkcs11.SessionHandle, spec Spec, id []byte) (crypto.PublicKey, pkcs11.ObjectHandle, error) {
	public := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, spec.Label),
	}
	private := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, spec.Label),
	}
	bits := map[string]int{"": 2048, "rsa2048": 2048, "rsa3072": 3072, "rsa4096": 4096}[spec.Key]
	mechanism := uint(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN)
	curve, elliptic := curves[spec.Key]
	switch {
	case bits != 0:
		public = append(public, pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, bits),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}))
	case elliptic:
		params, err := asn1.Marshal(curve.id)
		if err != nil {
			return nil, 0, err
		}
		mechanism = pkcs11.CKM_EC_KEY_PAIR_GEN
		public = append(public, pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params))
	default:
		return nil, 0, fmt.Errorf("key %q: rsa2048, rsa3072, rsa4096, p256, p384 and p521 are known", spec.Key)
	}
	publicHandle, privateHandle, err := context.GenerateKeyPair(session,
		[]*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, public, private)
	if err != nil {
		return nil, 0, fmt.Errorf("C_GenerateKeyPair: %w", err)
	}
	key, err := readPublicKey(context, session, publicHandle, curve.Curve)
	return key, privateHandle, err
}

func readPublicKey(context *pkcs11.Ctx, session pkcs11.SessionHandle, handle pkcs11.ObjectHandle, curve elliptic.Curve) (crypto.PublicKey, error) {
	if curve == nil {
		values, err := context.GetAttributeValue(session, handle, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS, nil), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, nil)})
		if err != nil {
			return nil, fmt.Errorf("C_GetAttributeValue: %w", err)
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(values[0].Value), E: int(new(big.Int).SetBytes(values[1].Value).Int64())}, nil
	}
	values, err := context.GetAttributeValue(session, handle, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil {
		return nil, fmt.Errorf("C_GetAttributeValue: %w", err)
	}
	var point []byte // CKA_EC_POINT is the DER OCTET STRING of the point
	if _, err := asn1.Unmarshal(values[0].Value, &point); err != nil {
		return nil, fmt.Errorf("read CKA_EC_POINT: %w", err)
	}
	return ecdsa.ParseUncompressedPublicKey(curve, point)
}

// certificateTemplate is the certificate object. An issuer's has an id of its
// own, since no key belongs to it.
func certificateTemplate(certificate *x509.Certificate, spec Spec, id []byte, issuer bool) []*pkcs11.Attribute {
	label := spec.Label
	if issuer {
		label = certificate.Subject.CommonName
		id = certificate.SubjectKeyId
	}
	serial, _ := asn1.Marshal(certificate.SerialNumber)
	return []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE),
		pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, spec.PrivateCertificates),
		pkcs11.NewAttribute(pkcs11.CKA_SUBJECT, certificate.RawSubject),
		pkcs11.NewAttribute(pkcs11.CKA_ISSUER, certificate.RawIssuer),
		pkcs11.NewAttribute(pkcs11.CKA_SERIAL_NUMBER, serial),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, certificate.Raw),
		pkcs11.NewAttribute(pkcs11.CKA_ID, id),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
	}
}
