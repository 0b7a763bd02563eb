package pdf_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"slices"

	"sokyso/signer/pdf"
)

// An update adds an object, leads to it from the catalog, and keeps a place for bytes that are known only once
// everything is laid out.
func Example() {
	in, err := os.ReadFile("../../testdata/pdf/quy-che.pdf")
	if err != nil {
		log.Fatal(err)
	}
	f, err := pdf.Open(bytes.NewReader(in), int64(len(in)))
	if err != nil {
		log.Fatal(err)
	}
	ref, catalog, err := f.Catalog()
	if err != nil {
		log.Fatal(err)
	}

	u := pdf.NewUpdate(f)
	place := pdf.NewReserved(8, ' ')
	catalog["Remark"] = u.Add(pdf.Dict{"Author": pdf.TextString("Phạm Thu Hằng"), "Place": place})
	u.Set(ref, catalog)
	tail, err := u.Bytes()
	if err != nil {
		log.Fatal(err)
	}
	copy(tail[place.Offset()-f.Size():], "[1 2 3]")

	out := slices.Concat(in, tail)
	g, err := pdf.Open(bytes.NewReader(out), int64(len(out)))
	if err != nil {
		log.Fatal(err)
	}
	_, catalog, err = g.Catalog()
	if err != nil {
		log.Fatal(err)
	}
	remark, err := g.Dict(catalog["Remark"])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(remark["Author"].(pdf.String).Text(), remark["Place"])
	fmt.Println(len(g.Revisions()), "revisions; the second changed", g.Changed(1))
	// Output:
	// Phạm Thu Hằng [1 2 3]
	// 2 revisions; the second changed [{36 0} {38 0}]
}
