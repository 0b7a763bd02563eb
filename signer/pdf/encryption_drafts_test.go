package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"fmt"
	"strings"
)

// office writes a document with all that encryption treats in a way of its own: text strings, an attachment, metadata,
// a form with a text field and an empty signature field, an annotation with Contents. text and data say how a string
// and a stream of an object are written, generation is that of the document information.
func (d *draft) office(generation int, text func(number int, s string) string, data func(number int, kind, s string) (string, []byte)) *draft {
	stream := func(number int, dict, kind, s string) {
		extra, b := data(number, kind, s)
		d.stream(number, dict+extra, b)
	}
	d.free(0, 65535)
	d.obj(1, 0, "<</Type/Catalog/Pages 2 0 R/Metadata 6 0 R/AcroForm<</Fields[7 0 R 8 0 R]/DA"+text(1, "/F1 10 Tf 0 g")+"/DR<</Font<</F1 5 0 R>>>>>>"+
		"/Names<</EmbeddedFiles<</Names["+text(1, "so-lieu.txt")+" 9 0 R]>>>>>>")
	d.obj(2, 0, bodyPages)
	d.obj(3, 0, strings.Replace(bodyPage, "/Contents", "/Annots[7 0 R 8 0 R 11 0 R]/Contents", 1))
	stream(4, "", "", pageContent)
	d.obj(5, 0, bodyFont)
	stream(6, "/Type/Metadata/Subtype/XML", "Metadata", "<?xpacket begin=''?><x:xmpmeta xmlns:x='adobe:ns:meta/'/><?xpacket end='w'?>")
	d.obj(7, 0, "<</Type/Annot/Subtype/Widget/FT/Tx/F 4/P 3 0 R/Rect[72 600 272 620]/T"+text(7, "lop")+"/V"+text(7, "La 1")+
		"/DA"+text(7, "/F1 10 Tf 0 g")+"/AP<</N 12 0 R>>>>")
	d.obj(8, 0, "<</Type/Annot/Subtype/Widget/FT/Sig/F 4/P 3 0 R/Rect[300 600 500 680]/T"+text(8, "hieu_truong")+">>")
	d.obj(9, 0, "<</Type/Filespec/F"+text(9, "so-lieu.txt")+"/UF"+text(9, "so-lieu.txt")+"/EF<</F 10 0 R>>>>")
	stream(10, "/Type/EmbeddedFile", "EmbeddedFile", "so tre: 25\n")
	d.obj(11, 0, "<</Type/Annot/Subtype/Text/F 4/P 3 0 R/Rect[72 500 92 520]/Contents"+text(11, "xem lai")+">>")
	stream(12, "/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F1 5 0 R>>>>", "", "/Tx BMC BT /F1 10 Tf 2 5 Td (La 1) Tj ET EMC")
	d.obj(13, generation, "<</Title"+text(13, "\xfe\xff\x00N\x00g\x00h\x01\x29\x00a")+">>")
	return d
}

// officePlain is the document without encryption.
func officePlain() []byte {
	d := newDraft("1.7").office(0,
		func(_ int, s string) string { return fmt.Sprintf("<%x>", s) },
		func(_ int, _, s string) (string, []byte) { return "", []byte(s) })
	d.table(draftRoot + "/Info 13 0 R")
	d.end()
	return d.Bytes()
}

// cipherDraft encrypts by hand: revisions 2 to 4, the owner password the user's.
type cipherDraft struct {
	key                        []byte
	o, u                       []byte
	strings, streams, embedded string // V2, AESV2 or "" for none
	id                         string
	generation                 int // of object 13
}

const draftPadding = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a"

const draftFirstID = "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"

// draftPermissions grant all.
const draftPermissions = 0xfffffffc

