package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// officeKey is an encrypted version of office.pdf with a password that opens it.
type officeKey struct {
	name     string
	password Password
	owner    bool
}

const ownerPassword = "chu-so-huu"

// officeKeys are all ways to open the vectors made of office.pdf.
func officeKeys() []officeKey {
	var keys []officeKey
	for _, name := range []string{
		"rc4-40", "rc4-128", "rc4-128-v4", "aes-128", "aes-128-clear-metadata", "aes-128-object-streams", "aes-128-restricted",
		"aes-256", "aes-256-r5", "aes-256-clear-metadata", "aes-256-linearized", "rc4-40-no-changes",
		"rc4-80", "length-in-bytes", "length-40-means-128", "no-id", "direct", "startxref-wrong",
		"identity-streams", "identity-strings", "crypt-filters",
	} {
		keys = append(keys, officeKey{name, "", false}, officeKey{name, ownerPassword, true}, officeKey{name, "another", false})
	}
	for _, name := range []string{"rc4-40-password", "aes-128-password", "aes-256-r5-password"} {
		keys = append(keys, officeKey{name, "mat-khau", false}, officeKey{name, ownerPassword, true})
	}
	return append(keys,
		officeKey{"aes-256-no-owner", "", true},
		officeKey{"aes-256-password", "mật khẩu Nghĩa", false},
		officeKey{"aes-256-password", "chủ sở hữu", true},
		officeKey{"attachments-only", "mat-khau", false},
		officeKey{"attachments-only", ownerPassword, true})
}

func (k officeKey) String() string { return fmt.Sprintf("%s/%s", k.name, string(k.password)) }

func (k officeKey) read(t testing.TB) []byte { return readVector(t, "encrypted-"+k.name+".pdf") }

func (k officeKey) open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := OpenWithPassword(bytes.NewReader(b), int64(len(b)), k.password)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// officeFacts is all that is encrypted in a version of office.pdf.
func officeFacts(t testing.TB, f *File) string {
	t.Helper()
	must := func(o Object, err error) Object {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	text := func(o Object) string { s, _ := must(f.Resolve(o)).(String); return s.Text() }
	data := func(o Object) string {
		s, err := f.Stream(o)
		if err != nil || s == nil {
			t.Fatalf("stream %v: %v", o, err)
		}
		b, err := f.Data(s)
		if err != nil {
			t.Fatalf("stream %v: %v", o, err)
		}
		return strings.TrimRight(string(b), " ")
	}
	_, catalog, err := f.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	page, err := f.Page(1)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Dict(f.Trailer()["Info"])
	if err != nil {
		t.Fatal(err)
	}
	var w strings.Builder
	fmt.Fprintln(&w, text(info["Title"]), data(page.Dict["Contents"]), data(catalog["Metadata"]))
	form, _ := must(f.Resolve(catalog["AcroForm"])).(Dict)
	fmt.Fprintln(&w, text(form["DA"]))
	fields, err := f.Fields()
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		fmt.Fprintln(&w, field.Name, text(field.Value))
		if ap, ok := must(f.Resolve(field.Dict["AP"])).(Dict); ok {
			fmt.Fprintln(&w, data(ap["N"]))
		}
	}
	for _, o := range must(f.Resolve(page.Dict["Annots"])).(Array) {
		fmt.Fprintln(&w, text(must(f.Resolve(o)).(Dict)["Contents"]))
	}
	names := must(f.Resolve(must(f.Resolve(catalog["Names"])).(Dict)["EmbeddedFiles"])).(Dict)["Names"].(Array)
	spec := must(f.Resolve(names[1])).(Dict)
	ef, _ := must(f.Resolve(spec["EF"])).(Dict)
	fmt.Fprintln(&w, text(names[0]), text(spec["F"]), data(ef["F"]))
	return w.String()
}

