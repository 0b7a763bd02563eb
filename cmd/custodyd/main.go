// Command custodyd is the custody service of a school: the pages, the JSON API and
// the signing log, on SQLite or PostgreSQL.
//
// It is wiring: flags, files, the listener, the way down. What the service does is
// in httpapi and custody. It is built without cgo and knows no token and no PDF.
//
//	custodyd init --school-name NAME --school-code CODE     a new school
//	custodyd user add --username U --name N --admin ...      the first admin
//	custodyd serve                                           pages and API
//
// The data folder (--data, default ./custody-data) holds custody.db unless
// --database names another register, log.key (the log's Ed25519 signer key; keep a
// copy in a safe place, never beside the database's backups) and log.mark (the
// high-water mark by which a restored database is found out).
//
// Exit status: 0 done; 1 refused or failed; 2 wrong use.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := takeCredentials(); err != nil {
		fmt.Fprintln(os.Stderr, "custodyd:", err)
		os.Exit(1)
	}
	os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
