package store_test

import (
	"bufio"
	"compress/gzip"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/migrations"
)

// A release goes on while the next one brings the schema forward beneath it. No test can
// build an earlier release, so each leaves behind what it does to a database: its story,
// every statement of a register's whole life with its values, in order, on each database;
// and every statement that all of its tests have sent. `make release-record` writes both
// when a release is made, see docs/operation.md.

// released is the folder of what the last release has left.
const released = "testdata/release"

// recordVariable asks for it to be written anew: its value is a folder of PostgreSQL's logs.
const recordVariable = "SOKYSO_RECORD_RELEASE"

// told is a statement of a story with its values.
type told struct {
	Query  string     `json:"q"`
	Values []toldThis `json:"v,omitempty"`
}

// toldThis is a value, or an array of values; none of them is NULL.
type toldThis struct {
	Text   *string   `json:"t,omitempty"`
	Number *int64    `json:"n,omitempty"`
	Bytes  *[]byte   `json:"b,omitempty"`
	Flag   *bool     `json:"f,omitempty"`
	Texts  []*string `json:"T,omitempty"`
	Counts []*int64  `json:"N,omitempty"`
	Blobs  []*[]byte `json:"B,omitempty"`
	Flags  []*bool   `json:"F,omitempty"`
}

// story is what a release did to a database.
type story struct {
	Schema     int64  `json:"schema"`
	LogKey     string `json:"log_key"`    // of the made-up school
	Checkpoint string `json:"checkpoint"` // at its end
	Statements []told `json:"-"`
}

