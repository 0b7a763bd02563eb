package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// History says how much Seed makes. The same Seed makes the same counts, not the
// same bytes: identifiers and salts are random.
type History struct {
	Schools    int
	Years      int
	Signatures int // of each token in each month
	Until      time.Time
	Hash       string // password hash of every account
	Seed       uint64
}

// Seeded is a school that Seed made.
type Seeded struct {
	School                               custody.SchoolID
	Key, VKey                            string // of its log
	Principal, Deputy, OfficeHead, Admin custody.PersonID
	Tokens                               []custody.TokenID // the last is the seal
	Usernames                            map[custody.PersonID]string
	Entries                              int64

	people, tokens []string
}

// Seed writes schools with years of history straight into a database, past the
// rules and the log's single writer, as fast as it takes rows. What it writes is
// nevertheless what the store would have written: VerifyLog finds nothing. The first
// school is the oldest: a service opened on the database is its.
func Seed(tb testing.TB, db *sqlx.DB, h History) []*Seeded {
	tb.Helper()
	w := &seeder{tb: tb, db: db, h: h, random: mathrand.New(mathrand.NewPCG(h.Seed, 1)), rows: map[string][][]any{}}
	for year := 0; year < 2; year++ {
		for i := range 4 {
			leaf, chain := IssuedCertificate(tb, fmt.Sprintf("Chứng thư %d", i+1), h.Until.Year()-h.Years+3*year, h.Until.Year()+1+3*year)
			w.pool = append(w.pool, issued{leaf, chain, hexSum(leaf)})
		}
	}
	var out []*Seeded
	for n := range h.Schools {
		out = append(out, w.school(n))
		if len(w.rows["log_entries"]) > 40_000 {
			w.flush()
		}
	}
	w.flush()
	if db.DriverName() == "pgx" {
		if _, err := db.Exec("ANALYZE"); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

type issued struct {
	der, chain []byte
	sha256     string
}

// seeder gathers rows by table and writes them together.
type seeder struct {
	tb     testing.TB
	db     *sqlx.DB
	h      History
	random *mathrand.Rand
	pool   []issued // four of the first years, four that follow them
	rows   map[string][][]any

	s        *Seeded
	now      time.Time
	frontier signinglog.Frontier
	custody  map[string]held // by token
}

type held struct {
	person, id string
	entry      int64
}

// seededTables are the tables in an order that foreign keys allow, with the columns
// that Seed fills; others have their defaults.
var seededTables = []struct{ name, columns string }{
	{"schools", "id name code superior place log_origin log_key created_at entry_index"},
	{"log_heads", "school_id size root frontier checkpoint updated_at"},
	{"log_entries", "school_id entry_index entry_type actor_id person_id token_id logged_at bytes hashes"},
	{"reveals", "school_id entry_index field salt value"},
	{"persons", "id school_id admin created_at entry_index"},
	{"accounts", "person_id school_id username password_hash changed_at"},
	{"positions", "id school_id person_id kind title from_on until_on paper created_at entry_index"},
	{"tokens", "id school_id serial model kind owner_id created_at entry_index"},
	{"certificates", "school_id sha256 token_id der chain replaces entry_index"},
	{"placings", "id school_id token_id place placed_at entry_index"},
	{"delegations", "id school_id grantor_id delegate_id capacity absence kinds from_on until_on paper_number paper_on created_at entry_index"},
	{"hand_overs", "id school_id token_id kind giver_id receiver_id offered_by permission_number permission_on offered_at entry_index state decided_by decided_at decided_entry"},
	{"custodies", "id school_id token_id person_id since_at entry_index until_at until_entry"},
	{"possessions", "id school_id person_id token_id certificate_sha256 purpose challenge cms custody_entry proven_at entry_index"},
	{"grants", "id school_id person_id token_id request certificate_sha256 sha256_in act capacity document_number document_symbol document_kind title custody_entry granted_at expires_at entry_index"},
	{"signatures", "id school_id grant_id certificate_sha256 sha256_out byte_range_digest cms level signature_field signed_at recorded_at late after_report entry_index"},
}

// flush writes what was made, but for the tables that are kept.
func (w *seeder) flush(keep ...string) {
	w.tb.Helper()
	write := w.insertAll
	if w.db.DriverName() == "pgx" {
		write = w.copyAll
	}
	if err := write(func(table string) bool { return slices.Contains(keep, table) }); err != nil {
		w.tb.Fatalf("seed: %v", err)
	}
	for table := range w.rows {
		if !slices.Contains(keep, table) {
			delete(w.rows, table)
		}
	}
}

func (w *seeder) insertAll(keep func(table string) bool) error {
	tx, err := w.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, table := range seededTables {
		if keep(table.name) {
			continue
		}
		columns := strings.Fields(table.columns)
		insert, err := tx.Prepare("INSERT INTO " + table.name + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(",?", len(columns)-1) + ")")
		if err != nil {
			return err
		}
		for _, row := range w.rows[table.name] {
			if _, err := insert.Exec(row...); err != nil {
				return fmt.Errorf("%s: %w", table.name, err)
			}
		}
		insert.Close()
	}
	return tx.Commit()
}

func (w *seeder) copyAll(keep func(table string) bool) error {
	ctx := context.Background()
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		tx, err := driver.(*stdlib.Conn).Conn().Begin(ctx)
		if err != nil {
			return err
		}
		defer tx.Rollback(ctx)
		for _, table := range seededTables {
			if keep(table.name) {
				continue
			}
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{table.name}, strings.Fields(table.columns), pgx.CopyFromRows(w.rows[table.name])); err != nil {
				return fmt.Errorf("%s: %w", table.name, err)
			}
		}
		return tx.Commit(ctx)
	})
}

