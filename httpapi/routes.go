package httpapi

import (
	"errors"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// maxRequest bounds every request body; most operations have a smaller bound.
const maxRequest = 8 << 20

// newRouter is all that the service answers to: one router for all schools, whose layers and
// handlers take the school's server from the request.
func (s *Site) newRouter() (*chi.Mux, error) {
	router := chi.NewRouter()
	router.Use(each((*server).address), each((*server).observe), each((*server).guard), each((*server).sameOrigin), limitBody, middleware.GetHead)
	always := func(err error) http.HandlerFunc {
		told := answer(func(s *server, w http.ResponseWriter, r *http.Request) { s.answerError(w, r, err) })
		return each((*server).identify)(told).ServeHTTP
	}
	router.NotFound(always(errNotFound))
	router.MethodNotAllowed(always(errMethod))

	var problem error
	router.Group(func(r chi.Router) {
		r.Use(each((*server).identify), each((*server).takeIn))
		bodies := &bodies{}
		api := s.newAPI(r, bodies)
		s.operations(api)
		bodies.learn(api.OpenAPI().Components.Schemas)
		doc, err := document(api)
		problem = err
		r.Get(wire.PathOpenAPI, serveDocument(doc))
		r.Get("/api/docs", open(pageAPI(readable(api.OpenAPI()))))
		r.Get("/"+signinglog.CheckpointPath, answer((*server).serveCheckpoint))
		r.Get("/"+signinglog.CheckpointPath+"/witnessed", answer((*server).serveWitnessed))
		r.Get("/tile/*", answer((*server).serveTile))
		s.pageRoutes(r)
	})
	return router, problem
}

// each is a layer of the request's school.
func each(layer func(*server, http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return answer(func(s *server, w http.ResponseWriter, r *http.Request) { layer(s, next).ServeHTTP(w, r) })
	}
}

// answer is a handler of the request's school.
func answer(handle func(s *server, w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { handle(serverOf(r.Context()), w, r) }
}

// pageRoutes are the pages, all of them.
func (s *Site) pageRoutes(r chi.Router) {
	r.Get("/static/style.css", answer((*server).serveStyle))
	r.Get("/static/review.js", serveScript("static/review.js"))
	r.Get("/static/receipt.js", serveScript("static/receipt.js"))
	r.Get("/static/passkey.js", serveScript("static/passkey.js"))
	r.Get("/"+fieldScript, serveScript(fieldScript))
	r.Get("/static/token_sign_in.js", serveScript("static/token_sign_in.js"))
	r.Get("/sign-in/token", open((*server).pageTokenSignIn))
	r.With(limitPage(s.tokenSignInRate)).Post("/sign-in/token", open((*server).doTokenSignIn))
	r.Get("/sign-in/token/state", open((*server).tokenSignInState))
	r.Post("/sign-in/token/finish", open((*server).doFinishTokenSignIn))
	r.Get("/sign-in", open((*server).pageSignIn))
	r.Post("/sign-in", open((*server).doSignIn))
	r.Get("/sign-in/code", open((*server).pageSignInCode))
	r.Post("/sign-in/code", open((*server).doSignInCode))
	r.With(limitPage(s.passkeyRate)).Post("/sign-in/passkey", open((*server).doBeginPasskeySignIn))
	r.With(limitPage(s.passkeyRate)).Post("/sign-in/passkey/field", open((*server).doPasskeyField))
	r.Post("/sign-in/passkey/answer", open((*server).doPasskeySignIn))
	r.Post("/sign-out", open((*server).doSignOut))
	r.Post("/language", open((*server).doLanguage))
	r.Get(visitPath, open((*server).pageFromDepartment))
	r.With(limitPage(s.visitRate)).Post(visitPath, open((*server).doFromDepartment))
	r.Get("/schools", permitted(custody.ReadSchools, (*server).pageSchools))
	r.Get("/schools/{id}/enter", permitted(custody.ReadSchools, (*server).pageEnterSchool))
	r.With(limitPage(s.visitRate)).Post("/schools/{id}/enter", permitted(custody.ReadSchools, (*server).doEnterSchool))
	r.Get("/department", permitted(custody.Administer, (*server).pageDepartment))
	r.Post("/department", permitted(custody.Administer, (*server).doAdmit))
	r.Get("/password", page((*server).pagePassword))
	r.Post("/password", page((*server).doPassword))
	r.Get("/join/{secret}", open((*server).pageJoin))
	r.With(limitPage(s.pairRate)).Post("/join/{secret}", open((*server).doJoin))
	r.Get("/account-links", page((*server).pageAccountLinks))
	r.Post("/account-links/{id}/confirm", page((*server).doConfirmReset))
	r.Post("/account-links/{id}/withdraw", page((*server).doWithdrawLink))
	r.Get("/program-keys", permitted(custody.Administer, (*server).pageProgramKeys))
	r.Post("/program-keys", permitted(custody.Administer, (*server).doMakeProgramKey))
	r.Post("/program-keys/{id}/end", permitted(custody.Administer, (*server).doEndProgramKey))
	r.Get("/sessions", page((*server).pageSessions))
	r.Post("/sessions/end", page((*server).doEndOtherSessions))
	r.Post("/sessions/{id}/end", page((*server).doEndSession))
	r.Get("/passkeys", page((*server).pagePasskeys))
	r.Post("/passkeys", page((*server).doAddPasskey))
	r.Post("/passkeys/begin", page((*server).doBeginPasskey))
	r.Post("/passkeys/{id}/end", page((*server).doEndPasskey))
	r.Get("/second-factor", page((*server).pageFactor))
	r.Get("/second-factor/qr.png", page((*server).factorImage))
	r.Post("/second-factor", page((*server).doConfirmFactor))
	r.Post("/second-factor/begin", page((*server).doBeginFactor))
	r.Post("/second-factor/remove", page((*server).doRemoveFactor))

	r.Get("/", page((*server).pageHome))
	r.Get("/loss", page((*server).pageLoss))
	r.Post("/loss", page((*server).doLoss))
	r.Get("/loss/{id}", page((*server).pageIncident))
	r.Get("/incidents", page((*server).pageIncidents))
	r.Get("/incidents/{id}", page((*server).pageIncident))
	r.Post("/incidents/{id}/steps", page((*server).doIncidentStep))
	r.Post("/incidents/{id}/ask", page((*server).doAskAuthority))
	r.Post("/incidents/{id}/reviews", page((*server).doReview))
	r.Get("/check", open((*server).pagePublicCheck))
	r.Get("/check/receipt", open((*server).pageCheckReceipt))
	r.With(limitPage(s.checkRate)).Post("/check", open((*server).doPublicCheck))
	r.With(limitPage(s.checkRate)).Get("/check/s/{id}", open((*server).pageCheckSignature))
	r.Get("/report-loss", open((*server).pageReportLoss))
	r.With(limitPage(s.alarmRate)).Post("/report-loss", open((*server).doReportLoss))
	r.Get("/report-loss/sent", open((*server).pageReportLossSent))
	r.Get("/alarms", permitted(custody.ReadRegister, (*server).pageAlarms))
	r.Post("/alarms/{id}/block", permitted(custody.RunRegister, (*server).doBlockByAlarm))
	r.Post("/alarms/{id}/dismiss", permitted(custody.RunRegister, (*server).doDismissAlarm))
	r.Get("/pairing", page((*server).pagePairing))
	r.Post("/pairing", page((*server).doPairing))

	r.Get("/pairing/{id}/end", page((*server).pageEndPairing))
	r.Post("/pairing/{id}/end", page((*server).doEndPairing))

	r.Get("/hand-overs", page((*server).pageHandOvers))
	r.Get("/hand-overs/{id}", page((*server).pageHandOver))
	r.Post("/hand-overs/{id}/accept", page((*server).doAccept))
	r.Post("/hand-overs/{id}/decline", doHandOver("hand_over.declined", (*store.Store).DeclineHandOver))
	r.Post("/hand-overs/{id}/withdraw", doHandOver("hand_over.withdrawn", (*store.Store).WithdrawHandOver))
	r.Get("/tokens/{id}/hand-over", page((*server).pageOffer))
	r.Post("/tokens/{id}/hand-over", page((*server).doOffer))
	r.Get("/tokens/{id}/pin", page((*server).pagePIN))
	r.Post("/tokens/{id}/pin", page((*server).doPIN))

	r.Get("/documents", page((*server).pageDocuments))
	r.Get("/documents/new", page((*server).pageNewDocument))
	r.Post("/documents/new", page((*server).doNewDocument))
	r.Get("/documents/{id}", page((*server).pageDocument))
	r.Get("/documents/{id}/file", page((*server).downloadDocument))
	r.Post("/documents/{id}/open", page((*server).doOpenDocument))
	r.Get("/documents/{id}/decline", page((*server).pageEndDocument))
	r.Post("/documents/{id}/decline", page((*server).doEndDocument))
	r.Get("/documents/{id}/withdraw", page((*server).pageEndDocument))
	r.Post("/documents/{id}/withdraw", page((*server).doEndDocument))
	r.Get("/support", page((*server).pageSupportRequests))
	r.Get("/support/new", page((*server).pageNewSupport))
	r.Post("/support", page((*server).doNewSupport))
	r.Get("/support/{id}", page((*server).pageSupport))
	r.Post("/support/{id}/steps", page((*server).doSupportStep))

	r.Get("/access", page((*server).pageAccess))
	r.Post("/people/{id}/roles", permitted(custody.Administer, (*server).doGiveRole))
	r.Post("/people/{id}/roles/end", permitted(custody.Administer, (*server).doEndRole))
	r.Get("/settings", permitted(custody.RunRegister, (*server).pageSettings))
	r.Post("/settings", permitted(custody.RunRegister, (*server).doSettings))

	r.Get("/checks", page((*server).pageChecks))
	r.Get("/checks/new", permitted(custody.RunRegister, (*server).pageNewCheck))
	r.Post("/checks", permitted(custody.RunRegister, (*server).doNewCheck))
	r.Get("/checks/{id}", page((*server).pageCheck))
	r.Post("/checks/{id}/steps", page((*server).doCheckStep))
	r.Get("/checks/{id}/close", permitted(custody.RunRegister, (*server).pageCloseCheck))
	r.Post("/checks/{id}/close", permitted(custody.RunRegister, (*server).doCloseCheck))

	r.Get("/notices", page((*server).pageNotices))
	r.Post("/notices/read", page((*server).doReadNotices))
	r.Post("/notices/{id}/read", page((*server).doReadNotice))
	r.Get("/notices/share", permitted(custody.RunRegister, (*server).pageShare))
	r.Get("/background", permitted(custody.RunRegister, (*server).pageBackground))
	r.Post("/background/deliveries/{id}/retry", permitted(custody.RunRegister, (*server).doRetryDelivery))
	r.Get("/papers", page((*server).pagePapers))
	r.Get("/papers/register", page((*server).downloadRegister))
	r.Get("/papers/new", page((*server).pageNewPaper))
	r.Post("/papers/new", page((*server).doNewPaper))
	r.Get("/papers/{id}", page((*server).pagePaper))
	r.Get("/papers/{id}/file", page((*server).downloadPaper))
	r.Post("/papers/{id}/signed", page((*server).doKeepSigned))
	r.Get("/papers/{id}/signed/{signed}", page((*server).downloadSigned))

	r.Get("/review", permitted(custody.ReviewLog, (*server).pageReview))
	r.Get("/review/charts", page((*server).pageCharts))
	r.Post("/review/seen", permitted(custody.ReviewLog, (*server).doSeeEntries))
	r.Post("/review/finish", permitted(custody.ReviewLog, (*server).doFinishReview))
	r.Post("/review/skip", permitted(custody.ReviewLog, (*server).doSkipReview))
	r.Post("/log/{index}/review", page((*server).doReviewStep))
	r.Get("/unlogged", permitted(custody.ReviewLog, (*server).pageUnlogged))
	r.Post("/unlogged", permitted(custody.ReviewLog, (*server).doUnlogged))

	r.Get("/log", page((*server).pageLog))
	r.Post("/log/views", page((*server).doSaveView))
	r.Post("/log/views/{id}/drop", page((*server).doDropView))
	r.Get("/log/{index}", page((*server).pageEntry))
	r.Get("/log/{index}/receipt", page((*server).downloadReceipt))

	r.Get("/people", permitted(custody.ReadRegister, (*server).pagePeople))
	r.Get("/people/new", permitted(custody.RunRegister, (*server).pageNewPerson))
	r.Post("/people", permitted(custody.RunRegister, (*server).doNewPerson))
	r.Get("/people/{id}", permitted(custody.ReadRegister, (*server).pagePerson))
	r.Post("/people/{id}/positions", permitted(custody.RunRegister, (*server).doAddPosition))
	r.Post("/people/{id}/scopes", permitted(custody.RunRegister, (*server).doAddScope))
	r.Post("/people/{id}/invite", permitted(custody.RunRegister, (*server).doInvite))
	r.Post("/people/{id}/reset", permitted(custody.RunRegister, (*server).doAskReset))
	r.Post("/people/{id}/sessions/end", permitted(custody.RunRegister, (*server).doEndSessionsOf))
	r.Post("/people/{id}/second-factor/remove", permitted(custody.RunRegister, (*server).doRemoveFactorOf))
	r.Post("/people/{id}/passkeys/end", permitted(custody.RunRegister, (*server).doEndPasskeysOf))
	r.Post("/people/{id}/erase", permitted(custody.RunRegister, (*server).doErasePerson))
	r.Get("/people/{id}/end", permitted(custody.RunRegister, (*server).pageEnd))
	r.Post("/people/{id}/end", permitted(custody.RunRegister, (*server).doEnd))
	r.Get("/tokens", permitted(custody.ReadRegister, (*server).pageTokens))
	r.Get("/tokens/new", permitted(custody.RunRegister, (*server).pageNewToken))
	r.Post("/tokens", permitted(custody.RunRegister, (*server).doNewToken))
	r.Get("/tokens/{id}", page((*server).pageToken))
	r.Post("/tokens/{id}/place", page((*server).doPlace))
	r.Post("/tokens/{id}/certificates", permitted(custody.RunRegister, (*server).doAddCertificate))
	r.Get("/certificates", permitted(custody.ReadRegister, (*server).pageCertificates))
	r.Post("/certificates/proposals/{id}", permitted(custody.RunRegister, (*server).doDecideCertificate))
	r.Get("/delegations", page((*server).pageDelegations))
	r.Post("/delegations", permitted(custody.RunRegister, (*server).doAddDelegation))
	r.Get("/delegations/{id}/end", permitted(custody.RunRegister, (*server).pageEndDelegation))
	r.Post("/delegations/{id}/end", permitted(custody.RunRegister, (*server).doEndDelegation))
	r.Get("/tokens/{id}/retire", permitted(custody.RunRegister, (*server).pageRetire))
	r.Post("/tokens/{id}/retire", permitted(custody.RunRegister, (*server).doRetire))
	r.Get("/grants", permitted(custody.ReadRegister, (*server).pageGrants))
}

// operations are the JSON API, all of it.
func (s *Site) operations(api huma.API) {
	// Tries with secrets are limited by address, sign-in by name too.
	public(s, api, post("signIn", wire.PathSession, "Sign in with name and password").limited(s.addressRate), (*server).apiSignIn)
	private(s, api, get("whoAmI", wire.PathSession, "The signed-in person"), (*server).apiMe)
	public(s, api, operation{method: http.MethodDelete, name: "signOut", path: wire.PathSession, summary: "Sign out"}.silent(), (*server).apiSignOut)
	public(s, api, get("school", wire.PathSchool, "The school and the key of its log"), (*server).apiSchool)
	public(s, api, get("health", wire.PathHealth, "Whether the service can do its work"), (*server).apiHealth)
	public(s, api, get("ready", wire.PathReady, "Whether this service is to be sent requests: 503 while it stops, or its database does not answer"), (*server).apiReady)

	public(s, api, post("pair", wire.PathPair, "Trade a one-time code for an API key").limited(s.pairRate), (*server).apiPair)
	inPerson(s, api, create("createPairingCode", wire.PathPairingCode, "A code for the person's next agent").once(), (*server).apiPairingCode)

	inPerson(s, api, get("myPairings", wire.PathMyPairings, "The person's agents"), (*server).apiMyPairings)
	inPerson(s, api, get("pairings", wire.PathPairings, "Somebody's agents"), (*server).apiPairings)
	inPerson(s, api, post("endPairing", wire.PathEndPairing, "End an agent's key, for good").silent(), (*server).apiEndPairing)

	private(s, api, get("people", wire.PathPeople, "All persons").readBy(custody.ScopeRegisters), (*server).apiPeople)
	inPerson(s, api, create("createPerson", wire.PathPeople, "Register a person").once(), (*server).apiCreatePerson)
	inPerson(s, api, create("makeAccountLink", wire.PathPersonLinks, "Make a link by which a person sets their password").once(), (*server).apiMakeLink)
	inPerson(s, api, get("accountLinks", wire.PathAccountLinks, "Such links that are open or wait for a second person"), (*server).apiAccountLinks)
	inPerson(s, api, post("confirmReset", wire.PathConfirmReset, "Say, as a second person, that a forgotten password may be set anew").silent(), (*server).apiConfirmReset)
	inPerson(s, api, post("withdrawAccountLink", wire.PathWithdrawLink, "End a link unused").silent(), (*server).apiWithdrawLink)
	inPerson(s, api, post("addPosition", wire.PathPosition, "Give a person a position").silent(), (*server).apiAddPosition)
	inPerson(s, api, post("giveRole", wire.PathRole, "Make a person an admin, a reviewer, or one who reads for the department").silent(), (*server).apiGiveRole)
	inPerson(s, api, post("endRole", wire.PathRoleEnded, "End such a role").silent(), (*server).apiEndRole)
	inPerson(s, api, post("addScope", wire.PathScope, "Let a person sign kinds of documents").silent(), (*server).apiAddScope)

	inPerson(s, api, post("end", wire.PathEndings, "End a position, a scope or an account before its last day").silent(), (*server).apiEnd)

	private(s, api, get("tokens", wire.PathTokens, "Tokens that the person may see").readBy(custody.ScopeRegisters), (*server).apiTokens)
	inPerson(s, api, create("registerToken", wire.PathTokens, "Register a token with its certificate"), (*server).apiRegisterToken)
	private(s, api, get("myTokens", wire.PathMyTokens, "Tokens that the person holds"), (*server).apiMyTokens)

	private(s, api, get("certificates", wire.PathCertificates, "Certificates of the tokens that the person may see").readBy(custody.ScopeRegisters), (*server).apiCertificates)
	inPerson(s, api, create("addCertificate", wire.PathAddCertificate, "Register a token's next certificate"), (*server).apiAddCertificate)
	private(s, api, get("certificateProposals", wire.PathProposals, "Certificates that agents read and nobody has confirmed"), (*server).apiProposals)
	private(s, api, post("proposeCertificate", wire.PathProposals, "Send the certificate read from the person's token"), (*server).apiProposeCertificate)
	inPerson(s, api, post("decideCertificate", wire.PathDecideProposal, "Confirm a proposed certificate, or drop it").silent(), (*server).apiDecideProposal)
	inPerson(s, api, post("placeToken", wire.PathPlacing, "Say where a token is kept").silent(), (*server).apiPlaceToken)
	private(s, api, get("timeline", wire.PathTimeline, "A token's life: custodies, steps, signatures a month").readBy(custody.ScopeRegisters), (*server).apiTimeline)
	private(s, api, get("staff", wire.PathStaff, "Who is what on a day, and holds what").readBy(custody.ScopeRegisters), (*server).apiStaff)
	private(s, api, get("delegations", wire.PathDelegations, "Papers by which the head has somebody sign").readBy(custody.ScopeRegisters), (*server).apiDelegations)
	inPerson(s, api, create("delegate", wire.PathDelegations, "Register such a paper"), (*server).apiDelegate)
	inPerson(s, api, post("endDelegation", wire.PathDelegationEnded, "End a delegation before its last day").silent(), (*server).apiEndDelegation)

	private(s, api, get("handOvers", wire.PathHandOvers, "Open hand-overs of the person"), (*server).apiHandOvers)
	inPerson(s, api, create("offerHandOver", wire.PathHandOvers, "Offer a token to a person, or back to the safe"), (*server).apiOfferHandOver)
	private(s, api, get("handOver", wire.PathHandOver, "One hand-over"), (*server).apiHandOver)
	inPerson(s, api, post("acceptHandOver", wire.PathAccept, "Confirm that the token was received"), (*server).apiAccept)
	inPerson(s, api, post("declineHandOver", wire.PathDecline, "Say that the token was not received"), decideHandOver((*store.Store).DeclineHandOver))
	inPerson(s, api, post("withdrawHandOver", wire.PathWithdraw, "Take an offer back"), decideHandOver((*store.Store).WithdrawHandOver))

	private(s, api, get("overdueHandOvers", wire.PathOverdue, "Temporary hand-overs past their last day").readBy(custody.ScopeRegisters), (*server).apiOverdue)
	private(s, api, post("confirmHandOver", wire.PathConfirm, "A side's signature over a hand-over; the receiver's accepts it"), (*server).apiConfirm)

	private(s, api, post("stepPIN", wire.PathPINSteps, "A PIN is locked, its recovery was asked, or it works again").silent(), (*server).apiStepPIN)
	inPerson(s, api, post("retireToken", wire.PathRetire, "Take a token out of use for good").silent(), (*server).apiRetire)
	inPerson(s, api, post("writeOffToken", wire.PathWriteOff, "Write a token off that its custodian does not bring back: blocks it").silent(), (*server).apiWriteOff)

	private(s, api, get("incidents", wire.PathIncidents, "Reported losses").readBy(custody.ScopeRegisters), (*server).apiIncidents)
	private(s, api, create("reportIncident", wire.PathIncidents, "Report a loss: blocks the token at once"), (*server).apiReportIncident)
	private(s, api, get("incident", wire.PathIncident, "A reported loss with its track").readBy(custody.ScopeRegisters), (*server).apiIncident)
	inPerson(s, api, post("recordStep", wire.PathIncidentSteps, "Record a step of an incident's track"), (*server).apiIncidentStep)
	inPerson(s, api, post("reviewSignature", wire.PathIncidentReviews, "Say whether a doubtful signature is genuine").silent(), (*server).apiReview)
	inPerson(s, api, post("askAuthority", wire.PathAskAuthority, "Ask the authority now whether the certificate is revoked"), (*server).apiAskAuthority)
	private(s, api, get("incidentDeadlines", wire.PathIncidentDeadlines, "What is due for open incidents and not done"), (*server).apiIncidentDeadlines)
	public(s, api, post("checkDocument", wire.PathCheckDocument, "What the school says of a signed PDF, without a sign-in; it is not kept").taking("application/pdf").upTo(maxPublicFile+1<<20).limited(s.checkRate), (*server).apiCheckDocument)
	public(s, api, post("raiseAlarm", wire.PathAlarms, "Tell of a loss without a sign-in: blocks nothing, is shown to who manages the register").silent().upTo(maxAlarm).limited(s.alarmRate), (*server).apiRaiseAlarm)
	private(s, api, get("alarms", wire.PathAlarms, "What was told without a sign-in"), (*server).apiAlarms)
	inPerson(s, api, post("blockByAlarm", wire.PathBlockByAlarm, "Block the token that an alarm is about"), (*server).apiBlockByAlarm)
	inPerson(s, api, post("dismissAlarm", wire.PathDismissAlarm, "Say why an alarm is none").silent(), (*server).apiDismissAlarm)

	private(s, api, create("requestGrant", wire.PathGrants, "Ask leave for one signature").repeatable().upTo(maxGrantBody), (*server).apiRequestGrant)
	private(s, api, get("unconfirmedGrants", wire.PathGrants, "Grants of which nothing was heard"), (*server).apiUnconfirmedGrants)
	private(s, api, post("recordSignature", wire.PathRecord, "Report the finished signature of a grant").repeatable().upTo(maxGrantBody), (*server).apiRecord)
	private(s, api, post("abandonGrant", wire.PathAbandon, "Report that nothing was signed under a grant").repeatable().silent(), (*server).apiAbandon)
	private(s, api, post("requestGrants", wire.PathBulkGrants, "Ask leave for up to 200 signatures, each with its own outcome").repeatable().upTo(maxBulkBody), (*server).apiBulkGrants)
	private(s, api, post("recordSignatures", wire.PathBulkRecords, "Report the finished signatures of up to 200 grants").repeatable().upTo(maxBulkBody), (*server).apiBulkRecords)
	private(s, api, post("abandonGrants", wire.PathBulkAbandons, "Report of up to 200 grants that nothing was signed under them").repeatable(), (*server).apiBulkAbandons)

	private(s, api, get("notices", wire.PathNotices, "What the person was told, newest first"), (*server).apiNotices)
	private(s, api, post("readNotice", wire.PathReadNotice, "Mark a notice as read").silent(), (*server).apiReadNotice)
	private(s, api, post("readNotices", wire.PathReadNotices, "Mark all notices up to one as read").silent(), (*server).apiReadNotices)
	inPerson(s, api, get("background", wire.PathBackground, "Work in the background, and messages that could not be sent"), (*server).apiBackground)
	inPerson(s, api, post("retryDelivery", wire.PathRetryDelivery, "Try a message again that was given up").silent(), (*server).apiRetryDelivery)

	private(s, api, create("createChallenge", wire.PathChallenges, "A challenge by which the custodian proves to have a token"), (*server).apiCreateChallenge)
	private(s, api, post("provePossession", wire.PathPossession, "Answer a challenge, once"), (*server).apiProve)

	private(s, api, post("claimSignIn", wire.PathSignInClaims, "What the person's own token signs to sign a waiting browser in, by its code, by an agent").limited(s.pairRate), (*server).apiClaimSignIn)
	private(s, api, post("answerSignIn", wire.PathSignInAnswer, "The token's signature; the number that is answered is typed in the browser").repeatable(), (*server).apiAnswerSignIn)

	private(s, api, get("documents", wire.PathDocuments, "Documents that the person has to do with, or that wait for their signature"), (*server).apiDocuments)
	private(s, api, create("submitDocument", wire.PathDocuments, "Submit a document to be signed by named people in an order"), (*server).apiSubmitDocument)
	private(s, api, get("document", wire.PathDocument, "One document"), (*server).apiDocument)
	private(s, api, create("sendDocumentFile", wire.PathDocumentFiles, "Send the PDF of a document, up to 50 MB; it is kept for a day unless a document names it").taking("application/pdf"), (*server).apiStageFile)
	private(s, api, get("documentFile", wire.PathDocumentFile, "The PDF as it waits").file("application/pdf"), (*server).apiDocumentFile)
	private(s, api, post("fetchDocument", wire.PathDocumentFetch, "Take a document in hand, by an agent"), (*server).apiFetchDocument)
	private(s, api, post("sendSigned", wire.PathDocumentSigned, "Send the signed PDF of a document; the signature is in the log already").taking("application/pdf"), (*server).apiTakeSigned)
	private(s, api, post("declineDocument", wire.PathDocumentDecline, "Say why a document is not signed"), (*server).apiDeclineDocument)
	private(s, api, post("withdrawDocument", wire.PathDocumentWithdraw, "Take a document back"), (*server).apiWithdrawDocument)
	inPerson(s, api, create("createTicket", wire.PathDocumentTickets, "A ticket by which one of the person's agents opens the document, once").once(), (*server).apiCreateTicket)
	private(s, api, post("tradeTicket", wire.PathTickets, "Trade a ticket, or its code, for the document, by an agent").limited(s.pairRate), (*server).apiTradeTicket)
	private(s, api, get("supportRequests", wire.PathSupportRequests, "Requests to the provider that the person may see"), (*server).apiSupportRequests)
	inPerson(s, api, create("askSupport", wire.PathSupportRequests, "Ask the provider's help for a token"), (*server).apiAskSupport)
	private(s, api, get("supportRequest", wire.PathSupportRequest, "One request with its history"), (*server).apiSupportRequest)
	inPerson(s, api, post("stepSupport", wire.PathSupportSteps, "Note that a request was sent, answered, solved, refused or withdrawn"), (*server).apiStepSupport)

	private(s, api, get("settings", wire.PathSettings, "Rules that the school sets"), (*server).apiSettings)
	inPerson(s, api, post("changeSettings", wire.PathSettings, "Set rules, all that are named or none"), (*server).apiChangeSettings)

	private(s, api, get("checks", wire.PathChecks, "Custody checks that concern the person").readBy(custody.ScopeRegisters), (*server).apiChecks)
	inPerson(s, api, create("openCheck", wire.PathChecks, "Open a custody check of all tokens"), (*server).apiOpenCheck)
	private(s, api, get("check", wire.PathCheck, "One custody check with its tokens").readBy(custody.ScopeRegisters), (*server).apiCheck)
	inPerson(s, api, post("stepCheck", wire.PathCheckSteps, "Note that a token was seen, is not at hand, or is excused"), (*server).apiStepCheck)
	inPerson(s, api, post("closeCheck", wire.PathCheckClose, "Fix the result of a custody check"), (*server).apiCloseCheck)

	private(s, api, get("papers", wire.PathPapers, "Official papers that the person may see").readBy(custody.ScopeRegisters), (*server).apiPapers)
	private(s, api, get("register", wire.PathRegister, "A register of signatures or outgoing documents, or the report of a period, as XLSX or CSV, the report as PDF too").file("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv", "application/pdf").readBy(custody.ScopeRegisters), (*server).apiRegister)
	inPerson(s, api, create("issuePaper", wire.PathPapers, "Issue an official paper"), (*server).apiIssuePaper)
	inPerson(s, api, post("draftPaper", wire.PathPaperDrafts, "What a paper would hold, with its next number").repeatable(), (*server).apiDraftPaper)
	inPerson(s, api, post("previewPaper", wire.PathPaperPreviews, "The PDF of a paper before it is issued").repeatable().file("application/pdf"), (*server).apiPreviewPaper)
	private(s, api, get("paper", wire.PathPaper, "One paper with its signed copies"), (*server).apiPaper)
	private(s, api, get("paperFile", wire.PathPaperFile, "The PDF of a paper, made anew and compared with the log").file("application/pdf"), (*server).apiPaperFile)
	private(s, api, create("keepSignedPaper", wire.PathPaperSigned, "Keep a signed copy of a paper").taking("application/pdf").upTo(maxTransfer), (*server).apiKeepSigned)
	private(s, api, get("signedPaperFile", wire.PathPaperSigned, "A signed copy, byte for byte").file("application/pdf"), (*server).apiSignedFile)

	private(s, api, get("review", wire.PathReview, "What is new in the log since the last review, and wants a look"), (*server).apiReviewOfLog)
	private(s, api, post("stepReview", wire.PathReviewSteps, "Say of entries that they were seen, ask, answer, flag, settle").silent(), (*server).apiReviewStep)
	inPerson(s, api, post("finishReview", wire.PathReviewEnd, "End the review of a span of entries").silent(), (*server).apiFinishReview)
	private(s, api, post("findSignatures", wire.PathUnlogged, "Hold up to 200 signatures found in documents against the log").upTo(maxBulkBody), (*server).apiFindSignatures)

	public(s, api, get("checkpoint", wire.PathCheckpoint, "The log's latest checkpoint, a C2SP signed note").file("text/plain"), (*server).apiCheckpoint)
	private(s, api, post("seeCheckpoint", wire.PathSeen, "Hold the log against a checkpoint that an agent has seen").silent().readBy(custody.ScopeWitness), (*server).apiSeeCheckpoint)
	private(s, api, get("entries", wire.PathEntries, "Entries that the person may see").readBy(custody.ScopeLog), (*server).apiEntries)
	private(s, api, get("entry", wire.PathEntry, "One entry").readBy(custody.ScopeLog), (*server).apiEntry)
	private(s, api, get("receipt", wire.PathReceipt, "Proof that the entry is in the log as it is now").readBy(custody.ScopeLog), (*server).apiReceipt)
	private(s, api, get("standing", wire.PathStanding, "What the register knows of a signature, its token's custody and losses"), (*server).apiStanding)
	private(s, api, get("inclusionProof", wire.PathInclusion, "RFC 6962 inclusion proof").readBy(custody.ScopeLog, custody.ScopeWitness), (*server).apiInclusion)
	private(s, api, get("consistencyProof", wire.PathConsistency, "RFC 6962 consistency proof").readBy(custody.ScopeLog, custody.ScopeWitness), (*server).apiConsistency)
}

// address notes whose request it is, for limits and the request log.
func (s *server) address(next http.Handler) http.Handler { return s.clientAddress(next) }

// clientAddress is the layer that finds it out.
func clientAddress(proxies []netip.Prefix) func(http.Handler) http.Handler {
	if len(proxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	prefixes := make([]string, len(proxies))
	for i, prefix := range proxies {
		prefixes[i] = prefix.String()
	}
	return middleware.ClientIPFromXFF(prefixes...)
}

// sameOrigin refuses what a page of another site sends in a signed-in person's
// name (Sec-Fetch-Site, Origin). Programs send neither header and pass.
func (s *server) sameOrigin(next http.Handler) http.Handler { return s.origin.Handler(next) }

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
