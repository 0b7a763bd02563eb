// Package pdf reads PDF files lazily and appends incremental updates to them. It knows objects, cross-references,
// revisions, pages and form fields; it knows nothing of signatures, fonts or page content.
//
// # Reading
//
// Open takes an io.ReaderAt and keeps nothing in memory but the cross-reference, in eight bytes an entry, and a few
// decoded object streams. Objects are parsed when they are asked for and belong to the caller: they may be changed
// without harm to the file or to a later read. A File may be used by several goroutines if its io.ReaderAt may.
//
// A file that was updated incrementally has several revisions. Open gives a view of the last; At gives a view of an
// earlier one, which sees no byte after that revision's end; Changed tells what a revision did. Both sections of a
// linearized file are one revision.
//
// Files in use break the standard in many ways. What all common readers forgive is forgiven here: a header within the
// first 1024 bytes, junk after the end, offsets that count from the header or from the start of the file, rows and
// ends of line of the wrong length, wrong stream lengths and page counts. When the cross-reference can't be used
// at all it is made anew by scanning the file, and Rebuilt says why.
//
// # Hostile input
//
// The input is not trusted. Depth, memory and time are bounded by the constants in limits.go and by the size of the
// file; cycles end in an error; nothing panics. Every error is an *Error, whose Kind tells a file that is no PDF from
// one that is cut, damaged, locked, empty of pages, or could not be read from the disk.
//
// # Encryption
//
// Files encrypted for a password (ISO 32000-2 §7.6.4: RC4, AES-128, AES-256) are decrypted on the way: strings when an
// object is parsed, streams while they are read. What is in memory and what Data returns is plain; offsets are those of
// the file. An Update encrypts what it adds. Contents of a signature dictionary is never encrypted. Encryption says what
// the file's author permits; to honour it is the caller's. Other ways to encrypt are refused with their kind.
//
// # Writing
//
// An Update collects new and changed objects and lays them out as an incremental update (ISO 32000-2 §7.5.6): bytes
// that are to follow the last byte of the input, which is never touched. The form of the cross-reference follows the
// file's own, see Update.Bytes. Reserved objects keep a place for bytes that depend on the finished layout; their
// offsets are known from the layout, nothing is ever searched for.
package pdf
