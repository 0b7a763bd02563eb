package token

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"

	"github.com/miekg/pkcs11"
)

// Certificate is an X.509 certificate on a token.
type Certificate struct {
	X509   *x509.Certificate
	ID     []byte // CKA_ID; the key's should be the same
	Label  string
	SHA256 string // of the DER, lower-case hex
	// HasKey: the token holds a private key for it. Before login private keys
	// are hidden; then a public key object stands for it, and on a token that
	// shows no public keys either, every certificate that is no CA's counts.
	HasKey bool
}

// Certificates lists the certificates that the token shows, each once. Some
// tokens show them only after Login: ask again then. Certificates that Go can't
// parse are left out; if no other is there, the error is ErrCertificate.
func (t *Token) Certificates() ([]Certificate, error) {
	if err := t.check("list certificates"); err != nil {
		return nil, err
	}
	var certificates []Certificate
	err := t.sessions.with(func(session pkcs11.SessionHandle, _ uint64) error {
		var err error
		certificates, err = t.library.certificates(session)
		return err
	})
	return certificates, err
}

// showCertificates lists what a token shows without login, in a session of its own.
func (l *library) showCertificates(info Info) ([]Certificate, error) {
	session, err := l.context.OpenSession(info.Slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return nil, fail("open session", err)
	}
	defer l.context.CloseSession(session)
	return l.certificates(session)
}

func (l *library) certificates(session pkcs11.SessionHandle) ([]Certificate, error) {
	const op = "list certificates"
	handles, err := l.find(session, pkcs11.CKO_CERTIFICATE)
	if err != nil {
		return nil, err
	}
	var certificates []Certificate
	var unreadable error
	for _, handle := range handles {
		der, err := l.attribute(session, handle, pkcs11.CKA_VALUE)
		if err != nil {
			return nil, err
		}
		if len(der) == 0 {
			continue
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			unreadable = &Error{Op: op, Kind: ErrCertificate, Detail: err.Error()}
			continue
		}
		id, err := l.attribute(session, handle, pkcs11.CKA_ID)
		if err != nil {
			return nil, err
		}
		label, err := l.attribute(session, handle, pkcs11.CKA_LABEL)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(der)
		certificate := Certificate{X509: parsed, ID: id, Label: printable(string(label)), SHA256: hex.EncodeToString(sum[:])}
		certificates = appendOnce(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, unreadable
	}
	return certificates, l.markKeys(session, certificates)
}

// appendOnce keeps one of several objects with the same certificate, rather one
// with an ID: that is what leads to its key.
func appendOnce(certificates []Certificate, next Certificate) []Certificate {
	for i, there := range certificates {
		if there.SHA256 == next.SHA256 {
			if len(there.ID) == 0 {
				certificates[i] = next
			}
			return certificates
		}
	}
	return append(certificates, next)
}

// markKeys sets HasKey.
func (l *library) markKeys(session pkcs11.SessionHandle, certificates []Certificate) error {
	private, err := l.keys(session, pkcs11.CKO_PRIVATE_KEY)
	if err != nil {
		return err
	}
	public, err := l.keys(session, pkcs11.CKO_PUBLIC_KEY)
	if err != nil {
		return err
	}
	info, err := l.context.GetSessionInfo(session)
	if err != nil {
		return fail("read session state", err)
	}
	loggedIn := info.State == pkcs11.CKS_RO_USER_FUNCTIONS || info.State == pkcs11.CKS_RW_USER_FUNCTIONS
	for i := range certificates {
		c := &certificates[i]
		switch {
		case len(matchKeys(private, public, c.X509.PublicKey, c.ID)) > 0:
			c.HasKey = true
		case loggedIn:
		case len(public) > 0:
			for _, key := range public {
				c.HasKey = c.HasKey || key.public == publicOf(c.X509.PublicKey) && key.public != "" || len(c.ID) > 0 && bytes.Equal(key.id, c.ID)
			}
		default:
			c.HasKey = !c.X509.IsCA
		}
	}
	return nil
}

// maxObjects bounds what a module may list: the worst real token holds dozens.
const maxObjects = 1024

// find lists the objects of a class that the session sees.
func (l *library) find(session pkcs11.SessionHandle, class uint) ([]pkcs11.ObjectHandle, error) {
	const op = "find objects"
	if err := l.context.FindObjectsInit(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}); err != nil {
		return nil, fail(op, err)
	}
	var all []pkcs11.ObjectHandle
	for len(all) < maxObjects {
		handles, _, err := l.context.FindObjects(session, 64)
		if err != nil {
			return nil, fail(op, err)
		}
		if len(handles) == 0 {
			break
		}
		all = append(all, handles...)
	}
	return all, fail(op, l.context.FindObjectsFinal(session))
}

// attribute reads one attribute; nil when the object has none or hides it. One
// at a time: a call for several fails as a whole when a single one is missing.
func (l *library) attribute(session pkcs11.SessionHandle, object pkcs11.ObjectHandle, kind uint) ([]byte, error) {
	values, err := l.context.GetAttributeValue(session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(kind, nil)})
	switch {
	case err == pkcs11.Error(pkcs11.CKR_ATTRIBUTE_TYPE_INVALID), err == pkcs11.Error(pkcs11.CKR_ATTRIBUTE_SENSITIVE):
		return nil, nil
	case err != nil:
		return nil, fail("read object", err)
	case len(values) != 1:
		return nil, nil
	}
	return values[0].Value, nil
}
