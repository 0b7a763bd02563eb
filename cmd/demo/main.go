// Command demo runs a school's whole day on this machine, with real parts: a
// test certification authority with CRL, OCSP and TSA on loopback, four SoftHSM
// tokens, custodyd on SQLite, and a paired signagent for each person who holds a
// token. Every step of the story is carried out by the two programs that a
// school uses, and checked; then the service keeps running to be looked at.
//
// It is wiring around the programs, for people who want to see them work. It
// must not know how a signature or a log entry is made: whatever it checks, it
// checks from outside, with the programs' answers and with other people's tools.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
