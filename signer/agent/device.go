package agent

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sokyso/signer"
	"sokyso/signer/token"
	"sokyso/signer/token/worker"
)

// device is the token of one batch, in its worker process. The PIN is asked for
// once and lives no longer than the device.
type device struct {
	client       *worker.Client
	info         token.Info
	asked        time.Time // when the token was asked for info
	certificates []token.Certificate
	certificate  token.Certificate   // the one to sign with
	issued       []*x509.Certificate // it and its issuers, once they were looked for
	loggedIn     bool
	pin          []byte // for keys that want it at each signature; in locked memory, wiped by close
	config       Config
}

// tokenError is a failure with the token that it came from.
type tokenError struct {
	info token.Info
	err  error
}

func (e *tokenError) Error() string { return fmt.Sprintf("token %s: %v", e.info.Serial, e.err) }
func (e *tokenError) Unwrap() error { return e.err }

// certificateError says that not exactly one certificate of a token fits.
type certificateError struct {
	info  token.Info
	found []token.Certificate
}

func (e *certificateError) Error() string {
	return fmt.Sprintf("token %s: %d certificates fit", e.info.Serial, len(e.found))
}

// openDevice starts the worker and finds token and certificate, once per batch.
func (r *run) openDevice(ctx context.Context) error {
	if r.device != nil {
		return nil
	}
	d, err := r.reachToken(ctx)
	if err != nil {
		return err
	}
	if r.batch.Scheme, err = d.scheme(ctx, r.batch.Scheme); err != nil {
		d.close()
		return err
	}
	r.device = d
	return nil
}

// reachToken opens the token of the batch. With one module it is looked for there; with several it is looked for
// in all, unless the batch names it and the module used last has it.
func (r *run) reachToken(ctx context.Context) (*device, error) {
	candidates := candidatesFor(r.config.Home, r.config.Module)
	if len(candidates) == 0 {
		return nil, fail("module_missing", nil)
	}
	named := r.batch.Token != "" || r.batch.Certificate != ""
	if only := len(candidates) == 1; only || named && candidates[0].source == sourceRemembered {
		d, err := r.openIn(ctx, candidates[0].path, r.batch.Token)
		if err == nil || only || !elsewhere(err) {
			return d, err
		}
	}
	report, err := Discover(ctx, r.config).choose(r.batch)
	if err != nil {
		return nil, err
	}
	return r.openIn(ctx, report.Modules[0], report.Serial)
}

// elsewhere says whether another module may have the token. Not after anything that
// may have been a login: no PIN goes a second way.
func elsewhere(err error) bool {
	var selection *token.SelectError
	var load *token.LoadError
	return errors.As(err, &selection) && selection.Matches == 0 || errors.As(err, &load)
}

func (r *run) openIn(ctx context.Context, module, name string) (*device, error) {
	client, err := worker.Start(ctx, r.config.worker(module))
	if err != nil {
		return nil, err
	}
	d := &device{client: client, config: r.config}
	if err := d.open(ctx, name, r.batch); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// StartWorker starts the process that speaks to the module, finding the module
// when none is named.
func StartWorker(ctx context.Context, config Config) (*worker.Client, error) {
	module, err := FindModule(config.Home, config.Module)
	if err != nil {
		return nil, err
	}
	return worker.Start(ctx, config.worker(module))
}

// worker is how the process that speaks to a module is run.
func (c Config) worker(module string) worker.Config {
	return worker.Config{Module: module, Executable: c.Executable, Timeout: c.TokenTimeout}
}

func (d *device) open(ctx context.Context, name string, batch *Batch) error {
	selector := token.ByName(name)
	var err error
	d.info, err = d.client.Open(ctx, selector)
	var several *token.SelectError
	if errors.As(err, &several) && several.Matches > 1 && batch.Certificate != "" {
		// Only then does the certificate choose the token: with one token, a wrong
		// certificate is a certificate that it does not have.
		selector.CertSHA256 = batch.Certificate
		d.info, err = d.client.Open(ctx, selector)
	}
	if err != nil {
		return err
	}
	d.client.AskPIN(func(context.Context) ([]byte, error) { return slices.Clone(d.pin), nil })
	d.asked, d.certificates = time.Now(), d.client.Shown()
	if len(d.certificates) == 0 {
		if d.certificates, err = d.client.Certificates(ctx); err != nil {
			return d.named(err)
		}
	}
	if len(d.certificates) == 0 && d.info.Flags.LoginRequired {
		// Some tokens hide their certificates until they are logged in to.
		if err := d.login(ctx, batch); err != nil {
			return err
		}
		if d.certificates, err = d.client.Certificates(ctx); err != nil {
			return d.named(err)
		}
	}
	return d.choose(batch.Certificate)
}

// choose picks the one certificate that fits: the wanted one, or the only one
// with a key that is no CA's.
func (d *device) choose(wanted string) error {
	wanted = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(wanted))
	var fitting []token.Certificate
	for _, certificate := range d.certificates {
		switch {
		case wanted != "" && certificate.SHA256 == wanted, wanted == "" && certificate.HasKey && !certificate.X509.IsCA:
			fitting = append(fitting, certificate)
		}
	}
	if len(fitting) != 1 {
		failure := &certificateError{info: d.info, found: fitting}
		if len(fitting) == 0 {
			failure.found = d.certificates
			return &noCertificateError{failure}
		}
		return failure
	}
	d.certificate = fitting[0]
	return nil
}