func (w *seeder) row(table string, values ...any) { w.rows[table] = append(w.rows[table], values) }

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func randomHex() string {
	b := make([]byte, 32)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// append adds an entry at the present moment, which moves on by a second.
func (w *seeder) append(kind signinglog.Type, actor string, fields, private map[string]string) int64 {
	w.now = w.now.Add(time.Second)
	e := signinglog.Entry{Type: kind, At: w.now, School: string(w.s.School), Fields: map[string]string{signinglog.FieldActor: actor, signinglog.FieldVia: "page"}}
	for name, value := range fields {
		e.Fields[name] = value
	}
	index := w.frontier.Size()
	for name, value := range private {
		commitment, salt := signinglog.Commit(value)
		e.Fields[name] = commitment
		w.row("reveals", e.School, index, name, salt, value)
	}
	if err := e.Check(); err != nil {
		w.tb.Fatal(err)
	}
	b, err := e.Marshal()
	if err != nil {
		w.tb.Fatal(err)
	}
	frontier, hashes, err := w.frontier.Append(signinglog.LeafHash(b))
	if err != nil {
		w.tb.Fatal(err)
	}
	w.frontier = frontier
	var kept bytes.Buffer
	for _, hash := range hashes {
		kept.Write(hash[:])
	}
	w.row("log_entries", e.School, index, string(kind), orNil(e.Actor()), orNil(e.Subject()), orNil(e.Token()), w.now.UnixMicro(), b, kept.Bytes())
	return index
}

var (
	seededSurnames = []string{"Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ"}
	seededMiddles  = []string{"Văn", "Thị", "Minh", "Thu", "Quốc", "Ngọc", "Hữu", "Thanh"}
	seededGivens   = []string{"An", "Bình", "Chi", "Dung", "Giang", "Hạnh", "Khánh", "Lan", "Mai", "Nam", "Oanh", "Phúc", "Quân", "Sơn", "Tâm", "Vân", "Yến"}
	seededStaff    = []struct{ kind, title string }{{"principal", "Hiệu trưởng"}, {"deputy", "Phó Hiệu trưởng"}, {"deputy", "Phó Hiệu trưởng"}, {"office_head", "Tổ trưởng văn phòng"},
		{"staff", "Kế toán"}, {"staff", "Văn thư"}, {"staff", "Giáo viên"}, {"", ""}}
)

func pick[T any](w *seeder, from []T) T { return from[w.random.IntN(len(from))] }

func (w *seeder) school(n int) *Seeded {
	origin := fmt.Sprintf("sokyso/seed%d", n)
	key, vkey, err := signinglog.GenerateKey(origin)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.s = &Seeded{School: custody.SchoolID(uuid.NewString()), Key: key, VKey: vkey, Usernames: map[custody.PersonID]string{}}
	w.frontier, w.custody = signinglog.Frontier{}, map[string]held{}
	begin := time.Date(w.h.Until.Year()-w.h.Years, w.h.Until.Month(), 1, 1, 0, 0, 0, time.UTC)
	w.now = begin.Add(time.Duration(n) * time.Second)
	id, name, code := string(w.s.School), fmt.Sprintf("Trường Mầm non số %d", n+1), fmt.Sprintf("MN%d", n+1)
	w.append(signinglog.TypeSchool, "system", map[string]string{"name": name, "code": code, "superior": "UBND xã", "place": "Xã", "log_key": vkey}, nil)
	w.row("schools", id, name, code, "UBND xã", "Xã", origin, vkey, w.now.UnixMicro(), 0)
	w.staff(n, custody.DateOf(begin))
	w.register(n)
	for month := 0; month < 12*w.h.Years; month++ {
		w.now = begin.AddDate(0, month, 3)
		w.month(month)
		if len(w.rows["log_entries"]) > 40_000 {
			w.flush("custodies") // a large school is not held in memory, but for what still ends
		}
	}
	w.close()
	signer, err := note.NewSigner(key)
	if err != nil {
		w.tb.Fatal(err)
	}
	root, err := w.frontier.Root()
	if err != nil {
		w.tb.Fatal(err)
	}
	signed, err := signinglog.Sign(signinglog.Checkpoint{Origin: origin, Size: w.frontier.Size(), Root: root}, signer)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.row("log_heads", id, w.frontier.Size(), root[:], w.frontier.Bytes(), signed, w.now.UnixMicro())
	w.s.Entries = w.frontier.Size()
	return w.s
}

func (w *seeder) staff(n int, from custody.Date) {
	id := string(w.s.School)
	for i, post := range seededStaff {
		person := uuid.NewString()
		name := pick(w, seededSurnames) + " " + pick(w, seededMiddles) + " " + pick(w, seededGivens)
		fields := map[string]string{signinglog.FieldPerson: person}
		if post.kind == "" {
			fields["admin"] = "true"
		}
		index := w.append(signinglog.TypePerson, "system", fields, map[string]string{"name": name})
		w.row("persons", person, id, post.kind == "", w.now.UnixMicro(), index)
		w.row("accounts", person, id, fmt.Sprintf("s%dp%d", n, i), w.h.Hash, w.now.UnixMicro())
		w.s.people = append(w.s.people, person)
		w.s.Usernames[custody.PersonID(person)] = fmt.Sprintf("s%dp%d", n, i)
		if post.kind == "" {
			continue
		}
		position := uuid.NewString()
		index = w.append(signinglog.TypePosition, "system", map[string]string{signinglog.FieldPerson: person, "position": position, "kind": post.kind, "title": post.title, "from": string(from), "paper": "1/QĐ"}, nil)
		w.row("positions", position, id, person, post.kind, post.title, string(from), nil, "1/QĐ", w.now.UnixMicro(), index)
	}
	w.s.Principal, w.s.Deputy, w.s.OfficeHead, w.s.Admin = custody.PersonID(w.s.people[0]), custody.PersonID(w.s.people[1]), custody.PersonID(w.s.people[3]), custody.PersonID(w.s.people[7])
	for i, deputy := range w.s.people[1:3] {
		delegation, kinds := uuid.NewString(), []string{"KH,TB", "BC,GM"}[i]
		index := w.append(signinglog.TypeDelegation, w.s.people[7], map[string]string{signinglog.FieldPerson: deputy, "grantor": w.s.people[0], "delegation": delegation,
			"capacity": "KT", "kinds": kinds, "from": string(from), "paper_number": "25/QĐ", "paper_on": string(from)}, nil)
		w.row("delegations", delegation, id, w.s.people[0], deputy, "KT", false, kinds, string(from), nil, "25/QĐ", string(from), w.now.UnixMicro(), index)
	}
}

// register gives three personal tokens and the seal to who holds them.
func (w *seeder) register(n int) {
	id := string(w.s.School)
	for i := range 4 {
		token, kind, owner := uuid.NewString(), "personal", w.s.people[i]
		if i == 3 {
			kind, owner = "seal", ""
		}
		serial := fmt.Sprintf("S%05d-%d", n, i)
		fields := map[string]string{signinglog.FieldToken: token, "serial": serial, "model": "ST3", "kind": kind, signinglog.FieldCertificate: w.pool[i].sha256, "chain_sha256": hexSum(w.pool[i].chain)}
		if owner != "" {
			fields["owner"] = owner
		}
		index := w.append(signinglog.TypeToken, w.s.people[7], fields, map[string]string{"label": "USB ký số " + serial})
		w.row("tokens", token, id, serial, "ST3", kind, orNil(owner), w.now.UnixMicro(), index)
		w.row("certificates", id, w.pool[i].sha256, token, w.pool[i].der, w.pool[i].chain, "", index)
		w.s.tokens, w.s.Tokens = append(w.s.tokens, token), append(w.s.Tokens, custody.TokenID(token))
		placing := uuid.NewString()
		index = w.append(signinglog.TypePlacing, w.s.people[7], map[string]string{signinglog.FieldToken: token, "placing": placing, "place": "Két sắt"}, nil)
		w.row("placings", placing, id, token, "Két sắt", w.now.UnixMicro(), index)
		w.move(token, w.s.people[i], kind == "seal")
	}
}

// move has a token handed to a person out of wherever it is.
func (w *seeder) move(token, to string, permitted bool) {
	id, handOver, begins := string(w.s.School), uuid.NewString(), uuid.NewString()
	from := w.custody[token]
	giver := from.person
	offerer := giver
	if offerer == "" {
		offerer = w.s.people[7]
	}
	sides := map[string]string{"hand_over": handOver, "kind": "hand_over", signinglog.FieldToken: token, signinglog.FieldGiver: giver, signinglog.FieldReceiver: to}
	if giver == "" {
		delete(sides, signinglog.FieldGiver)
	}
	fields, number, on := map[string]string{}, "", ""
	for name, value := range sides {
		fields[name] = value
	}
	if permitted {
		number, on = "12/QĐ", string(custody.DateOf(w.now))
		fields["permission_number"], fields["permission_on"] = number, on
	}
	offer := w.append(signinglog.TypeOffer, offerer, fields, map[string]string{"reason": "phân công"})
	offered := w.now
	sides["offer"], sides["custody"] = strconv.FormatInt(offer, 10), begins
	if giver != "" {
		sides["ends"] = strconv.FormatInt(from.entry, 10)
	}
	index := w.append(signinglog.TypeAcceptance, to, sides, nil)
	w.row("hand_overs", handOver, id, token, "hand_over", orNil(giver), to, offerer, number, orNil(on), offered.UnixMicro(), offer, "accepted", to, w.now.UnixMicro(), index)
	if giver != "" {
		for _, row := range w.rows["custodies"] {
			if row[0] == from.id {
				row[6], row[7] = w.now.UnixMicro(), index
			}
		}
	}
	w.row("custodies", begins, id, token, to, w.now.UnixMicro(), index, nil, nil)
	w.custody[token] = held{person: to, id: begins, entry: index}
}

// month: each token is checked and signs; the seal changes hands twice a year, and in
// the third year certificates are renewed.
func (w *seeder) month(month int) {
	for i, token := range w.s.tokens {
		if month == 30 {
			w.renew(i, token)
		}
		if i == 3 && month%6 == 5 {
			to := w.s.people[3]
			if w.custody[token].person == to {
				to = w.s.people[5]
			}
			w.move(token, to, true)
		}
		certificate := w.pool[i].sha256
		if month >= 30 {
			certificate = w.pool[i+4].sha256
		}
		w.prove(token, certificate)
		for range w.h.Signatures {
			w.sign(i, token, certificate, month)
		}
	}
}

func (w *seeder) renew(i int, token string) {
	next := w.pool[i+4]
	index := w.append(signinglog.TypeCertificate, w.s.people[7], map[string]string{signinglog.FieldToken: token, signinglog.FieldCertificate: next.sha256,
		"replaces": w.pool[i].sha256, "chain_sha256": hexSum(next.chain)}, nil)
	w.row("certificates", string(w.s.School), next.sha256, token, next.der, next.chain, w.pool[i].sha256, index)
}

func (w *seeder) prove(token, certificate string) {
	holder, possession := w.custody[token], uuid.NewString()
	challenge, cms := []byte("challenge "+possession), []byte("cms "+possession)
	index := w.append(signinglog.TypePossession, holder.person, map[string]string{signinglog.FieldPerson: holder.person, signinglog.FieldToken: token, "possession": possession,
		signinglog.FieldCertificate: certificate, "purpose": "custody_check", "challenge_sha256": hexSum(challenge), "cms_sha256": hexSum(cms), "custody_entry": strconv.FormatInt(holder.entry, 10)}, nil)
	w.row("possessions", possession, string(w.s.School), holder.person, token, certificate, "custody_check", challenge, cms, holder.entry, w.now.UnixMicro(), index)
}

func (w *seeder) sign(i int, token, certificate string, month int) {
	id, holder, grant, signature := string(w.s.School), w.custody[token], uuid.NewString(), uuid.NewString()
	title, act, number := seededStaff[i].title, "approve", strconv.Itoa(w.random.IntN(200)+1)
	if i == 3 {
		act = "issue"
	}
	in := randomHex()
	fields := func() map[string]string {
		return map[string]string{signinglog.FieldToken: token, signinglog.FieldCertificate: certificate, "sha256_in": in, "act": act, "document_number": number,
			"document_symbol": "KH-MN", "document_kind": "KH", "title": title, "grant": grant, "custody_entry": strconv.FormatInt(holder.entry, 10)}
	}
	given := fields()
	given["request"] = signature
	expires := w.now.Add(time.Second).Add(custody.GrantLifetime)
	given["expires_at"] = signinglog.FormatTime(expires)
	entry := w.append(signinglog.TypeGrant, holder.person, given, map[string]string{"summary": fmt.Sprintf("Kế hoạch tháng %d", month%12+1)})
	granted := w.now
	cms, out, digest := []byte("cms "+signature), randomHex(), randomHex()
	made := fields()
	made["signature"], made["grant_entry"], made["sha256_out"], made["byte_range_digest"], made["cms_sha256"] = signature, strconv.FormatInt(entry, 10), out, digest, hexSum(cms)
	made["level"], made["signature_field"], made["signed_at"] = "b-b", "Signature1", signinglog.FormatTime(granted)
	index := w.append(signinglog.TypeSignature, holder.person, made, map[string]string{"signer": "người ký"})
	w.row("grants", grant, id, holder.person, token, signature, certificate, in, act, "", number, "KH-MN", "KH", title, holder.entry, granted.UnixMicro(), expires.UnixMicro(), entry)
	w.row("signatures", signature, id, grant, certificate, out, digest, cms, "b-b", "Signature1", granted.UnixMicro(), w.now.UnixMicro(), false, false, index)
}

// close leaves something open: the seal is offered on.
func (w *seeder) close() {
	seal, handOver := w.s.tokens[3], uuid.NewString()
	from := w.custody[seal]
	to := w.s.people[5]
	if from.person == to {
		to = w.s.people[3]
	}
	on := string(custody.DateOf(w.now))
	index := w.append(signinglog.TypeOffer, from.person, map[string]string{"hand_over": handOver, "kind": "hand_over", signinglog.FieldToken: seal, signinglog.FieldGiver: from.person,
		signinglog.FieldReceiver: to, "permission_number": "30/QĐ", "permission_on": on}, map[string]string{"reason": "nghỉ phép"})
	w.row("hand_overs", handOver, string(w.s.School), seal, "hand_over", from.person, to, from.person, "30/QĐ", on, w.now.UnixMicro(), index, "offered", nil, nil, nil)
}
