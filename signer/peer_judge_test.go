package signer_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sokyso/signer/cms"
)

// The columns of the table: what a signature must not harm, and what it must be. Programs that belong to neither side
// answer each: cmp, qpdf, pdfinfo, pdftoppm, pdfsig, mutool, openssl.
const (
	colPrefix      = "bytes"    // the input is the beginning of the output
	colSyntax      = "syntax"   // qpdf --check says nothing worse than of the input
	colEarlier     = "earlier"  // pdfsig: each signature that was valid is there and valid
	colNew         = "new"      // pdfsig: one more, valid, trusted, covers the document
	colSecond      = "mutool"   // mutool finds as many, and all intact
	colFields      = "fields"   // qpdf: each form field as before, and in the form
	colWidget      = "widget"   // qpdf: one new field, on a page
	colForm        = "form"     // qpdf: the form's other entries (DR, DA, XFA)
	colCatalog     = "catalog"  // qpdf: the catalog's other entries
	colInformation = "info"     // pdfinfo: title, author, dates, pages, size, tags
	colLooks       = "looks"    // pdftoppm: page 1 looks the same
	colText        = "text"     // qpdf: Name and Reason read back as they were given
	colBaseline    = "baseline" // PAdES: SubFilter, signed attributes
)

var columns = []string{
	colPrefix, colSyntax, colEarlier, colNew, colSecond, colFields, colForm, colCatalog, colInformation, colLooks, colText,
	colWidget, colBaseline,
}

// facts is what the programs say about one file.
type facts struct {
	check       int  // qpdf's exit status as a rank: 0 well, 1 warnings, 2 errors
	listed      bool // qpdf could list the objects
	crashed     bool // mutool
	qpdf        string
	signatures  map[string]pdfsigEntry // by signed ranges
	mutool      [2]int                 // found, intact
	fields      []map[string]any
	tops        []any // the form's Fields
	form        map[string]any
	catalog     map[string]any
	dicts       []map[string]any // signature dictionaries
	information string
	page        []byte
}

type pdfsigEntry struct{ valid, trusted, whole bool }

var rangesLine = regexp.MustCompile(`Signed Ranges: (.*)`)

// look asks all programs.
func look(t testing.TB, w *world, path string) *facts {
	t.Helper()
	f := &facts{}
	text, err := run(t, "qpdf", "--check", path)
	f.qpdf = text
	if exit, ok := err.(*exec.ExitError); ok {
		f.check = map[int]int{3: 1}[exit.ExitCode()]
		if f.check == 0 {
			f.check = 2
		}
	}
	f.signatures = pdfsig(t, w, path)
	text, err = run(t, "mutool", "sign", "-v", path)
	if exit, ok := err.(*exec.ExitError); ok {
		f.crashed = !exit.Exited()
	}
	f.mutool[0] = strings.Count(text, "Verifying signature")
	f.mutool[1] = strings.Count(text, "The document is unchanged since signing.") + strings.Count(text, "The signature is valid but")
	f.information = information(t, path)
	f.readJSON(t, path)
	f.page = picture(t, path)
	return f
}

// directPage is what poppler says of a page that is no object: it shows an empty one in its stead.
const directPage = "is not an indirect reference"

// picture is page 1 as poppler draws it, nil if it can't.
func picture(t testing.TB, path string) []byte {
	t.Helper()
	base := strings.TrimSuffix(path, ".pdf") + "-page"
	text, _ := run(t, "pdftoppm", "-r", "24", "-singlefile", "-f", "1", "-l", "1", path, base)
	page, _ := os.ReadFile(base + ".ppm")
	_ = os.Remove(base + ".ppm")
	if strings.Contains(text, directPage) {
		return nil
	}
	return page
}

// pdfsig answers what poppler finds, by signed ranges.
func pdfsig(t testing.TB, w *world, path string) map[string]pdfsigEntry {
	t.Helper()
	found := map[string]pdfsigEntry{}
	text, _ := run(t, "pdfsig", "-no-ocsp", "-nssdir", "sql:"+w.nss, path)
	for _, block := range strings.Split(text, "Signature #")[1:] {
		key := "none"
		if m := rangesLine.FindStringSubmatch(block); m != nil {
			key = m[1]
		}
		for found[key] != (pdfsigEntry{}) {
			key += "'"
		}
		found[key] = pdfsigEntry{
			valid:   strings.Contains(block, "Signature is Valid."),
			trusted: strings.Contains(block, "Certificate is Trusted."),
			whole:   strings.Contains(block, "Total document signed"),
		}
	}
	return found
}

