package httpapi

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
)

// maxRequest bounds every request body; most operations have a smaller bound.
const maxRequest = 8 << 20

// routes is all that the service answers to.
func (s *server) routes() (http.Handler, error) {
	router := chi.NewRouter()
	router.Use(s.clientAddress(), s.observe, s.guard, s.sameOrigin(), limitBody, middleware.GetHead)
	always := func(err error) http.HandlerFunc {
		return s.identify(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answerError(w, r, err) })).ServeHTTP
	}
	router.NotFound(always(errNotFound))
	router.MethodNotAllowed(always(errMethod))

	var problem error
	router.Group(func(r chi.Router) {
		r.Use(s.identify)
		api := s.newAPI(r)
		s.operations(api)
		doc, err := document(api)
		problem = err
		r.Get(wire.PathOpenAPI, serveDocument(doc))
		r.Get("/api/docs", s.open(s.pageAPI(readable(api.OpenAPI()))))
		r.Get("/"+signinglog.CheckpointPath, s.serveCheckpoint)
		r.Get("/"+signinglog.CheckpointPath+"/witnessed", s.serveWitnessed)
		r.Get("/tile/*", s.serveTile)
		s.pageRoutes(r)
	})
	return router, problem
}

// pageRoutes are the pages, all of them.
func (s *server) pageRoutes(r chi.Router) {
	r.Get("/static/style.css", s.serveStyle)
	r.Get("/static/review.js", s.serveScript("static/review.js"))
	r.Get("/static/receipt.js", s.serveScript("static/receipt.js"))
	r.Get("/sign-in", s.open(s.pageSignIn))
	r.Post("/sign-in", s.open(s.doSignIn))
	r.Get("/sign-in/code", s.open(s.pageSignInCode))
	r.Post("/sign-in/code", s.open(s.doSignInCode))
	r.Post("/sign-out", s.open(s.doSignOut))
	r.Post("/language", s.open(s.doLanguage))
	r.Get("/password", s.page(s.pagePassword))
	r.Post("/password", s.page(s.doPassword))
	r.Get("/join/{secret}", s.open(s.pageJoin))
	r.With(s.limitPage(s.pairRate)).Post("/join/{secret}", s.open(s.doJoin))
	r.Get("/account-links", s.page(s.pageAccountLinks))
	r.Post("/account-links/{id}/confirm", s.page(s.doConfirmReset))
	r.Post("/account-links/{id}/withdraw", s.page(s.doWithdrawLink))
	r.Get("/program-keys", s.managers(s.pageProgramKeys))
	r.Post("/program-keys", s.managers(s.doMakeProgramKey))
	r.Post("/program-keys/{id}/end", s.managers(s.doEndProgramKey))
	r.Get("/sessions", s.page(s.pageSessions))
	r.Post("/sessions/end", s.page(s.doEndOtherSessions))
	r.Post("/sessions/{id}/end", s.page(s.doEndSession))
	r.Get("/second-factor", s.page(s.pageFactor))
	r.Get("/second-factor/qr.png", s.page(s.factorImage))
	r.Post("/second-factor", s.page(s.doConfirmFactor))
	r.Post("/second-factor/begin", s.page(s.doBeginFactor))
	r.Post("/second-factor/remove", s.page(s.doRemoveFactor))

	r.Get("/", s.page(s.pageHome))
	r.Get("/loss", s.page(s.pageLoss))
	r.Post("/loss", s.page(s.doLoss))
	r.Get("/loss/{id}", s.page(s.pageIncident))
	r.Get("/incidents", s.page(s.pageIncidents))
	r.Get("/incidents/{id}", s.page(s.pageIncident))
	r.Post("/incidents/{id}/steps", s.page(s.doIncidentStep))
	r.Post("/incidents/{id}/ask", s.page(s.doAskAuthority))
	r.Post("/incidents/{id}/reviews", s.page(s.doReview))
	r.Get("/check", s.open(s.pagePublicCheck))
	r.Get("/check/receipt", s.open(s.pageCheckReceipt))
	r.With(s.limitPage(s.checkRate)).Post("/check", s.open(s.doPublicCheck))
	r.With(s.limitPage(s.checkRate)).Get("/check/s/{id}", s.open(s.pageCheckSignature))
	r.Get("/report-loss", s.open(s.pageReportLoss))
	r.With(s.limitPage(s.alarmRate)).Post("/report-loss", s.open(s.doReportLoss))
	r.Get("/report-loss/sent", s.open(s.pageReportLossSent))
	r.Get("/alarms", s.managers(s.pageAlarms))
	r.Post("/alarms/{id}/block", s.managers(s.doBlockByAlarm))
	r.Post("/alarms/{id}/dismiss", s.managers(s.doDismissAlarm))
	r.Get("/pairing", s.page(s.pagePairing))
	r.Post("/pairing", s.page(s.doPairing))

	r.Get("/pairing/{id}/end", s.page(s.pageEndPairing))
	r.Post("/pairing/{id}/end", s.page(s.doEndPairing))

	r.Get("/hand-overs", s.page(s.pageHandOvers))
	r.Get("/hand-overs/{id}", s.page(s.pageHandOver))
	r.Post("/hand-overs/{id}/accept", s.page(s.doAccept))
	r.Post("/hand-overs/{id}/decline", s.doHandOver("hand_over.declined", s.store.DeclineHandOver))
	r.Post("/hand-overs/{id}/withdraw", s.doHandOver("hand_over.withdrawn", s.store.WithdrawHandOver))
	r.Get("/tokens/{id}/hand-over", s.page(s.pageOffer))
	r.Post("/tokens/{id}/hand-over", s.page(s.doOffer))
	r.Get("/tokens/{id}/pin", s.page(s.pagePIN))
	r.Post("/tokens/{id}/pin", s.page(s.doPIN))

	r.Get("/documents", s.page(s.pageDocuments))
	r.Get("/documents/new", s.page(s.pageNewDocument))
	r.Post("/documents/new", s.page(s.doNewDocument))
	r.Get("/documents/{id}", s.page(s.pageDocument))
	r.Get("/documents/{id}/file", s.page(s.downloadDocument))
	r.Post("/documents/{id}/open", s.page(s.doOpenDocument))
	r.Get("/documents/{id}/decline", s.page(s.pageEndDocument))
	r.Post("/documents/{id}/decline", s.page(s.doEndDocument))
	r.Get("/documents/{id}/withdraw", s.page(s.pageEndDocument))
	r.Post("/documents/{id}/withdraw", s.page(s.doEndDocument))
	r.Get("/support", s.page(s.pageSupportRequests))
	r.Get("/support/new", s.page(s.pageNewSupport))
	r.Post("/support", s.page(s.doNewSupport))
	r.Get("/support/{id}", s.page(s.pageSupport))
	r.Post("/support/{id}/steps", s.page(s.doSupportStep))

	r.Get("/settings", s.managers(s.pageSettings))
	r.Post("/settings", s.managers(s.doSettings))

	r.Get("/checks", s.page(s.pageChecks))
	r.Get("/checks/new", s.managers(s.pageNewCheck))
	r.Post("/checks", s.managers(s.doNewCheck))
	r.Get("/checks/{id}", s.page(s.pageCheck))
	r.Post("/checks/{id}/steps", s.page(s.doCheckStep))
	r.Get("/checks/{id}/close", s.managers(s.pageCloseCheck))
	r.Post("/checks/{id}/close", s.managers(s.doCloseCheck))

	r.Get("/notices", s.page(s.pageNotices))
	r.Post("/notices/read", s.page(s.doReadNotices))
	r.Post("/notices/{id}/read", s.page(s.doReadNotice))
	r.Get("/notices/share", s.managers(s.pageShare))
	r.Get("/background", s.managers(s.pageBackground))
	r.Post("/background/deliveries/{id}/retry", s.managers(s.doRetryDelivery))
	r.Get("/papers", s.page(s.pagePapers))
	r.Get("/papers/register", s.page(s.downloadRegister))
	r.Get("/papers/new", s.page(s.pageNewPaper))
	r.Post("/papers/new", s.page(s.doNewPaper))
	r.Get("/papers/{id}", s.page(s.pagePaper))
	r.Get("/papers/{id}/file", s.page(s.downloadPaper))
	r.Post("/papers/{id}/signed", s.page(s.doKeepSigned))
	r.Get("/papers/{id}/signed/{signed}", s.page(s.downloadSigned))

	r.Get("/review", s.managers(s.pageReview))
	r.Get("/review/charts", s.page(s.pageCharts))
	r.Post("/review/seen", s.managers(s.doSeeEntries))
	r.Post("/review/finish", s.managers(s.doFinishReview))
	r.Post("/review/skip", s.managers(s.doSkipReview))
	r.Post("/log/{index}/review", s.page(s.doReviewStep))
	r.Get("/unlogged", s.managers(s.pageUnlogged))
	r.Post("/unlogged", s.managers(s.doUnlogged))

	r.Get("/log", s.page(s.pageLog))
	r.Post("/log/views", s.page(s.doSaveView))
	r.Post("/log/views/{id}/drop", s.page(s.doDropView))
	r.Get("/log/{index}", s.page(s.pageEntry))
	r.Get("/log/{index}/receipt", s.page(s.downloadReceipt))

	r.Get("/people", s.managers(s.pagePeople))
	r.Get("/people/new", s.managers(s.pageNewPerson))
	r.Post("/people", s.managers(s.doNewPerson))
	r.Get("/people/{id}", s.managers(s.pagePerson))
	r.Post("/people/{id}/positions", s.managers(s.doAddPosition))
	r.Post("/people/{id}/scopes", s.managers(s.doAddScope))
	r.Post("/people/{id}/invite", s.managers(s.doInvite))
	r.Post("/people/{id}/reset", s.managers(s.doAskReset))
	r.Post("/people/{id}/sessions/end", s.managers(s.doEndSessionsOf))
	r.Post("/people/{id}/second-factor/remove", s.managers(s.doRemoveFactorOf))
	r.Post("/people/{id}/erase", s.managers(s.doErasePerson))
	r.Get("/people/{id}/end", s.managers(s.pageEnd))
	r.Post("/people/{id}/end", s.managers(s.doEnd))
	r.Get("/tokens", s.managers(s.pageTokens))
	r.Get("/tokens/new", s.managers(s.pageNewToken))
	r.Post("/tokens", s.managers(s.doNewToken))
	r.Get("/tokens/{id}", s.page(s.pageToken))
	r.Post("/tokens/{id}/place", s.page(s.doPlace))
	r.Post("/tokens/{id}/certificates", s.managers(s.doAddCertificate))
	r.Get("/certificates", s.managers(s.pageCertificates))
	r.Post("/certificates/proposals/{id}", s.managers(s.doDecideCertificate))
	r.Get("/delegations", s.page(s.pageDelegations))
	r.Post("/delegations", s.managers(s.doAddDelegation))
	r.Get("/delegations/{id}/end", s.managers(s.pageEndDelegation))
	r.Post("/delegations/{id}/end", s.managers(s.doEndDelegation))
	r.Get("/tokens/{id}/retire", s.managers(s.pageRetire))
	r.Post("/tokens/{id}/retire", s.managers(s.doRetire))
	r.Get("/grants", s.managers(s.pageGrants))
}

