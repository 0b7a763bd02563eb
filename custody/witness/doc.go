// Package witness has others cosign the checkpoints of a log, and cosigns those of
// others: C2SP tlog-witness and tlog-cosignature (Ed25519, cosignature/v1).
//
// A witness remembers the last checkpoint of each log that it knows and signs another
// only if it extends that one: who altered a log, or went back to an old copy of it,
// gets no cosignature any more. It sees sizes and hashes, and nothing of the entries.
//
// The package knows checkpoints and nothing of registers, schools or databases.
package witness
