package migrations

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// TestBothDatabasesHaveTheSameSchema compares the pairs word by word: only the
// names of types differ, and SQLite's checks where it has no type of its own. How
// PostgreSQL stores what is the same stands last, after a line of its own.
func TestBothDatabasesHaveTheSameSchema(t *testing.T) {
	names := map[Dialect][]string{}
	for _, dialect := range []Dialect{SQLite, Postgres} {
		list, err := fs.Glob(files, string(dialect)+"/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range list {
			names[dialect] = append(names[dialect], strings.TrimPrefix(name, string(dialect)+"/"))
		}
	}
	if strings.Join(names[SQLite], " ") != strings.Join(names[Postgres], " ") || len(names[SQLite]) == 0 {
		t.Fatalf("steps differ: %v", names)
	}
	flags := regexp.MustCompile(`(?m)^    CONSTRAINT \w+ CHECK \((\w+) IN \(0, 1\)\),\n`)
	for i, name := range names[SQLite] {
		if !regexp.MustCompile(`^\d{4}_[a-z_]+\.sql$`).MatchString(name) || i > 0 && name[:4] == names[SQLite][i-1][:4] {
			t.Errorf("step %d is called %s", i+1, name)
		}
		lite, err := files.ReadFile("sqlite/" + name)
		if err != nil {
			t.Fatal(err)
		}
		postgres, err := files.ReadFile("postgres/" + name)
		if err != nil {
			t.Fatal(err)
		}
		want := string(lite)
		for _, match := range flags.FindAllStringSubmatch(want, -1) {
			want = regexp.MustCompile(`(?m)^(    `+match[1]+` +)INTEGER`).ReplaceAllString(want, "${1}BOOLEAN")
		}
		want = flags.ReplaceAllString(want, "")
		want = regexp.MustCompile(`\bINTEGER\b`).ReplaceAllString(want, "BIGINT")
		want = regexp.MustCompile(`\bBLOB\b`).ReplaceAllString(want, "BYTEA")
		if strings.Count(want, "CREATE TABLE") != strings.Count(want, "\n) STRICT;") {
			t.Errorf("%s: a table is not STRICT", name)
		}
		want = strings.ReplaceAll(want, "\n) STRICT;", "\n);")
		shared, _, _ := strings.Cut(string(postgres), "\n-- Of PostgreSQL alone:\n")
		got := strings.Split(shared, "\n")
		for n, line := range strings.Split(want, "\n") {
			if n >= len(got) || got[n] != line {
				t.Errorf("%s line %d: PostgreSQL has %q, SQLite means %q", name, n+1, append(got, "")[min(n, len(got))], line)
				break
			}
		}
	}
}
