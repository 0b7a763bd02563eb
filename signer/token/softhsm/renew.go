package softhsm

import (
	"bytes"
	"crypto/x509"
	"fmt"

	"github.com/miekg/pkcs11"

	"sokyso/signer/token"
)

// Renew stores a further certificate for the key that the token of that serial has,
// as a provider does that renews it: the former one stays.
func (s *Store) Renew(serial, pin string, certificate *x509.Certificate) error {
	creating.Lock()
	defer creating.Unlock()
	return s.use(func(module *token.Module) error {
		err := module.Direct(func(context *pkcs11.Ctx) error { return renew(context, serial, pin, certificate) })
		if err != nil {
			return fmt.Errorf("renew certificate of token %s: %w", serial, err)
		}
		return nil
	})
}

func renew(context *pkcs11.Ctx, serial, pin string, certificate *x509.Certificate) error {
	slots, err := context.GetSlotList(true)
	if err != nil {
		return fmt.Errorf("C_GetSlotList: %w", err)
	}
	for _, slot := range slots {
		info, err := context.GetTokenInfo(slot)
		if err != nil || info.SerialNumber != serial {
			continue
		}
		session, err := context.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			return fmt.Errorf("C_OpenSession: %w", err)
		}
		defer context.CloseSession(session)
		if err := context.Login(session, pkcs11.CKU_USER, pin); err != nil {
			return fmt.Errorf("C_Login: %w", err)
		}
		id, err := keyID(context, session)
		if err != nil {
			return err
		}
		if _, err := context.CreateObject(session, certificateTemplate(certificate, Spec{Label: info.Label}, id, false)); err != nil {
			return fmt.Errorf("C_CreateObject: %w", err)
		}
		return nil
	}
	return fmt.Errorf("no such token among %d", len(slots))
}

// keyID is the CKA_ID of the token's private key.
func keyID(context *pkcs11.Ctx, session pkcs11.SessionHandle) ([]byte, error) {
	if err := context.FindObjectsInit(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)}); err != nil {
		return nil, fmt.Errorf("C_FindObjectsInit: %w", err)
	}
	found, _, err := context.FindObjects(session, 1)
	if end := context.FindObjectsFinal(session); err == nil {
		err = end
	}
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("C_FindObjects: %d private keys, %w", len(found), err)
	}
	values, err := context.GetAttributeValue(session, found[0], []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_ID, nil)})
	if err != nil {
		return nil, fmt.Errorf("C_GetAttributeValue: %w", err)
	}
	return bytes.Clone(values[0].Value), nil
}
