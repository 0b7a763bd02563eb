// Package forms is the school's official papers on signing tokens: minutes of
// hand-over, reports of losses, the forms that go to the authorities, the registers
// and the periodic report. Each is a plain struct of facts; [Write] makes the PDF of
// it, the same bytes for the same facts, on the page of package custody/paper.
//
// It knows the sentences of the papers, all in Vietnamese: they are official papers,
// and the law has no other language for them. It must not know where facts come
// from (package custody/store gathers them), who may make a paper, nor the web.
//
// The facts of a paper that was issued are kept as JSON with the version of the
// template ([Version]): [Read] and [Write] make the same PDF of them for good. A
// template whose words or layout change gets a new version, and the former one stays
// for the papers that were made with it; a test holds the bytes of each version.
//
// Layout: Decree 30/2020/NĐ-CP, Annex I. Which fields a paper has, and where that
// comes from, is told in docs/papers.md. Names stand without academic titles
// (Annex I, section II.7), numbers below 10 and days below 10, and the months 1 and
// 2, with a leading zero. Personal identity numbers stand in full: the paper is the
// only place where they do.
package forms
