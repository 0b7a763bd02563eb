package token

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"

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
		certificates, err = t.library.certificates(session, t.sessions.slot)
		return err
	})
	return certificates, err
}

// look lists what a token shows without login, and leaves its session open unless
// there is an error.
func (l *library) look(info Info) Listing {
	listing := Listing{Info: info}
	session, err := l.context.OpenSession(info.Slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		listing.Err = fail("open session", err)
		return listing
	}
	listing.session = session
	if listing.Certificates, listing.Err = l.certificates(session, info.Slot); listing.Err != nil {
		listing.close(l)
	}
	return listing
}

// close closes the session, if it is open.
func (s *Listing) close(l *library) {
	if s.session != 0 {
		_ = l.context.CloseSession(s.session) // nothing follows from it
		s.session = 0
	}
}

func (l *library) certificates(session pkcs11.SessionHandle, slot uint) ([]Certificate, error) {
	const op = "list certificates"
	handles, err := l.find(session, pkcs11.CKO_CERTIFICATE)
	if err != nil {
		return nil, err
	}
	var certificates []Certificate
	var unreadable error
	for _, handle := range handles {
		values, err := l.attributes(session, handle, pkcs11.CKA_VALUE, pkcs11.CKA_ID, pkcs11.CKA_LABEL)
		if err != nil {
			return nil, err
		}
		der, id, label := values[0], values[1], values[2]
		if len(der) == 0 {
			continue
		}
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			unreadable = &Error{Op: op, Kind: ErrCertificate, Detail: err.Error()}
			continue
		}
		sum := sha256.Sum256(der)
		certificate := Certificate{X509: parsed, ID: id, Label: printable(string(label)), SHA256: hex.EncodeToString(sum[:])}
		certificates = appendOnce(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, unreadable
	}
	return certificates, l.markKeys(session, slot, certificates)
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

// markKeys sets HasKey. Before login a token's only certificate that is no CA's
// is taken for its key's, without asking.
func (l *library) markKeys(session pkcs11.SessionHandle, slot uint, certificates []Certificate) error {
	loggedIn, err := l.loggedIn(session, slot)
	if err != nil {
		return err
	}
	if own := notCAs(certificates); !loggedIn && len(own) == 1 {
		own[0].HasKey = true
		return nil
	}
	expectRSA := slices.ContainsFunc(certificates, func(c Certificate) bool {
		_, isRSA := c.X509.PublicKey.(*rsa.PublicKey)
		return isRSA
	})
	var private []keyObject
	if loggedIn {
		if private, err = l.keys(session, pkcs11.CKO_PRIVATE_KEY, expectRSA); err != nil {
			return err
		}
	}
	public, err := l.keys(session, pkcs11.CKO_PUBLIC_KEY, expectRSA)
	if err != nil {
		return err
	}
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

// loggedIn says whether private objects show. Where nobody of this process has
// logged in, the token need not be asked.
func (l *library) loggedIn(session pkcs11.SessionHandle, slot uint) (bool, error) {
	l.tokens.Lock()
	logins := l.logins[slot]
	l.tokens.Unlock()
	if logins == 0 {
		return false, nil
	}
	info, err := l.context.GetSessionInfo(session)
	return info.State == pkcs11.CKS_RO_USER_FUNCTIONS || info.State == pkcs11.CKS_RW_USER_FUNCTIONS, fail("read session state", err)
}

func notCAs(certificates []Certificate) []*Certificate {
	var own []*Certificate
	for i := range certificates {
		if !certificates[i].X509.IsCA {
			own = append(own, &certificates[i])
		}
	}
	return own
}

// maxObjects bounds what a module may list: the worst real token holds dozens.
const maxObjects = 1024

// chunk is how many objects are asked for at once. Fewer are the last, as other
// programs take it too.
const chunk = 64

// find lists the objects of a class that the session sees.
func (l *library) find(session pkcs11.SessionHandle, class uint) ([]pkcs11.ObjectHandle, error) {
	const op = "find objects"
	if err := l.context.FindObjectsInit(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}); err != nil {
		return nil, fail(op, err)
	}
	var all []pkcs11.ObjectHandle
	for len(all) < maxObjects {
		handles, err := l.native.objects(session, chunk)
		if err != nil {
			return nil, fail(op, err)
		}
		all = append(all, handles...)
		if len(handles) < chunk {
			break
		}
	}
	return all, fail(op, l.context.FindObjectsFinal(session))
}

// attributes reads several attributes; nil for one that the object does not have
// or hides. A call for several fails as a whole when a single one is missing:
// then they are asked for one by one.
func (l *library) attributes(session pkcs11.SessionHandle, object pkcs11.ObjectHandle, kinds ...uint) ([][]byte, error) {
	values, err := l.native.attributes(session, object, kinds)
	switch {
	case err == nil:
		return values, nil
	case len(kinds) == 1 && absent(err):
		return [][]byte{nil}, nil
	}
	values = make([][]byte, len(kinds))
	for i, kind := range kinds {
		var err error
		if values[i], err = l.attribute(session, object, kind); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// attribute reads one attribute; nil when the object has none or hides it.
func (l *library) attribute(session pkcs11.SessionHandle, object pkcs11.ObjectHandle, kind uint) ([]byte, error) {
	values, err := l.native.attributes(session, object, []uint{kind})
	switch {
	case absent(err):
		return nil, nil
	case err != nil:
		return nil, fail("read object", err)
	}
	return values[0], nil
}

// absent says that an object does not have an attribute, or hides it.
func absent(err error) bool {
	return err == pkcs11.Error(pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) || err == pkcs11.Error(pkcs11.CKR_ATTRIBUTE_SENSITIVE)
}
