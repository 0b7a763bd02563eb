package custody

import "time"

// ChallengeLifetime is how long a challenge may be answered: a person looks for
// the token and types a PIN.
const ChallengeLifetime = 10 * time.Minute

// ProofPurpose says what a proof of possession is for.
type ProofPurpose string

// The purposes.
const (
	CustodyCheck ProofPurpose = "custody_check"       // kiểm kê
	ProofGiving  ProofPurpose = "hand_over_giving"    // the giver confirms a hand-over
	ProofReceipt ProofPurpose = "hand_over_receiving" // the receiver does
)

// Valid reports whether it is one of them.
func (p ProofPurpose) Valid() bool {
	return p == CustodyCheck || p == ProofGiving || p == ProofReceipt
}

// Side says which side of a hand-over the purpose is of; "" = of none.
func (p ProofPurpose) Side() HandOverSide {
	return map[ProofPurpose]HandOverSide{ProofGiving: Giving, ProofReceipt: Receiving}[p]
}

// Challenge is what a custodian signs to prove possession of a token.
type Challenge struct {
	ID                ChallengeID
	School            SchoolID
	Person            PersonID
	Token             TokenID
	TokenSerial       string
	CertificateSHA256 string // hex
	Purpose           ProofPurpose
	HandOver          HandOverID // that is confirmed; "" = none
	MinutesSHA256     string     // hex, of the hand-over's facts; "" = none
	Nonce             string     // hex
	IssuedAt          time.Time
	ExpiresAt         time.Time
}

// Possession is a proof in the register.
type Possession struct {
	ID       ChallengeID
	Person   PersonID
	Token    TokenID
	Purpose  ProofPurpose
	ProvenAt time.Time
	Entry    int64
}

// DecideProof lets a person prove possession (nil) or refuses it with a *Refusal.
// It holds a proof to the rules of a grant that are about token and certificate,
// not to those about document and act: the person is the custodian now, no report
// of the token stands open, no hand-over of it is on offer, and the certificate is the registered one, in its
// validity and not revoked. A token that was reported is not proven away: who has
// found it says so first, and its clearing is a decision of its own.
func DecideProof(f GrantFacts, now time.Time) error {
	for _, check := range []func(GrantRequest, GrantFacts, time.Time) *Refusal{checkHolding, checkCertificate} {
		if refusal := check(GrantRequest{}, f, now); refusal != nil {
			return refusal
		}
	}
	return nil
}
