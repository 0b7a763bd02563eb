package httpapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/httpapi"
)

const passkeyOrigin = "http://localhost:8321"

// device is an authenticator and a browser: what they send, and how they may lie.
type device struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	count  uint32
	origin string
	rpID   string
	flags  byte // user present and verified
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, key: key, id: make([]byte, 32), origin: passkeyOrigin, rpID: "localhost", flags: 0x05}
	rand.Read(d.id)
	return d
}

var askedOptions = regexp.MustCompile(`data-options="([^"]*)"`)

type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Verification string `json:"userVerification"`
	Selection    struct {
		Verification string `json:"userVerification"`
		Resident     string `json:"residentKey"`
	} `json:"authenticatorSelection"`
	Allowed []struct {
		ID string `json:"id"`
	} `json:"allowCredentials"`
}

// optionsOf reads what a page asks the browser.
func optionsOf(t *testing.T, page string) options {
	t.Helper()
	found := askedOptions.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("the page asks for no passkey:\n%s", page)
	}
	var o options
	if err := json.Unmarshal([]byte(html.UnescapeString(found[1])), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func coded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (d *device) client(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *device) data(flags byte) []byte {
	hash := sha256.Sum256([]byte(d.rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), d.count)
}

func (d *device) create(page string) string {
	d.t.Helper()
	o := optionsOf(d.t, page)
	if o.Selection.Verification != "required" || o.Selection.Resident != "required" || o.RP.ID != "localhost" {
		d.t.Errorf("asked for %+v", o)
	}
	var err error
	if d.handle, err = base64.RawURLEncoding.DecodeString(o.User.ID); err != nil {
		d.t.Fatal(err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: d.key.X.FillBytes(make([]byte, 32)), -3: d.key.Y.FillBytes(make([]byte, 32))})
	if err != nil {
		d.t.Fatal(err)
	}
	data := append(d.data(d.flags|0x40), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), cose...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{"clientDataJSON": coded(d.client("webauthn.create", o.Challenge)), "attestationObject": coded(object), "transports": []string{"internal"}})
}

// get answers a question with the next count.
func (d *device) get(page string) string {
	d.t.Helper()
	d.count++
	return d.sign(optionsOf(d.t, page).Challenge)
}

func (d *device) sign(challenge string) string {
	client, data := d.client("webauthn.get", challenge), d.data(d.flags)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{"clientDataJSON": coded(client), "authenticatorData": coded(data), "signature": coded(signature), "userHandle": coded(d.handle)})
}

func (d *device) answer(response map[string]any) string {
	b, err := json.Marshal(map[string]any{"id": coded(d.id), "rawId": coded(d.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

// addPasskey makes a passkey of the visitor's own account, with its password.
func (v *visitor) addPasskey(d *device) {
	v.t.Helper()
	_, page := v.post("/passkeys/begin", url.Values{"name": {"Điện thoại"}, "password": {password}})
	if resp, page := v.post("/passkeys", url.Values{"passkey": {d.create(page)}}); resp.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("the passkey is not taken: %s\n%s", resp.Status, page)
	}
}

// enter signs in with a passkey, and says what came of it.
func (v *visitor) enter(d *device) (int, string) {
	v.t.Helper()
	_, page := v.post("/sign-in/passkey", url.Values{"next": {"/hand-overs"}})
	resp, page := v.post("/sign-in/passkey/answer", url.Values{"passkey": {d.get(page)}, "next": {"/hand-overs"}})
	return resp.StatusCode, page
}

// out fails where the visitor is signed in.
func (v *visitor) out(what string) {
	v.t.Helper()
	if status, _ := v.get("/hand-overs"); status != http.StatusSeeOther {
		v.t.Errorf("%s: signed in (%d)", what, status)
	}
}

func eachWithPasskeys(t *testing.T, test func(t *testing.T, s *school)) {
	t.Helper()
	databases := storetest.Databases()
	if testing.Short() {
		databases = databases[:1]
	}
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			s := newSchool(t, storetest.Open(t, database), httpapi.Config{PublicURL: passkeyOrigin})
			s.give()
			test(t, s)
		})
	}
}

