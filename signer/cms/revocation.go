package cms

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	// oidRevocationArchival is Adobe's attribute with what the signer knew of
	// the certificates (ISO 32000-2 §12.8.3.3.2).
	oidRevocationArchival = oid(1, 2, 840, 113583, 1, 1, 8)
	// oidOCSPResponse is the other revocation information of RFC 5940 §2.1.
	oidOCSPResponse = oid(1, 3, 6, 1, 5, 5, 7, 16, 2)
)

// Revocation answers the OCSP responses and revocation lists that the CMS
// brings along, in DER: its crls (RFC 5652 §10.2.1, RFC 5940) and the
// adbe-revocationInfoArchival that its signers have signed. Nothing of it has
// been verified, and what can't be read is left out.
func (sd *SignedData) Revocation() (responses, lists [][]byte) {
	for _, raw := range sd.CRLs {
		in := cryptobyte.String(raw)
		var other, id, response cryptobyte.String
		switch {
		case in.PeekASN1Tag(asn1.SEQUENCE):
			lists = append(lists, raw)
		case in.ReadASN1(&other, tagImplicit1) && other.ReadASN1(&id, asn1.OBJECT_IDENTIFIER) &&
			objectID(id) == oidOCSPResponse && other.ReadASN1Element(&response, asn1.SEQUENCE):
			responses = append(responses, response)
		}
	}
	for _, s := range sd.Signers {
		for _, a := range s.SignedAttributes {
			if a.id != oidRevocationArchival {
				continue
			}
			for _, value := range a.Values {
				in := cryptobyte.String(value)
				var archive cryptobyte.String
				if !in.ReadASN1(&archive, asn1.SEQUENCE) {
					continue
				}
				lists = append(lists, archived(&archive, 0)...)
				responses = append(responses, archived(&archive, 1)...)
			}
		}
	}
	return responses, lists
}

// archived reads one optional part of the attribute: [n] EXPLICIT SEQUENCE OF.
func archived(archive *cryptobyte.String, n uint8) (out [][]byte) {
	var part, list, element cryptobyte.String
	if !archive.PeekASN1Tag(asn1.Tag(n).ContextSpecific().Constructed()) ||
		!archive.ReadASN1(&part, asn1.Tag(n).ContextSpecific().Constructed()) || !part.ReadASN1(&list, asn1.SEQUENCE) {
		return nil
	}
	for !list.Empty() && list.ReadASN1Element(&element, asn1.SEQUENCE) {
		out = append(out, element)
	}
	return out
}
