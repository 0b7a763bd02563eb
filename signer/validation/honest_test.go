package validation_test

import (
	"fmt"
	"strings"
	"testing"

	"sokyso/signer/authority"
)

// TestHonestDictionaries has signature dictionaries as writers in use make them.
func TestHonestDictionaries(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	for _, extra := range []string{
		"/M (D:20300101000000+07'00')", "/M (yesterday)", "/M 5", "/M (D:2024)", "/M null",
		"/Name (\xef\xbb\xbfTr\xe1\xba\xa7n H\xc3\xb2a)", "/Name <FEFF0054>", "/Prop_Build << /App << /Name /X >> >>",
		"/Location () /Reason () /ContactInfo ()", "/Changes [1 2 3]", "/R 0", "/V 0", "/V 1", "/Prop_AuthTime 5 /Prop_AuthType /PIN",
		"/Name 99 0 R", "/Cert <00>",
	} {
		if r := w.validate(t, signObjects(t, who, paper(), extra, nil), offline); verdict(r) != "TOTAL-PASSED none" {
			t.Errorf("%s: %s %v", extra, verdict(r), r.Signatures[0].Details)
		}
	}
	for name, change := range map[string][2]string{
		"no type": {"/Type /Sig /Filter", "/Filter"}, "another filter": {"/Adobe.PPKLite", "/Adobe.PPKMS"}, "no filter": {"/Filter /Adobe.PPKLite", ""},
		"in lines": {"/Type /Sig /Filter", "\r\n/Type\r\n/Sig\r\n%a comment\r\n/Filter"},
	} {
		file := signChanged(t, who, paper(), func(b []byte) []byte {
			return shifted(b, change[0], change[1])
		})
		if r := w.validate(t, file, offline); verdict(r) != "TOTAL-PASSED none" {
			t.Errorf("%s: %s %v", name, verdict(r), r.Signatures[0].Details)
		}
	}
}

// shifted replaces the last occurrence of a text within a file that has one cross-reference, whose offsets it mends.
func shifted(b []byte, from, to string) []byte {
	s := string(b)
	i := strings.LastIndex(s, from)
	s = s[:i] + to + s[i+len(from):]
	by := len(to) - len(from)
	at := strings.LastIndex(s, "\nxref\n") + 1
	table := strings.Split(s[at:], "\n")
	for n, line := range table {
		var offset int
		if strings.HasSuffix(line, " n ") {
			if _, err := fmt.Sscanf(line, "%d", &offset); err == nil && offset > i {
				table[n] = fmt.Sprintf("%010d", offset+by) + line[10:]
			}
		}
	}
	tail := strings.Join(table, "\n")
	start := strings.LastIndex(tail, "startxref\n")
	return []byte(s[:at] + tail[:start] + fmt.Sprintf("startxref\n%d\n%%%%EOF\n", at))
}

