package wire

import "time"

// CheckedDocument is what the school says of a document that anybody sent in, which it
// does not keep. Verdict is the gravest of its signatures', or "unsigned".
type CheckedDocument struct {
	School     string             `json:"school"`
	Verdict    string             `json:"verdict"`
	Signatures []CheckedSignature `json:"signatures"`
	More       int                `json:"more,omitempty"` // that are not listed
}

// CheckedSignature is what is told of a signature. Verdict: "accepted" (intact, and in
// the school's log), "foreign" (intact, by a certificate that is not of this school),
// "unlogged" (intact, by a certificate of this school, and not in its log), "unclear",
// "lost" (made after the token was reported), "broken".
type CheckedSignature struct {
	Signer      string      `json:"signer"`
	At          *time.Time  `json:"at,omitempty"` // by the log, else as the document claims
	Timestamp   bool        `json:"timestamp,omitempty"`
	Verdict     string      `json:"verdict"`
	Issuer      string      `json:"issuer,omitempty" doc:"whose root the certificate leads to: official, public, unknown, or out_of_time; absent where the service was given no roots"`
	Entry       *int64      `json:"entry,omitempty"`      // of the log
	HandedOut   bool        `json:"handed_out,omitempty"` // the token was in somebody's custody by the register
	LossReports []time.Time `json:"loss_reports,omitempty"`
}