func valueTold(arg any) (toldThis, error) {
	switch v := arg.(type) {
	case []*string:
		return toldThis{Texts: v}, nil
	case []*int64:
		return toldThis{Counts: v}, nil
	case []*[]byte:
		return toldThis{Blobs: v}, nil
	case []*bool:
		return toldThis{Flags: v}, nil
	case []string:
		var texts []*string
		for i := range v {
			texts = append(texts, &v[i])
		}
		return toldThis{Texts: texts}, nil
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(arg)
	if err != nil {
		return toldThis{}, err
	}
	switch v := value.(type) {
	case nil:
		return toldThis{}, nil
	case string:
		return toldThis{Text: &v}, nil
	case int64:
		return toldThis{Number: &v}, nil
	case []byte:
		if v == nil {
			return toldThis{}, nil
		}
		v = slices.Clone(v)
		return toldThis{Bytes: &v}, nil
	case bool:
		return toldThis{Flag: &v}, nil
	}
	return toldThis{}, fmt.Errorf("a value of %T", value)
}

func (v toldThis) value() any {
	switch {
	case v.Text != nil:
		return *v.Text
	case v.Number != nil:
		return *v.Number
	case v.Bytes != nil:
		return *v.Bytes
	case v.Flag != nil:
		return *v.Flag
	case v.Texts != nil:
		return v.Texts
	case v.Counts != nil:
		return v.Counts
	case v.Blobs != nil:
		return v.Blobs
	case v.Flags != nil:
		return v.Flags
	}
	return nil
}

// recordStory has a register live and writes down what is sent.
func recordStory(t *testing.T, database string) {
	t.Helper()
	var s story
	var failed error
	store.OnSent(func(query string, args []any) {
		statement := told{Query: query}
		for _, arg := range args {
			value, err := valueTold(arg)
			failed = errors.Join(failed, err)
			statement.Values = append(statement.Values, value)
		}
		s.Statements = append(s.Statements, statement)
	})
	defer store.OnSent(nil)
	r := storetest.Open(t, database)
	lived := fullRegister(r)
	lived.must(failed)
	checkpoint, err := r.Checkpoint(ctx, r.School.ID)
	lived.must(err)
	s.Checkpoint, s.LogKey = string(checkpoint), r.Config.LogKey
	lived.must(r.DB().Get(&s.Schema, `SELECT MAX(version_id) FROM goose_db_version`))
	lived.must(os.MkdirAll(released, 0o755))
	file, err := os.Create(filepath.Join(released, "story-"+database+".jsonl.gz"))
	lived.must(err)
	packed, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	lived.must(err)
	lines := json.NewEncoder(packed)
	lines.SetEscapeHTML(false)
	lived.must(lines.Encode(s))
	for _, statement := range s.Statements {
		lived.must(lines.Encode(statement))
	}
	lived.must(errors.Join(packed.Close(), file.Close()))
	t.Logf("%s: %d statements on schema %d", database, len(s.Statements), s.Schema)
}

func readStory(t *testing.T, database string) story {
	t.Helper()
	file, err := os.Open(filepath.Join(released, "story-"+database+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var s story
	lines := json.NewDecoder(packed)
	err = lines.Decode(&s)
	for err == nil {
		var statement told
		if err = lines.Decode(&statement); err == nil {
			s.Statements = append(s.Statements, statement)
		}
	}
	if !errors.Is(err, io.EOF) || len(s.Statements) == 0 {
		t.Fatalf("story of %s: %v", database, err)
	}
	return s
}

// tell sends the statements again. They are those of one connection after the other.
func tell(conn *sqlx.Conn, statements []told) error {
	for i, statement := range statements {
		var args []any
		for _, value := range statement.Values {
			args = append(args, value.value())
		}
		rows, err := conn.QueryxContext(ctx, conn.Rebind(statement.Query), args...)
		if err == nil {
			for rows.Next() {
			}
			err = errors.Join(rows.Err(), rows.Close())
		}
		if err != nil {
			return fmt.Errorf("statement %d, %s: %w", i+1, statement.Query, err)
		}
	}
	return nil
}

// pauses are the places of a story where no transaction is open.
func (s story) pauses() []int {
	var at []int
	open := false
	for i, statement := range s.Statements {
		switch {
		case strings.HasPrefix(statement.Query, "BEGIN"):
			open = true
		case statement.Query == "COMMIT" || statement.Query == "ROLLBACK":
			open = false
		}
		if !open {
			at = append(at, i+1)
		}
	}
	return at
}

// TestTheReleaseBeforeGoesOn: in the middle of what the last release does the schema is
// brought to that of today, on the rows that are there by then, and it goes on as if
// nothing had been. This program then finds the log whole and continues it.
func TestTheReleaseBeforeGoesOn(t *testing.T) {
	inOneGoroutine(t)
	if os.Getenv(recordVariable) != "" {
		for _, database := range storetest.Databases() {
			recordStory(t, database)
		}
	}
	for _, database := range storetest.Databases() {
		s := readStory(t, database)
		pauses := s.pauses()
		parts := []int{0, 1, 2, 3, 4}
		if s.Schema == latestStep(t) { // nothing is brought forward: once shows that it is told right
			parts = parts[2:3]
		}
		for _, part := range parts {
			t.Run(fmt.Sprintf("%s, schema %d, after %d of 4 parts", database, s.Schema, part), func(t *testing.T) {
				at := 0
				if part > 0 {
					at = pauses[part*(len(pauses)-1)/4]
				}
				url := storetest.Fresh(t, database)
				if database == "sqlite" { // the file's mode of journal is its own
					if file, err := os.Create(strings.TrimPrefix(url, "sqlite:")); err != nil || file.Close() != nil {
						t.Fatal(err)
					}
				}
				db := storetest.RawDB(t, url)
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				must(migrations.UpTo(ctx, db.DB, migrations.Dialect(database), s.Schema))
				conn, err := db.Connx(ctx)
				must(err)
				defer conn.Close()
				must(tell(conn, s.Statements[:at]))
				must(store.Migrate(ctx, url))
				must(tell(conn, s.Statements[at:]))
				s.goesOn(t, url)
			})
		}
	}
}

// latestStep is the number of the last step of migrations.
func latestStep(t *testing.T) int64 {
	t.Helper()
	names, err := filepath.Glob("../../migrations/sqlite/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	number, err := strconv.ParseInt(filepath.Base(names[len(names)-1])[:4], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// goesOn opens the register with this program.
func (s story) goesOn(t *testing.T, url string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	opened, err := store.Open(ctx, store.Config{URL: url, LogKey: s.LogKey})
	must(err)
	defer opened.Close()
	school, err := opened.School(ctx)
	must(err)
	report, err := opened.VerifyLog(ctx, school.ID, school.LogKey)
	must(err)
	if string(report.Checkpoint) != s.Checkpoint {
		t.Errorf("it ends at %q, it was %q", report.Checkpoint, s.Checkpoint)
	}
	_, err = opened.CreatePerson(ctx, custody.SystemActor(school.ID), store.NewPerson{Name: "Đặng Thị Sen"})
	must(err)
	after, err := opened.VerifyLog(ctx, school.ID, school.LogKey)
	must(err)
	if after.Size != report.Size+1 {
		t.Errorf("%d entries, %d before", after.Size, report.Size)
	}
}

// ofPostgres are the marks of statements that only PostgreSQL knows.
var ofPostgres = regexp.MustCompile(`FOR UPDATE|unnest\(|= ANY\(|information_schema|pg_|CAST\(\$\d+ AS \w+\[\]\)|::`)

// TestStatementsOfTheReleaseBefore prepares each statement that the last release sends on
// the schema of today.
func TestStatementsOfTheReleaseBefore(t *testing.T) {
	const file = released + "/statements.sql"
	if logs := os.Getenv(recordVariable); logs != "" {
		recordStatements(t, logs, file)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	statements := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(statements) < 300 {
		t.Errorf("%d statements are too few to be all", len(statements))
	}
	parameter := regexp.MustCompile(`\$\d+`)
	for _, database := range storetest.Databases() {
		t.Run(database, func(t *testing.T) {
			url := storetest.Fresh(t, database)
			if err := store.Migrate(ctx, url); err != nil {
				t.Fatal(err)
			}
			db := storetest.RawDB(t, url)
			for _, statement := range statements {
				if database == "postgres" {
					prepared, err := db.PreparexContext(ctx, statement)
					if err != nil {
						t.Errorf("%s: %v", statement, err)
						continue
					}
					prepared.Close()
					continue
				}
				if ofPostgres.MatchString(statement) {
					continue
				}
				// The driver compiles a statement only when it is run.
				values := make([]any, len(parameter.FindAllString(statement, -1)))
				rows, err := db.QueryContext(ctx, "EXPLAIN "+parameter.ReplaceAllString(statement, "?"), values...)
				if err != nil {
					t.Errorf("%s: %v", statement, err)
					continue
				}
				rows.Close()
			}
		})
	}
}

// recordStatements reduces PostgreSQL's logs (jsonlog, log_statement = all) to what the
// service has sent: no tests, which don't call themselves custodyd, and no migrations.
func recordStatements(t *testing.T, logs, to string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(logs, "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no logs in %s: %v", logs, err)
	}
	begin := regexp.MustCompile(`^(?:execute [^:]*|statement): `)
	used := regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|WITH) `)
	steps := migrationText(t)
	found := map[string]bool{}
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(make([]byte, 1<<20), 64<<20)
		for lines.Scan() {
			var line struct {
				Program string `json:"application_name"`
				Message string `json:"message"`
			}
			if json.Unmarshal(lines.Bytes(), &line) != nil || line.Program != "custodyd" || !begin.MatchString(line.Message) {
				continue
			}
			statement := strings.Join(strings.Fields(begin.ReplaceAllString(line.Message, "")), " ")
			if used.MatchString(statement) && !strings.Contains(statement, "goose_db_version (") && !strings.Contains(steps, strings.TrimSuffix(statement, ";")) {
				found[statement] = true
			}
		}
		if err := errors.Join(lines.Err(), file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	var sorted []string
	for statement := range found {
		sorted = append(sorted, statement)
	}
	slices.Sort(sorted)
	if err := os.WriteFile(to, []byte(strings.Join(sorted, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// migrationText is that of all steps for PostgreSQL, in one line.
func migrationText(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("../../migrations/postgres/*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	var all []string
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(content))...)
	}
	return strings.Join(all, " ")
}
