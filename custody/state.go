package custody

import (
	"maps"
	"slices"
)

// TokenState is where a token is; it follows from its [Condition].
type TokenState string

// The states. docs/custody.md draws how a token goes from one to another.
const (
	InSafe          TokenState = "in_safe"
	HandedOver      TokenState = "handed_over" // given, not yet accepted
	Held            TokenState = "held"
	ReturnOffered   TokenState = "return_offered"
	PINLocked       TokenState = "pin_locked"       // by wrong tries; at its custodian or in the safe
	RecoveryAsked   TokenState = "recovery_asked"   // by form 06
	Blocked         TokenState = "blocked"          // reported lost, misplaced or suspected, or written off
	RevocationAsked TokenState = "revocation_asked" // by form 05
	Revoked         TokenState = "revoked"          // its certificate is, by CRL, OCSP or the paper of the CA
	Retired         TokenState = "retired"
)

// TokenStates lists all of them, in the order of a token's life.
var TokenStates = []TokenState{InSafe, HandedOver, Held, ReturnOffered, PINLocked, RecoveryAsked, Blocked, RevocationAsked, Revoked, Retired}

// Stopped reports whether nobody signs with the token, wherever it is, until it is
// cleared or for good.
func (s TokenState) Stopped() bool {
	return s == Blocked || s == RevocationAsked || s == Revoked || s == Retired
}

// Condition is what a token's state follows from.
type Condition struct {
	Retired         bool
	Reported        bool // an incident is open
	WrittenOff      bool
	RevocationAsked bool      // by a step of an open incident
	Revoked         bool      // its certificates, as a step of an open incident says
	Offer           *HandOver // the open one
	PIN             PINStep   // the latest
	Custody         *Custody  // the present one; nil = in the safe
}

// StateOf derives the state. What forbids most outweighs the rest: retirement,
// then a report, then an offer that is open, then a locked PIN.
func StateOf(c Condition) TokenState {
	blocked := c.Reported || c.WrittenOff
	switch {
	case c.Retired:
		return Retired
	case blocked && c.Revoked:
		return Revoked
	case blocked && c.RevocationAsked:
		return RevocationAsked
	case blocked:
		return Blocked
	case c.Offer != nil && c.Offer.Kind == Return:
		return ReturnOffered
	case c.Offer != nil:
		return HandedOver
	case c.PIN == PINStepLocked:
		return PINLocked
	case c.PIN == PINStepAsked:
		return RecoveryAsked
	case c.Custody != nil:
		return Held
	}
	return InSafe
}

// TokenStep is what may happen to a token.
type TokenStep string

// The steps.
const (
	TokenOffer         TokenStep = "offer"          // to a person
	TokenOfferReturn   TokenStep = "offer_return"   // into the safe
	TokenAccept        TokenStep = "accept"         // by the person
	TokenAcceptReturn  TokenStep = "accept_return"  // into the safe
	TokenDecline       TokenStep = "decline"        // either kind of offer
	TokenWithdraw      TokenStep = "withdraw"       // either kind of offer
	TokenLockPIN       TokenStep = "lock_pin"       // the PIN is found locked
	TokenAskRecovery   TokenStep = "ask_recovery"   // form 06
	TokenRecover       TokenStep = "recover"        // the PIN works again
	TokenReport        TokenStep = "report"         // lost, misplaced, suspected
	TokenWriteOff      TokenStep = "write_off"      // its custodian left and does not bring it back
	TokenClear         TokenStep = "clear"          // found, and cleared by the principal's decision
	TokenAskRevocation TokenStep = "ask_revocation" // form 05
	TokenRevoke        TokenStep = "revoke"         // the certificate is revoked: confirmed
	TokenRetire        TokenStep = "retire"         // out of use for good
	TokenClose         TokenStep = "close"          // the incident's track is at its end: out of use, too
)

// TokenSteps lists all of them.
var TokenSteps = []TokenStep{TokenOffer, TokenOfferReturn, TokenAccept, TokenAcceptReturn, TokenDecline, TokenWithdraw, TokenLockPIN, TokenAskRecovery, TokenRecover,
	TokenReport, TokenWriteOff, TokenClear, TokenAskRevocation, TokenRevoke, TokenRetire, TokenClose}

