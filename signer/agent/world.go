package agent

import (
	"crypto/x509"
	"strings"

	"sokyso/signer/validation"
)

// The worlds of digital signatures (Law 20/2023/QH15 Article 22). A public school
// signs in the first.
const (
	WorldGovernment = "government" // the Government Cipher Committee's
	WorldLicensed   = "licensed"   // the national root's licensed authorities
	WorldOther      = "other"      // any other root that was named as trusted
)

// Worlds lists them, for tests of catalogues.
var Worlds = []string{WorldGovernment, WorldLicensed, WorldOther}

// worldOf goes by the name of a root that is trusted, never by that of a
// certificate: anybody can write a name.
func worldOf(chains []validation.Chain) string {
	for _, chain := range chains {
		if chain.Timestamp || len(chain.Path) == 0 {
			continue
		}
		return worldOfRoot(chain.Path[len(chain.Path)-1])
	}
	return ""
}

func worldOfRoot(root *x509.Certificate) string {
	name := strings.ToLower(root.Subject.CommonName + " " + strings.Join(root.Subject.Organization, " "))
	switch {
	case strings.Contains(name, "chuyên dùng chính phủ"), strings.Contains(name, "ban cơ yếu chính phủ"):
		return WorldGovernment
	case strings.Contains(name, "vietnam national root ca"):
		return WorldLicensed
	}
	return WorldOther
}

// describe adds what the certificate and the time-stamp say.
func (r *SignatureReport) describe(s *validation.Signature) {
	r.Timestamp, r.World = s.Timestamp, worldOf(s.Chains)
	if c := s.Certificate; c != nil {
		r.Issuer = c.Issuer.CommonName
		r.NotBefore, r.NotAfter = formatTime(c.NotBefore), formatTime(c.NotAfter)
	}
	for _, d := range s.Details {
		if d.Code == validation.DetailTimestamp || d.Code == validation.DetailTimestampCovering {
			r.TimestampTime, r.TimestampMaker = d.Params["time"], d.Params["tsa"]
		}
	}
}
