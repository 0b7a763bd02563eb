package wire

import "time"

// Acts: what a signature is for.
const (
	ActApprove    = "approve"    // ký duyệt
	ActInitial    = "initial"    // ký nháy
	ActIssue      = "issue"      // the school's seal signature (ký số của cơ quan, ký phát hành)
	ActAttachment = "attachment" // văn bản kèm theo
	ActCopy       = "copy"       // sao y
)

// DocumentFacts says which document is signed (Decree 30/2020/NĐ-CP Annex I, box 3-5).
type DocumentFacts struct {
	Number   string `json:"number,omitempty"`    // "07"
	Symbol   string `json:"symbol,omitempty"`    // "TB-MNHS"
	Kind     string `json:"kind,omitempty"`      // abbreviation of Annex III: QĐ, TB, KH, QC …
	Summary  string `json:"summary,omitempty"`   // trích yếu
	Purpose  string `json:"purpose,omitempty"`   // what school business it serves
	FileName string `json:"file_name,omitempty"` // without its folder
}

// PriorSignature is a signature that the input already carries.
type PriorSignature struct {
	Field             string `json:"field"`
	CMS               []byte `json:"cms"`
	ByteRangeDigest   string `json:"byte_range_digest"` // hex, by the CMS's own digest algorithm
	CertificateSHA256 string `json:"certificate_sha256"`
	CoversWholeFile   bool   `json:"covers_whole_file"`
}

// GrantRequest asks leave for one signature. Request is the client's own
// identifier (a UUID): the same Request answers with the same grant.
type GrantRequest struct {
	Request     string           `json:"request"`
	TokenSerial string           `json:"token_serial"`
	Certificate []byte           `json:"certificate"` // DER
	SHA256In    string           `json:"sha256_in"`
	Document    DocumentFacts    `json:"document"`
	Act         string           `json:"act"`
	Capacity    string           `json:"capacity,omitempty"` // "", KT, TM, TL, TUQ, Q
	Prior       []PriorSignature `json:"prior,omitempty"`
}

// Grant is the service's leave for one signature until ExpiresAt.
type Grant struct {
	ID                string    `json:"id"`
	Request           string    `json:"request"`
	CertificateSHA256 string    `json:"certificate_sha256"`
	SHA256In          string    `json:"sha256_in"`
	Act               string    `json:"act"`
	Capacity          string    `json:"capacity,omitempty"`
	Signer            string    `json:"signer"`        // full name, as the signature shows it
	Title             string    `json:"title"`         // position at this time
	CustodyEntry      int64     `json:"custody_entry"` // log index of the custody it is made under
	Entry             int64     `json:"entry"`         // log index of the grant itself
	GrantedAt         time.Time `json:"granted_at"`
	ExpiresAt         time.Time `json:"expires_at"`
	// CheckURL is the page at which anybody who has the address can ask about the signature
	// once it is recorded, for a QR code; "" = the service does not know its own address.
	CheckURL string `json:"check_url,omitempty"`
}

// Record reports the finished signature of a grant. Sent again, it answers with
// the same receipt; with other content, with code signature_conflict.
type Record struct {
	CMS             []byte    `json:"cms"`
	ByteRangeDigest string    `json:"byte_range_digest"` // hex, by the CMS's own digest algorithm: SHA-256, SHA-384 or SHA-512
	SHA256Out       string    `json:"sha256_out"`
	Level           string    `json:"level"` // b-b …
	Field           string    `json:"field"`
	SignedAt        time.Time `json:"signed_at"` // the agent's clock
}

// Abandon reports that a grant was not used: nothing was signed. Reason is a
// code: wrong_pin, pin_locked, token_gone, cancelled, self_check_failed,
// disk_full, not_finished, other.
type Abandon struct {
	Reason string `json:"reason"`
}

// Grants is a list of grants: those granted of which nothing was heard since.
type Grants struct {
	Grants []Grant `json:"grants"`
	Next   string  `json:"next,omitempty"` // cursor of the page that follows
}
