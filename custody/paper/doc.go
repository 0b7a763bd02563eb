// Package paper writes official papers as PDF: A4 with the margins, the head and the
// type that Decree 30/2020/NĐ-CP, Annex I asks for, with headings, facts, tables
// that go on over several pages, and room for a signature.
//
// It knows layout only: no signature, no school, and no sentence of its own but what
// the caller hands it. All text may be hostile: control and formatting characters
// are taken out, characters that the font lacks are shown as a box, and no text is
// longer than a bound. The same paper gives the same bytes.
//
// The type is Liberation Serif, whose letters are as wide as those of Times New
// Roman.
package paper