// A passkey is added by who knows the password, signs in without one and without a code,
// and is ended by its owner.
func TestPasskeySignsIn(t *testing.T) {
	eachWithPasskeys(t, func(t *testing.T, s *school) {
		v, d := s.visitor(t), newDevice(t)
		v.signIn(s.deputy)
		for what, form := range map[string]url.Values{
			"no password":    {"name": {"Máy"}},
			"wrong password": {"name": {"Máy"}, "password": {"không-phải-mật-khẩu"}},
			"no name":        {"name": {" "}, "password": {password}},
		} {
			if resp, page := v.post("/passkeys/begin", form); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusUnprocessableEntity || askedOptions.MatchString(page) {
				t.Errorf("%s: %s", what, resp.Status)
			}
		}
		if resp, _ := v.post("/passkeys", url.Values{"passkey": {"{}"}}); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("without being asked: %s", resp.Status)
		}
		v.addPasskey(d)
		if _, page := v.get("/passkeys"); !strings.Contains(page, "Điện thoại") || !strings.Contains(page, "chưa dùng") {
			t.Errorf("the list:\n%s", page)
		}
		if strings.Contains(string(d.handle), string(s.deputy.actor.Person)) || len(d.handle) != 32 {
			t.Errorf("the handle says who it is: %x", d.handle)
		}

		other := s.visitor(t)
		if _, page := other.get("/sign-in"); !strings.Contains(page, `action="/sign-in/passkey"`) || strings.Contains(page, "<script") {
			t.Errorf("the sign-in page:\n%s", page)
		}
		resp, page := other.post("/sign-in/passkey", url.Values{"next": {"//evil.example"}})
		if o := optionsOf(t, page); o.Verification != "required" || len(o.Allowed) != 0 || o.RPID != "localhost" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("asked %+v, %s", o, resp.Header.Get("Content-Security-Policy"))
		}
		answer := d.get(page)
		if resp, page := other.post("/sign-in/passkey/answer", url.Values{"passkey": {answer}, "next": {"//evil.example"}}); resp.Header.Get("Location") != "/" {
			t.Fatalf("sign in: %s\n%s", resp.Status, page)
		}
		if status, page := other.get("/hand-overs"); status != http.StatusOK || !strings.Contains(page, s.deputy.name) {
			t.Errorf("signed in as somebody else: %d", status)
		}
		if resp, _ := other.post("/sign-in/passkey/answer", url.Values{"passkey": {answer}}); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("the answer again: %s", resp.Status)
		}

		// With a code's factor too: a passkey is worth both, and a new one wants a code.
		if err := s.BeginSecondFactor(ctx, s.deputy.actor, []byte("01234567890123456789")); err != nil {
			t.Fatal(err)
		}
		if err := s.ConfirmSecondFactor(ctx, s.deputy.actor, 1, nil); err != nil {
			t.Fatal(err)
		}
		if status, page := s.visitor(t).enter(d); status != http.StatusSeeOther {
			t.Errorf("with a second factor: %d\n%s", status, page)
		}
		if resp, page := v.post("/passkeys/begin", url.Values{"name": {"Máy"}, "password": {password}}); resp.StatusCode != http.StatusUnauthorized || askedOptions.MatchString(page) {
			t.Errorf("another passkey with the password alone: %s", resp.Status)
		}

		keys, err := s.Passkeys(ctx, s.School.ID, s.deputy.actor.Person)
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
		end := "/passkeys/" + keys[0].ID + "/end"
		if resp, _ := v.post(end, url.Values{}); resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("ended without being sure: %s", resp.Status)
		}
		stranger := s.visitor(t)
		stranger.signIn(s.principal)
		if resp, _ := stranger.post(end, url.Values{"sure": {"1"}}); resp.StatusCode != http.StatusNotFound {
			t.Errorf("ended by somebody else: %s", resp.Status)
		}
		if resp, _ := v.post(end, url.Values{"sure": {"1"}}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("ended: %s", resp.Status)
		}
		last := s.visitor(t)
		if status, page := last.enter(d); status != http.StatusUnauthorized || !strings.Contains(page, "đã bị bỏ") {
			t.Errorf("after its end: %d\n%s", status, page)
		}
		last.out("after its end")
		if _, page := v.get("/log?type=account_change"); !strings.Contains(page, "Tạo khóa truy cập") || !strings.Contains(page, "Bỏ khóa truy cập") {
			t.Errorf("not in the log:\n%s", page)
		}
		s.CheckLog()
	})
}

