package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config is what New needs. The zero value is a CA in memory on a free port.
type Config struct {
	// Name begins the names of root and issuing CA; "Chứng thực thử nghiệm" when
	// empty. A folder that holds a CA keeps the name it was made with.
	Name string
	// Dir keeps keys and state; made if missing. Empty: nothing is kept.
	Dir string
	// Now is the time of certificates, lists and tokens; time.Now when nil.
	Now func() time.Time
	// Listen is the loopback address; "127.0.0.1:0" when empty. Port 0 takes the
	// port that the folder's certificates name, else a free one.
	Listen string
}

// Authority is a running CA.
type Authority struct {
	now     func() time.Time
	dir     string
	base    string // http://127.0.0.1:port
	root    pair
	issuing pair
	ocsp    pair
	tsa     pair
	server  *http.Server
	stopped chan struct{}
	rootPEM []byte

	mu    sync.Mutex
	state state // under mu; so are ocsp and tsa once the server runs

	misconduct map[Service]*misconduct // under mu
}

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// New makes the CA, or loads it from cfg.Dir, and starts its server. Close ends it.
func New(cfg Config) (*Authority, error) {
	a, err := start(cfg)
	if err != nil {
		return nil, fmt.Errorf("start test authority: %w", err)
	}
	return a, nil
}

func start(cfg Config) (*Authority, error) {
	if cfg.Name == "" {
		cfg.Name = "Chứng thực thử nghiệm"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &Authority{now: cfg.Now, dir: cfg.Dir, stopped: make(chan struct{})}
	fresh, err := a.load()
	if err != nil {
		return nil, err
	}
	listener, err := a.listen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	a.base = "http://" + listener.Addr().String()
	if fresh {
		err = a.create(cfg.Name)
	}
	if err != nil {
		listener.Close()
		return nil, err
	}
	a.rootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.cert.Raw})
	a.server = &http.Server{Handler: a, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() {
		defer close(a.stopped)
		a.server.Serve(listener) // returns when Close is called
	}()
	return a, nil
}

// listen opens the address that the folder's certificates name, if it holds any.
func (a *Authority) listen(address string) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address", host)
	}
	if kept := a.state.Address; kept != "" {
		if port != "0" && address != kept {
			return nil, fmt.Errorf("certificates in %s name %s, not %s", a.dir, kept, address)
		}
		address = kept
	}
	return net.Listen("tcp", address)
}

// create makes keys and certificates of a new CA.
func (a *Authority) create(name string) error {
	now := a.now()
	a.state = state{Address: a.base[len("http://"):]}
	rootKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	issuingKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	// Long before now, so that expired certificates can be issued too.
	root := caTemplate(name+" - Root CA", now.AddDate(-12, 0, 0), now.AddDate(20, 0, 0))
	root.SerialNumber = newSerial()
	root.MaxPathLen = 1
	rootCert, err := certify(root, root, rootKey.Public(), rootKey)
	if err != nil {
		return err
	}
	a.root = pair{rootCert, rootKey}
	issuing := caTemplate(name+" - CA cấp cho cơ quan", now.AddDate(-10, 0, 0), now.AddDate(10, 0, 0))
	issuing.SerialNumber = newSerial()
	issuing.MaxPathLenZero = true
	issuing.CRLDistributionPoints = []string{a.base + "/root.crl"}
	issuing.IssuingCertificateURL = []string{a.base + "/root.crt"}
	issuingCert, err := certify(issuing, rootCert, issuingKey.Public(), rootKey)
	if err != nil {
		return err
	}
	a.issuing = pair{issuingCert, issuingKey}
	a.state.Certificates = []record{{Serial: serialText(issuingCert.SerialNumber), Issuer: issuerRoot, Subject: issuingCert.Subject.String()}}
	for _, unit := range []struct {
		to      *pair
		profile Profile
		name    string
	}{{&a.ocsp, OCSP, name + " - OCSP"}, {&a.tsa, TSA, name + " - TSA"}} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		cert, err := a.issue(key.Public(), Subject{
			CommonName: unit.name, Organization: organization, Profile: unit.profile,
			NotBefore: issuing.NotBefore, NotAfter: issuing.NotAfter,
		})
		if err != nil {
			return err
		}
		*unit.to = pair{cert, key}
	}
	return a.saveAll()
}

// Root is the trust anchor.
func (a *Authority) Root() *x509.Certificate { return a.root.cert }

// Issuing is the CA that signs all end-entity certificates.
func (a *Authority) Issuing() *x509.Certificate { return a.issuing.cert }

// TSACertificate is the certificate in the time-stamp tokens.
func (a *Authority) TSACertificate() *x509.Certificate { return a.unit(&a.tsa).cert }

// Responder is the certificate that answers OCSP now.
func (a *Authority) Responder() *x509.Certificate { return a.unit(&a.ocsp).cert }

// RootPEM is the root as a PEM file has it.
func (a *Authority) RootPEM() []byte { return a.rootPEM }

// Chain is what belongs beside a signer's certificate: issuing CA, root.
func (a *Authority) Chain() []*x509.Certificate {
	return []*x509.Certificate{a.issuing.cert, a.root.cert}
}

// URL is the address of the server without a path.
func (a *Authority) URL() string { return a.base }

// CRLURL is the list of the issuing CA.
func (a *Authority) CRLURL() string { return a.base + "/ca.crl" }

// OCSPURL is the responder for certificates of the issuing CA.
func (a *Authority) OCSPURL() string { return a.base + "/ocsp" }

// TSAURL is the time-stamping authority.
func (a *Authority) TSAURL() string { return a.base + "/tsa" }

// Close ends the server. Requests under way are cut off.
func (a *Authority) Close() error {
	err := a.server.Close()
	<-a.stopped
	return err
}

// newSerial is 127 random bits, positive (RFC 5280 §4.1.2.2).
func newSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

func serialText(serial *big.Int) string { return fmt.Sprintf("%x", serial) }