// information is pdfinfo's answer without what a signature rightly changes.
func information(t testing.TB, path string) string {
	text, err := run(t, "pdfinfo", path)
	if err != nil || strings.Contains(text, directPage) {
		return ""
	}
	var kept []string
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, "Syntax "), strings.HasPrefix(line, "Internal "): // of broken files, with offsets
		case slices.Contains([]string{"File size", "Form", "Optimized", "PDF version"}, name):
		default:
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// readJSON takes form, catalog and signature dictionaries out of qpdf's picture of the file.
func (f *facts) readJSON(t testing.TB, path string) {
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "qpdf", "--json=2", "--json-key=acroform", "--json-key=qpdf", path)
	text, err := cmd.Output()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	var all struct {
		AcroForm struct{ Fields []map[string]any }
		QPDF     []json.RawMessage
	}
	objects := map[string]struct{ Value any }{}
	if json.Unmarshal(text, &all) != nil || len(all.QPDF) < 2 || json.Unmarshal(all.QPDF[1], &objects) != nil {
		return
	}
	f.fields = all.AcroForm.Fields
	resolve := func(v any) map[string]any {
		for range 10 {
			s, ok := v.(string)
			if !ok {
				break
			}
			v = objects["obj:"+s].Value
		}
		d, _ := v.(map[string]any)
		return d
	}
	f.catalog = maps.Clone(resolve(resolve(objects["trailer"].Value)["/Root"]))
	f.listed = f.catalog != nil
	f.form = maps.Clone(resolve(f.catalog["/AcroForm"]))
	tops := f.form["/Fields"]
	for s, ok := tops.(string); ok && objects["obj:"+s].Value != nil; s, ok = tops.(string) {
		tops = objects["obj:"+s].Value
	}
	f.tops, _ = tops.([]any)
	delete(f.form, "/Fields")
	delete(f.form, "/SigFlags")
	delete(f.catalog, "/AcroForm")
	delete(f.catalog, "/Version") // an update may ask for a newer one
	// null is the same as absent
	for _, d := range []map[string]any{f.form, f.catalog} {
		maps.DeleteFunc(d, func(_ string, v any) bool { return v == nil || isNull(v, objects) })
	}
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		if d, ok := objects[name].Value.(map[string]any); ok && d["/ByteRange"] != nil && d["/Contents"] != nil {
			f.dicts = append(f.dicts, d)
		}
	}
}

var reference = regexp.MustCompile(`^\d+ \d+ R$`)

func isNull[V any](v any, objects map[string]V) bool {
	s, ok := v.(string)
	if !ok || !reference.MatchString(s) {
		return false
	}
	_, there := objects["obj:"+s]
	return !there
}

// claim is the text that the signature dictionary shall hold.
type claim struct{ name, reason string }

// unasked are the answers that are known to be of no use, of either signer's output.
var unasked = map[string]string{
	"mutool-linearized.pdf": colInformation, // pdfinfo counts its pages by the linearization dictionary, or by the tree
	// mutool cuts off what stands before the header and then finds the ByteRange too long
	"junk-before-offsets-from-header.pdf": colSecond,
	"junk-before-offsets-from-start.pdf":  colSecond,
}

// judge answers the columns in which an output fails, with the reason. A program that can't read the input is not asked
// about the output.
func judge(t testing.TB, w *world, name, in, out string, before *facts, said claim) map[string]string {
	t.Helper()
	faults := map[string]string{}
	fault := func(column, format string, args ...any) {
		if faults[column] == "" {
			faults[column] = fmt.Sprintf(format, args...)
		}
	}
	if !isPrefix(t, in, out) {
		fault(colPrefix, "bytes of the input differ")
	}
	after := look(t, w, out)
	if after.check > before.check {
		fault(colSyntax, "qpdf --check: %s", lastLine(after.qpdf))
	}
	good := 0
	for ranges, was := range before.signatures {
		if now := after.signatures[ranges]; was.valid && !now.valid {
			fault(colEarlier, "signature over %s is gone or not valid", ranges)
		}
	}
	for ranges, now := range after.signatures {
		if _, was := before.signatures[ranges]; !was && now.valid && now.trusted && now.whole {
			good++
		}
	}
	if good != 1 || len(after.signatures) != len(before.signatures)+1 {
		fault(colNew, "pdfsig: %d signatures became %d, %d of them new and good", len(before.signatures), len(after.signatures), good)
	}
	if want := [2]int{before.mutool[0] + 1, before.mutool[1] + 1}; after.mutool != want && !before.crashed {
		fault(colSecond, "mutool: %d signatures, %d intact, want %v", after.mutool[0], after.mutool[1], want)
	}
	if before.information != "" && before.information != after.information {
		fault(colInformation, "pdfinfo: was %q, is %q", before.information, after.information)
	}
	// poppler draws text of fonts that the system lacks now this way, now that.
	if before.page != nil && !bytes.Equal(before.page, after.page) && !bytes.Equal(picture(t, in), after.page) {
		fault(colLooks, "page 1 looks different")
	}
	if before.listed {
		judgeForm(before, after, fault)
		if lost := difference(before.catalog, after.catalog); lost != "" {
			fault(colCatalog, "%s", lost)
		}
		judgeSignature(t, before, after, said, fault)
	}
	delete(faults, unasked[name])
	return faults
}

