package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"sokyso/signer/token"
	"sokyso/signer/token/worker"
)

// Discovery is what the modules of this machine show, without login.
type Discovery struct {
	Tokens  []TokenReport  `json:"tokens"`
	Modules []ModuleReport `json:"modules"`
	// Code and Message tell why there is no token, "" when there is one.
	Code    string `json:"code"`
	Message string `json:"message"`

	missing error // what Code and Message say
}

// ModuleReport is a module that was tried.
type ModuleReport struct {
	Path   string `json:"path"`
	Source string `json:"source"` // named, remembered, known or p11-kit
	token.ModuleInfo
	Readers int    `json:"readers"` // with a token or without
	Tokens  int    `json:"tokens"`
	Code    string `json:"code"` // why it can't be used, "" when it can
	Message string `json:"message"`
}

// TokenReport is a token with the certificates that it shows without login.
type TokenReport struct {
	token.Info
	// Modules are the paths of those that show it; the first is the one to use.
	Modules []string `json:"modules"`
	// WrongPINs is this agent's own count: see PINState.
	WrongPINs    int                 `json:"wrong_pins"`
	Certificates []CertificateReport `json:"certificates"`
	// Code and Message tell why its certificates could not be read, "" when they were.
	Code    string `json:"code"`
	Message string `json:"message"`

	listing token.Listing
}

