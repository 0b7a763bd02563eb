// Package reading reads what a school's document says of itself: number and symbol, kind, date, summary, who signs in
// which capacity, to whom it goes, and where its signature belongs.
//
// It goes by the layout that Annex I of Decree 30/2020/NĐ-CP gives administrative documents, box by box (Annex I part
// IV): the head of two columns, the title in the middle, the recipients at the lower left and the signature block at
// the lower right. Everything that it finds is a Guess with the place on the page that it came from: a person looks at
// it and corrects it. What it does not find is left empty; it never makes anything up.
//
//	found := reading.Read(pages) // of preview.Viewer.Words, all that matter: the first and the last few
//	found.Number.Text, found.Symbol.Text // "07", "TB-MNMT"
//	found.Blocks[0].Picture              // where the handwritten signature's image goes
//
// Boxes are in points from the lower left of the page as it is shown, as package preview gives them. A page whose text
// lies on its side is read as it was written, and the boxes turned back.
//
// It knows no PDF, no certificates, no custody and no clock. It is pure: the same words give the same guesses.
package reading