func newCipherDraft(revision, length int, user, id string, clearMetadata bool) *cipherDraft {
	c := &cipherDraft{id: id}
	pad := func(s string) []byte { return []byte((s + draftPadding)[:32]) }
	x := func(key []byte, n byte) []byte {
		out := bytes.Clone(key)
		for i := range out {
			out[i] ^= n
		}
		return out
	}
	sum := md5.Sum(pad("chu-so-huu"))
	if revision > 2 {
		for range 50 {
			sum = md5.Sum(sum[:])
		}
	}
	owner := sum[:length]
	c.o = draftRC4(owner, pad(user))
	if revision > 2 {
		for i := byte(1); i < 20; i++ {
			c.o = draftRC4(x(owner, i), c.o)
		}
	}
	in := append(pad(user), c.o...)
	in = binary.LittleEndian.AppendUint32(in, draftPermissions)
	in = append(in, id...)
	if clearMetadata {
		in = append(in, "\xff\xff\xff\xff"...)
	}
	sum = md5.Sum(in)
	if revision > 2 {
		for range 50 {
			sum = md5.Sum(sum[:length])
		}
	}
	c.key = bytes.Clone(sum[:length])
	if revision == 2 {
		c.u = draftRC4(c.key, pad(user))
		return c
	}
	sum = md5.Sum([]byte(draftPadding + id))
	c.u = sum[:]
	for i := byte(0); i < 20; i++ {
		c.u = draftRC4(x(c.key, i), c.u)
	}
	c.u = append(c.u, make([]byte, 16)...)
	return c
}

func draftRC4(key, data []byte) []byte {
	out := make([]byte, len(data))
	r, _ := rc4.NewCipher(key)
	r.XORKeyStream(out, data)
	return out
}

// encrypt encrypts for an object. The initialization vector is made of the number, so that the file is
// the same each time.
func (c *cipherDraft) encrypt(method string, number int, s string) []byte {
	salt := ""
	if method == "AESV2" {
		salt = "sAlT"
	}
	generation := byte(0)
	if number == 13 {
		generation = byte(c.generation)
	}
	sum := md5.Sum(append(bytes.Clone(c.key), string([]byte{byte(number), byte(number >> 8), byte(number >> 16), generation, 0})+salt...))
	key := sum[:min(len(c.key)+5, 16)]
	switch method {
	case "V2":
		return draftRC4(key, []byte(s))
	case "AESV2":
		n := 16 - len(s)%16
		iv := md5.Sum(append([]byte(s), byte(number)))
		out := []byte(s + strings.Repeat(string(rune(n)), n))
		block, _ := aes.NewCipher(key)
		cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(out, out)
		return append(iv[:], out...)
	}
	return []byte(s)
}

// text and data are for draft.office.
func (c *cipherDraft) text(number int, s string) string {
	return fmt.Sprintf("<%x>", c.encrypt(c.strings, number, s))
}

func (c *cipherDraft) data(number int, kind, s string) (string, []byte) {
	method := c.streams
	if kind == "EmbeddedFile" {
		method = c.embedded
	}
	return "", c.encrypt(method, number, s)
}

// dict is the encryption dictionary: extra has Filter, V, R and the rest that the draft is about.
func (c *cipherDraft) dict(extra string) string {
	p := uint32(draftPermissions)
	return fmt.Sprintf("<<%s/P %d/O<%x>/U<%x>>>", extra, int32(p), c.o, c.u)
}

