package signinglog_test

import (
	"encoding/base64"
	"fmt"
	"log"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
)

// The entry and the log of one entry that the package documentation specifies,
// byte for byte. The key is the one of this example.
func Example() {
	entry, err := signinglog.Entry{
		Type:   signinglog.TypeAbandonment,
		At:     time.Date(2026, 10, 7, 2, 15, 30, 123456000, time.UTC),
		School: "0199bc1e-6f00-7000-8000-000000000001",
		Fields: map[string]string{
			"actor":       "0199bc1e-6f00-7000-8000-000000000002",
			"via":         "agent",
			"grant":       "0199bc1e-6f00-7000-8000-000000000003",
			"grant_entry": "41",
			"token":       "0199bc1e-6f00-7000-8000-000000000004",
			"reason":      "wrong_pin",
		},
	}.Marshal()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", entry)

	signer, err := note.NewSigner("PRIVATE+KEY+sokyso/example+2bf3e64b+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")
	if err != nil {
		log.Fatal(err)
	}
	leaf := signinglog.LeafHash(entry)
	tree, _, err := signinglog.Frontier{}.Append(leaf)
	if err != nil {
		log.Fatal(err)
	}
	root, err := tree.Root()
	if err != nil {
		log.Fatal(err)
	}
	signed, err := signinglog.Sign(signinglog.Checkpoint{Origin: "sokyso/example", Size: 1, Root: root}, signer)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", signed)

	// Whoever has the receipt and the log's verifier key needs nothing else.
	verifier, err := note.NewVerifier("sokyso/example+2bf3e64b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4")
	if err != nil {
		log.Fatal(err)
	}
	receipt := signinglog.Receipt{Index: 0, Entry: entry, Proof: []tlog.Hash{}, Checkpoint: signed}
	proven, checkpoint, err := signinglog.CheckReceipt(receipt, verifier)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(proven.Type, proven.Fields["reason"], checkpoint.Size, base64.StdEncoding.EncodeToString(leaf[:]))
	// Output:
	// sokyso/entry/v1
	// type abandonment
	// at 2026-10-07T02:15:30.123456Z
	// school 0199bc1e-6f00-7000-8000-000000000001
	// actor 0199bc1e-6f00-7000-8000-000000000002
	// grant 0199bc1e-6f00-7000-8000-000000000003
	// grant_entry 41
	// reason wrong_pin
	// token 0199bc1e-6f00-7000-8000-000000000004
	// via agent
	//
	// sokyso/example
	// 1
	// oBtfSHETR68hwcPk+Z6kTL+NF6P0mwm27qGRGcHrknQ=
	//
	// — sokyso/example K/PmS9esWd43oi9MzkgZN9e0Ofux/p351E/7/9Mg03/vefwEto7H2d0zia0nkbRpYJDcfXhzaz3SK6dr90yINC7xiAw=
	//
	// abandonment wrong_pin 1 oBtfSHETR68hwcPk+Z6kTL+NF6P0mwm27qGRGcHrknQ=
}