// TestHonestUpdates has what programs do to a signed file without touching what it shows.
func TestHonestUpdates(t *testing.T) {
	w := newWorld(t)
	who := w.person(t, authority.Subject{})
	o := paper()
	o[11] = strings.Replace(o[11], "/SigFlags", "/NeedAppearances true /SigFlags", 1)
	signed := signObjects(t, who, o, "", nil)
	plain := signObjects(t, who, paper(), "", nil)
	catalog, formDict, page := paper()[1], paper()[11], paper()[3]
	with := func(s, more string) string { return strings.TrimSuffix(s, ">>") + more + " >>" }
	// The page tree has the page under 2, while it says that it is under 4.
	astray := paper()
	astray[3] = strings.Replace(astray[3], "/Parent 2 0 R", "/Parent 4 0 R", 1)
	astray[4] = "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 100 100] >>"
	torn := signObjects(t, who, astray, "", nil)
	const resources = "/Resources << /Font << /F1 7 0 R >> /XObject << /Im 8 0 R >> >>"
	inheriting := paper()
	inheriting[3] = strings.Replace(inheriting[3], resources, "", 1)
	inheriting[2] = with(inheriting[2], resources)
	above := signObjects(t, who, inheriting, "", nil)
	checkAttacks(t, w, []attack{
		{"appearances are there now", update(t, signed, map[int]string{11: strings.Replace(o[11], "true", "false", 1)}), passes},
		{"and not asked for", update(t, signed, map[int]string{11: formDict}), passes},
		{"appearances are asked for: the attack twin", update(t, plain, map[int]string{11: o[11]}), suspicious},
		{"metadata and information", update(t, plain, map[int]string{9: "<< /Title (Khac) /ModDate (D:2024) /Producer (x) >>", 13: stream("/Type /Metadata /Subtype /XML", "<z/>")}), passes},
		{"other metadata", update(t, plain, map[int]string{1: strings.Replace(catalog, "13 0 R", "200 0 R", 1), 200: stream("/Type /Metadata /Subtype /XML", "<z/>")}), passes},
		{"default resources and appearance", update(t, plain, map[int]string{11: strings.Replace(with(formDict, "/Q 0"), "/F1 7 0 R", "/F1 7 0 R /ZaDb 200 0 R", 1), 200: "<< /Type /Font /Subtype /Type1 /BaseFont /ZapfDingbats >>"}), passes},
		{"an encoding beside the fonts", update(t, plain, map[int]string{11: strings.Replace(formDict, "/DR << ", "/DR << /Encoding << /PDFDocEncoding 200 0 R >> ", 1), 200: "<< /Type /Encoding /Differences [24 /breve] >>"}), passes},
		{"page metadata, time and order", update(t, plain, map[int]string{3: with(page, "/Metadata 200 0 R /LastModified (D:2024) /Tabs /S /PieceInfo << /X << /LastModified (D:2024) >> >>"), 200: stream("/Type /Metadata /Subtype /XML", "<z/>")}), passes},
		{"a marked document, extensions, version", update(t, plain, map[int]string{1: with(catalog, "/MarkInfo << /Marked true >> /Version /1.7 /Extensions << /ADBE << /BaseVersion /1.7 /ExtensionLevel 8 >> >>")}), passes},
		{"the language, the attack twin", update(t, plain, map[int]string{1: with(catalog, "/Lang (vi)")}), suspicious},

		{"the contents in an array", update(t, plain, map[int]string{3: strings.Replace(page, "/Contents 5 0 R", "/Contents [5 0 R]", 1)}), passes},
		{"in an array twice", update(t, plain, map[int]string{3: strings.Replace(page, "/Contents 5 0 R", "/Contents [5 0 R 5 0 R]", 1)}), forbidden},
		{"others in an array", update(t, plain, map[int]string{3: strings.Replace(page, "/Contents 5 0 R", "/Contents [8 0 R]", 1)}), forbidden},
		{"the same, with other contents", update(t, plain, map[int]string{3: strings.Replace(page, "/Contents 5 0 R", "/Contents [5 0 R]", 1), 5: stream("", forgedText)}), forbidden},
		{"the media box that it inherits", update(t, plain, map[int]string{3: with(page, "/MediaBox [0 0 595.0 842]")}), passes},
		{"another media box", update(t, plain, map[int]string{3: with(page, "/MediaBox [0 0 595 700]")}), forbidden},
		{"the media box as crop box", update(t, plain, map[int]string{3: with(page, "/CropBox [0 0 595 842]")}), passes},
		{"another crop box", update(t, plain, map[int]string{3: with(page, "/CropBox [0 0 595 700]")}), forbidden},
		{"no turn", update(t, plain, map[int]string{3: with(page, "/Rotate 0")}), passes},
		{"a turn", update(t, plain, map[int]string{3: with(page, "/Rotate 180")}), forbidden},
		{"Parent leads elsewhere than the page tree", update(t, torn, map[int]string{3: with(astray[3], "/MediaBox [0 0 100 100]")}), forbidden},
		{"resources that it inherits", update(t, above, map[int]string{3: with(inheriting[3], resources)}), passes},
		{"others than it inherits", update(t, above, map[int]string{3: with(inheriting[3], strings.Replace(resources, "7 0 R", "200 0 R", 1)), 200: "<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>"}), forbidden},
	})
}
