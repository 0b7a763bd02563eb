package migrations

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// released is what the last release has left: see custody/store/release_test.go.
const released = "../custody/store/testdata/release"

// justified are statements of steps after the last release that the rules below refuse,
// word for word, with why services of the release before, which still run, don't mind.
// What takes away or renames waits until no service that may still run uses it.
var justified = map[string]string{}

// TestStepsOnlyAdd: services of the last release go on while a step is taken, and after it
// until the new ones have started. So a step makes tables, indexes of these, and columns
// that an INSERT may leave out; it does not hold a table for as long as all signatures take,
// nor keep the last release from deleting what it deletes.
func TestStepsOnlyAdd(t *testing.T) {
	last := lastRelease(t)
	deleted := deletedTables(t)
	used := map[string]bool{}
	for _, dialect := range []Dialect{SQLite, Postgres} {
		names, err := fs.Glob(files, string(dialect)+"/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			number, err := strconv.ParseInt(filepath.Base(name)[:4], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if number <= last {
				continue
			}
			step, err := files.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for statement, trouble := range refused(string(step), deleted) {
				if justified[statement] == "" {
					t.Errorf("%s: %s\n\t%s", name, trouble, statement)
				}
				used[statement] = true
			}
		}
	}
	for statement := range justified {
		if !used[statement] {
			t.Errorf("justified, and in no step: %s", statement)
		}
	}
}

// large are the tables that grow with every signature.
var large = []string{"log_entries", "reveals", "grants", "signatures"}

