// Package custody is the domain: persons with dated positions, tokens and who
// holds them, hand-overs, loss reports, scopes, grants, signatures, and the rules
// over them as pure functions of facts. It knows no database, no HTTP, no PDF and
// no clock: what a rule needs is handed to it.
//
// A token has one custodian at a time or lies in the school's safe. It moves only
// through a hand-over that both sides confirm. A grant is the service's leave for
// one signature; [DecideGrant] gives or refuses it.
//
// Sources: Decree 30/2020/NĐ-CP on clerical work (Art. 13 who signs with which
// prefix, Art. 32-33 keeping and using the seal key) and the school's regulation
// on digital signatures (one token per person, never shared, report at once,
// return when no longer used).
package custody
