// Package notices words what people are told and sends it: by mail (SMTP) and to a
// webhook. A [Story] is a notice with everything its words need; [Words] tells it in
// Vietnamese or English, the same sentence on the screen, in a mail, to a webhook and
// in the text for a chat group.
//
// It knows no SQL and no HTTP server, and decides neither who is told nor when to try
// again; [NextTry] only says how long to wait. It holds no state of messages: the
// caller gives each its identifier, which stays the same when it is sent again, so
// that a mail program or a webhook can recognise the second of two.
package notices
