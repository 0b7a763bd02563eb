package pdf

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Encryption says how a file is encrypted and what who opened it may do (ISO 32000-2 §7.6.4.2).
type Encryption struct {
	Method string // of streams, in words: "AES-256", "RC4"
	Owner  bool   // opened with the owner password, or with none where there is none: nothing is forbidden

	// What the permissions in P grant a user (table 22).
	Modify   bool // bit 4: change the document in other ways than the next two
	Annotate bool // bit 6: annotations, and filling in form fields
	Fill     bool // bit 9: filling in form fields, signature fields among them; always in revision 2, which can't deny it
}

// encryption is what opening an encrypted file found out. It does not change afterwards.
type encryption struct {
	Encryption
	key      fileKey
	revision int
	dict     uint32 // number of the encryption dictionary; 0 when it stands in the trailer
	filters  map[Name]cryptMethod
	metadata bool // metadata streams are encrypted too

	strings, streams, embedded cryptMethod
}

// Encryption tells how the file is encrypted; ok is false if it is not.
func (f *File) Encryption() (e Encryption, ok bool) {
	if f.crypt == nil {
		return Encryption{}, false
	}
	return f.crypt.Encryption, true
}

// openEncryption finds out how the file is encrypted and makes the key of the password, or of the empty one. Nothing
// is decrypted before: the encryption dictionary is read as it stands.
func (f *File) openEncryption() error {
	f.crypt = nil
	d, number, err := f.encryptionDict()
	if err != nil || d == nil {
		return err
	}
	c := &encryption{dict: number}
	h, err := f.securityHandler(d, c)
	if err != nil {
		return err
	}
	passwords := []Password{""}
	if f.password != "" {
		passwords = []Password{f.password, ""}
	}
	var opened bool
	c.key, opened = h.open(passwords...)
	switch {
	case opened && !h.proven(c.key.key):
		return fail(KindEncryption, -1, "Perms does not fit the key")
	case opened:
	case c.strings == cryptIdentity && c.streams == cryptIdentity:
		// Only attachments are encrypted: all else can be read and signed without the password.
	case f.password == "":
		return fail(KindPasswordNeeded, -1, "%s", describeEncryption(d))
	default:
		return fail(KindWrongPassword, -1, "%s", describeEncryption(d))
	}
	c.revision, c.Owner = h.revision, c.key.owner
	c.Modify, c.Annotate, c.Fill = h.permissions&(1<<3) != 0, h.permissions&(1<<5) != 0, h.permissions&(1<<8) != 0 || h.revision == 2
	c.Method = c.streams.String()
	if c.streams == cryptIdentity {
		c.Method = max(c.strings, c.embedded).String()
	}
	f.crypt = c
	f.streams.clear() // one that was read while nothing could be decrypted
	return nil
}

// encryptionDict returns the encryption dictionary and the number of its object; nil if the file is not encrypted.
// Readers go by the newest trailer, and an update can change neither the method nor the key: the objects before it
// stay as they are. A file that tries to is refused.
func (f *File) encryptionDict() (Dict, uint32, error) {
	newest := f.revisions[len(f.revisions)-1]
	d, ref, err := f.revisionEncryption(f, newest)
	if err != nil {
		return nil, 0, err
	}
	for i, r := range slices.Backward(f.revisions[:len(f.revisions)-1]) {
		view := f.At(i)
		if ref != (Ref{}) && r.encrypt() == Object(ref) && view.lookup(ref.Number) == f.lookup(ref.Number) {
			continue
		}
		older, _, err := f.revisionEncryption(view, r)
		switch {
		case err != nil:
			return nil, 0, err
		case older != nil && d == nil:
			return nil, 0, fail(KindEncryption, r.StartXRef, "an update leaves the encryption out")
		case older != nil && !reflect.DeepEqual(older, d):
			return nil, 0, fail(KindEncryption, r.StartXRef, "an update changes the encryption")
		}
	}
	return d, ref.Number, nil
}

// encrypt is what the newest of the revision's trailers has under Encrypt, nil if none has it.
func (r *revision) encrypt() Object {
	for _, s := range r.sections {
		if o := s.trailer["Encrypt"]; o != nil {
			return o
		}
	}
	return nil
}

func (f *File) revisionEncryption(view *File, r *revision) (d Dict, ref Ref, err error) {
	o := r.encrypt()
	ref, _ = o.(Ref)
	if o, err = view.Resolve(o); err != nil || o == nil {
		return nil, ref, err
	}
	d, ok := o.(Dict)
	if !ok {
		return nil, ref, fail(KindDamaged, r.StartXRef, "the encryption dictionary is no dictionary")
	}
	return d, ref, nil
}

// recipientHandlers are the public-key security handlers (ISO 32000-2 §7.6.5).
var recipientHandlers = []Name{"Adobe.PubSec", "Adobe.PPKLite", "Entrust.PPKEF"}

