// Command tokenworker runs a PKCS#11 module for another program, over its standard
// input and output: it is package signer/token/worker and nothing else. signagent is
// its own worker; this one is built for 32-bit Windows, where a 64-bit program can't
// load what many vendors install. It must know nothing of files, services or people.
package main

import (
	"fmt"
	"os"

	"sokyso/signer/token/worker"
)

func main() {
	worker.RunIfAsked()
	fmt.Fprintln(os.Stderr, "tokenworker: signagent starts this program by itself; there is nothing else to do with it")
	os.Exit(2)
}
