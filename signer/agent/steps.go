package agent

import "sokyso/signer/validation"

// The steps of a validation in the order in which they are taken (the building
// blocks of ETSI EN 319 102-1 §5.2, and the log).
const (
	StepFormat      = "format"
	StepIntegrity   = "integrity"
	StepChanges     = "changes"
	StepCertificate = "certificate"
	StepRevocation  = "revocation"
	StepTime        = "time"
	StepLog         = "log"
)

// Steps lists them, for tests of catalogues.
var Steps = []string{StepFormat, StepIntegrity, StepChanges, StepCertificate, StepRevocation, StepTime, StepLog}

// What came of a step.
const (
	StepPassed        = "passed"
	StepFailed        = "failed"
	StepIndeterminate = "indeterminate"
	StepSkipped       = "skipped" // not reached, not asked for, or there is nothing to look at
)

// StepReport is one link in the chain of reasons: what came of a step, and the
// codes of the details that tell of it.
type StepReport struct {
	Step    string   `json:"step"`
	Outcome string   `json:"outcome"`
	Details []string `json:"details,omitempty"`
}

type weight int

const (
	tells  weight = iota // says what was found
	doubts               // makes a verdict INDETERMINATE
	fails                // makes it TOTAL-FAILED, where the verdict is that
	proves               // what the step is about was there and held
	leaves               // nobody looked, or there was nothing to look at
)

// detailSteps says which step a detail belongs to and what it weighs there.
var detailSteps = map[string]struct {
	step   string
	weight weight
}{
	validation.DetailFieldBroken: {StepFormat, fails}, validation.DetailNotInField: {StepFormat, fails},
	validation.DetailRemoved: {StepFormat, fails}, validation.DetailSubFilter: {StepFormat, doubts},
	validation.DetailByteRange: {StepFormat, fails}, validation.DetailContents: {StepFormat, fails},
	validation.DetailCMS: {StepFormat, fails}, validation.DetailXRefRebuilt: {StepFormat, doubts},
	validation.DetailTrailingBytes: {StepFormat, doubts}, validation.DetailTooComplex: {StepFormat, doubts},
	validation.DetailNotBaseline: {StepFormat, tells}, validation.DetailAmbiguous: {StepFormat, doubts},

	validation.DetailDigest: {StepIntegrity, fails}, validation.DetailSignature: {StepIntegrity, fails},
	validation.DetailAttributes: {StepIntegrity, fails}, validation.DetailNoSigningCertificate: {StepIntegrity, doubts},
	validation.DetailSigningCertificate: {StepIntegrity, doubts}, validation.DetailUnsupported: {StepIntegrity, doubts},
	validation.DetailWeak: {StepIntegrity, doubts}, validation.DetailWeakKey: {StepIntegrity, doubts},

	validation.DetailChangesPermitted: {StepChanges, tells}, validation.DetailChangesSuspicious: {StepChanges, doubts},
	validation.DetailChangesForbidden: {StepChanges, fails}, validation.DetailLaterBroken: {StepChanges, doubts},

	validation.DetailCertificateBroken: {StepCertificate, doubts}, validation.DetailUnreadableCert: {StepCertificate, doubts},
	validation.DetailNoRoots: {StepCertificate, doubts}, validation.DetailNoChain: {StepCertificate, doubts},
	validation.DetailIssuerFetched:    {StepCertificate, tells},
	validation.DetailChainConstraints: {StepCertificate, doubts}, validation.DetailKeyUsage: {StepCertificate, doubts},
	validation.DetailExpired: {StepCertificate, doubts}, validation.DetailNotYetValid: {StepCertificate, doubts},

	validation.DetailRevoked: {StepRevocation, doubts}, validation.DetailRevokedLater: {StepRevocation, proves},
	validation.DetailRevocationUnknown: {StepRevocation, doubts}, validation.DetailRevocationSkipped: {StepRevocation, leaves},
	validation.DetailRevocationGood: {StepRevocation, proves},

	validation.DetailTimestamp: {StepTime, proves}, validation.DetailTimestampCovering: {StepTime, proves},
	validation.DetailTimestampInvalid: {StepTime, doubts}, validation.DetailTimestampNoTrust: {StepTime, tells},
	validation.DetailTimestampAbsent: {StepTime, leaves}, validation.DetailTimestampExpired: {StepTime, tells},
	validation.DetailTimestampRevoked: {StepTime, tells}, validation.DetailTimestampUnknown: {StepTime, tells},
	validation.DetailClaimedZone: {StepTime, tells}, validation.DetailClaimedAfter: {StepTime, tells},

	DetailReceiptValid: {StepLog, proves}, DetailReceiptInvalid: {StepLog, doubts}, DetailReceiptUnchecked: {StepLog, leaves},
	DetailLogEntry: {StepLog, proves}, DetailLogMissing: {StepLog, doubts}, DetailLogContradicted: {StepLog, doubts},
	DetailLogUnreachable: {StepLog, leaves}, DetailLogCustody: {StepLog, tells}, DetailLogAssignment: {StepLog, tells},
	DetailLogIncident: {StepLog, tells},
}

// stepsOf sorts a signature's details into the chain of reasons. The log has a step
// only where something was asked of it.
func stepsOf(s SignatureReport) []StepReport {
	byStep := map[string][]string{}
	for _, d := range s.Details {
		step := detailSteps[d.Code].step
		if step == "" {
			step = StepFormat
		}
		byStep[step] = append(byStep[step], d.Code)
	}
	var steps []StepReport
	failed := false
	for _, step := range Steps {
		codes := byStep[step]
		if step == StepLog && len(codes) == 0 {
			continue
		}
		outcome := outcomeOf(step, codes, s, failed)
		failed = failed || outcome == StepFailed
		steps = append(steps, StepReport{Step: step, Outcome: outcome, Details: codes})
	}
	return steps
}

func outcomeOf(step string, codes []string, s SignatureReport, failed bool) string {
	found := map[weight]bool{}
	for _, code := range codes {
		found[detailSteps[code].weight] = true
	}
	totalFailed := s.Indication == string(validation.TotalFailed)
	switch {
	case found[fails] && totalFailed:
		return StepFailed
	case found[fails] || found[doubts]:
		return StepIndeterminate
	case step == StepLog && reportedLoss(s.Log):
		return StepIndeterminate
	case found[proves]:
		return StepPassed
	case failed || found[leaves]:
		return StepSkipped
	}
	switch step {
	case StepChanges:
		if s.LaterChanges == "" || s.Covers == "" {
			return StepSkipped
		}
	case StepCertificate:
		if totalFailed || s.CertificateSHA256 == "" {
			return StepSkipped
		}
	case StepRevocation, StepTime, StepLog:
		return StepSkipped
	}
	return StepPassed
}
