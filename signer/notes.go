package signer

import "sokyso/signer/pdf"

// Notes are what a signer should know of a signature that was made all the same. They are stable: catalogues have a
// sentence for each.
const (
	NoteDynamicXFA    = "dynamic_xfa"    // what readers show is not in the PDF's pages but in its XFA form
	NoteRestricted    = "restricted"     // the permissions of the encrypted input allow its reader no changes, comments or filling in
	NoteXRefRebuilt   = "xref_rebuilt"   // the input's cross-reference was broken; the signed document brings a new one
	NoteLocksDocument = "locks_document" // nothing may follow: by the field's lock or a certification with P = 1

	// NoteEarlierNotStored: from LevelBLT on, the standing of an earlier signature's certificates could not be had.
	NoteEarlierNotStored = "earlier_not_stored"
)

// Notes lists every note, for tests of catalogues.
var Notes = []string{NoteDynamicXFA, NoteRestricted, NoteXRefRebuilt, NoteLocksDocument, NoteEarlierNotStored}

// dynamicXFA tells whether the pages are a shell that says "please wait" to readers without XFA: the form is laid out
// anew from its XFA whenever it is opened (XFA 3.3 §"dynamic forms"; ISO 32000-1 §12.7.8: NeedsRendering). A static
// XFA form has its pages and fields in the PDF, the XFA beside them.
func dynamicXFA(f *pdf.File) bool {
	_, catalog, err := f.Catalog()
	if err != nil {
		return false
	}
	form, err := f.Dict(catalog["AcroForm"])
	if err != nil || form["XFA"] == nil {
		return false
	}
	if renders, err := f.Bool(catalog["NeedsRendering"]); err == nil && renders {
		return true
	}
	fields, err := f.Array(form["Fields"])
	return err == nil && len(fields) == 0
}

// restricted tells whether the permissions of an encrypted file, opened as its user, leave nothing that a signature is
// (ISO 32000-2 §7.6.4.2, table 22). docs/encrypted-files.md tells why that is said and does not forbid signing.
func restricted(f *pdf.File) bool {
	e, encrypted := f.Encryption()
	return encrypted && !e.Owner && !e.Modify && !e.Annotate && !e.Fill
}

// notes are those of a signature in the target.
func (p *Prepared) notes(t *target, opt *Options) []string {
	var list []string
	if dynamicXFA(p.file) {
		list = append(list, NoteDynamicXFA)
	}
	if restricted(p.file) {
		list = append(list, NoteRestricted)
	}
	if p.restored {
		list = append(list, NoteXRefRebuilt)
	}
	if opt.Certify == 1 || t.lock.locksDocument() {
		list = append(list, NoteLocksDocument)
	}
	return list
}
