// Package agent is the desktop program's inside: it takes a batch of PDFs from
// the input files to signed files beside them, with the service's leave before
// each signature and the service's receipt after it.
//
// It must not know: how a PDF or a CMS is built (package signer does), how a
// PKCS#11 module is spoken to (the worker child process does), the rules of
// custody (the service decides; the agent only asks and believes what it can
// check). It never stores, logs or sends a PIN.
//
// # One signature
//
// Steps of a signature with the service, and what a crash after each means. A
// step marked * is durable (written and fsynced) before the next one starts.
//
//	prepare    the input is read once: SHA-256, checks, earlier signatures; and copied into the output's
//	           folder, without a name, where that can be
//	grant      the service's leave; the request carries the job's UUID
//	intent   * from here on the journal knows the job     -> nothing was handed out: clean up, abandon the grant
//	sign       PIN once, one C_Sign, own validation       -> the same
//	stage      the finished bytes in a temporary file     -> the same
//	signed   * the signature counts                       -> finish the rename
//	commit     the temporary file gets its final name     -> found in place: go on; moved by then: go on without it
//	committed* the output is there                        -> tell the service (again)
//	record     the service's receipt is checked           -> tell it again: it takes effect once
//	done     * receipt and checkpoint are stored          -> nothing
//
// Recovery walks the same code at every start, see [Open]. Without a service
// (standalone) there is no grant and no record; the rest is the same.
//
// # State folder
//
// Everything the agent keeps lies in one folder, mode 0700 (see [Home]):
//
//	pairing.json   service, API key, school, log key, person; mode 0600
//	checkpoint     the last signed checkpoint of the log: the agent is a witness
//	journal/       the journal, see below
//	lock           held by the one process that may write the above
//
// # Journal
//
// journal/journal is text, one entry a line, appended and fsynced:
//
//	sokyso agent journal 1
//	<crc32c of the JSON, 8 hex digits> <JSON of one entry>
//
// A torn tail (power cut while appending) is cut off when it is read; a damaged
// line before a good one is an error, nothing is signed until a person has
// looked at it. Settled jobs leave the file when it has grown.
//
// # Concurrency
//
// An [Agent] is used by one goroutine at a time; inside, a batch has several
// files in hand (pipeline.go). Between processes the lock decides: a second agent
// waits a while, then answers agent_busy.
//
// # Messages
//
// Every failure has a stable code and a sentence in Vietnamese and in English
// that says the next step; the sentences lie in locales/.
package agent
