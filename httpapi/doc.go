// Package httpapi is the custody service's face: the JSON API that agents and
// programs use, and the pages that people use, over one [store.Store].
//
// It knows HTTP, sentences and templates. It knows no SQL and makes no rule of
// custody: who may do what is decided by packages custody and store; here a
// request is decoded, its sender identified, the call made, and the answer or the
// error written. The two exceptions need cryptography and stand in grants.go and
// revocation.go: signatures are verified before the store takes them, and a
// certificate's revocation is asked for before leave is given.
//
// Routes stand in routes.go, all of them; the one mapping from errors to answers
// in errors.go. JSON handlers are named after their operation (api_*.go), pages
// after what they show (page_*.go). A GET never changes state; what changes state
// is a POST (or DELETE of the own session), under [http.CrossOriginProtection].
//
// A request is from an agent (API key in Authorization: Bearer, made by pairing)
// or from a person's session (cookie). Both end in a custody.Actor, which is
// handed on as an argument.
//
// Everything a person reads is in locales/vi.json and locales/en.json. Sentences
// of problems are chosen by Accept-Language, pages by the language switch;
// Vietnamese unless told otherwise.
//
// The handler is safe for concurrent use and keeps no state of its own but caches
// and rate limits: several replicas can serve one PostgreSQL database.
package httpapi
