package validation

// Detail is one finding: a stable code and its values. The sentences stand in the catalogues of those who show it.
type Detail struct {
	Code   string            `json:"code"`
	Params map[string]string `json:"params,omitempty"`
}

// The codes of details, with their parameters.
const (
	// Format.
	DetailFieldBroken       = "field_broken"         // reason: a signature field that can't be read
	DetailNotInField        = "not_in_field"         // a signature dictionary that no signature field holds
	DetailRemoved           = "signature_removed"    // revision: it stood in the file and was taken out later
	DetailSubFilter         = "subfilter_unknown"    // subfilter
	DetailByteRange         = "byterange_invalid"    // reason
	DetailContents          = "contents_invalid"     // reason
	DetailCMS               = "cms_invalid"          // reason
	DetailXRefRebuilt       = "xref_rebuilt"         // reason: revisions can't be told apart
	DetailTrailingBytes     = "trailing_bytes"       // count: bytes after the last revision
	DetailAmbiguous         = "document_ambiguous"   // object, key: it stands there twice, and readers take one or the other
	DetailCertificateBroken = "certificate_altered"  // subject: an embedded certificate that is not as its issuer signed it
	DetailTooComplex        = "too_complex"          // reason
	DetailNotBaseline       = "not_pades_baseline"   // reason: genuine, but not of the PAdES baseline
	DetailUnreadableCert    = "certificate_unusable" // reason: an embedded certificate that can't be read

	// Integrity.
	DetailDigest               = "digest_mismatch"              // the covered bytes were changed
	DetailSignature            = "signature_mismatch"           // the signature does not fit the key
	DetailAttributes           = "attributes_invalid"           // reason
	DetailNoSigningCertificate = "signing_certificate_missing"  // the CMS lacks the signer's certificate
	DetailSigningCertificate   = "signing_certificate_mismatch" // it names another certificate
	DetailUnsupported          = "algorithm_unsupported"        // reason
	DetailWeak                 = "algorithm_weak"               // algorithm
	DetailWeakKey              = "key_weak"                     // subject, key: too short a key, of a CA too

	// Later changes.
	DetailChangesPermitted  = "changes_permitted"  // later revisions only added what they may
	DetailChangesSuspicious = "changes_suspicious" // kind, object, reason
	DetailChangesForbidden  = "changes_forbidden"  // kind, object, reason
	DetailLaterBroken       = "later_signature_broken"

	// Certificate.
	DetailNoRoots           = "roots_missing"             // no trusted roots were given
	DetailNoChain           = "chain_not_found"           // reason
	DetailIssuerFetched     = "issuer_fetched"            // subject, source: the file lacks the certificate, the network had it
	DetailChainConstraints  = "chain_constraints"         // reason
	DetailKeyUsage          = "key_usage"                 // the certificate is not meant for signing
	DetailExpired           = "certificate_expired"       // not_after
	DetailNotYetValid       = "certificate_not_yet_valid" // not_before
	DetailRevoked           = "certificate_revoked"       // subject, revoked_at, source
	DetailRevokedLater      = "certificate_revoked_later" // subject, revoked_at, source: after best time
	DetailRevocationUnknown = "revocation_unknown"        // subject, reason
	DetailRevocationSkipped = "revocation_not_checked"    // offline
	DetailRevocationGood    = "revocation_good"           // subject, source

	// Time-stamp.
	DetailTimestamp        = "timestamp_good"      // time, tsa
	DetailTimestampInvalid = "timestamp_invalid"   // reason
	DetailTimestampNoTrust = "timestamp_untrusted" // reason
	DetailTimestampAbsent  = "timestamp_absent"    // the time is only the signer's claim
	// The claimed time; by: timestamp, signing_time or clock.
	DetailClaimedZone  = "claimed_time_zone"  // fault, claimed, right, by: a true time, written in the wrong zone
	DetailClaimedAfter = "claimed_time_after" // claimed, time, by: it is after a time at which the signature was there
	// There is none of its own, but one of the document shows that the signature was there: time, tsa.
	DetailTimestampCovering = "timestamp_covering"
	// The authority's certificate, or one above it, is revoked, or nobody knows: the time-stamp does not count.
	DetailTimestampExpired = "timestamp_expired"            // subject, not_after: and no later time-stamp shows it was there before
	DetailTimestampRevoked = "timestamp_revoked"            // subject, revoked_at, source
	DetailTimestampUnknown = "timestamp_revocation_unknown" // subject, reason
)