// What a step may come to when the state before it lay under another one: a token
// comes back from a declined offer with its PIN as locked as it was.
var (
	atRest    = []TokenState{InSafe, Held, PINLocked, RecoveryAsked}
	inTheSafe = []TokenState{InSafe, PINLocked, RecoveryAsked}
	cleared   = []TokenState{InSafe, HandedOver, Held, ReturnOffered, PINLocked, RecoveryAsked, Blocked, RevocationAsked, Revoked}
	blocked   = []TokenState{Blocked}
	asked     = []TokenState{RevocationAsked}
	revoked   = []TokenState{Revoked}
	retired   = []TokenState{Retired}
)

// transitions is the life of a token: to each state its steps, and to each step
// the states it may come to. A step that is not here can't be taken. Who may take
// one, and under which further conditions, the rules of each step say (CanOffer …).
var transitions = map[TokenState]map[TokenStep][]TokenState{
	InSafe: {
		TokenOffer:  {HandedOver},
		TokenReport: blocked,
		TokenRetire: retired,
		// A token is found locked when somebody tries it before it is given out.
		TokenLockPIN: {PINLocked},
	},
	HandedOver: {
		TokenAccept:   {Held},
		TokenDecline:  {InSafe, Held},
		TokenWithdraw: {InSafe, Held},
		TokenReport:   blocked,
		TokenWriteOff: blocked,
	},
	Held: {
		TokenOffer:       {HandedOver},
		TokenOfferReturn: {ReturnOffered},
		TokenLockPIN:     {PINLocked},
		TokenReport:      blocked,
		TokenWriteOff:    blocked,
	},
	ReturnOffered: {
		TokenAcceptReturn: inTheSafe,
		TokenDecline:      atRest,
		TokenWithdraw:     atRest,
		TokenReport:       blocked,
		TokenWriteOff:     blocked,
	},
	PINLocked: {
		TokenAskRecovery: {RecoveryAsked},
		TokenOfferReturn: {ReturnOffered},
		TokenReport:      blocked,
		TokenWriteOff:    blocked,
		TokenRetire:      retired,
	},
	RecoveryAsked: {
		TokenRecover:     {Held, InSafe},
		TokenOfferReturn: {ReturnOffered},
		TokenReport:      blocked,
		TokenWriteOff:    blocked,
		TokenRetire:      retired,
	},
	// What is blocked may come back to the safe, and goes nowhere else; and it can
	// be reported once more, since a report is never refused.
	Blocked: {
		TokenReport:        blocked,
		TokenWriteOff:      blocked,
		TokenOfferReturn:   blocked,
		TokenAcceptReturn:  blocked,
		TokenDecline:       blocked,
		TokenWithdraw:      blocked,
		TokenClear:         cleared,
		TokenAskRevocation: asked,
		TokenRevoke:        revoked,
		TokenRetire:        retired,
	},
	// A second incident of the same token has a track of its own; what the first has
	// come to stays.
	RevocationAsked: {
		TokenAskRevocation: asked,
		TokenClear:         asked,
		TokenClose:         retired,
		TokenReport:        asked,
		TokenWriteOff:      asked,
		TokenOfferReturn:   asked,
		TokenAcceptReturn:  asked,
		TokenDecline:       asked,
		TokenWithdraw:      asked,
		TokenRevoke:        revoked,
		TokenRetire:        retired,
	},
	Revoked: {
		TokenAskRevocation: revoked,
		TokenRevoke:        revoked,
		TokenClear:         revoked,
		TokenClose:         retired,
		TokenReport:        revoked,
		TokenWriteOff:      revoked,
		TokenOfferReturn:   revoked,
		TokenAcceptReturn:  revoked,
		TokenDecline:       revoked,
		TokenWithdraw:      revoked,
		TokenRetire:        retired,
	},
	// Who finds a retired token misused says so.
	Retired: {
		TokenReport:        retired,
		TokenClear:         retired,
		TokenAskRevocation: retired,
		TokenRevoke:        retired,
		TokenClose:         retired,
	},
}

// Next returns the states that the step may come to, or says that a token in this
// state can't take it.
func Next(state TokenState, step TokenStep) ([]TokenState, error) {
	to, ok := transitions[state][step]
	if !ok {
		return nil, Conflict(ReasonStepNotAllowed, "token_state", string(state), "token_step", string(step))
	}
	return slices.Clone(to), nil
}

// StepsFrom lists what may happen to a token in that state.
func StepsFrom(state TokenState) []TokenStep {
	return slices.Sorted(maps.Keys(transitions[state]))
}
