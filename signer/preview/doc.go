// Package preview shows pages: pictures, and text with its places, by PDFium compiled to WebAssembly.
//
// PDFium runs in a child process of the same program (RunIfAsked), without a file system, within bounds of memory and
// time: a hostile file ends at most the child, which is started again for the next call. The child reads the one file
// that it is asked for and answers over pipes; it ends when its parent does. It is started at the first call, and
// keeps PDFium's compiled code in a folder (Config.CacheDir): compiling takes seconds, reading it a fraction of one.
//
//	func main() {
//		preview.RunIfAsked() // first, before flags; in tests from TestMain
//		viewer := preview.New(preview.Config{CacheDir: dir})
//		defer viewer.Close()
//		pages, err := viewer.Pages(ctx, preview.File{Path: "quyet-dinh.pdf"})
//
// Places are in points from the lower left corner of the page as a reader shows it: turned by /Rotate and cut by
// /CropBox (ISO 32000-2 §7.7.3.3), the same that signer.Visible wants.
//
// It knows no signatures, no tokens and nothing of documents' contents: package reading makes sense of the text.
package preview