// noCertificateError is a certificateError with none that fits.
type noCertificateError struct{ *certificateError }

// valid refuses a certificate outside its time before anybody is asked for
// anything.
func (d *device) valid(at time.Time) error {
	c := d.certificate.X509
	failure := &signer.Error{Params: map[string]string{"subject": c.Subject.CommonName}}
	switch {
	case at.After(c.NotAfter):
		failure.Code, failure.Params["not_after"] = signer.CodeCertificateExpired, c.NotAfter.Format(time.RFC3339)
	case at.Before(c.NotBefore):
		failure.Code, failure.Params["not_before"] = signer.CodeCertificateNotYetValid, c.NotBefore.Format(time.RFC3339)
	default:
		return nil
	}
	return failure
}

// flagsHold is how long what a token said of its PIN is taken for true.
const flagsHold = time.Second

// login asks for the PIN and tries it once. It is not tried on a token that says
// it is locked, nor on what may be its last try without the person's word.
func (d *device) login(ctx context.Context, batch *Batch) error {
	if d.loggedIn || !d.info.Flags.LoginRequired {
		return nil
	}
	if time.Since(d.asked) > flagsHold {
		info, err := d.client.Info(ctx)
		if err != nil {
			return d.named(err)
		}
		d.info, d.asked = info, time.Now()
	}
	consent := PINConsent{FinalTry: batch.FinalTry, Confirm: batch.Confirm, Warn: batch.Warn}
	if err := consent.before(ctx, d.config, d.info); err != nil {
		return d.named(err)
	}
	var pin []byte
	if !d.info.Flags.ProtectedAuthPath {
		var err error
		if pin, err = askPIN(ctx, batch.PIN, d.info); err != nil {
			return err
		}
	}
	if err := tryPIN(d.config.Home, d.info, func() error { return d.client.Login(ctx, pin) }); err != nil {
		wipe(pin)
		return d.named(err)
	}
	d.loggedIn, d.pin = true, pin
	return nil
}

// askPIN is what the person typed, in locked memory.
func askPIN(ctx context.Context, ask func(context.Context, token.Info) ([]byte, error), info token.Info) ([]byte, error) {
	if ask == nil {
		return nil, fail("pin_needed", nil)
	}
	pin, err := ask(ctx, info)
	switch {
	case err != nil:
		return nil, err
	case len(pin) == 0:
		return nil, fail("pin_empty", nil)
	case len(pin) > maxPIN:
		wipe(pin)
		return nil, fail("pin_too_long", nil)
	}
	return keepSecret(pin), nil
}

func (d *device) signer(ctx context.Context) crypto.Signer {
	return d.client.SignerContext(ctx, d.certificate)
}

// named adds the token to an error, for its sentence.
func (d *device) named(err error) error {
	if err == nil || worker.Code(err) == "" {
		return err
	}
	return &tokenError{info: d.info, err: err}
}

func (d *device) close() {
	wipe(d.pin)
	d.pin = nil
	d.client.Close()
}

// chain is the signer's certificate with its issuers, looked for among the
// token's certificates and the trusted file's.
func (d *device) chain(roots *Roots) []*x509.Certificate {
	if d.issued != nil {
		return d.issued
	}
	candidates := make([]*x509.Certificate, 0, len(d.certificates))
	for _, certificate := range d.certificates {
		candidates = append(candidates, certificate.X509)
	}
	if roots != nil {
		candidates = append(candidates, roots.Intermediates...)
	}
	d.issued = chainOf(d.certificate.X509, candidates)
	return d.issued
}

// explainCertificates fills in what a token's certificates are called.
func explainCertificates(err error) (explanation, bool) {
	e := explanation{code: "certificate_several_match", fatal: true, params: map[string]string{}}
	var several *certificateError
	var none *noCertificateError
	switch {
	case errors.As(err, &none):
		several, e.code = none.certificateError, "certificate_no_match"
	case !errors.As(err, &several):
		return explanation{}, false
	}
	var names []string
	for _, certificate := range several.found {
		names = append(names, fmt.Sprintf("%s (%s)", certificate.X509.Subject.CommonName, certificate.SHA256))
	}
	e.key = "token." + e.code
	e.params["label"], e.params["found"] = several.info.Label, strings.Join(names, ", ")
	return e, true
}