// operations are the JSON API, all of it.
func (s *server) operations(api huma.API) {
	// Tries with secrets are limited by address, sign-in by name too.
	public(s, api, post("signIn", wire.PathSession, "Sign in with name and password").limited(s.addressRate), s.apiSignIn)
	private(s, api, get("whoAmI", wire.PathSession, "The signed-in person"), s.apiMe)
	public(s, api, operation{method: http.MethodDelete, name: "signOut", path: wire.PathSession, summary: "Sign out"}.silent(), s.apiSignOut)
	public(s, api, get("school", wire.PathSchool, "The school and the key of its log"), s.apiSchool)
	public(s, api, get("health", wire.PathHealth, "Whether the service can do its work"), s.apiHealth)

	public(s, api, post("pair", wire.PathPair, "Trade a one-time code for an API key").limited(s.pairRate), s.apiPair)
	inPerson(s, api, create("createPairingCode", wire.PathPairingCode, "A code for the person's next agent"), s.apiPairingCode)

	inPerson(s, api, get("myPairings", wire.PathMyPairings, "The person's agents"), s.apiMyPairings)
	inPerson(s, api, get("pairings", wire.PathPairings, "Somebody's agents"), s.apiPairings)
	inPerson(s, api, post("endPairing", wire.PathEndPairing, "End an agent's key, for good").silent(), s.apiEndPairing)

	private(s, api, get("people", wire.PathPeople, "All persons").readBy(custody.ScopeRegisters), s.apiPeople)
	inPerson(s, api, create("createPerson", wire.PathPeople, "Register a person"), s.apiCreatePerson)
	inPerson(s, api, post("addPosition", wire.PathPosition, "Give a person a position").silent(), s.apiAddPosition)
	inPerson(s, api, post("addScope", wire.PathScope, "Let a person sign kinds of documents").silent(), s.apiAddScope)

	inPerson(s, api, post("end", wire.PathEndings, "End a position, a scope or an account before its last day").silent(), s.apiEnd)

	private(s, api, get("tokens", wire.PathTokens, "Tokens that the person may see").readBy(custody.ScopeRegisters), s.apiTokens)
	inPerson(s, api, create("registerToken", wire.PathTokens, "Register a token with its certificate"), s.apiRegisterToken)
	private(s, api, get("myTokens", wire.PathMyTokens, "Tokens that the person holds"), s.apiMyTokens)

	private(s, api, get("certificates", wire.PathCertificates, "Certificates of the tokens that the person may see").readBy(custody.ScopeRegisters), s.apiCertificates)
	inPerson(s, api, create("addCertificate", wire.PathAddCertificate, "Register a token's next certificate"), s.apiAddCertificate)
	private(s, api, get("certificateProposals", wire.PathProposals, "Certificates that agents read and nobody has confirmed"), s.apiProposals)
	private(s, api, post("proposeCertificate", wire.PathProposals, "Send the certificate read from the person's token"), s.apiProposeCertificate)
	inPerson(s, api, post("decideCertificate", wire.PathDecideProposal, "Confirm a proposed certificate, or drop it").silent(), s.apiDecideProposal)
	inPerson(s, api, post("placeToken", wire.PathPlacing, "Say where a token is kept").silent(), s.apiPlaceToken)
	private(s, api, get("timeline", wire.PathTimeline, "A token's life: custodies, steps, signatures a month").readBy(custody.ScopeRegisters), s.apiTimeline)
	private(s, api, get("staff", wire.PathStaff, "Who is what on a day, and holds what").readBy(custody.ScopeRegisters), s.apiStaff)
	private(s, api, get("delegations", wire.PathDelegations, "Papers by which the head has somebody sign").readBy(custody.ScopeRegisters), s.apiDelegations)
	inPerson(s, api, create("delegate", wire.PathDelegations, "Register such a paper"), s.apiDelegate)
	inPerson(s, api, post("endDelegation", wire.PathDelegationEnded, "End a delegation before its last day").silent(), s.apiEndDelegation)

	private(s, api, get("handOvers", wire.PathHandOvers, "Open hand-overs of the person"), s.apiHandOvers)
	inPerson(s, api, create("offerHandOver", wire.PathHandOvers, "Offer a token to a person, or back to the safe"), s.apiOfferHandOver)
	private(s, api, get("handOver", wire.PathHandOver, "One hand-over"), s.apiHandOver)
	inPerson(s, api, post("acceptHandOver", wire.PathAccept, "Confirm that the token was received"), s.apiAccept)
	inPerson(s, api, post("declineHandOver", wire.PathDecline, "Say that the token was not received"), decideHandOver(s.store.DeclineHandOver))
	inPerson(s, api, post("withdrawHandOver", wire.PathWithdraw, "Take an offer back"), decideHandOver(s.store.WithdrawHandOver))

	private(s, api, get("overdueHandOvers", wire.PathOverdue, "Temporary hand-overs past their last day").readBy(custody.ScopeRegisters), s.apiOverdue)
	private(s, api, post("confirmHandOver", wire.PathConfirm, "A side's signature over a hand-over; the receiver's accepts it"), s.apiConfirm)

	private(s, api, post("stepPIN", wire.PathPINSteps, "A PIN is locked, its recovery was asked, or it works again").silent(), s.apiStepPIN)
	inPerson(s, api, post("retireToken", wire.PathRetire, "Take a token out of use for good").silent(), s.apiRetire)
	inPerson(s, api, post("writeOffToken", wire.PathWriteOff, "Write a token off that its custodian does not bring back: blocks it").silent(), s.apiWriteOff)

	private(s, api, get("incidents", wire.PathIncidents, "Reported losses").readBy(custody.ScopeRegisters), s.apiIncidents)
	private(s, api, create("reportIncident", wire.PathIncidents, "Report a loss: blocks the token at once"), s.apiReportIncident)
	private(s, api, get("incident", wire.PathIncident, "A reported loss with its track").readBy(custody.ScopeRegisters), s.apiIncident)
	inPerson(s, api, post("recordStep", wire.PathIncidentSteps, "Record a step of an incident's track"), s.apiIncidentStep)
	inPerson(s, api, post("reviewSignature", wire.PathIncidentReviews, "Say whether a doubtful signature is genuine").silent(), s.apiReview)
	inPerson(s, api, post("askAuthority", wire.PathAskAuthority, "Ask the authority now whether the certificate is revoked"), s.apiAskAuthority)
	private(s, api, get("incidentDeadlines", wire.PathIncidentDeadlines, "What is due for open incidents and not done"), s.apiIncidentDeadlines)
	public(s, api, post("checkDocument", wire.PathCheckDocument, "What the school says of a signed PDF, without a sign-in; it is not kept").taking("application/pdf").upTo(maxPublicFile+1<<20).limited(s.checkRate), s.apiCheckDocument)
	public(s, api, post("raiseAlarm", wire.PathAlarms, "Tell of a loss without a sign-in: blocks nothing, is shown to who manages the register").silent().upTo(maxAlarm).limited(s.alarmRate), s.apiRaiseAlarm)
	private(s, api, get("alarms", wire.PathAlarms, "What was told without a sign-in"), s.apiAlarms)
	inPerson(s, api, post("blockByAlarm", wire.PathBlockByAlarm, "Block the token that an alarm is about"), s.apiBlockByAlarm)
	inPerson(s, api, post("dismissAlarm", wire.PathDismissAlarm, "Say why an alarm is none").silent(), s.apiDismissAlarm)

	private(s, api, create("requestGrant", wire.PathGrants, "Ask leave for one signature").upTo(maxGrantBody), s.apiRequestGrant)
	private(s, api, get("unconfirmedGrants", wire.PathGrants, "Grants of which nothing was heard"), s.apiUnconfirmedGrants)
	private(s, api, post("recordSignature", wire.PathRecord, "Report the finished signature of a grant").upTo(maxGrantBody), s.apiRecord)
	private(s, api, post("abandonGrant", wire.PathAbandon, "Report that nothing was signed under a grant").silent(), s.apiAbandon)
	private(s, api, post("requestGrants", wire.PathBulkGrants, "Ask leave for up to 200 signatures, each with its own outcome").upTo(maxBulkBody), s.apiBulkGrants)
	private(s, api, post("recordSignatures", wire.PathBulkRecords, "Report the finished signatures of up to 200 grants").upTo(maxBulkBody), s.apiBulkRecords)
	private(s, api, post("abandonGrants", wire.PathBulkAbandons, "Report of up to 200 grants that nothing was signed under them"), s.apiBulkAbandons)

	private(s, api, get("notices", wire.PathNotices, "What the person was told, newest first"), s.apiNotices)
	private(s, api, post("readNotice", wire.PathReadNotice, "Mark a notice as read").silent(), s.apiReadNotice)
	private(s, api, post("readNotices", wire.PathReadNotices, "Mark all notices up to one as read").silent(), s.apiReadNotices)
	inPerson(s, api, get("background", wire.PathBackground, "Work in the background, and messages that could not be sent"), s.apiBackground)
	inPerson(s, api, post("retryDelivery", wire.PathRetryDelivery, "Try a message again that was given up").silent(), s.apiRetryDelivery)

	private(s, api, create("createChallenge", wire.PathChallenges, "A challenge by which the custodian proves to have a token"), s.apiCreateChallenge)
	private(s, api, post("provePossession", wire.PathPossession, "Answer a challenge, once"), s.apiProve)

	private(s, api, get("documents", wire.PathDocuments, "Documents that the person has to do with, or that wait for their signature"), s.apiDocuments)
	private(s, api, create("submitDocument", wire.PathDocuments, "Submit a document to be signed by named people in an order"), s.apiSubmitDocument)
	private(s, api, get("document", wire.PathDocument, "One document"), s.apiDocument)
	private(s, api, create("sendDocumentFile", wire.PathDocumentFiles, "Send the PDF of a document, up to 50 MB; it is kept for a day unless a document names it").taking("application/pdf"), s.apiStageFile)
	private(s, api, get("documentFile", wire.PathDocumentFile, "The PDF as it waits").file("application/pdf"), s.apiDocumentFile)
	private(s, api, post("fetchDocument", wire.PathDocumentFetch, "Take a document in hand, by an agent"), s.apiFetchDocument)
	private(s, api, post("sendSigned", wire.PathDocumentSigned, "Send the signed PDF of a document; the signature is in the log already").taking("application/pdf"), s.apiTakeSigned)
	private(s, api, post("declineDocument", wire.PathDocumentDecline, "Say why a document is not signed"), s.apiDeclineDocument)
	private(s, api, post("withdrawDocument", wire.PathDocumentWithdraw, "Take a document back"), s.apiWithdrawDocument)
	inPerson(s, api, create("createTicket", wire.PathDocumentTickets, "A ticket by which one of the person's agents opens the document, once"), s.apiCreateTicket)
	private(s, api, post("tradeTicket", wire.PathTickets, "Trade a ticket, or its code, for the document, by an agent").limited(s.pairRate), s.apiTradeTicket)
	private(s, api, get("supportRequests", wire.PathSupportRequests, "Requests to the provider that the person may see"), s.apiSupportRequests)
	inPerson(s, api, create("askSupport", wire.PathSupportRequests, "Ask the provider's help for a token"), s.apiAskSupport)
	private(s, api, get("supportRequest", wire.PathSupportRequest, "One request with its history"), s.apiSupportRequest)
	inPerson(s, api, post("stepSupport", wire.PathSupportSteps, "Note that a request was sent, answered, solved, refused or withdrawn"), s.apiStepSupport)

	private(s, api, get("settings", wire.PathSettings, "Rules that the school sets"), s.apiSettings)
	inPerson(s, api, post("changeSettings", wire.PathSettings, "Set rules, all that are named or none"), s.apiChangeSettings)

	private(s, api, get("checks", wire.PathChecks, "Custody checks that concern the person").readBy(custody.ScopeRegisters), s.apiChecks)
	inPerson(s, api, create("openCheck", wire.PathChecks, "Open a custody check of all tokens"), s.apiOpenCheck)
	private(s, api, get("check", wire.PathCheck, "One custody check with its tokens").readBy(custody.ScopeRegisters), s.apiCheck)
	inPerson(s, api, post("stepCheck", wire.PathCheckSteps, "Note that a token was seen, is not at hand, or is excused"), s.apiStepCheck)
	inPerson(s, api, post("closeCheck", wire.PathCheckClose, "Fix the result of a custody check"), s.apiCloseCheck)

	private(s, api, get("papers", wire.PathPapers, "Official papers that the person may see").readBy(custody.ScopeRegisters), s.apiPapers)
	private(s, api, get("register", wire.PathRegister, "A register of signatures or outgoing documents as XLSX or CSV").file("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv").readBy(custody.ScopeRegisters), s.apiRegister)
	inPerson(s, api, create("issuePaper", wire.PathPapers, "Issue an official paper"), s.apiIssuePaper)
	inPerson(s, api, post("draftPaper", wire.PathPaperDrafts, "What a paper would hold, with its next number"), s.apiDraftPaper)
	inPerson(s, api, post("previewPaper", wire.PathPaperPreviews, "The PDF of a paper before it is issued").file("application/pdf"), s.apiPreviewPaper)
	private(s, api, get("paper", wire.PathPaper, "One paper with its signed copies"), s.apiPaper)
	private(s, api, get("paperFile", wire.PathPaperFile, "The PDF of a paper, made anew and compared with the log").file("application/pdf"), s.apiPaperFile)
	private(s, api, create("keepSignedPaper", wire.PathPaperSigned, "Keep a signed copy of a paper").taking("application/pdf").upTo(maxTransfer), s.apiKeepSigned)
	private(s, api, get("signedPaperFile", wire.PathPaperSigned, "A signed copy, byte for byte").file("application/pdf"), s.apiSignedFile)

	private(s, api, get("review", wire.PathReview, "What is new in the log since the last review, and wants a look"), s.apiReviewOfLog)
	private(s, api, post("stepReview", wire.PathReviewSteps, "Say of entries that they were seen, ask, answer, flag, settle").silent(), s.apiReviewStep)
	inPerson(s, api, post("finishReview", wire.PathReviewEnd, "End the review of a span of entries").silent(), s.apiFinishReview)
	private(s, api, post("findSignatures", wire.PathUnlogged, "Hold up to 200 signatures found in documents against the log").upTo(maxBulkBody), s.apiFindSignatures)

	public(s, api, get("checkpoint", wire.PathCheckpoint, "The log's latest checkpoint, a C2SP signed note").file("text/plain"), s.apiCheckpoint)
	private(s, api, post("seeCheckpoint", wire.PathSeen, "Hold the log against a checkpoint that an agent has seen").silent().readBy(custody.ScopeWitness), s.apiSeeCheckpoint)
	private(s, api, get("entries", wire.PathEntries, "Entries that the person may see").readBy(custody.ScopeLog), s.apiEntries)
	private(s, api, get("entry", wire.PathEntry, "One entry").readBy(custody.ScopeLog), s.apiEntry)
	private(s, api, get("receipt", wire.PathReceipt, "Proof that the entry is in the log as it is now").readBy(custody.ScopeLog), s.apiReceipt)
	private(s, api, get("standing", wire.PathStanding, "What the register knows of a signature, its token's custody and losses"), s.apiStanding)
	private(s, api, get("inclusionProof", wire.PathInclusion, "RFC 6962 inclusion proof").readBy(custody.ScopeLog, custody.ScopeWitness), s.apiInclusion)
	private(s, api, get("consistencyProof", wire.PathConsistency, "RFC 6962 consistency proof").readBy(custody.ScopeLog, custody.ScopeWitness), s.apiConsistency)
}

// clientAddress finds out whose request it is, for limits and the request log.
func (s *server) clientAddress() func(http.Handler) http.Handler {
	if len(s.proxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	prefixes := make([]string, len(s.proxies))
	for i, prefix := range s.proxies {
		prefixes[i] = prefix.String()
	}
	return middleware.ClientIPFromXFF(prefixes...)
}

// sameOrigin refuses what a page of another site sends in a signed-in person's
// name (Sec-Fetch-Site, Origin). Programs send neither header and pass.
func (s *server) sameOrigin() func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answerError(w, r, errForeignPage) }))
	return protection.Handler
}

func limitBody(next http.Handler) http.Handler {
	most, files := http.MaxBytesHandler(next, maxRequest), http.MaxBytesHandler(next, maxTransfer)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isTransfer(r.URL.Path) {
			files.ServeHTTP(w, r)
			return
		}
		most.ServeHTTP(w, r)
	})
}

func serveDocument(doc []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write(doc); err != nil {
			requestOf(r.Context()).err = errors.Join(requestOf(r.Context()).err, err)
		}
	}
}
