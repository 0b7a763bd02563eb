package agent

import (
	"context"
	"time"

	"sokyso/signer/token"
)

// TokenReport is a token with the certificates that it shows without login.
type TokenReport struct {
	token.Info
	Certificates []CertificateReport `json:"certificates"`
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

// ListTokens lists the initialised tokens that the module shows. It logs in to none.
func ListTokens(ctx context.Context, config Config) ([]TokenReport, error) {
	client, err := StartWorker(ctx, config)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	infos, err := client.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	reports := []TokenReport{}
	for _, info := range infos {
		if !info.Flags.Initialized {
			continue
		}
		report := TokenReport{Info: info, Certificates: []CertificateReport{}}
		if _, err := client.Open(ctx, token.Selector{TokenSerial: info.Serial}); err != nil {
			return nil, err
		}
		certificates, err := client.Certificates(ctx)
		if err != nil {
			return nil, &tokenError{info: info, err: err}
		}
		for _, c := range certificates {
			report.Certificates = append(report.Certificates, CertificateReport{
				Subject: c.X509.Subject.CommonName, Issuer: c.X509.Issuer.CommonName, Serial: c.X509.SerialNumber.Text(16),
				SHA256: c.SHA256, NotBefore: c.X509.NotBefore, NotAfter: c.X509.NotAfter, HasKey: c.HasKey,
			})
		}
		reports = append(reports, report)
	}
	return reports, nil
}