// TestEncryptedFilesReadAsPlain: with the user's and with the owner's password everything reads as in the document that
// was encrypted.
func TestEncryptedFilesReadAsPlain(t *testing.T) {
	want := officeFacts(t, open(t, readVector(t, "office.pdf")))
	if !strings.Contains(want, "Nghĩa") || !strings.Contains(want, "so tre: 25") {
		t.Fatalf("office.pdf: %s", want)
	}
	for _, k := range officeKeys() {
		t.Run(k.String(), func(t *testing.T) {
			f := k.open(t, k.read(t))
			if got := officeFacts(t, f); got != want {
				t.Errorf("it reads\n%s\nwant\n%s", got, want)
			}
			if e, ok := f.Encryption(); !ok || e.Owner != k.owner {
				t.Errorf("%+v, owner should be %t", e, k.owner)
			}
			if f.password != "" {
				t.Error("the password stays in memory")
			}
		})
	}
}

// TestEncryptedUpdate adds strings and streams to each of the files, and replaces one, twice.
func TestEncryptedUpdate(t *testing.T) {
	for _, k := range officeKeys() {
		t.Run(k.String(), func(t *testing.T) {
			b := k.read(t)
			want := officeFacts(t, k.open(t, b))
			for _, secret := range []string{"Ký duyệt", "Đã nhận"} {
				f := k.open(t, b)
				u := NewUpdate(f)
				infoRef := f.Trailer()["Info"].(Ref)
				info, err := f.Dict(infoRef)
				if err != nil {
					t.Fatal(err)
				}
				info["Subject"] = TextString(secret)
				u.Set(infoRef, info)
				place := NewReserved(10, '0')
				stream := u.Add(&Stream{Dict: Dict{"Note": String(secret)}, Data: []byte(secret)})
				plain := Dict{"ByteRange": Array{Integer(0)}, "Contents": String("plain"), "Name": String(secret), "Place": place, "Of": stream}
				info["Sig"] = u.Add(plain)
				_, catalog, err := f.Catalog()
				if err != nil {
					t.Fatal(err)
				}
				metadata := catalog["Metadata"].(Ref)
				old, err := f.Stream(metadata)
				if err != nil {
					t.Fatal(err)
				}
				u.Set(metadata, old) // is decrypted and encrypted again
				tail, err := u.Bytes()
				if err != nil {
					t.Fatal(err)
				}
				again, err := u.Bytes()
				if err != nil || len(again) != len(tail) {
					t.Fatalf("laid out again: %d and %d bytes, %v", len(tail), len(again), err)
				}
				if f.crypt.strings > cryptRC4 && bytes.Equal(again, tail) {
					t.Error("the initialization vectors are not new")
				}
				if f.crypt.strings != cryptIdentity && bytes.Contains(tail, fmt.Appendf(nil, "%x", secret)) {
					t.Error("a string is not encrypted")
				}
				if f.crypt.streams != cryptIdentity && bytes.Contains(tail, []byte(secret)) {
					t.Error("a stream is not encrypted")
				}
				if !bytes.Contains(tail, []byte("(plain)")) {
					t.Error("Contents of a signature is encrypted")
				}
				b = slices.Concat(b, tail)
				after := k.open(t, b)
				if got := officeFacts(t, after); got != want {
					t.Errorf("it reads\n%s\nwant\n%s", got, want)
				}
				added, err := after.Dict(info["Sig"])
				if err != nil || string(added["Name"].(String)) != secret || string(added["Contents"].(String)) != "plain" {
					t.Errorf("added: %v, %v", added, err)
				}
				s, err := after.Stream(stream)
				if err != nil || string(s.Dict["Note"].(String)) != secret {
					t.Fatalf("stream: %v, %v", s, err)
				}
				if data, err := after.Data(s); err != nil || string(data) != secret {
					t.Errorf("stream: %q, %v", data, err)
				}
				if info, err = after.Dict(infoRef); err != nil || info["Subject"].(String).Text() != secret {
					t.Errorf("info: %v, %v", info, err)
				}
			}
		})
	}
}