// encryptionDrafts are those that qpdf does not write.
func encryptionDrafts(_ func(string, *draft, string), v map[string][]byte) {
	v["office.pdf"] = officePlain()
	id := func(c *cipherDraft) string {
		if c.id == "" {
			return ""
		}
		return fmt.Sprintf("/ID[<%x><%x>]", c.id, c.id)
	}
	finish := func(name string, d *draft, c *cipherDraft) {
		d.table("/Root 1 0 R/Info 13 0 R" + id(c) + "/Encrypt 14 0 R")
		d.end()
		v["encrypted-"+name+".pdf"] = d.Bytes()
	}
	write := func(name string, c *cipherDraft, extra string) {
		d := newDraft("1.7").office(c.generation, c.text, c.data)
		d.obj(14, 0, c.dict(extra))
		finish(name, d, c)
	}
	const standard, cf = "/Filter/Standard", "/CF<</StdCF<</AuthEvent/DocOpen/CFM/AESV2/Length 16>>>>"

	c := newCipherDraft(4, 16, "", draftFirstID, false)
	c.strings = "AESV2"
	write("identity-streams", c, standard+"/V 4/R 4/Length 128"+cf+"/StmF/Identity/StrF/StdCF/EFF/Identity")
	c = newCipherDraft(4, 16, "", draftFirstID, false)
	c.streams, c.embedded = "AESV2", "AESV2"
	write("identity-strings", c, standard+"/V 4/R 4/Length 128"+cf+"/StmF/StdCF/StrF/Identity")
	c = newCipherDraft(4, 16, "mat-khau", draftFirstID, false)
	c.embedded = "AESV2"
	write("attachments-only", c, standard+"/V 4/R 4/Length 128"+strings.Replace(cf, "DocOpen", "EFOpen", 1)+"/StmF/Identity/StrF/Identity/EFF/StdCF")

	// The page's content has a filter of its own that leaves it plain, the metadata one that does not.
	c = newCipherDraft(4, 16, "", draftFirstID, true)
	c.strings, c.streams, c.embedded = "AESV2", "AESV2", "AESV2"
	d := newDraft("1.7").office(c.generation, c.text, func(number int, kind, s string) (string, []byte) {
		switch number {
		case 4:
			return "/Filter[/Crypt]/DecodeParms[<</Type/CryptFilterDecodeParms/Name/Identity>>]", []byte(s)
		case 6:
			return "/Filter/Crypt/DecodeParms<</Name/StdCF>>", c.encrypt("AESV2", number, s)
		case 12: // the mistakes of writers: no padding, and an end that is no block
			return "", append(c.encrypt("AESV2", number, s+strings.Repeat(" ", 16-len(s)%16))[:16+48], "tail"...)
		}
		return c.data(number, kind, s)
	})
	d.obj(14, 0, c.dict(standard+"/V 4/R 4/Length 128/EncryptMetadata false"+cf+"/StmF/StdCF/StrF/StdCF"))
	finish("crypt-filters", d, c)

	c = newCipherDraft(4, 16, "", draftFirstID, false)
	c.strings, c.streams, c.embedded = "V2", "V2", "V2"
	write("length-40-means-128", c, standard+"/V 4/R 4/Length 40"+strings.Replace(cf, "AESV2/Length 16", "V2/Length 5", 1)+"/StmF/StdCF/StrF/StdCF")
	c = newCipherDraft(3, 16, "", draftFirstID, false)
	c.strings, c.streams, c.embedded = "V2", "V2", "V2"
	write("length-in-bytes", c, standard+"/V 2/R 3/Length 16")
	c = newCipherDraft(3, 10, "", draftFirstID, false)
	c.strings, c.streams, c.embedded = "V2", "V2", "V2"
	write("rc4-80", c, standard+"/V 2/R 3/Length 80")
	c = newCipherDraft(3, 16, "", "", false)
	c.strings, c.streams, c.embedded = "V2", "V2", "V2"
	c.u = c.u[:16]
	write("no-id", c, standard+"/V 2/R 3/Length 128")

	// The dictionary stands in the trailer, one object has generation 3.
	c = newCipherDraft(2, 5, "", draftFirstID, false)
	c.generation = 3
	c.strings, c.streams, c.embedded = "V2", "V2", "V2"
	d = newDraft("1.4").office(c.generation, c.text, c.data)
	d.table("/Root 1 0 R/Info 13 3 R" + id(c) + "/Encrypt" + c.dict(standard+"/V 1/R 2"))
	d.end()
	v["encrypted-direct.pdf"] = d.Bytes()

	v["encrypted-startxref-wrong.pdf"] = bytes.Replace(v["encrypted-direct.pdf"], []byte("startxref\n"), []byte("startxref\n9"), 1)
	v["encrypted-trailers-differ.pdf"] = bytes.Replace(v["encrypted-startxref-wrong.pdf"], []byte("1 0 obj"),
		[]byte("trailer\n<</Root 1 0 R/ID[<00><00>]/Encrypt"+c.dict(standard+"/V 1/R 2")+">>\n1 0 obj"), 1)

	c = newCipherDraft(3, 16, "", draftFirstID, false)
	write("for-recipients", c, "/Filter/Adobe.PubSec/SubFilter/adbe.pkcs7.s5/V 4/R 4/Length 128/Recipients[<3000>]")
	write("unknown-handler", c, "/Filter/FOPN_fLock/V 1/R 2")
	write("unknown-version", c, standard+"/V 6/R 7/Length 256/CF<</StdCF<</CFM/AESV4/Length 32>>>>/StmF/StdCF/StrF/StdCF")
}
