// Package worker runs a PKCS#11 module in a child process: the same program,
// started again with the private argument "worker". A module that crashes, hangs,
// prints or forks takes only the child along. It offers what package token does,
// and nothing of a token's logic is here.
//
//	func main() {
//		worker.RunIfAsked() // first, before flags; in tests from TestMain
//		...
//		client, err := worker.Start(ctx, worker.Config{Module: path})
//		defer client.Close()
//		info, err := client.Open(ctx, token.ByName("5a8c2f10"))
//		err = client.Login(ctx, pin)
//		certificates, err := client.Certificates(ctx)
//		signer := client.Signer(certificates[0])
//
// # Life of the child
//
// One child serves one module and one open token. Calls are serialised, each with
// a deadline. When the deadline passes, or the call's context ends, the child is
// killed, since a PKCS#11 call can't be interrupted: ErrHang, or the context's
// error. A child that dies gives a *DiedError with the module's name and what it
// printed last. The next call starts a new child and opens the same token (by
// serial) again, but the login is lost: the answer to signing is then
// token.ErrLoginNeeded, until Login is called again. No PIN is remembered or sent
// a second time.
//
// The child exits when its standard input ends, also in the middle of a call that
// hangs; on Linux it gets SIGKILL when its parent dies. It leaves no core file.
//
// # Protocol
//
// One JSON object a line, a request with an id on the child's standard input and
// one answer with the same id on its standard output, strictly in turn; types
// request and response in protocol.go. At its start the child moves the two
// descriptors away from 0 and 1, so that nothing a module prints can get into an
// answer; what it prints goes to standard error, which the parent keeps the end of.
// A PIN travels in the request of login or sign only. Both sides zero the buffers
// that they had it in; the pipe inside the kernel can't be zeroed.
package worker
