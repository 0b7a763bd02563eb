package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACMEFlags are for a certificate that the service gets and renews itself (RFC 8555).
type ACMEFlags struct {
	ACME          []string `name:"acme" sep:"," help:"${help_acme}" placeholder:"NAME,..."`
	ACMEEmail     string   `name:"acme-email" help:"${help_acme_email}" placeholder:"ADDRESS"`
	ACMEDirectory string   `name:"acme-directory" default:"https://acme-v02.api.letsencrypt.org/directory" help:"${help_acme_directory}" placeholder:"URL"`
	ACMERoots     string   `name:"acme-roots" type:"path" help:"${help_acme_roots}" placeholder:"PEM"`
	ACMECache     string   `name:"acme-cache" type:"path" help:"${help_acme_cache}" placeholder:"FOLDER"`
	ACMEHTTP      string   `name:"acme-http" default:":80" help:"${help_acme_http}" placeholder:"HOST:PORT"`
}

// manager gets certificates for the names, and for no others that somebody asks for.
// Account, certificates and answers to challenges lie in the cache: services that share the
// folder share them, so that whichever is asked can answer the authority.
func (f *ACMEFlags) manager(p *program) (*autocert.Manager, error) {
	directory, err := url.Parse(f.ACMEDirectory)
	if err != nil || directory.Scheme != "https" || directory.Host == "" {
		return nil, &usageError{p.say("acme_directory_malformed", map[string]string{"Address": f.ACMEDirectory})}
	}
	roots, err := readCertificates(f.ACMERoots)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if roots != nil {
		pool := x509.NewCertPool()
		for _, root := range roots {
			pool.AddCert(root)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	cache := f.ACMECache
	if cache == "" {
		cache = filepath.Join(p.flags.Data, "acme")
	}
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, Email: f.ACMEEmail, HostPolicy: onlyNames(f.ACME), Cache: autocert.DirCache(cache),
		Client: &acme.Client{DirectoryURL: f.ACMEDirectory, UserAgent: "custodyd/" + version, HTTPClient: &http.Client{Transport: transport, Timeout: time.Minute}},
	}, nil
}

// onlyNames refuses other names; a port behind one is that of a forwarded address.
func onlyNames(names []string) autocert.HostPolicy {
	allowed := autocert.HostWhitelist(names...)
	return func(ctx context.Context, host string) error {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		return allowed(ctx, host)
	}
}

// serveHTTP answers challenges and sends everybody else to https, until ctx ends.
func serveHTTP(ctx context.Context, manager *autocert.Manager, listener net.Listener, logger *slog.Logger) error {
	server := &http.Server{Handler: manager.HTTPHandler(nil), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// obtain has the certificates before the first visitor waits for them.
func obtain(manager *autocert.Manager, names []string, logger *slog.Logger) {
	for _, name := range names {
		hello := &tls.ClientHelloInfo{ServerName: name, SupportedCurves: []tls.CurveID{tls.CurveP256}, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12}}
		if _, err := manager.GetCertificate(hello); err != nil {
			logger.Warn("no certificate yet", "name", name, "error", err)
		}
	}
}
