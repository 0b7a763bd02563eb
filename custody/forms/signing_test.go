package forms_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sokyso/custody/forms"
	"sokyso/signer/preview"
	"sokyso/signer/reading"
)

func TestMain(m *testing.M) {
	preview.RunIfAsked()
	os.Exit(m.Run())
}

// TestTheAgentFindsWhereToSign: what the agent's preset decree30 rests on reads our
// own papers: number, symbol, date, and the signature blocks with room for a picture.
func TestTheAgentFindsWhereToSign(t *testing.T) {
	viewer := preview.New(preview.Config{CacheDir: filepath.Join(os.TempDir(), "sokyso-test-cache", "sokyso", "pdfium")})
	defer viewer.Close()
	for kind, f := range samples() {
		rule, _ := forms.RuleOf(kind)
		path := filepath.Join(t.TempDir(), string(kind)+".pdf")
		if err := os.WriteFile(path, pdf(t, f), 0o600); err != nil {
			t.Fatal(err)
		}
		file := preview.File{Path: path}
		count, err := viewer.Pages(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		pages := make([]preview.Words, count)
		for i := range pages {
			if pages[i], err = viewer.Words(t.Context(), file, i+1); err != nil {
				t.Fatal(err)
			}
		}
		found := reading.Read(pages)
		if rule.Numbered && (found.Number.Text != "07" || found.Symbol.Text != f.Top().Symbol || found.Date.Text != "2026-02-05") {
			t.Errorf("%s: number %q, symbol %q, date %q", kind, found.Number.Text, found.Symbol.Text, found.Date.Text)
		}
		if len(found.Blocks) == 0 || !found.Blocks[0].Leader || found.Blocks[0].Name.Text != "Trần Thị Hồng Nhung" {
			t.Errorf("%s: the first block is %+v", kind, found.Blocks)
			continue
		}
		for _, block := range found.Blocks {
			if block.Page != count || block.Gap.Height() < 50 { // points: room for a signature
				t.Errorf("%s: %s on page %d of %d has %.0f points", kind, block.Title.Text, block.Page, count, block.Gap.Height())
			}
		}
		if kind == forms.HandOverMinutes {
			for _, name := range []string{"Lê Minh Quân", "Phạm Thu Hà"} {
				if !slices.ContainsFunc(found.Blocks, func(b reading.Block) bool { return b.Name.Text == name }) {
					t.Errorf("no block of %s: %+v", name, found.Blocks)
				}
			}
			if found.Kind.Text != "BB" || len(found.Recipients) != 3 {
				t.Errorf("kind %q, recipients %+v", found.Kind.Text, found.Recipients)
			}
		}
	}
}
