// Package desk is the signing desk: the page on a person's own computer where documents are opened, read, placed and
// signed. It is a web server for one browser on the same machine, on the loopback address only.
//
// Who may talk to it (docs/desk.md): the Host must be the loopback address with its port; requests of other origins are
// refused; every call needs the secret that was made at the start and came to the page in the address's fragment, which
// no server and no other page sees. The pages load nothing from elsewhere and can't be framed.
//
// What it does is done by others: package agent signs and verifies, preview draws pages, reading guesses what a
// document says of itself. The desk puts them on the screen and keeps what is open. It knows no PKCS#11, no PDF
// structure and no rules of custody.
package desk