// securityHandler reads the encryption dictionary (ISO 32000-2 tables 20 and 21) and sets the methods in c.
func (f *File) securityHandler(d Dict, c *encryption) (*securityHandler, error) {
	r := encryptReader{f: f, d: d}
	filter, sub := r.name("Filter"), r.name("SubFilter")
	switch {
	case r.err != nil:
		return nil, r.err
	case slices.Contains(recipientHandlers, filter), strings.HasPrefix(string(sub), "adbe.pkcs7."):
		return nil, fail(KindRecipients, -1, "%s", describeEncryption(d))
	case filter != "Standard":
		return nil, fail(KindEncryption, -1, "%s", describeEncryption(d))
	}
	version := r.integer("V", 0)
	h := &securityHandler{
		revision: r.integer("R", 0), permissions: uint32(r.integer("P", 0)), metadata: r.boolean("EncryptMetadata", true),
		o: r.bytes("O"), u: r.bytes("U"), oe: r.bytes("OE"), ue: r.bytes("UE"), perms: r.bytes("Perms"), ids: f.firstIDs(),
	}
	c.metadata = version < 4 || h.metadata
	lengths := []int{r.integer("Length", 40)}
	switch version {
	case 1, 2:
		c.strings, c.streams, c.embedded = cryptRC4, cryptRC4, cryptRC4
	case 4, 5:
		lengths = append(lengths, r.filters(c)...)
	default:
		return nil, fail(KindEncryption, -1, "%s", describeEncryption(d))
	}
	if r.err != nil {
		return nil, r.err
	}
	h.lengths = keyLengths(version, c, lengths)
	modern := h.revision == 5 || h.revision == 6
	if modern != (version == 5) || !modern && (h.revision < 2 || h.revision > 4) {
		return nil, fail(KindEncryption, -1, "%s", describeEncryption(d))
	}
	return h, h.fit()
}

// fit brings the strings to the lengths that the standard gives them. Some writers put more there, and some cut zeros
// off the end.
func (h *securityHandler) fit() error {
	cut := func(b []byte, n, least int) ([]byte, error) {
		if len(b) < least {
			return nil, fail(KindDamaged, -1, "the encryption dictionary lacks what proves a password")
		}
		return append(slices.Clip(b), make([]byte, n)...)[:n], nil
	}
	type length struct {
		b        *[]byte
		n, least int
	}
	lengths := []length{{&h.o, 32, 16}, {&h.u, 32, 16}}
	if h.revision >= 5 {
		lengths = []length{{&h.o, 48, 48}, {&h.u, 48, 48}, {&h.oe, 32, 32}, {&h.ue, 32, 32}, {&h.perms, 16, 16}}
	}
	for _, l := range lengths {
		var err error
		if *l.b, err = cut(*l.b, l.n, l.least); err != nil {
			return err
		}
	}
	return nil
}

// keyLengths are the lengths of the key in bytes to try for revisions 2 to 4. What the file says comes first; some
// writers mean bytes where the standard has bits, or the other way round, or leave Length at another version's value.
func keyLengths(version int, c *encryption, stated []int) []int {
	if slices.Contains([]cryptMethod{c.strings, c.streams, c.embedded}, cryptAES128) {
		return []int{16}
	}
	var out []int
	add := func(n int) {
		if n >= 5 && n <= 16 && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	switch version {
	case 1:
		add(5)
	case 4:
		add(16)
	}
	for _, n := range stated {
		if n%8 == 0 {
			add(n / 8)
		}
		add(n)
	}
	add(5)
	add(16)
	return out
}

// firstIDs are the strings that the key may have been made with: the first element of the newest trailer's ID, those
// of older ones, and none.
func (f *File) firstIDs() []String {
	var out []String
	for _, s := range f.sections {
		id := String{}
		if list, err := f.Array(s.trailer["ID"]); err == nil && len(list) > 0 {
			if first, err := f.String(list[0]); err == nil {
				id = first
			}
		}
		if !slices.ContainsFunc(out, func(o String) bool { return string(o) == string(id) }) && len(out) < maxIDs {
			out = append(out, id)
		}
	}
	if !slices.ContainsFunc(out, func(o String) bool { return len(o) == 0 }) {
		out = append(out, String{})
	}
	return out
}

// encryptReader reads an encryption dictionary and keeps the first error. Its values may be references.
type encryptReader struct {
	f   *File
	d   Dict
	err error
}

func (r *encryptReader) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *encryptReader) name(key Name) Name {
	n, err := r.f.Name(r.d[key])
	r.note(err)
	return n
}

func (r *encryptReader) integer(key Name, fallback int) int {
	if r.d[key] == nil {
		return fallback
	}
	n, err := r.f.Integer(r.d[key])
	r.note(err)
	return int(n)
}

