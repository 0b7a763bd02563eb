package signer

import (
	"bytes"
	"regexp"

	"sokyso/signer/appearance"
	"sokyso/signer/pdf"
)

// maxMetadata bounds the XMP that is looked at, in bytes.
const maxMetadata = 1 << 20

// archiveForm is the part of PDF/A that XMP claims, as an attribute or an element (ISO 19005-1 §6.7.11).
var archiveForm = regexp.MustCompile(`pdfaid:part\s*(?:=\s*["']|>)\s*([1-4])`)

// ArchivePart is the part of PDF/A that a document claims, 0 for none. What is drawn into one that does keeps to it.
func (p *Prepared) ArchivePart() int { return archivePart(p.file) }

func archivePart(f *pdf.File) int {
	_, catalog, err := f.Catalog()
	if err != nil {
		return 0
	}
	o, err := f.Resolve(catalog["Metadata"])
	if err != nil {
		return 0
	}
	stream, ok := o.(*pdf.Stream)
	if !ok {
		return 0
	}
	xmp, err := f.DataUpTo(stream, maxMetadata)
	if err != nil {
		return 0
	}
	if m := archiveForm.FindSubmatch(bytes.ReplaceAll(xmp, []byte{0}, nil)); m != nil { // also in UTF-16
		return int(m[1][0] - '0')
	}
	return 0
}

// archive is what the document leaves to what is drawn on it.
func (d *draft) archive() appearance.Archive {
	if d.archival == nil {
		part := archivePart(d.file)
		intent := part > 0 && d.outputIntent()
		// Colours of a device are those of the output intent's. In part 1 transparency is forbidden; in the others the
		// colours that it mixes must be known.
		d.archival = &appearance.Archive{Calibrated: part > 0 && !intent, AllGlyphs: part == 1, Opaque: part == 1 || part > 1 && !intent}
	}
	return *d.archival
}

// outputIntent tells whether the document says which red, green and blue its colours are.
func (d *draft) outputIntent() bool {
	_, catalog, err := d.file.Catalog()
	if err != nil {
		return false
	}
	list, err := d.file.Array(catalog["OutputIntents"])
	if err != nil {
		return false
	}
	for _, o := range list {
		intent, err := d.file.Dict(o)
		if err != nil || intent["S"] != pdf.Name("GTS_PDFA1") {
			continue
		}
		if o, err := d.file.Resolve(intent["DestOutputProfile"]); err == nil {
			if profile, ok := o.(*pdf.Stream); ok && profile.Dict["N"] == pdf.Object(pdf.Integer(3)) {
				return true
			}
		}
	}
	return false
}
