// Package ink lifts a signature or a seal off the paper that it was scanned or photographed on: the paper becomes
// transparent, the ink gets its colour, the margins go.
//
// Decree 30/2020/NĐ-CP (Annex I part II, 12 and 13) wants a signature's image blue and a seal's red, both with a
// transparent background. A phone's picture of a sheet is lit unevenly and tinted by the lamp; so ink is what is
// darker, or more coloured, than the paper around it, not what is dark.
//
//	picture, err := ink.Lift(photo, ink.Signature)
//
// It knows no PDF and no files but PNG and JPEG bytes. It is pure.
package ink