// Whatever is not the answer of the right key to the question of this browser, at this
// address and in time, opens nothing.
func TestForgedPasskeysOpenNothing(t *testing.T) {
	s := sqlite(t, httpapi.Config{PublicURL: passkeyOrigin, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	owner, d := s.visitor(t), newDevice(t)
	owner.signIn(s.deputy)
	owner.addPasskey(d)
	thief := newDevice(t)
	thief.id, thief.handle = d.id, d.handle
	from := 0 // each tries from an address of its own: they are counted
	entry := func(what string, want int, change func(*device), between func(v *visitor)) {
		t.Helper()
		s.Clock.Advance(2 * time.Minute)
		v, forged := s.visitor(t), *d
		from++
		address := fmt.Sprintf("192.0.2.%d", from)
		if change != nil {
			change(&forged)
		}
		_, page := v.post("/sign-in/passkey", url.Values{})
		answer := forged.get(page)
		d.count = max(d.count, forged.count)
		if between != nil {
			between(v)
		}
		if resp, page := v.post("/sign-in/passkey/answer", url.Values{"passkey": {answer}}, "X-Forwarded-For", address); resp.StatusCode != want {
			t.Errorf("%s: %s\n%s", what, resp.Status, page)
		}
		if want != http.StatusSeeOther {
			v.out(what)
		}
	}
	const no = http.StatusUnauthorized
	entry("as it should be", http.StatusSeeOther, nil, nil)
	entry("another origin", no, func(d *device) { d.origin = "https://sokyso.example" }, nil)
	entry("another port", no, func(d *device) { d.origin = "http://localhost:9999" }, nil)
	entry("another site's key", no, func(d *device) { d.rpID = "sokyso.example" }, nil)
	entry("nobody verified", no, func(d *device) { d.flags = 0x01 }, nil)
	entry("nobody there", no, func(d *device) { d.flags = 0x04 }, nil)
	entry("another key", no, func(d *device) { d.key = thief.key }, nil)
	entry("a credential of nobody", no, func(d *device) { d.id = []byte("không của ai") }, nil)
	entry("another handle", no, func(d *device) { d.handle = []byte("người khác") }, nil)
	entry("no handle", no, func(d *device) { d.handle = nil }, nil)
	entry("too late", no, nil, func(*visitor) { s.Clock.Advance(store.PasskeyChallengeLifetime) })
	entry("asked again in between", no, nil, func(v *visitor) { v.post("/sign-in/passkey", url.Values{}) })
	entry("answered in between", no, nil, func(v *visitor) { v.post("/sign-in/passkey/answer", url.Values{"passkey": {"{}"}}) })
	entry("still as it should be", http.StatusSeeOther, nil, nil)

	// A question that another browser was asked.
	one, two := s.visitor(t), s.visitor(t)
	_, page := one.post("/sign-in/passkey", url.Values{})
	answer := d.get(page)
	if resp, _ := two.post("/sign-in/passkey/answer", url.Values{"passkey": {answer}}); resp.StatusCode != no {
		t.Errorf("in a browser that was asked nothing: %s", resp.Status)
	}
	two.post("/sign-in/passkey", url.Values{})
	if resp, _ := two.post("/sign-in/passkey/answer", url.Values{"passkey": {answer}}); resp.StatusCode != no {
		t.Errorf("in a browser that was asked something else: %s", resp.Status)
	}
	two.out("another browser's question")
	for _, junk := range []string{"", "{}", "null", "[]", `{"id":1}`, strings.Repeat("{", 1000)} {
		if resp, _ := two.post("/sign-in/passkey/answer", url.Values{"passkey": {junk}}); resp.StatusCode != no && resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%.20q: %s", junk, resp.Status)
		}
		two.post("/sign-in/passkey", url.Values{})
	}

	// A question for one purpose answers none for another.
	_, page = owner.post("/passkeys/begin", url.Values{"name": {"Máy"}, "password": {password}})
	if resp, _ := owner.post("/sign-in/passkey/answer", url.Values{"passkey": {d.get(page)}}); resp.StatusCode != no {
		t.Errorf("the question of a registration signs in: %s", resp.Status)
	}
	// What another person was asked to register is not added here.
	_, page = owner.post("/passkeys/begin", url.Values{"name": {"Máy"}, "password": {password}})
	made := newDevice(t).create(page)
	stranger := s.visitor(t)
	stranger.signIn(s.principal)
	stranger.post("/passkeys/begin", url.Values{"name": {"Máy"}, "password": {password}})
	if resp, _ := stranger.post("/passkeys", url.Values{"passkey": {made}}); resp.StatusCode != no {
		t.Errorf("another person's registration: %s", resp.Status)
	}
	// The same key can't be a second person's.
	_, page = stranger.post("/passkeys/begin", url.Values{"name": {"Máy"}, "password": {password}})
	again := *d
	if resp, _ := stranger.post("/passkeys", url.Values{"passkey": {again.create(page)}}); resp.StatusCode != http.StatusConflict {
		t.Errorf("the deputy's credential for the principal: %s", resp.Status)
	}

	// A credential of another school of the database is nobody's here.
	if _, err := s.DB().Exec(`PRAGMA foreign_keys = 0`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB().Exec(`UPDATE passkeys SET school_id = 'truong-khac'`); err != nil {
		t.Fatal(err)
	}
	entry("another school's credential", no, nil, nil)
	if _, err := s.DB().Exec(s.DB().Rebind(`UPDATE passkeys SET school_id = ?`), string(s.School.ID)); err != nil {
		t.Fatal(err)
	}
	entry("back in its school", http.StatusSeeOther, nil, nil)

	// A count that goes back means that there are two of the authenticator.
	entry("a copy", no, func(d *device) { d.count -= 2 }, nil)
	entry("the other of the two", no, nil, nil)
	owner.signIn(s.deputy)
	if _, page := owner.get("/log?type=account_change"); !strings.Contains(page, "dấu hiệu bị sao chép") {
		t.Errorf("the copy is not in the log:\n%s", page)
	}
	s.CheckLog()
}

// Answers with wrong signatures are counted as passwords are.
func TestPasskeysAreGuessedAtAFewTimesOnly(t *testing.T) {
	s := sqlite(t, httpapi.Config{PublicURL: passkeyOrigin})
	owner, d := s.visitor(t), newDevice(t)
	owner.signIn(s.deputy)
	owner.addPasskey(d)
	thief, guesser := newDevice(t), s.visitor(t)
	thief.id, thief.handle = d.id, d.handle
	status := 0
	for range 12 {
		if status, _ = guesser.enter(thief); status == http.StatusTooManyRequests {
			break
		}
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("after twelve wrong answers: %d", status)
	}
	begun := 0
	for range 70 {
		if resp, _ := guesser.post("/sign-in/passkey", url.Values{}); resp.StatusCode == http.StatusOK {
			begun++
		}
	}
	if begun > 60 {
		t.Errorf("%d questions for one address in a minute", begun)
	}
}

// A passkey confirms a hand-over in the place of a code, and is asked for where it is all
// that the account has.
func TestAPasskeyConfirmsAHandOver(t *testing.T) {
	s := sqlite(t, httpapi.Config{PublicURL: passkeyOrigin})
	s.give()
	v, d := s.visitor(t), newDevice(t)
	v.signIn(s.deputy)
	v.addPasskey(d)
	if _, err := s.ChangeSettings(ctx, s.admin.actor, map[custody.SettingName]string{custody.SettingSecondFactor: "required"}); err != nil {
		t.Fatal(err)
	}
	path := "/tokens/" + string(s.deputy.token.ID) + "/hand-over"
	form := url.Values{"return": {"1"}, "condition": {"tốt"}, "confirmed": {"1"}}
	resp, page := v.post(path, form)
	if resp.StatusCode != http.StatusOK || len(optionsOf(t, page).Allowed) != 1 || !strings.Contains(page, `name="condition" value="tốt"`) {
		t.Fatalf("the page: %s\n%s", resp.Status, page)
	}
	stranger, other := s.visitor(t), newDevice(t)
	stranger.signIn(s.deputyTwo)
	stranger.addPasskey(other)
	form.Set("passkey", other.get(page))
	if resp, _ := v.post(path, form); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("with another person's passkey: %s", resp.Status)
	}
	form.Del("passkey")
	form.Set("with", "passkey")
	_, page = v.post(path, form)
	form.Set("passkey", d.get(page))
	if resp, page := v.post(path, form); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("with the passkey: %s\n%s", resp.Status, page)
	}
	log, err := s.Entries(ctx, s.admin.actor, store.LogFilter{Type: string(signinglog.TypeOffer)})
	if err != nil || len(log.Entries) == 0 {
		t.Fatal(err)
	}
	entry, err := signinglog.Parse(log.Entries[0].Bytes)
	if err != nil || entry.Fields[signinglog.FieldVia] != string(custody.ViaPageFactor) {
		t.Errorf("the log says it came by %q, %v", entry.Fields[signinglog.FieldVia], err)
	}
	s.CheckLog()
}

