// Package wire is what the agent and the custody service say to each other:
// paths, request and response types, error codes, and the agent's [Client].
//
// Bytes travel as standard base64 (encoding/json's rule for []byte), hashes as
// lower-case hex of 64 digits, times as RFC 3339 in UTC, dates as 2006-01-02.
// Every error is an RFC 9457 problem document with a stable code, see [Problem].
//
// The package knows neither the domain nor a database: the service converts its
// own types to these by hand, so that a new domain field is never published by
// accident. It imports the standard library only, because the agent links it.
package wire
