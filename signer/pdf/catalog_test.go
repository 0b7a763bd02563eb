package pdf

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestCatalogIsACopy: who changes a catalog changes nobody else's, at any depth, in no revision.
func TestCatalogIsACopy(t *testing.T) {
	for _, name := range []string{"fields-name.pdf", "three-revisions.pdf", "encrypted-aes-256.pdf"} {
		b, err := os.ReadFile(filepath.Join(vectorDir, name))
		if err != nil {
			t.Fatal(err)
		}
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		for _, view := range []*File{f, f.At(0)} {
			_, want, err := view.Catalog()
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, d, err := view.Catalog()
				if err != nil || !reflect.DeepEqual(d, want) {
					t.Errorf("%s: %v, want %v, %v", name, d, want, err)
				}
				if form, ok := d["AcroForm"].(Dict); ok {
					form["Fields"] = Array{Ref{Number: 9}}
				}
				d["Pages"] = Name("changed")
			}
		}
	}
}
