package agent

import (
	"context"
	"crypto/x509"
	"strconv"
	"time"

	"sokyso/signer"
)

// device looks at modules, readers and tokens, without login.
func (d *doctor) device(ctx context.Context) {
	found := Discover(ctx, d.Config)
	d.findings.discovery = found
	if len(found.Modules) == 0 {
		d.add("module", VerdictFail, found.Code, found.Message)
		return
	}
	usable, readers := 0, 0
	for _, module := range found.Modules {
		if module.Code == "" {
			usable++
			readers += module.Readers
		}
	}
	for _, module := range found.Modules {
		switch {
		case module.Code == "":
			d.good("module", "module", module.Path, "maker", joined(module.Manufacturer, module.Description, module.Version))
		case usable > 0: // it stands in nobody's way
			d.add("module", VerdictWarn, module.Code, module.Message)
		default:
			d.add("module", VerdictFail, module.Code, module.Message)
		}
	}
	if usable == 0 {
		return
	}
	switch found.Code {
	case "reader_missing", "reader_service_stopped", "reader_service_forbidden":
		d.add("readers", VerdictFail, found.Code, found.Message)
		return
	}
	d.good("readers", "count", strconv.Itoa(readers))
	if len(found.Tokens) == 0 {
		d.add("tokens", VerdictFail, found.Code, found.Message)
		return
	}
	d.good("tokens", "count", strconv.Itoa(len(found.Tokens)))
	first := len(d.findings.Checks)
	good := 0
	for _, t := range found.Tokens {
		good += d.token(t)
	}
	if good == 0 {
		return
	}
	// With one token that can sign, what is wrong with another is only to be known.
	for i := range d.findings.Checks[first:] {
		if check := &d.findings.Checks[first+i]; check.Verdict == VerdictFail {
			check.Verdict = VerdictWarn
		}
	}
}

// token looks at one token and says how many of its certificates can sign.
func (d *doctor) token(t TokenReport) int {
	locked := false
	if t.Code != "" {
		d.add("tokens", VerdictFail, t.Code, t.Message)
	}
	if words := FlagWords(d.Catalogue, t.Flags); words != "" {
		verdict, code := VerdictOK, ""
		switch {
		case t.Flags.PINLocked:
			verdict, code, locked = VerdictFail, "pin_locked", true
		case t.Flags.PINFinalTry, t.Flags.PINCountLow, t.Flags.PINToBeChanged:
			verdict, code = VerdictWarn, "pin_flags"
		}
		d.add("tokens", verdict, code, d.Catalogue.Sentence("pin.flags", "label", t.Label, "flags", words))
	}
	var all []*x509.Certificate
	for _, c := range t.listing.Certificates {
		all = append(all, c.X509)
	}
	people, good := 0, 0
	for _, c := range all {
		if c.IsCA {
			continue
		}
		people++
		if d.certificate(c, all) && !locked {
			good++
		}
	}
	if people == 0 && t.Code == "" {
		// Some tokens show their certificates only to who is logged in.
		d.finding("certificate", VerdictWarn, "certificate_none", "label", t.Label)
	}
	return good
}

// expiresSoon is how long before its end a certificate is worth a word: getting
// another takes weeks of letters.
const expiresSoon = 45 * 24 * time.Hour

// certificate says whether the certificate can sign now.
func (d *doctor) certificate(c *x509.Certificate, onToken []*x509.Certificate) bool {
	subject, until := c.Subject.CommonName, day(c.NotAfter)
	now := d.Now()
	left := c.NotAfter.Sub(now)
	switch {
	case left < 0:
		d.finding("certificate", VerdictFail, "certificate_expired", "subject", subject, "until", until)
		return false
	case now.Before(c.NotBefore):
		d.finding("certificate", VerdictFail, "certificate_early", "subject", subject, "from", day(c.NotBefore))
		return false
	case left < expiresSoon:
		d.finding("certificate", VerdictWarn, "certificate_expires", "subject", subject, "until", until, "days", decimal(int64(left.Hours()/24)))
	default:
		d.good("certificate", "subject", subject, "until", until)
	}
	if d.Roots == nil {
		return true
	}
	intermediates := x509.NewCertPool()
	for _, issuer := range append(append([]*x509.Certificate{}, onToken...), d.Roots.Intermediates...) {
		intermediates.AddCert(issuer)
	}
	_, err := c.Verify(x509.VerifyOptions{Roots: d.Roots.Pool, Intermediates: intermediates, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		d.finding("certificate", VerdictFail, "chain_missing", "subject", subject, "issuer", c.Issuer.CommonName)
		return false
	}
	d.add("certificate", VerdictOK, "", d.Catalogue.Sentence("doctor.chain_ok", "issuer", c.Issuer.CommonName))
	return true
}

func day(t time.Time) string { return t.In(signer.Vietnam).Format("02/01/2006") }