func judgeForm(before, after *facts, fault func(string, string, ...any)) {
	left := slices.Clone(after.fields)
	for _, was := range before.fields {
		i := slices.IndexFunc(left, func(now map[string]any) bool { return reflect.DeepEqual(was, now) })
		if i < 0 {
			fault(colFields, "field %v is gone or changed", was["fullname"])
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) != 1 {
		fault(colWidget, "%d new fields", len(left))
	}
	// qpdf lists a field whose widget is on a page even when the form has lost it
	for _, top := range before.tops {
		if !slices.ContainsFunc(after.tops, func(o any) bool { return reflect.DeepEqual(top, o) }) { // direct fields are maps
			fault(colFields, "%v is no longer in the form", top)
		}
	}
	if lost := difference(before.form, after.form); lost != "" {
		fault(colForm, "%s", lost)
	}
}

func difference(before, after map[string]any) string {
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if !reflect.DeepEqual(before[key], after[key]) {
			return fmt.Sprintf("%s was %v, is %v", key, before[key], after[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(after)) {
		if before[key] == nil {
			return key + " is new"
		}
	}
	return ""
}

// judgeSignature looks at the dictionary that is new, and with openssl into its CMS.
func judgeSignature(t testing.TB, before, after *facts, said claim, fault func(string, string, ...any)) {
	t.Helper()
	i := slices.IndexFunc(after.dicts, func(d map[string]any) bool {
		return !slices.ContainsFunc(before.dicts, func(e map[string]any) bool { return reflect.DeepEqual(d["/Contents"], e["/Contents"]) })
	})
	if i < 0 {
		fault(colText, "qpdf finds no new signature dictionary")
		fault(colBaseline, "qpdf finds no new signature dictionary")
		return
	}
	d := after.dicts[i]
	for key, want := range map[string]string{"/Name": said.name, "/Reason": said.reason} {
		if d[key] != "u:"+want {
			fault(colText, "%s is %v, want %s", key, d[key], want)
		}
	}
	if d["/SubFilter"] != "/ETSI.CAdES.detached" {
		fault(colBaseline, "SubFilter %v", d["/SubFilter"])
	}
	if d["/M"] == nil {
		fault(colBaseline, "no M")
	}
	text, _ := d["/Contents"].(string)
	contents, err := hex.DecodeString(strings.TrimPrefix(text, "b:"))
	if err != nil {
		fault(colBaseline, "Contents %.40q", text)
		return
	}
	for _, wrong := range attributes(t, contents) {
		fault(colBaseline, "%s", wrong)
	}
}

// attributes answers what is wrong with the signed attributes, by ETSI EN 319 142-1 §6.3.
func attributes(t testing.TB, contents []byte) []string {
	t.Helper()
	der, err := cms.Trim(contents)
	if err != nil {
		return []string{err.Error()}
	}
	path := writeFile(t, filepath.Join(t.TempDir(), "cms.der"), der)
	text, err := run(t, "openssl", "cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", path)
	if err != nil {
		return []string{"openssl: " + lastLine(text)}
	}
	if _, after, ok := strings.Cut(text, "signedAttrs:"); ok {
		text, _, _ = strings.Cut(after, "unsignedAttrs:")
	}
	var wrong []string
	for attribute, allowed := range map[string]bool{
		"1.2.840.113549.1.9.5)":       false, // signing-time
		"1.2.840.113583.1.1.8)":       false, // Adobe's revocation information
		"1.2.840.113549.1.9.3)":       true,  // content-type
		"1.2.840.113549.1.9.4)":       true,  // message-digest
		"1.2.840.113549.1.9.16.2.47)": true,  // signing-certificate-v2
		"1.2.840.113549.1.9.16.2.12)": false, // signing-certificate, SHA-1
	} {
		if strings.Contains(text, attribute) != allowed {
			wrong = append(wrong, fmt.Sprintf("signed attribute %s %t", strings.TrimSuffix(attribute, ")"), !allowed))
		}
	}
	slices.Sort(wrong)
	return wrong
}

func isPrefix(t testing.TB, in, out string) bool {
	t.Helper()
	info, err := os.Stat(in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = run(t, "cmp", "-s", "-n", fmt.Sprint(info.Size()), in, out)
	return err == nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
