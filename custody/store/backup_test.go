package store_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
)

// backedUp is a backup of a register.
func backedUp(r *storetest.Register) ([]byte, store.Backup) {
	r.TB.Helper()
	var file bytes.Buffer
	made, err := r.Backup(ctx, r.School.ID, nil, &file, nil)
	if err != nil {
		r.TB.Fatal(err)
	}
	return file.Bytes(), made
}

// TestBackupWhileOthersWrite: the copy is of one moment, has all that was answered before it
// began, and becomes a register that goes on, also on the other database.
func TestBackupWhileOthersWrite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		var mu sync.Mutex
		var answered []int64
		stop := make(chan struct{})
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					g, err := s.RequestGrant(ctx, s.principal, s.approval())
					if err != nil {
						t.Error(err)
						return
					}
					receipt, err := s.RecordSignature(ctx, s.principal, g.ID, recordOf(g.ID, s.Clock.Now()))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					answered = append(answered, receipt.Index)
					mu.Unlock()
				}
			})
		}
		for {
			mu.Lock()
			n := len(answered)
			mu.Unlock()
			if n > 20 || t.Failed() {
				break
			}
			time.Sleep(time.Millisecond)
		}
		mu.Lock()
		last := slices.Max(answered)
		mu.Unlock()
		file, made := backedUp(r)
		close(stop)
		group.Wait()
		if made.Size <= last || made.Origin != s.School.Origin {
			t.Errorf("the copy has %d entries, entry %d was answered before it began", made.Size, last)
		}
		for _, database := range storetest.Databases() {
			t.Run("restored to "+database, func(t *testing.T) {
				config := s.Config
				config.URL, config.MarkFile = storetest.Fresh(t, database), ""
				restored, err := store.Restore(ctx, config.URL, bytes.NewReader(file), nil, nil)
				s.must(err)
				if restored.Checkpoint != made.Checkpoint {
					t.Errorf("checkpoint %q", restored.Checkpoint)
				}
				copied, err := store.Open(ctx, config)
				s.must(err)
				defer copied.Close()
				report, err := copied.VerifyLog(ctx, s.School.ID, s.VKey)
				if err != nil || report.Size != made.Size || string(report.Checkpoint) != made.Checkpoint {
					t.Fatalf("%d entries, the copy was of %d: %v", report.Size, made.Size, err)
				}
				g, err := copied.RequestGrant(ctx, s.principal, s.approval())
				s.must(err)
				if g.Entry != made.Size {
					t.Errorf("goes on with entry %d", g.Entry)
				}
				if _, err := store.Restore(ctx, config.URL, bytes.NewReader(file), nil, nil); !errors.Is(err, store.ErrNotEmpty) {
					t.Errorf("restored over a register: %v", err)
				}
			})
		}
	})
}

// TestBackupKeepsEveryRow compares all tables, value by value.
func TestBackupKeepsEveryRow(t *testing.T) {
	inOneGoroutine(t)
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := fullRegister(r)
		file, _ := backedUp(r)
		for _, database := range storetest.Databases() {
			url := storetest.Fresh(t, database)
			_, err := store.Restore(ctx, url, bytes.NewReader(file), nil, nil)
			s.must(err)
			before, after := s.DB(), storetest.RawDB(t, url)
			tables := 0
			for table := range provenTables {
				tables++
				want, got := comparable(t, before, table), comparable(t, after, table)
				if len(want) == 0 && table != "erasures" {
					t.Logf("%s is empty", table)
				}
				if !reflect.DeepEqual(want, got) {
					t.Errorf("%s to %s: %s differs: %d rows and %d", t.Name(), database, table, len(want), len(got))
				}
			}
			var sessions int
			if err := after.Get(&sessions, `SELECT COUNT(*) FROM sessions`); err != nil || sessions != 0 {
				t.Errorf("%d sessions came along: %v", sessions, err)
			}
			if tables < 30 {
				t.Errorf("%d tables compared", tables)
			}
		}
	})
}