func (r *encryptReader) boolean(key Name, fallback bool) bool {
	if r.d[key] == nil {
		return fallback
	}
	b, err := r.f.Bool(r.d[key])
	r.note(err)
	return b
}

func (r *encryptReader) bytes(key Name) []byte {
	s, err := r.f.String(r.d[key])
	r.note(err)
	return s
}

// filters reads the crypt filters (ISO 32000-2 table 25) and which of them strings, streams and attachments have. It
// returns what they say of the key's length.
func (r *encryptReader) filters(c *encryption) (lengths []int) {
	all, err := r.f.Dict(r.d["CF"])
	r.note(err)
	c.filters = map[Name]cryptMethod{}
	for name, o := range all {
		d, err := r.f.Dict(o)
		r.note(err)
		one := encryptReader{f: r.f, d: d}
		switch method := one.name("CFM"); method {
		case "", "None":
			c.filters[name] = cryptIdentity
		case "V2":
			c.filters[name] = cryptRC4
			lengths = append(lengths, one.integer("Length", 128))
		case "AESV2":
			c.filters[name] = cryptAES128
		case "AESV3":
			c.filters[name] = cryptAES256
		default:
			r.note(fail(KindEncryption, -1, "crypt filter method %s", method))
		}
		r.note(one.err)
	}
	slices.Sort(lengths)
	c.filters["Identity"] = cryptIdentity
	choose := func(key, fallback Name) (Name, cryptMethod) {
		name := r.name(key)
		if name == "" {
			name = fallback
		}
		method, ok := c.filters[name]
		if !ok {
			r.note(fail(KindEncryption, -1, "no crypt filter %s", name))
		}
		return name, method
	}
	var streams Name
	_, c.strings = choose("StrF", "Identity")
	streams, c.streams = choose("StmF", "Identity")
	_, c.embedded = choose("EFF", streams)
	return lengths
}

// describeEncryption names what ISO 32000-2 §7.6.2 uses: "filter Standard V 5 R 6 (256 bits)".
func describeEncryption(d Dict) string {
	name, ok := d["Filter"].(Name)
	if !ok {
		name = "unknown"
	}
	s := "filter " + string(name)
	for _, key := range []Name{"V", "R"} {
		if n, ok := d[key].(Integer); ok {
			s += fmt.Sprintf(" %s %d", key, n)
		}
	}
	if n, ok := d["Length"].(Integer); ok {
		s += fmt.Sprintf(" (%d bits)", n)
	}
	return s
}

// unseal decrypts the strings of an indirect object that was just parsed, and marks its stream as encrypted. A
// cross-reference stream is not.
func (f *File) unseal(ref Ref, o Object) (Object, error) {
	crypt := f.crypt.object(ref)
	if crypt == nil {
		return o, nil
	}
	s, ok := o.(*Stream)
	if !ok {
		return crypt.decryptStrings(o)
	}
	if s.Dict["Type"] == Name("XRef") {
		return o, nil
	}
	s.crypt = crypt
	_, err := crypt.decryptStrings(s.Dict)
	return o, err
}

// streamMethod tells how the data of a stream is encrypted: by its own Crypt filter, else as its kind is
// (ISO 32000-2 §7.6.6, §7.4.10).
func (f *File) streamMethod(s *Stream) (cryptMethod, error) {
	c := f.crypt
	names, params, err := f.filters(s)
	if err != nil {
		return 0, err
	}
	method := c.streams
	switch i := slices.Index(names, "Crypt"); {
	case i >= 0 && c.filters != nil:
		name, ok := params[i]["Name"].(Name)
		if !ok {
			name = "Identity"
		}
		if method, ok = c.filters[name]; !ok {
			return 0, fail(KindUnsupported, s.Offset(), "no crypt filter %s", name)
		}
	case s.Dict["Type"] == Name("Metadata") && !c.metadata:
		method = cryptIdentity
	case s.Dict["Type"] == Name("EmbeddedFile"):
		method = c.embedded
	}
	if method != cryptIdentity && c.key.key == nil {
		return 0, fail(KindPasswordNeeded, s.Offset(), "an encrypted attachment")
	}
	return method, nil
}

// plain returns a reader of a stream's bytes without the encryption; its filters are still to be undone.
func (f *File) plain(s *Stream) (r io.Reader, size int64, err error) {
	raw, err := f.rawData(s)
	if err != nil {
		return nil, 0, err
	}
	r = &sourceReader{r: raw, offset: s.Offset()}
	if s.crypt == nil {
		return r, raw.Size(), nil
	}
	method, err := s.file.streamMethod(s)
	if err != nil {
		return nil, 0, err
	}
	r, err = s.crypt.reader(method, r, s.Offset())
	return r, raw.Size(), err
}
