// Package appearance draws what a reader sees of a signature: the appearance stream of a signature field's widget
// (ISO 32000-2 §12.5.5, §12.7.5.5), a form XObject with text and an image.
//
// It knows no signatures, no certificates and no time: it gets lines of text, a PNG and a size, and adds the objects
// that draw them to an incremental update.
//
// # Text
//
// Text is set in Liberation Serif, which has the metrics of Times New Roman (the font that Decree 30/2020/NĐ-CP,
// Annex I asks for) and all of Vietnamese. Only the glyphs in use are embedded, as a TrueType CIDFont with
// Identity-H (ISO 32000-2 §9.7.4), with widths and a ToUnicode map, so that text can be searched and copied.
// Text is normalised to NFC first: "Nghĩa" typed with combining marks looks like and is copied as the composed
// letters. A character that the font lacks is a *GlyphError, never a silent box.
//
// Lines are broken between words at the width of the box; a word wider than the box, or more lines than the box is
// high, makes all text smaller, down to MinSize; text that still does not fit is an error (ErrTooSmall).
//
// # Image
//
// A PNG of any colour type; 16-bit samples are reduced to 8. Transparency becomes a soft mask (§11.6.5.3).
// The image keeps its proportions. With text it stands at the left, or behind the text.
//
// # Concurrency
//
// All functions may be called from several goroutines, each with its own update. The same input gives the same
// bytes.
package appearance