// comparable are the rows of a table as texts that both databases agree on, sorted.
func comparable(t *testing.T, db *sqlx.DB, table string) []string {
	t.Helper()
	var out []string
	for _, row := range rowsOf(t, db, table) {
		columns := make([]string, 0, len(row))
		for column, value := range row {
			switch v := value.(type) {
			case bool:
				value = int64(0)
				if v {
					value = int64(1)
				}
			case []byte:
				value = string(v)
			}
			columns = append(columns, fmt.Sprintf("%s=%v", column, value))
		}
		slices.Sort(columns)
		out = append(out, strings.Join(columns, "|"))
	}
	slices.Sort(out)
	return out
}

// TestADamagedBackupMakesNoRegister: flipped, cut, lengthened or rewritten, nothing comes of
// it, and the place is free for a good one.
func TestADamagedBackupMakesNoRegister(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.sign(s.principal, s.approval())
		file, _ := backedUp(r)
		lines := strings.SplitAfter(string(unzipped(t, file)), "\n")
		lines = lines[:len(lines)-1]
		broken := map[string][]byte{
			"empty": {}, "text": []byte("không phải bản sao"), "longer": append(bytes.Clone(file), file...),
			"without its end":  zipped(t, lines[:len(lines)-1]),
			"a row dropped":    zipped(t, slices.Delete(slices.Clone(lines), 3, 4)),
			"a row twice":      zipped(t, slices.Insert(slices.Clone(lines), 3, lines[2])),
			"another table":    zipped(t, resealed(slices.Insert(slices.Clone(lines), 1, `{"table":"sessions","columns":["id"]}`+"\n"))),
			"SQL for a table":  zipped(t, resealed(slices.Insert(slices.Clone(lines), 1, `{"table":"x; DROP TABLE schools","columns":["id"]}`+"\n"))),
			"a table too many": zipped(t, resealed(slices.Insert(slices.Clone(lines), 1, `{"table":"gifts","columns":["id"]}`+"\n"))),
		}
		for range 12 {
			flipped := bytes.Clone(file)
			at := rand.IntN(len(file))
			flipped[at] ^= 1 << rand.IntN(8)
			broken[fmt.Sprintf("flipped at %d of %d", at, len(file))] = flipped
			cut := rand.IntN(len(file))
			broken[fmt.Sprintf("cut at %d of %d", cut, len(file))] = file[:cut]
		}
		url := storetest.Fresh(t, strings.TrimPrefix(t.Name(), "TestADamagedBackupMakesNoRegister/"))
		for name, content := range broken {
			_, err := store.Restore(ctx, url, bytes.NewReader(content), nil, nil)
			if err == nil {
				// Bits of gzip's header that mean nothing may flip: the content must be the same then.
				if !bytes.Equal(unzipped(t, content), unzipped(t, file)) {
					t.Fatalf("%s: restored", name)
				}
				url = storetest.Fresh(t, strings.TrimPrefix(t.Name(), "TestADamagedBackupMakesNoRegister/"))
				continue
			}
			if !errors.Is(err, store.ErrBackup) && !errors.Is(err, store.ErrBackupNewer) {
				t.Errorf("%s: %v", name, err)
			}
			if opened, err := store.Open(ctx, store.Config{URL: url}); err == nil {
				if _, err := opened.School(ctx); !errors.Is(err, custody.ErrNotFound) {
					t.Errorf("%s: there is a school: %v", name, err)
				}
				opened.Close()
			}
		}
		_, err := store.Restore(ctx, url, bytes.NewReader(file), nil, nil)
		s.must(err)
	})
}

