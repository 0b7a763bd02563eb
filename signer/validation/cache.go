package validation

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"sync"
	"time"
)

// maxCached bounds each kind of thing that a Cache remembers.
const maxCached = 4096

// Cache remembers parsed certificates, certificate paths, revocation lists and OCSP answers between validations, for as
// long as they say of themselves that they hold. The zero Cache is ready, and a nil *Cache remembers nothing. Use one cache only with
// one set of roots.
type Cache struct {
	Disk *Disk // where fetched answers outlive the process; nil = nowhere. Not to be changed once the Cache is in use

	mu     sync.Mutex
	certs  map[[32]byte]*x509.Certificate // by the SHA-256 of the DER
	paths  map[[32]byte][]*x509.Certificate
	status map[string]status
	lists  map[string]list
}

func (c *Cache) onDisk() *Disk {
	if c == nil {
		return nil
	}
	return c.Disk
}

// status is an OCSP answer.
type status struct {
	revocation
	until time.Time
}

// list is a verified revocation list.
type list struct {
	crl   *x509.RevocationList
	until time.Time
}

// certificate is x509.ParseCertificate, remembered for the same bytes. Certificates are never written to.
func (c *Cache) certificate(der []byte) (*x509.Certificate, error) {
	if c == nil {
		return x509.ParseCertificate(der)
	}
	k := sha256.Sum256(der)
	c.mu.Lock()
	cert := c.certs[k]
	c.mu.Unlock()
	if cert != nil {
		return cert, nil
	}
	cert, err := x509.ParseCertificate(bytes.Clone(der)) // it keeps the bytes; the CMS around them need not stay
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.certs == nil || len(c.certs) >= maxCached {
		c.certs = map[[32]byte]*x509.Certificate{}
	}
	c.certs[k] = cert
	return cert, nil
}

// path is buildPath, remembered for the leaf: a path that leads to a root does so whatever else comes with the leaf.
func (c *Cache) path(leaf *x509.Certificate, embedded []*x509.Certificate, opt *Options, at time.Time) ([]*x509.Certificate, error) {
	if c == nil {
		return buildPath(leaf, embedded, opt, at)
	}
	k := sha256.Sum256(leaf.Raw)
	c.mu.Lock()
	path := c.paths[k]
	c.mu.Unlock()
	if path != nil && inTime(path, at) {
		return path, nil
	}
	path, err := buildPath(leaf, embedded, opt, at)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paths == nil || len(c.paths) >= maxCached {
		c.paths = map[[32]byte][]*x509.Certificate{}
	}
	c.paths[k] = path
	return path, nil
}

// inTime tells whether every certificate of the path is valid at that time; the root too, as x509 has it.
func inTime(path []*x509.Certificate, at time.Time) bool {
	for _, c := range path {
		if outOfTime(c, at) {
			return false
		}
	}
	return true
}

func (c *Cache) ocsp(key string, now time.Time) (revocation, bool) {
	if c == nil {
		return revocation{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.status[key]
	return s.revocation, ok && now.Before(s.until)
}

func (c *Cache) keepOCSP(key string, r revocation, until time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status == nil || len(c.status) >= maxCached {
		c.status = map[string]status{}
	}
	c.status[key] = status{r, until}
}

func (c *Cache) list(key string, now time.Time) *x509.RevocationList {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.lists[key]; ok && now.Before(l.until) {
		return l.crl
	}
	return nil
}

func (c *Cache) keepList(key string, crl *x509.RevocationList, until time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lists == nil || len(c.lists) >= 64 {
		c.lists = map[string]list{}
	}
	c.lists[key] = list{crl, until}
}
