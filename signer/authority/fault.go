package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"net/http"
	"time"
)

// Service is one of the authority's services.
type Service string

const (
	ServiceTSA     Service = "tsa"
	ServiceOCSP    Service = "ocsp"
	ServiceCRL     Service = "crl"      // list of the issuing CA
	ServiceRootCRL Service = "root-crl" // list of the root
)

// Fault is what a service does wrong.
type Fault string

const (
	Down      Fault = "down"    // HTTP status 503
	Hang      Fault = "hang"    // no answer until the asker gives up
	Garbage   Fault = "garbage" // a web page with status 200
	Cut       Fault = "cut"     // the connection ends within the answer
	Forged    Fault = "forged"  // signed by a key that has no certificate
	Stale     Fault = "stale"   // lists and OCSP answers of two days ago, out of date since yesterday
	Unknown   Fault = "unknown" // OCSP knows no certificate
	Serial    Fault = "serial"  // OCSP answers about another certificate
	Bare      Fault = "bare"    // OCSP leaves the responder's certificate out; not wrong, but rare
	Direct    Fault = "direct"  // the CA itself answers OCSP; not wrong either
	OtherList Fault = "other"   // the list of the other CA
	Refuse    Fault = "refuse"  // the TSA rejects
	Busy      Fault = "busy"    // the TSA's system fails, it says
	Nonce     Fault = "nonce"   // a token with another nonce
	Imprint   Fault = "imprint" // a token over something else
	Ahead     Fault = "ahead"   // a token of an hour from now
	LongToken Fault = "long"    // a token with an extension of 8 KiB
)

// misconduct is what a service was told.
type misconduct struct {
	fault Fault
	times int // how often yet; negative: always
	asked int // requests since the start
}

// Misbehave makes a service do wrong in its next answers; times < 0 means until
// told otherwise, and 0 that it does well again.
func (a *Authority) Misbehave(s Service, f Fault, times int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.conduct(s)
	m.fault, m.times = f, times
}

// Asked answers how many requests a service has had.
func (a *Authority) Asked(s Service) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conduct(s).asked
}

// conduct wants the lock held.
func (a *Authority) conduct(s Service) *misconduct {
	if a.misconduct == nil {
		a.misconduct = map[Service]*misconduct{}
	}
	if a.misconduct[s] == nil {
		a.misconduct[s] = &misconduct{}
	}
	return a.misconduct[s]
}

// fault counts a request and answers what is to be done wrong, "" if nothing.
func (a *Authority) fault(s Service) Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.conduct(s)
	m.asked++
	if m.times == 0 {
		return ""
	}
	if m.times > 0 {
		m.times--
	}
	return m.fault
}

// broken does what is wrong with any service alike, and tells whether that was
// all of the answer.
func broken(w http.ResponseWriter, r *http.Request, f Fault) bool {
	switch f {
	case Down:
		http.Error(w, "closed for maintenance", http.StatusServiceUnavailable)
	case Hang:
		<-r.Context().Done()
	case Garbage:
		fmt.Fprint(w, "<html><body>Welcome to our Wi-Fi</body></html>")
	case Cut:
		w.Header().Set("Content-Length", "4096")
		w.Write([]byte{0x30, 0x82})
	default:
		return false
	}
	return true
}

// stranger is a pair whose certificate is told to be the right one, but whose key
// is another.
func stranger(p pair) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return pair{p.cert, key}, err
}

// stale is when an answer that is out of date was made, and until when it held.
func stale(now time.Time) (this, next time.Time) {
	return now.Add(-48 * time.Hour), now.Add(-24 * time.Hour)
}

// NewStampingUnit has the TSA answer with a new key and certificate from now on: one
// that ends soon, or, with Profile Person, one that is not for time-stamps at all.
func (a *Authority) NewStampingUnit(s Subject) (*x509.Certificate, error) {
	if s.Profile == "" {
		s.Profile = TSA
	}
	return a.replace(&a.tsa, s)
}

// NewResponder has OCSP answer with a new key and certificate from now on.
func (a *Authority) NewResponder(s Subject) (*x509.Certificate, error) {
	if s.Profile == "" {
		s.Profile = OCSP
	}
	return a.replace(&a.ocsp, s)
}

func (a *Authority) replace(unit *pair, s Subject) (*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := a.Issue(key.Public(), s)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	*unit = pair{cert, key}
	return cert, a.saveAll()
}

// unit is a copy of the pair that signs now.
func (a *Authority) unit(p *pair) pair {
	a.mu.Lock()
	defer a.mu.Unlock()
	return *p
}

var one = big.NewInt(1)
