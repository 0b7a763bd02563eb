// Package background is the work that nobody waits for: it derives notices from the
// log, sends them, reminds of what becomes due, and asks the authorities about the
// registered certificates. A [Runner] does it in the service, in any number of
// services on one register: each [Job] has a lease in the database, so that one of
// them does it at a time, and another one takes over when it dies.
//
// It decides nothing: who is told is custody's table, what is written is the store's
// transaction, how something is worded and sent is custody/notices', and what an
// authority's answer means is custody/revocation's. Every job may be cut off at any
// point and be run again: what it does twice has the effect of once, but for a message
// that was handed over and not yet marked, which is sent again under the same name.
package background