// CertificateReport is a certificate on a token.
type CertificateReport struct {
	Subject   string    `json:"subject"` // common name
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"` // hex
	SHA256    string    `json:"sha256"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	HasKey    bool      `json:"has_key"`
}

const (
	// probeTimeout bounds what a module may take to load and to show its tokens.
	probeTimeout = 15 * time.Second
	// probesAtOnce bounds the workers that run beside each other.
	probesAtOnce = 4
)

// probed is what came of one candidate.
type probed struct {
	candidate candidate
	survey    token.Survey
	err       error
}

// Discover tries the module that the configuration names, or every candidate of this
// machine, each in a worker of its own. It logs in to no token. A module that is of
// no use never stands in the way of the others: it is listed with the reason.
func Discover(ctx context.Context, config Config) Discovery {
	config = config.withDefaults()
	return config.discovery(config.probeAll(ctx, candidatesFor(config.Home, config.Module)))
}

func (c Config) probeAll(ctx context.Context, candidates []candidate) []probed {
	all := make([]probed, len(candidates))
	places := make(chan struct{}, probesAtOnce)
	var wait sync.WaitGroup
	for i, next := range candidates {
		wait.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			survey, err := c.survey(ctx, next.path)
			all[i] = probed{next, survey, err}
		})
	}
	wait.Wait()
	return all
}

func (c Config) survey(ctx context.Context, module string) (token.Survey, error) {
	if c.TokenTimeout == 0 {
		c.TokenTimeout = probeTimeout
	}
	client, err := worker.Start(ctx, c.worker(module))
	if err != nil {
		return token.Survey{}, err
	}
	defer client.Close()
	return client.Survey(ctx)
}

// discovery puts the probes together, in the order of the candidates.
func (c Config) discovery(probes []probed) Discovery {
	d := Discovery{Tokens: []TokenReport{}, Modules: []ModuleReport{}}
	for _, p := range probes {
		report := ModuleReport{Path: p.candidate.path, Source: p.candidate.source, ModuleInfo: p.survey.Module,
			Readers: p.survey.Readers, Tokens: len(p.survey.Tokens)}
		if p.err != nil {
			report.Code, report.Message = c.Catalogue.Explain(moduleFailure(p.candidate.path, p.err), "")
		}
		d.Modules = append(d.Modules, report)
		for _, listing := range p.survey.Tokens {
			d.add(listing, p.candidate.path)
		}
	}
	tries, err := readTries(c.Home)
	if err != nil {
		c.Logger.Warn("count of PINs", "error", err) // it stops who would use a PIN
	}
	for i := range d.Tokens {
		t := &d.Tokens[i]
		t.WrongPINs = tries[t.Serial]
		if t.listing.Err != nil {
			t.Code, t.Message = c.Catalogue.Explain(&tokenError{info: t.Info, err: t.listing.Err}, "")
		}
	}
	if len(d.Tokens) == 0 {
		d.missing = missingToken(probes)
		d.Code, d.Message = c.Catalogue.Explain(d.missing, "")
	}
	return d
}

// moduleFailure tells which module an error is about where the error does not say.
func moduleFailure(path string, err error) error {
	switch worker.Code(err) {
	case "module_hangs", "module_crashed":
		return fail(worker.Code(err)+"_probed", err, "module", path)
	}
	return err
}

// add lists a token once, however many modules show it. The first module that shows
// its certificates is the one to use.
func (d *Discovery) add(listing token.Listing, module string) {
	for i := range d.Tokens {
		there := &d.Tokens[i]
		if !sameToken(there.listing, listing) {
			continue
		}
		if there.listing.Err != nil && listing.Err == nil {
			modules := append([]string{module}, there.Modules...)
			*there = newTokenReport(listing, modules)
		} else {
			there.Modules = append(there.Modules, module)
		}
		return
	}
	d.Tokens = append(d.Tokens, newTokenReport(listing, []string{module}))
}

func newTokenReport(listing token.Listing, modules []string) TokenReport {
	report := TokenReport{Info: listing.Info, Modules: modules, Certificates: []CertificateReport{}, listing: listing}
	for _, c := range listing.Certificates {
		report.Certificates = append(report.Certificates, CertificateReport{
			Subject: c.X509.Subject.CommonName, Issuer: c.X509.Issuer.CommonName, Serial: c.X509.SerialNumber.Text(16),
			SHA256: c.SHA256, NotBefore: c.X509.NotBefore, NotAfter: c.X509.NotAfter, HasKey: c.HasKey,
		})
	}
	return report
}

// sameToken says whether two modules show the same device: by its serial and its
// certificates. The maker's name is what each module calls it, so it counts only
// where there are no certificates to compare.
func sameToken(a, b token.Listing) bool {
	if a.Info.Serial != b.Info.Serial || a.Info.Serial == "" {
		return false
	}
	if a.Err != nil || b.Err != nil || len(a.Certificates) == 0 && len(b.Certificates) == 0 {
		return a.Info.Manufacturer == b.Info.Manufacturer
	}
	return slices.Equal(fingerprints(a), fingerprints(b))
}

func fingerprints(listing token.Listing) []string {
	var all []string
	for _, c := range listing.Certificates {
		all = append(all, c.SHA256)
	}
	slices.Sort(all)
	return all
}

// choose picks the one token that the batch names, or the only one.
func (d Discovery) choose(batch *Batch) (TokenReport, error) {
	if len(d.Tokens) == 0 {
		return TokenReport{}, d.missing
	}
	selector := token.ByName(batch.Token)
	var all []token.Listing
	for _, t := range d.Tokens {
		all = append(all, t.listing)
	}
	matching := selector.Filter(all)
	if len(matching) > 1 && batch.Certificate != "" {
		selector.CertSHA256 = batch.Certificate
		matching = selector.Filter(all)
	}
	if len(matching) != 1 {
		return TokenReport{}, &token.SelectError{Selector: selector, Matches: len(matching), Found: all}
	}
	for _, t := range d.Tokens {
		if sameToken(t.listing, matching[0]) {
			return t, nil
		}
	}
	return TokenReport{}, d.missing
}

// missingToken is why no module shows a token.
func missingToken(probes []probed) error {
	readers, usable := 0, 0
	var first error
	for _, p := range probes {
		switch {
		case p.err == nil:
			usable++
			readers += p.survey.Readers
		case first == nil:
			first = moduleFailure(p.candidate.path, p.err)
		}
	}
	switch {
	case len(probes) == 0:
		return fail("module_missing", nil)
	case len(probes) == 1 && first != nil && worker.Code(first) != "module_initialize":
		return first // the file itself, whatever else there is
	case readers > 0:
		return fail("token_missing", nil)
	}
	if err := readerService(); err != nil {
		return err
	}
	if usable == 0 {
		return first
	}
	return fail("reader_missing", nil)
}
