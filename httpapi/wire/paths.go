package wire

// Paths of the JSON API. Those with %s or %d take the identifier named in the comment.
const (
	Prefix = "/api/v1"

	PathOpenAPI = "/api/openapi.json"
	PathHealth  = "/healthz"
	PathReady   = "/readyz" // GET, no sign-in: whether this very service is to be sent requests

	PathSession = Prefix + "/session" // POST sign in, GET who am I, DELETE sign out
	PathSchool  = Prefix + "/school"  // GET, no sign-in: name and log key

	PathPair        = Prefix + "/pair"         // POST, no sign-in: a one-time code becomes an API key
	PathPairingCode = Prefix + "/pairing-code" // POST: a code for the signed-in person's next agent

	PathMyPairings = Prefix + "/my/pairings"        // GET: the person's agents
	PathPairings   = Prefix + "/people/%s/pairings" // GET; person
	PathEndPairing = Prefix + "/pairings/%s/end"    // POST; pairing

	PathPeople    = Prefix + "/people"              // GET list, POST register
	PathPosition  = Prefix + "/people/%s/positions" // POST; person
	PathRole      = Prefix + "/people/%s/roles"     // POST; person
	PathRoleEnded = Prefix + "/people/%s/roles/end" // POST; person
	PathScope     = Prefix + "/people/%s/scopes"    // POST; person
	PathEndings   = Prefix + "/people/%s/endings"   // POST; person

	PathPersonLinks  = Prefix + "/people/%s/account-links"   // POST: a link to set the password; person
	PathAccountLinks = Prefix + "/account-links"             // GET
	PathConfirmReset = Prefix + "/account-links/%s/confirm"  // POST; link
	PathWithdrawLink = Prefix + "/account-links/%s/withdraw" // POST; link

	PathTokens    = Prefix + "/tokens"        // GET list, POST register
	PathMyTokens  = Prefix + "/my/tokens"     // GET
	PathHandOvers = Prefix + "/hand-overs"    // GET open ones of the actor, POST offer
	PathHandOver  = Prefix + "/hand-overs/%s" // GET; hand-over
	PathAccept    = Prefix + "/hand-overs/%s/accept"
	PathDecline   = Prefix + "/hand-overs/%s/decline"
	PathWithdraw  = Prefix + "/hand-overs/%s/withdraw"
	PathConfirm   = Prefix + "/hand-overs/%s/confirmation" // POST a side's signature; hand-over
	PathOverdue   = Prefix + "/hand-overs/overdue"         // GET temporary ones past their last day
	PathPINSteps  = Prefix + "/tokens/%s/pin-steps"        // POST; token
	PathRetire    = Prefix + "/tokens/%s/retirement"       // POST; token
	PathWriteOff  = Prefix + "/tokens/%s/write-off"        // POST; token
	PathIncidents = Prefix + "/incidents"                  // GET list, POST report a loss

	PathIncident          = Prefix + "/incidents/%s"         // GET with its track; incident
	PathIncidentSteps     = Prefix + "/incidents/%s/steps"   // POST; incident
	PathIncidentReviews   = Prefix + "/incidents/%s/reviews" // POST a signature's review; incident
	PathAskAuthority      = Prefix + "/incidents/%s/ask"     // POST; incident: is the certificate revoked?
	PathIncidentDeadlines = Prefix + "/incident-deadlines"   // GET those not met
	PathAlarms            = Prefix + "/alarms"               // GET list, POST without sign-in
	PathBlockByAlarm      = Prefix + "/alarms/%s/block"      // POST; alarm
	PathDismissAlarm      = Prefix + "/alarms/%s/dismiss"    // POST; alarm

	PathGrants  = Prefix + "/grants"            // POST ask, GET list (admin: unconfirmed ones)
	PathRecord  = Prefix + "/grants/%s/record"  // POST the finished signature; grant
	PathAbandon = Prefix + "/grants/%s/abandon" // POST; grant

	// Up to MaxBulk at once, each with its own outcome.
	PathBulkGrants   = Prefix + "/bulk/grants"       // POST ask
	PathBulkRecords  = Prefix + "/bulk/records"      // POST finished signatures
	PathBulkAbandons = Prefix + "/bulk/abandonments" // POST grants that were not used

	PathChallenges = Prefix + "/challenges"               // POST ask for one
	PathPossession = Prefix + "/challenges/%s/possession" // POST the proof; challenge

	PathDocuments        = Prefix + "/documents"                 // GET list (?waiting=true), POST submit
	PathDocument         = Prefix + "/documents/%s"              // GET; document
	PathDocumentFiles    = Prefix + "/document-files"            // POST a PDF that a submission then names
	PathDocumentFile     = Prefix + "/documents/%s/file"         // GET the PDF as it waits ?sha256=; document
	PathDocumentFetch    = Prefix + "/documents/%s/fetch"        // POST: the agent takes it in hand; document
	PathDocumentSigned   = Prefix + "/documents/%s/signed"       // POST the signed PDF ?entry=; document
	PathDocumentDecline  = Prefix + "/documents/%s/decline"      // POST; document
	PathDocumentWithdraw = Prefix + "/documents/%s/withdraw"     // POST; document
	PathDocumentTickets  = Prefix + "/documents/%s/tickets"      // POST: a ticket for one of the person's agents; document
	PathTickets          = Prefix + "/tickets"                   // POST: the agent trades a ticket or its code
	PathSupportRequests  = Prefix + "/support-requests"          // GET ?state=&kind=&token=, POST ask
	PathSupportRequest   = Prefix + "/support-requests/%s"       // GET; request
	PathSupportSteps     = Prefix + "/support-requests/%s/steps" // POST; request

	PathSettings = Prefix + "/settings" // GET, POST changes

	PathChecks     = Prefix + "/checks"          // GET list, POST open
	PathCheck      = Prefix + "/checks/%s"       // GET; check
	PathCheckSteps = Prefix + "/checks/%s/steps" // POST; check
	PathCheckClose = Prefix + "/checks/%s/close" // POST; check

	PathNotices        = Prefix + "/notices"                        // GET ?before=
	PathReadNotice     = Prefix + "/notices/%s/read"                // POST; notice
	PathReadNotices    = Prefix + "/notices/read"                   // POST: all up to one
	PathBackground     = Prefix + "/background"                     // GET: work in the background
	PathRetryDelivery  = Prefix + "/background/deliveries/%s/retry" // POST; delivery
	PathCheckSignature = "/check/s/%s"                              // by a grant's ID: the page about its signature, for QR codes
	PathCheckDocument  = Prefix + "/check"                          // POST a PDF, by anybody; it is not kept
	PathRegister       = Prefix + "/registers/%s"                   // GET ?from=&until=&format=: signatures, outgoing or report
	PathPapers         = Prefix + "/papers"                         // GET list ?kind=&hand_over=&incident=&token=&from=&until=, POST issue
	PathPaperDrafts    = Prefix + "/paper-drafts"                   // POST what a paper would hold
	PathPaperPreviews  = Prefix + "/paper-previews"                 // POST its PDF
	PathPaper          = Prefix + "/papers/%s"                      // GET; paper
	PathPaperFile      = Prefix + "/papers/%s/file"                 // GET the PDF; paper
	PathPaperSigned    = Prefix + "/papers/%s/signed"               // POST a signed PDF, GET one ?signed=; paper

	PathSignInClaims = Prefix + "/sign-ins/claims"    // POST the code of a waiting browser, by an agent
	PathSignInAnswer = Prefix + "/sign-ins/%s/answer" // POST the token's signature; sign-in

	PathReview      = Prefix + "/review"        // GET: what is new since the last review
	PathReviewSteps = Prefix + "/review/steps"  // POST: seen, asked, answered, flagged, settled
	PathReviewEnd   = Prefix + "/review/finish" // POST
	PathUnlogged    = Prefix + "/unlogged"      // POST signatures found in documents

	PathCheckpoint  = Prefix + "/log/checkpoint"         // GET, no sign-in, text/plain signed note
	PathSeen        = Prefix + "/log/seen"               // POST a checkpoint that the log does not extend
	PathEntries     = Prefix + "/log/entries"            // GET ?from=&limit=&type=&person=&token=
	PathEntry       = Prefix + "/log/entries/%d"         // GET; index
	PathReceipt     = Prefix + "/log/entries/%d/receipt" // GET; index
	PathStanding    = Prefix + "/log/standing"           // GET ?certificate=&digest=|sha256=&at=
	PathInclusion   = Prefix + "/log/proofs/inclusion"   // GET ?index=&size=
	PathConsistency = Prefix + "/log/proofs/consistency" // GET ?from=&to=
)

// Headers beside the standard ones.
const (
	// HeaderIdempotencyKey carries the client's own identifier of a request that
	// must take effect once however often it is sent: of each operation that changes
	// something for somebody signed in. With POST grants it is the request's id.
	HeaderIdempotencyKey = "Idempotency-Key"
)