// Who runs the register ends the passkeys of somebody whose device is gone; a reset of the
// password leaves them, and the end of an account makes them worthless.
func TestAnAdminEndsPasskeys(t *testing.T) {
	s := sqlite(t, httpapi.Config{PublicURL: passkeyOrigin})
	v, d := s.visitor(t), newDevice(t)
	v.signIn(s.deputy)
	v.addPasskey(d)
	if err := s.SetPassword(ctx, custody.Actor{School: s.School.ID, Roles: custody.Roles{Admin: true}, Via: custody.ViaCLI}, s.deputy.actor.Person, passwordHash()); err != nil {
		t.Fatal(err)
	}
	if status, _ := s.visitor(t).enter(d); status != http.StatusSeeOther {
		t.Errorf("after a reset of the password: %d", status)
	}
	left, gone := s.visitor(t), newDevice(t)
	left.signIn(s.officeHead)
	left.addPasskey(gone)
	if err := s.End(ctx, s.System, store.NewEnding{Ending: custody.Ending{Kind: custody.EndAccount, Person: s.officeHead.actor.Person, Until: custody.DateOf(s.Clock.Now()).AddDays(-1)}, Reason: "nghỉ"}); err != nil {
		t.Fatal(err)
	}
	late := s.visitor(t)
	if status, page := late.enter(gone); status != http.StatusUnauthorized || askedOptions.MatchString(page) {
		t.Errorf("after the account's last day: %d\n%s", status, page)
	}
	late.out("after the account's last day")

	path := "/people/" + string(s.deputy.actor.Person)
	colleague, admin := s.visitor(t), s.visitor(t)
	colleague.signIn(s.deputyTwo)
	admin.signIn(s.admin)
	if resp, _ := colleague.post(path+"/passkeys/end", url.Values{}); resp.StatusCode == http.StatusSeeOther {
		t.Error("a colleague ended them")
	}
	if _, page := admin.get(path); !strings.Contains(page, "Điện thoại") {
		t.Errorf("the admin does not see it:\n%s", page)
	}
	if resp, _ := admin.post(path+"/passkeys/end", url.Values{}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("ended by the admin: %s", resp.Status)
	}
	if status, _ := s.visitor(t).enter(d); status != http.StatusUnauthorized {
		t.Errorf("after the admin ended it: %d", status)
	}
	if _, err := s.DeriveNotices(ctx, s.School.ID, nil); err != nil {
		t.Fatal(err)
	}
	v.signIn(s.deputy)
	if _, page := v.get("/notices"); !strings.Contains(page, "đã bỏ một khóa truy cập") {
		t.Errorf("the owner was not told:\n%s", page)
	}
}