// TestPasswords: which file wants one, and that none is ever shown.
func TestPasswords(t *testing.T) {
	for _, test := range []struct {
		name     string
		password Password
		want     Kind
		reason   string
	}{
		{"rc4-40-password", "", KindPasswordNeeded, "filter Standard V 1 R 2 (40 bits)"},
		{"aes-128-password", "", KindPasswordNeeded, "filter Standard V 4 R 4 (128 bits)"},
		{"aes-256-password", "", KindPasswordNeeded, "filter Standard V 5 R 6 (256 bits)"},
		{"rc4-40-password", "sai-roi", KindWrongPassword, "filter Standard V 1 R 2 (40 bits)"},
		{"aes-128-password", "sai-roi", KindWrongPassword, "filter Standard V 4 R 4 (128 bits)"},
		{"aes-256-password", "sai-roi", KindWrongPassword, "filter Standard V 5 R 6 (256 bits)"},
		{"for-recipients", "sai-roi", KindRecipients, "filter Adobe.PubSec V 4 R 4 (128 bits)"},
		{"unknown-handler", "sai-roi", KindEncryption, "filter FOPN_fLock V 1 R 2"},
		{"unknown-version", "sai-roi", KindEncryption, "filter Standard V 6 R 7 (256 bits)"},
	} {
		b := readVector(t, "encrypted-"+test.name+".pdf")
		_, err := OpenWithPassword(bytes.NewReader(b), int64(len(b)), test.password)
		if e, ok := err.(*Error); !ok || e.Kind != test.want || e.Reason != test.reason {
			t.Errorf("%s, %q: %v, want %v: %s", test.name, string(test.password), err, test.want, test.reason)
		}
		if err != nil && strings.Contains(err.Error(), "sai-roi") {
			t.Errorf("the password is in %q", err)
		}
	}
	var log bytes.Buffer
	held := struct{ Password Password }{"bi-mat"}
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "options", held, "password", held.Password)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "options", held, "password", held.Password)
	_ = json.NewEncoder(&log).Encode(held)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&log, format+format, held, held.Password)
	}
	if shown := log.String(); strings.Contains(shown, "bi-mat") || strings.Contains(shown, fmt.Sprintf("%x", "bi-mat")) {
		t.Errorf("it shows %s", shown)
	}
}

