package agent

import (
	"context"

	"sokyso/httpapi/wire"
)

// ReadProposal is what became of a certificate that was read from a token.
type ReadProposal struct {
	TokenSerial string `json:"token_serial"`
	Subject     string `json:"subject"`
	SHA256      string `json:"sha256"`
	// Status is "registered" (already), "proposed" (an admin is to confirm it), "expired"
	// (not sent) or "refused", with Code and Message.
	Status  string `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Propose sends the certificates of the tokens that were found to the paired service,
// with the issuers' that the tokens hold: of each token those that have a key on it.
// Nothing is signed and no PIN is asked for. One that the service refuses does not
// keep it from the others; an error is that of the pairing or the network.
func Propose(ctx context.Context, config Config, found Discovery) ([]ReadProposal, error) {
	config = config.withDefaults()
	pairing, err := ReadPairing(config.Home)
	if err != nil {
		return nil, err
	}
	if pairing == nil {
		return nil, fail("not_paired", nil)
	}
	client, err := wire.NewClient(wire.ClientConfig{URL: pairing.URL, APIKey: pairing.APIKey, Language: config.Catalogue.Language, HTTP: config.HTTP})
	if err != nil {
		return nil, fail("pairing_damaged", err, "file", pairingName)
	}
	proposals := []ReadProposal{}
	for _, t := range found.Tokens {
		var chain []byte
		for _, c := range t.listing.Certificates {
			if c.X509.IsCA {
				chain = append(chain, c.X509.Raw...)
			}
		}
		for _, c := range t.listing.Certificates {
			if c.X509.IsCA || !c.HasKey {
				continue
			}
			p := ReadProposal{TokenSerial: t.Serial, Subject: c.X509.Subject.CommonName, SHA256: c.SHA256, Status: "proposed"}
			if config.Now().After(c.X509.NotAfter) {
				p.Status = "expired"
				proposals = append(proposals, p)
				continue
			}
			registered, err := client.ProposeCertificate(ctx, wire.ReadCertificate{TokenSerial: t.Serial, Certificate: c.X509.Raw, Chain: chain})
			switch {
			case err != nil && temporary(err):
				return proposals, err
			case err != nil:
				p.Status = "refused"
				p.Code, p.Message = config.Catalogue.Explain(err, "")
			case registered:
				p.Status = "registered"
			}
			proposals = append(proposals, p)
		}
	}
	return proposals, nil
}
