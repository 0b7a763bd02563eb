// Command signagent signs PDFs with a USB token at a person's own desk, with the
// leave of the school's custody service, and checks signed PDFs. It is flags and
// wiring; package signer/agent does the work. Exit status: 0 done; 1 refused or
// failed (the output says what); 2 wrong use; verify: 0 all TOTAL-PASSED, 3 any
// TOTAL-FAILED, 4 otherwise.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"sokyso/signer/preview"
	"sokyso/signer/token/worker"
)

// version is set by the linker.
var version = "unknown"

func main() {
	worker.RunIfAsked()
	preview.RunIfAsked()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
