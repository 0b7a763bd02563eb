package validation

import (
	"crypto/x509"
	"time"

	"sokyso/signer/cms"
)

// SourceCMS stands for the signature itself where an answer about a certificate was found in its CMS.
const SourceCMS = "CMS"

// carried reads the answers about certificates that a CMS brings along (ISO 32000-2 §12.8.3.3.2): Acrobat and iText put
// them there when they sign for the long term. They count as those of a DSS do, but for the levels of PAdES, which want
// them in the DSS.
func carried(sd *cms.SignedData, revision int) *store {
	s := &store{source: SourceCMS}
	responses, lists := sd.Revocation()
	for _, der := range responses[:min(len(responses), maxCarried)] {
		s.responses = append(s.responses, &stored{der: der, revision: revision})
	}
	for _, der := range lists[:min(len(lists), maxCarried)] {
		if list, err := x509.ParseRevocationList(der); err == nil {
			s.lists = append(s.lists, &stored{der: der, revision: revision, list: list})
		}
	}
	return s
}

// maxCarried bounds the responses and the lists of one CMS.
const maxCarried = 64

// inFile looks for an answer in the DSS, then in the CMS of the signature and of its time-stamp.
func (v *run) inFile(cert, issuer *x509.Certificate, at time.Time) (revocation, error) {
	r, err := v.proofs.standing(cert, issuer, at)
	for _, sd := range v.carriers() {
		if err == nil {
			break
		}
		// What stands in a revision is covered a revision later at the earliest.
		r, err = v.proofs.lookThrough(carried(sd, v.sig.Revision+1), cert, issuer, at, 0)
	}
	return r, err
}

func (v *run) carriers() []*cms.SignedData {
	list := []*cms.SignedData{v.sd}
	if v.stamp != nil {
		list = append(list, v.stamp)
	}
	return list
}