// DetailCodes lists every code, for tests of catalogues.
var DetailCodes = []string{
	DetailFieldBroken, DetailNotInField, DetailRemoved, DetailSubFilter, DetailByteRange, DetailContents, DetailCMS,
	DetailXRefRebuilt, DetailTrailingBytes, DetailCertificateBroken, DetailTooComplex, DetailNotBaseline,
	DetailUnreadableCert, DetailAmbiguous,
	DetailDigest, DetailSignature, DetailAttributes, DetailNoSigningCertificate, DetailSigningCertificate,
	DetailUnsupported, DetailWeak, DetailWeakKey,
	DetailChangesPermitted, DetailChangesSuspicious, DetailChangesForbidden, DetailLaterBroken,
	DetailNoRoots, DetailNoChain, DetailIssuerFetched, DetailChainConstraints, DetailKeyUsage, DetailExpired, DetailNotYetValid,
	DetailRevoked, DetailRevokedLater, DetailRevocationUnknown, DetailRevocationSkipped, DetailRevocationGood,
	DetailClaimedZone, DetailClaimedAfter,
	DetailTimestamp, DetailTimestampInvalid, DetailTimestampNoTrust, DetailTimestampAbsent,
	DetailTimestampCovering, DetailTimestampExpired, DetailTimestampRevoked, DetailTimestampUnknown,
}

// The kinds of changes that a detail tells of, by what they mean to somebody who looks at the document.
const (
	ChangePage        = "page"         // pages, their content, fonts or images
	ChangeHides       = "hides"        // what was added covers what the page showed
	ChangeAnnotation  = "annotation"   // annotations were added or removed
	ChangeField       = "field"        // a form field, but for its value
	ChangeFieldValue  = "field_value"  // a value that was there when the document was signed
	ChangeFieldShown  = "field_shown"  // a field shows something else than its value
	ChangeFieldLocked = "field_locked" // a field that a signature locks
	ChangeFieldAdded  = "field_added"  // a field that is none for signing, or shows what it should not
	ChangeSignedField = "signed_field" // the field of an earlier signature
	ChangeForm        = "form"         // fields were removed, or what holds for the whole form
	ChangeAction      = "action"       // something that runs a program
	ChangeCatalog     = "catalog"      // what holds for the whole document
	ChangePermissions = "permissions"  // who certified it, and for what
	ChangeNotAllowed  = "not_allowed"  // any change, where the signature allows none
	ChangeAmbiguous   = "ambiguous"    // readers would show different documents
	ChangeObject      = "object"       // any other object of the signed version
)

// ChangeKinds lists every kind, for tests of catalogues.
var ChangeKinds = []string{
	ChangePage, ChangeHides, ChangeAnnotation, ChangeField, ChangeFieldValue, ChangeFieldShown, ChangeFieldLocked,
	ChangeFieldAdded, ChangeSignedField, ChangeForm, ChangeAction, ChangeCatalog, ChangePermissions, ChangeNotAllowed,
	ChangeAmbiguous, ChangeObject,
}

// detail builds a Detail from pairs of parameter and value.
func detail(code string, params ...string) Detail {
	d := Detail{Code: code}
	if len(params) > 1 {
		d.Params = make(map[string]string, len(params)/2)
		for i := 0; i+1 < len(params); i += 2 {
			d.Params[params[i]] = params[i+1]
		}
	}
	return d
}
