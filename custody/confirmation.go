package custody

import "time"

// HandOverSide is a side of a hand-over.
type HandOverSide string

// The sides.
const (
	Giving    HandOverSide = "giving"
	Receiving HandOverSide = "receiving"
)

// Purpose is that of the challenge by which the side confirms.
func (s HandOverSide) Purpose() ProofPurpose {
	if s == Giving {
		return ProofGiving
	}
	return ProofReceipt
}

// CanConfirm decides who may confirm which side of an offer with their token's
// signature: who offered it confirms the giving, who may accept it the receipt.
// For the receiver the signature is the acceptance.
func CanConfirm(a Actor, h HandOver, side HandOverSide, blocked bool) error {
	switch {
	case side == Receiving:
		return CanAccept(a, h, blocked)
	case a.Person == "" || a.Person != h.OfferedBy:
		return Forbidden(ReasonNotGiver)
	case h.State != Offered:
		return Conflict(ReasonHandOverDecided, "state", string(h.State))
	}
	return nil
}

// DecideConfirmation lets a person sign the facts of a hand-over with a token
// (nil), or refuses it. A signature speaks for a person only if the token is their
// own: personal, with a certificate in their name, in their hands or just being
// handed to them by this very hand-over. The seal speaks for the school, and is no
// person's word. What stops a grant stops it, too.
func DecideConfirmation(f GrantFacts, h HandOver, now time.Time) error {
	switch {
	case f.Token == nil:
		return refuse(RefusedTokenUnknown)
	case f.Token.Kind != Personal || f.Token.Owner != f.Person:
		return Forbidden(ReasonOwnToken)
	case f.Offer != nil && f.Offer.ID == h.ID && (h.To == f.Person || h.From == f.Person):
		f.Offer, f.Custody = nil, &Custody{Person: f.Person} // decided by this very signature
	}
	for _, check := range []func(GrantRequest, GrantFacts, time.Time) *Refusal{checkHolding, checkCertificate} {
		if refusal := check(GrantRequest{}, f, now); refusal != nil {
			return refusal
		}
	}
	return nil
}