// TestAttachmentsOnly: a file of which only attachments are encrypted opens without the password, but for them.
func TestAttachmentsOnly(t *testing.T) {
	f := open(t, readVector(t, "encrypted-attachments-only.pdf"))
	s, err := f.Stream(Ref{Number: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Data(s); !IsKind(err, KindPasswordNeeded) {
		t.Errorf("attachment: %v", err)
	}
	page, err := f.Page(1)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = f.Stream(page.Dict["Contents"]); err != nil {
		t.Fatal(err)
	}
	if b, err := f.Data(s); err != nil || string(b) != pageContent {
		t.Errorf("content: %q, %v", b, err)
	}
	u := NewUpdate(f)
	u.Set(Ref{Number: 10}, &Stream{Dict: Dict{"Type": Name("EmbeddedFile")}, Data: []byte("x")})
	if _, err := u.Bytes(); !IsKind(err, KindPasswordNeeded) {
		t.Errorf("a new attachment: %v", err)
	}
}

// TestPermissions reads P as the standard's table 22 has it.
func TestPermissions(t *testing.T) {
	for name, want := range map[string]Encryption{
		"rc4-40":             {Method: "RC4", Modify: true, Annotate: true, Fill: true},
		"rc4-40-no-changes":  {Method: "RC4", Fill: true},
		"rc4-128":            {Method: "RC4", Fill: true},
		"aes-128-restricted": {Method: "AES-128"},
		"aes-256-no-owner":   {Method: "AES-256", Owner: true},
		"identity-streams":   {Method: "AES-128", Modify: true, Annotate: true, Fill: true},
	} {
		if got, ok := open(t, readVector(t, "encrypted-"+name+".pdf")).Encryption(); !ok || got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if e, ok := open(t, minimal()).Encryption(); ok || e != (Encryption{}) {
		t.Errorf("a plain file: %+v", e)
	}
}

// TestEncryptionStays: an update can't take the encryption away, nor put another in its place.
func TestEncryptionStays(t *testing.T) {
	b := readVector(t, "encrypted-identity-streams.pdf")
	i, j := bytes.Index(b, []byte("14 0 obj")), bytes.LastIndex(b, []byte("xref\n0"))
	dict := string(b[i:j])
	prev := fmt.Sprintf("/Prev %d/Size 15/Root 1 0 R/Info 13 0 R/ID[<%x><%x>]", j, draftFirstID, draftFirstID)
	update := func(object, encrypt string) []byte {
		d := &draft{eol: "\n", rowEnd: " \n"}
		d.Write(b)
		if object != "" {
			d.enter(draftEntry{14, 'n', d.at(), 0})
			d.WriteString(object)
		} else {
			d.free(0, 65535)
		}
		d.table(strings.Replace(prev, "/Size 15", "", 1) + encrypt)
		d.end()
		return d.Bytes()
	}
	for name, test := range map[string]struct {
		file []byte
		want Kind
	}{
		"the same again":          {update(dict, "/Encrypt 14 0 R"), 0},
		"nothing new":             {update("", "/Encrypt 14 0 R"), 0},
		"left out":                {update("", ""), KindEncryption},
		"strings no longer":       {update(strings.Replace(dict, "/StrF/StdCF", "/StrF/Identity", 1), "/Encrypt 14 0 R"), KindEncryption},
		"another dictionary":      {update("", "/Encrypt<</Filter/Standard>>"), KindEncryption},
		"the dictionary in place": {update("", "/Encrypt"+dict[len("14 0 obj\n"):strings.Index(dict, "endobj")]), 0},
	} {
		f, err := Open(bytes.NewReader(test.file), int64(len(test.file)))
		if KindOf(err) != test.want || test.want == 0 && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && !strings.Contains(officeFacts(t, f), "Nghĩa") {
			t.Errorf("%s: it reads otherwise", name)
		}
	}
}

// TestTwoKeys: a file that shows the owner another document than the user, under one signature, does not open for both.
func TestTwoKeys(t *testing.T) {
	for _, name := range []string{"aes-256-r5-password", "aes-256"} {
		b := readVector(t, "encrypted-"+name+".pdf")
		f, err := OpenWithPassword(bytes.NewReader(b), int64(len(b)), ownerPassword)
		if err != nil {
			t.Fatal(err)
		}
		d, _, err := f.encryptionDict()
		if err != nil {
			t.Fatal(err)
		}
		h := &securityHandler{revision: f.crypt.revision, o: d["O"].(String), u: d["U"].(String)}
		block, err := aes.NewCipher(h.hash([]byte(ownerPassword), h.o[40:48], h.u))
		if err != nil {
			t.Fatal(err)
		}
		other := make([]byte, 32)
		cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(other, []byte("another key that opens another.."))
		var w writer
		w.hex(d["OE"].(String))
		from := slices.Clone(w.b)
		w.b = nil
		w.hex(other)
		two := bytes.Replace(b, from, w.b, 1)
		if bytes.Equal(two, b) {
			t.Fatalf("%s: OE not found", name)
		}
		if _, err := OpenWithPassword(bytes.NewReader(two), int64(len(two)), ownerPassword); !IsKind(err, KindEncryption) {
			t.Errorf("%s: as the owner: %v", name, err)
		}
		if _, err := OpenWithPassword(bytes.NewReader(two), int64(len(two)), "mat-khau"); err != nil {
			t.Errorf("%s: as the user: %v", name, err)
		}
	}
}

// TestEncryptedObjectStreamsByScan: without a cross-reference, object streams can be decoded only with the key.
func TestEncryptedObjectStreamsByScan(t *testing.T) {
	for _, name := range []string{"aes-128-object-streams", "aes-256-linearized"} {
		b := readVector(t, "encrypted-"+name+".pdf")
		b = bytes.ReplaceAll(b, []byte("startxref\n"), []byte("startxref\n9"))
		f := open(t, b)
		if _, rebuilt := f.Rebuilt(); !rebuilt || !strings.Contains(officeFacts(t, f), "Nghĩa") {
			t.Errorf("%s: rebuilt %t", name, rebuilt)
		}
	}
}

// TestEncryptionRoundTrip: what is encrypted is decrypted to the same, whole or in pieces, by all methods.
func TestEncryptionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		method := rapid.SampledFrom([]cryptMethod{cryptIdentity, cryptRC4, cryptAES128, cryptAES256}).Draw(t, "method")
		n := 32
		if method != cryptAES256 {
			n = rapid.IntRange(11, 16).Draw(t, "length of the key")
		}
		c := &encryption{strings: method, key: fileKey{key: rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "key")}}
		ref := Ref{rapid.Uint32Range(1, maxObjectNum).Draw(t, "number"), rapid.Uint16().Draw(t, "generation")}
		size := rapid.SampledFrom([]int{0, 1, 15, 16, 17, 4079, 4080, 4081, 4096, 9000}).Draw(t, "size")
		data := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "data")
		sealed, err := c.object(ref).encryptString(data)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.object(ref).decryptString(bytes.Clone(sealed)); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("string: %v", err)
		}
		if sealed, err = c.object(ref).encryptStream(method, data); err != nil {
			t.Fatal(err)
		}
		var source io.Reader = bytes.NewReader(sealed)
		if rapid.Bool().Draw(t, "in pieces") {
			source = iotest.OneByteReader(source)
		}
		r, err := c.object(ref).reader(method, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("stream: %d bytes of %d, %v", len(got), len(data), err)
		}
	})
}