var (
	commentForm = regexp.MustCompile(`(?m)--.*$`)
	tableForm   = regexp.MustCompile(`^CREATE TABLE (\w+) \(`)
	indexForm   = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX \w+ ON (\w+) `)
	insertForm  = regexp.MustCompile(`^INSERT INTO (\w+) `)
	columnForm  = regexp.MustCompile(`^ALTER TABLE (\w+) ADD COLUMN (\w+) (.*)$`)
	setForm     = regexp.MustCompile(`^ALTER TABLE \w+ SET \(`)
	refersForm  = regexp.MustCompile(`REFERENCES (\w+) \(\w+\)( ON DELETE (?:CASCADE|SET NULL))?`)
	deleteForm  = regexp.MustCompile(`(?m)^DELETE FROM (\w+)`)
)

// refused are the statements of a step that the last release may not bear, with why.
// deleted are the tables of which it deletes rows.
func refused(step string, deleted []string) map[string]string {
	out := map[string]string{}
	var made []string
	for statement := range strings.SplitSeq(commentForm.ReplaceAllString(step, ""), ";") {
		statement = strings.Join(strings.Fields(statement), " ")
		trouble := "it is none of those that only add"
		switch {
		case statement == "", setForm.MatchString(statement):
			continue
		case tableForm.MatchString(statement):
			made, trouble = append(made, tableForm.FindStringSubmatch(statement)[1]), ""
		case indexForm.MatchString(statement):
			match := indexForm.FindStringSubmatch(statement)
			switch {
			case slices.Contains(made, match[2]):
				trouble = ""
			case match[1] != "":
				trouble = "the last release may write two such rows"
			case slices.Contains(large, match[2]):
				trouble = "nobody writes to the table while it is built: say how long that takes"
			default:
				trouble = ""
			}
		case insertForm.MatchString(statement):
			if strings.Contains(statement, " SELECT ") {
				trouble = "what the last release adds afterwards is not copied"
			} else if slices.Contains(made, insertForm.FindStringSubmatch(statement)[1]) {
				trouble = ""
			}
		case columnForm.MatchString(statement):
			match := columnForm.FindStringSubmatch(statement)
			trouble = ""
			if !slices.Contains(made, match[1]) {
				without := strings.ReplaceAll(match[3], "IS NOT NULL", "")
				if strings.Contains(without, "NOT NULL") && !strings.Contains(match[3], "DEFAULT") {
					trouble = "the last release writes rows without it"
				} else if strings.Contains(match[3], "UNIQUE") {
					trouble = "every row of the last release has the same in it"
				}
			}
		}
		for _, match := range refersForm.FindAllStringSubmatch(statement, -1) {
			if trouble == "" && slices.Contains(deleted, match[1]) && match[2] == "" {
				trouble = "the last release deletes rows of " + match[1]
			}
		}
		if trouble != "" {
			out[statement] = trouble
		}
	}
	return out
}

// TestWhatOnlyAdds: the rules refuse what they are for, and nothing else.
func TestWhatOnlyAdds(t *testing.T) {
	for statement, refuse := range map[string]bool{
		"CREATE TABLE a (id TEXT NOT NULL); CREATE UNIQUE INDEX a_one ON a (id); INSERT INTO a (id) VALUES ('x');": false,
		"CREATE TABLE a (s TEXT NOT NULL, CONSTRAINT a_fk FOREIGN KEY (s) REFERENCES schools (id));":               false,
		"CREATE TABLE a (s TEXT NOT NULL, CONSTRAINT a_fk FOREIGN KEY (s) REFERENCES sessions (id));":              true,
		"CREATE TABLE a (s TEXT, CONSTRAINT a_fk FOREIGN KEY (s) REFERENCES sessions (id) ON DELETE CASCADE);":     false,
		"ALTER TABLE tokens ADD COLUMN colour TEXT;":                                                               false,
		"ALTER TABLE tokens ADD COLUMN colour TEXT NOT NULL DEFAULT '' CHECK (colour IN ('', 'red'));":             false,
		"ALTER TABLE tokens ADD COLUMN colour TEXT CHECK (colour IS NOT NULL OR serial = '');":                     false,
		"ALTER TABLE tokens ADD COLUMN colour TEXT NOT NULL;":                                                      true,
		"ALTER TABLE tokens ADD COLUMN colour TEXT UNIQUE;":                                                        true,
		"ALTER TABLE tokens DROP COLUMN label;":                                                                    true,
		"ALTER TABLE tokens RENAME COLUMN label TO name;":                                                          true,
		"ALTER TABLE tokens ALTER COLUMN label SET NOT NULL;":                                                      true,
		"ALTER TABLE tokens ADD CONSTRAINT tokens_label_check CHECK (label <> '');":                                true,
		"DROP TABLE tokens;":                                        true,
		"DROP INDEX tokens_by_owner;":                               true,
		"CREATE INDEX tokens_by_label ON tokens (label);":           false,
		"CREATE INDEX grants_by_title ON grants (title);":           true,
		"CREATE UNIQUE INDEX tokens_one ON tokens (label);":         true,
		"UPDATE tokens SET label = '';":                             true,
		"DELETE FROM tokens;":                                       true,
		"INSERT INTO tokens (id) VALUES ('x');":                     true,
		"CREATE TABLE a (id TEXT); INSERT INTO a SELECT id FROM b;": true,
		"-- DROP TABLE tokens;\n":                                   false,
	} {
		if got := refused(statement, []string{"sessions"}); (len(got) > 0) != refuse {
			t.Errorf("%s: refused %v", statement, got)
		}
	}
}

// lastRelease is the schema of the last release.
func lastRelease(t *testing.T) int64 {
	t.Helper()
	var schemas []int64
	for _, dialect := range []Dialect{SQLite, Postgres} {
		file, err := os.Open(fmt.Sprintf("%s/story-%s.jsonl.gz", released, dialect))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		packed, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		var head struct {
			Schema int64 `json:"schema"`
		}
		if err := json.NewDecoder(packed).Decode(&head); err != nil || head.Schema == 0 {
			t.Fatalf("the story of %s begins with %+v: %v", dialect, head, err)
		}
		schemas = append(schemas, head.Schema)
	}
	if schemas[0] != schemas[1] {
		t.Fatalf("the stories are of schemas %v", schemas)
	}
	return schemas[0]
}

func deletedTables(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(released + "/statements.sql")
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for _, match := range deleteForm.FindAllStringSubmatch(string(content), -1) {
		tables = append(tables, match[1])
	}
	if !slices.Contains(tables, "sessions") {
		t.Fatalf("the last release deletes rows of %v only", tables)
	}
	return tables
}
