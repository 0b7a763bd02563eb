package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/custody/store/storetest"
	"sokyso/migrations"
)

// planNode is a node of a plan as PostgreSQL explains it.
type planNode struct {
	Table    string     `json:"Relation Name"`
	Rows     float64    `json:"Actual Rows"`
	Loops    float64    `json:"Actual Loops"`
	Removed  float64    `json:"Rows Removed by Filter"`
	Children []planNode `json:"Plans"`
}

// walked are the rows that a statement has looked at in a table, found or not.
func (n planNode) walked(tables map[string]float64) {
	if n.Table != "" {
		tables[n.Table] += (n.Rows + n.Removed) * n.Loops
	}
	for _, child := range n.Children {
		child.walked(tables)
	}
}

// literal writes a value as EXECUTE wants it.
func (v toldThis) literal(t *testing.T) string {
	t.Helper()
	switch value := v.value().(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	case int64:
		return fmt.Sprint(value)
	case bool:
		return fmt.Sprint(value)
	case []byte:
		return fmt.Sprintf("'\\x%x'", value)
	case []*string:
		var all []string
		for _, text := range value {
			all = append(all, toldThis{Text: text}.literal(t))
		}
		return "ARRAY[" + strings.Join(all, ",") + "]::text[]"
	}
	t.Fatalf("a value of %T", v.value())
	return ""
}

// TestPlansFollowGrowth: a statement that a connection has kept since the tables were small
// is planned for these and walks through thousands of rows. Once the tables that have grown
// were counted, what requests and signatures ask looks its rows up by their keys, on the
// same connection.
func TestPlansFollowGrowth(t *testing.T) {
	if !slices.Contains(storetest.Databases(), "postgres") {
		t.Skip("there is no PostgreSQL here: make test starts one")
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	full := storetest.Fresh(t, "postgres")
	must(store.Migrate(ctx, full))
	db := storetest.RawDB(t, full)
	seeded := storetest.Seed(t, db, storetest.History{Schools: 1, Years: 2, Signatures: 30, Until: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), Hash: "x"})[0]
	asked := hotStatements(t, full, seeded)
	var schema string
	must(db.Get(&schema, `SELECT current_schema()`))
	bad := 0
	for _, entries := range []int{0, 5, 30, 300} {
		t.Run(fmt.Sprintf("planned at %d entries", entries), func(t *testing.T) {
			empty := storetest.Fresh(t, "postgres")
			must(store.Migrate(ctx, empty))
			g := grow(t, empty, schema, entries, asked)
			bad += len(g.walks(t))
			s, err := store.Open(ctx, store.Config{URL: empty})
			must(err)
			defer s.Close()
			_, _, err = s.CountTables(ctx)
			must(err)
			for _, walk := range g.walks(t) {
				t.Error(walk)
			}
			if left, err := s.GrownTables(ctx); err != nil || len(left) > 0 {
				t.Errorf("grown after they were counted: %v %v", left, err)
			}
		})
	}
	if bad == 0 {
		t.Error("no plan was bad before: this test shows nothing")
	}
}

// grown is a connection with plans from before its tables grew.
type grown struct {
	conn     *sqlx.Conn
	asked    []told
	executes []string
}

// grow plans the statements in a schema that has the first entries of another one, as counted,
// and gives it all of them.
func grow(t *testing.T, url, from string, first int, asked []told) grown {
	t.Helper()
	conn, err := storetest.RawDB(t, url).Connx(ctx) // one connection keeps its plans
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	run := func(statement string) {
		t.Helper()
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	run("SET session_replication_role = replica") // rows come in any order
	run("SET plan_cache_mode = force_generic_plan")
	tables, err := migrations.Tables(migrations.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	fill := func(condition string) {
		t.Helper()
		for _, table := range tables {
			if table == "goose_db_version" {
				continue
			}
			var column int
			if err := conn.GetContext(ctx, &column, `SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 AND column_name = 'entry_index'`, table); err != nil {
				t.Fatal(err)
			}
			if column > 0 {
				run("INSERT INTO " + table + " SELECT * FROM " + from + "." + table + " WHERE entry_index " + condition)
			} else if condition[0] == '<' {
				run("INSERT INTO " + table + " SELECT * FROM " + from + "." + table)
			}
		}
	}
	fill(fmt.Sprintf("< %d", first))
	run("ANALYZE")
	executes := make([]string, len(asked))
	for i, statement := range asked {
		var values []string
		for _, value := range statement.Values {
			values = append(values, value.literal(t))
		}
		executes[i] = fmt.Sprintf("EXECUTE asked%d", i)
		if len(values) > 0 {
			executes[i] += "(" + strings.Join(values, ", ") + ")"
		}
		run(fmt.Sprintf("PREPARE asked%d AS %s", i, conn.Rebind(statement.Query)))
		run(executes[i])
	}
	fill(fmt.Sprintf(">= %d", first))
	return grown{conn, asked, executes}
}

// walks are the statements that walk through a table that grows, in the plans that the
// connection has now.
func (g grown) walks(t *testing.T) []string {
	t.Helper()
	var out []string
	for i, statement := range g.asked {
		var text string
		if err := g.conn.QueryRowContext(ctx, "EXPLAIN (ANALYZE, FORMAT JSON) "+g.executes[i]).Scan(&text); err != nil {
			t.Fatalf("%s: %v", statement.Query, err)
		}
		var plans []struct{ Plan planNode }
		if err := json.Unmarshal([]byte(text), &plans); err != nil {
			t.Fatal(err)
		}
		walked := map[string]float64{}
		plans[0].Plan.walked(walked)
		for _, table := range []string{"reveals", "log_entries", "grants", "signatures"} {
			if walked[table] > 100 {
				out = append(out, fmt.Sprintf("%.0f rows of %s: %s", walked[table], table, statement.Query))
			}
		}
	}
	return out
}

// hotStatements are those that requests and signatures ask for.
func hotStatements(t *testing.T, url string, seeded *storetest.Seeded) []told {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	clock := time.Date(2026, 10, 1, 2, 0, 0, 0, time.UTC)
	s, err := store.Open(ctx, store.Config{URL: url, LogKey: seeded.Key, Now: func() time.Time { return clock }})
	must(err)
	defer s.Close()
	var asked []told
	seen := map[string]bool{}
	store.OnSent(func(query string, args []any) {
		if !strings.HasPrefix(query, "SELECT") || seen[query] {
			return
		}
		seen[query] = true
		statement := told{Query: query}
		for _, arg := range args {
			value, err := valueTold(arg)
			must(err)
			statement.Values = append(statement.Values, value)
		}
		asked = append(asked, statement)
	})
	defer store.OnSent(nil)
	principal, _, err := s.ActorOf(ctx, seeded.School, seeded.Principal, custody.ViaAgent)
	must(err)
	admin, _, err := s.ActorOf(ctx, seeded.School, seeded.Admin, custody.ViaPage)
	must(err)
	_, err = s.Person(ctx, admin, seeded.Principal)
	must(err)
	_, err = s.People(ctx, admin)
	must(err)
	tokens, err := s.Tokens(ctx, principal)
	must(err)
	grant, err := s.RequestGrant(ctx, principal, custody.GrantRequest{Request: "r", TokenSerial: tokens[0].Serial, Certificate: tokens[0].Certificate.DER, SHA256In: strings.Repeat("a", 64),
		Document: document, Act: custody.Approve})
	must(err)
	_, err = s.RecordSignature(ctx, principal, grant.ID, recordOf(grant.ID, clock))
	must(err)
	if len(asked) < 15 {
		t.Errorf("only %d statements", len(asked))
	}
	return asked
}
