package preview_test

import (
	"os"
	"path/filepath"
	"testing"

	"sokyso/signer/preview"
)

func TestMain(m *testing.M) {
	preview.RunIfAsked()
	os.Exit(m.Run())
}

// cacheDir is shared by all tests that show pages: compiling PDFium takes ten seconds and more.
func cacheDir() string { return filepath.Join(os.TempDir(), "sokyso-test-cache", "sokyso", "pdfium") }

func newViewer(t testing.TB) *preview.Viewer {
	t.Helper()
	v := preview.New(preview.Config{CacheDir: cacheDir()})
	t.Cleanup(func() { v.Close() })
	return v
}

func sample(name string) preview.File {
	return preview.File{Path: filepath.Join("..", "..", "testdata", "pdf", name)}
}