// Where no address fits, the page says why, and nothing is begun.
func TestNoPasskeysHere(t *testing.T) {
	for address, why := range map[string]string{
		"": "chưa khai địa chỉ công khai", "http://sokyso.example": "không có https", "https://192.0.2.7": "dãy số", "http://127.0.0.1:8080": "dãy số",
	} {
		s := sqlite(t, httpapi.Config{PublicURL: strings.Replace(address, "https://192", "http://192", 1)})
		v := s.visitor(t)
		if _, page := v.get("/sign-in"); strings.Contains(page, "/sign-in/passkey") {
			t.Errorf("%q: the sign-in page offers it", address)
		}
		if resp, page := v.post("/sign-in/passkey", url.Values{}); resp.StatusCode != http.StatusConflict || askedOptions.MatchString(page) {
			t.Errorf("%q: sign in: %s", address, resp.Status)
		}
		v.signIn(s.deputy)
		if _, page := v.get("/passkeys"); !strings.Contains(page, why) || strings.Contains(page, `action="/passkeys/begin"`) {
			t.Errorf("%q: the page does not say %q:\n%s", address, why, page)
		}
		if resp, _ := v.post("/passkeys/begin", url.Values{"name": {"Máy"}, "password": {password}}); resp.StatusCode != http.StatusConflict {
			t.Errorf("%q: begun: %s", address, resp.Status)
		}
	}
}
