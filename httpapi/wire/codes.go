package wire

import "slices"

// ProblemCode is a stable code with the statuses that it comes with.
type ProblemCode struct {
	Code     string
	Statuses []int
}

// ProblemCodes are all codes that a problem can have, refusals of grants last. A
// code is never given another meaning; new ones may be added.
var ProblemCodes = []ProblemCode{
	{CodeInvalid, []int{400, 415, 422}},
	{CodeUnauthenticated, []int{401}},
	{CodeWrongPassword, []int{401}},
	{CodeFactorNeeded, []int{401}},
	{CodeFactorWrong, []int{401}},
	{CodeKeyEnded, []int{401}},
	{CodeAccountEnded, []int{401}},
	{CodePairingCode, []int{422}},
	{CodeForbidden, []int{403}},
	{CodeFactorUnset, []int{403}},
	{CodeNotFound, []int{404, 405}},
	{CodeConflict, []int{409}},
	{CodeSignatureConflict, []int{409}},
	{CodeGrantExpired, []int{409}},
	{CodeChallengeExpired, []int{409}},
	{CodeRequestRunning, []int{409}},
	{CodeRequestDone, []int{409}},
	{CodeSignatureInvalid, []int{422}},
	{CodeTooLarge, []int{413}},
	{CodeRateLimited, []int{429}},
	{CodeInternal, []int{500}},
	{CodeUnavailable, []int{503}},

	{RefusedNotCustodian, []int{403}},
	{RefusedTokenUnknown, []int{403}},
	{RefusedTokenInSafe, []int{403}},
	{RefusedTokenNotAccepted, []int{403}},
	{RefusedTokenReported, []int{403}},
	{RefusedTokenReturned, []int{403}},
	{RefusedTokenRetired, []int{403}},
	{RefusedTokenWrittenOff, []int{403}},
	{RefusedPINLocked, []int{403}},
	{RefusedCertificateUnknown, []int{403}},
	{RefusedCertificateExpired, []int{403}},
	{RefusedCertificateRevoked, []int{403}},
	{RefusedActNotAllowed, []int{403}},
	{RefusedOutOfScope, []int{403}},
	{RefusedCapacity, []int{403}},
	{RefusedNoCompetentSignature, []int{403}},
	{RefusedDocumentUnstated, []int{403}},
	{RefusedNoPosition, []int{403}},
}

// CodesOf returns the codes that a problem of that status can have.
func CodesOf(status int) []string {
	var codes []string
	for _, known := range ProblemCodes {
		if slices.Contains(known.Statuses, status) {
			codes = append(codes, known.Code)
		}
	}
	return codes
}