// TestCBCErrors: a failure of the disk is no end of the data.
func TestCBCErrors(t *testing.T) {
	c := &encryption{key: fileKey{key: make([]byte, 32)}}
	sealed, err := c.object(Ref{Number: 1}).encryptStream(cryptAES256, make([]byte, 9000))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 7, 16, 40, 4096, 4112, 8192} {
		source := io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(io.ErrClosedPipe))
		r, err := c.object(Ref{Number: 1}).reader(cryptAES256, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); err != io.ErrClosedPipe {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// TestPasswordForms: RFC 4013 §3, and the encodings of writers.
func TestPasswordForms(t *testing.T) {
	for in, want := range map[string]string{
		"I\u00adX": "IX", "user": "user", "USER": "USER", "\u00aa": "a", "\u2168": "IX", "a\u3000b": "a b", "Nghi\u0303a": "Nghĩa",
	} {
		if got := saslPrep(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[Password][]string{
		"mat-khau":    {"mat-khau"},
		"caf\u00e9":   {"caf\xe9", "caf\u00e9"},
		"\u20ac":      {"\xa0", "\u20ac"},
		"Nghi\u0303a": {"Nghĩa", "Nghi\u0303a"},
		"e\u0301":     {"\xe9", "\u00e9", "e\u0301"},
		"":            {""},
		"\ufffd":      {"\ufffd"},
		Password(strings.Repeat("0123456789", 4)): {strings.Repeat("0123456789", 4)[:32]},
	} {
		var got []string
		for _, b := range in.legacy() {
			got = append(got, string(b))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", string(in), got, want)
		}
	}
	long := Password(strings.Repeat("a", 200))
	if got := long.unicode(); len(got) != 1 || len(got[0]) != 127 {
		t.Errorf("%q", got)
	}
}
