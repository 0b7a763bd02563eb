// Package signer signs PDFs: it appends a PAdES baseline signature (ETSI EN 319 142-1) to a document as an incremental
// update and leaves every byte of the document as it was, so that signatures made before stay valid.
//
// It takes any crypto.Signer and must not know tokens, PINs, the school's service or its log. It knows no sentence
// for a person: every failure is an *Error with a stable code.
//
// # Steps
//
// Prepare reads the input once: SHA-256 and structure. Prepared.Sign makes the update in memory, asks the key for
// exactly one signature, and validates the result with package validation; what does not pass is not handed out.
// Document is the input followed by the update, nothing of it on disk yet. Document.Save writes it beside its final
// name, makes it durable, and gives it its name without ever replacing a file; Stage and Place are these steps one by
// one, for a caller that keeps a journal between them.
//
// PrepareIn copies the input into the folder of the output in the pass that hashes it, as a file without a name, which
// vanishes with the process: then the update is all that is left to write, and what was signed is what is written,
// whatever becomes of the input. SignFile is all of it for one file, SignFiles for many, with the key at work while the
// next file is prepared and the last one finished.
//
// # What is written
//
// A signature field with its widget, a signature dictionary with SubFilter ETSI.CAdES.detached, the time of signing
// in /M (PAdES forbids it in the CMS), the form and the page's annotations with the new entries; nothing else of the
// document changes. The room for the CMS is computed from chain and key before the key is used.
//
// # Concurrency
//
// A Prepared may be used by several goroutines one after the other; a Document is read-only and may be shared, until
// Prepared.Close. Without a copy the input must not change between Prepare and Stage, which notices and fails.
package signer