// TestBackupOfAnOlderSchema: what an earlier release has written is brought up to date.
func TestBackupOfAnOlderSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		s.sign(s.principal, s.approval())
		file, made := backedUp(r)
		lines := strings.SplitAfter(string(unzipped(t, file)), "\n")
		lines = lines[:len(lines)-1]
		const before = 21 // the steps after it added log_heads.key_changes and tables, which are empty here
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, `{"table":"account_changes"`) || strings.HasPrefix(line, `{"table":"program_key_uses"`) || strings.HasPrefix(line, `{"table":"role_changes"`) ||
				strings.HasPrefix(line, `{"table":"passkey`) || strings.HasPrefix(line, `{"table":"department_`)
		})
		lines[0] = strings.Replace(lines[0], fmt.Sprintf(`"schema":%d`, made.Schema), fmt.Sprintf(`"schema":%d`, before), 1)
		for i, line := range lines {
			var table struct {
				Table   string   `json:"table"`
				Columns []string `json:"columns"`
			}
			if json.Unmarshal([]byte(line), &table) != nil || table.Table != "log_heads" {
				continue
			}
			at := slices.Index(table.Columns, "key_changes")
			var row []any
			if err := json.Unmarshal([]byte(lines[i+1]), &row); err != nil || at < 0 {
				t.Fatal(err)
			}
			table.Columns = slices.Delete(table.Columns, at, at+1)
			columns, _ := json.Marshal(table)
			values, _ := json.Marshal(slices.Delete(row, at, at+1))
			lines[i], lines[i+1] = string(columns)+"\n", string(values)+"\n"
		}
		config := s.Config
		config.URL, config.MarkFile = storetest.Fresh(t, strings.TrimPrefix(t.Name(), "TestBackupOfAnOlderSchema/")), ""
		_, err := store.Restore(ctx, config.URL, bytes.NewReader(zipped(t, resealed(lines))), nil, nil)
		s.must(err)
		restored, err := store.Open(ctx, config)
		s.must(err)
		defer restored.Close()
		if report, err := restored.VerifyLog(ctx, s.School.ID, s.VKey); err != nil || report.Size != made.Size {
			t.Errorf("%d entries: %v", report.Size, err)
		}
		newer := slices.Clone(lines)
		newer[0] = strings.Replace(newer[0], fmt.Sprintf(`"schema":%d`, before), `"schema":9999`, 1)
		if _, err := store.Restore(ctx, storetest.Fresh(t, "sqlite"), bytes.NewReader(zipped(t, resealed(newer))), nil, nil); !errors.Is(err, store.ErrBackupNewer) {
			t.Errorf("of a newer schema: %v", err)
		}
	})
}

func unzipped(t *testing.T, file []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zipped(t *testing.T, lines []string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, strings.Join(lines, "")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// resealed gives lines the last one that fits them, as a forger would.
func resealed(lines []string) []string {
	lines = slices.Clone(lines)
	rows := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "[") {
			rows++
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(lines[:len(lines)-1], "")))
	lines[len(lines)-1] = fmt.Sprintf(`{"rows":%d,"sha256":"%s"}`+"\n", rows, hex.EncodeToString(sum[:]))
	return lines
}

// TestWhatIsNotUsedIsTakenBack: a copy that the check refuses leaves no register, and the right
// one is restored in its place.
func TestWhatIsNotUsedIsTakenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, r *storetest.Register) {
		s := handedOut(r)
		var file bytes.Buffer
		made, err := s.Backup(ctx, s.School.ID, nil, &file, nil)
		s.must(err)
		database := strings.TrimPrefix(t.Name(), "TestWhatIsNotUsedIsTakenBack/")
		url := storetest.Fresh(t, database)
		refused := errors.New("not the one")
		_, err = store.Restore(ctx, url, bytes.NewReader(file.Bytes()), nil, func(b store.Backup, register *store.Store) error {
			if report, err := register.VerifyLog(ctx, s.School.ID, b.Key); err != nil || report.Size != made.Size {
				t.Errorf("%d entries: %v", report.Size, err)
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatalf("%v", err)
		}
		var version *store.VersionError
		if left, err := store.Open(ctx, store.Config{URL: url}); !errors.As(err, &version) || version.Have != 0 {
			t.Errorf("a register is left: %v", err)
			if err == nil {
				s.must(left.Close())
			}
		}
		_, err = store.Restore(ctx, url, bytes.NewReader(file.Bytes()), nil, nil)
		s.must(err)
	})
}
