package storetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"

	"sokyso/custody/store"
	"sokyso/migrations"
)

// Fresh returns the URL of a new and empty database, gone after the test.
func Fresh(tb testing.TB, database string) string {
	tb.Helper()
	if database == "sqlite" {
		return "sqlite:" + filepath.Join(tb.TempDir(), "sổ ký số.db")
	}
	server, err := url.Parse(os.Getenv(Variable))
	if err != nil {
		tb.Fatalf("%s holds no URL", Variable)
	}
	suffix := make([]byte, 8)
	rand.Read(suffix)
	schema := "test_" + hex.EncodeToString(suffix)
	admin, err := sqlx.Connect("pgx", server.String())
	if err != nil {
		tb.Fatalf("connect to %s: %v", Variable, err)
	}
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			tb.Error(err)
		}
		admin.Close()
	})
	query := server.Query()
	query.Set("search_path", schema)
	server.RawQuery = query.Encode()
	return server.String()
}

// Migrated returns the URL of a new database with the tables of today and nothing in them,
// gone after the test: a copy of one that was migrated once, which takes a fraction of the
// thirty steps.
func Migrated(tb testing.TB, database string) string {
	tb.Helper()
	if database == "sqlite" {
		content, err := migratedFile()
		if err != nil {
			tb.Fatal(err)
		}
		address := Fresh(tb, database)
		path, _ := cutScheme(address)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			tb.Fatal(err)
		}
		return address
	}
	admin, err := sqlx.Connect("pgx", os.Getenv(Variable))
	if err != nil {
		tb.Fatal(err)
	}
	template, err := migratedTemplate(admin) // of this server: some tests have one of their own
	if err != nil {
		tb.Fatal(err)
	}
	name := "test_" + randomName()
	if _, err := admin.Exec("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
		admin.Close()
	})
	address, err := databaseNamed(name)
	if err != nil {
		tb.Fatal(err)
	}
	return address
}

func randomName() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// databaseNamed is the URL of another database of the server.
func databaseNamed(name string) (string, error) {
	server, err := url.Parse(os.Getenv(Variable))
	if err != nil {
		return "", fmt.Errorf("%s holds no URL", Variable)
	}
	server.Path = "/" + name
	return server.String(), nil
}

// migratedFile is an SQLite database that was migrated, as a file has it.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "sokyso-migrated-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "custody.db")
	if err := store.Migrate(context.Background(), "sqlite:"+path); err != nil {
		return nil, err
	}
	if left, err := os.Stat(path + "-wal"); err == nil && left.Size() > 0 {
		return nil, errors.New("the migrated file is not all of the database")
	}
	return os.ReadFile(path)
})

// migratedTemplate is the name of a database of the server that was migrated and that nobody
// is connected to. It stays there for other programs of tests and for later runs.
func migratedTemplate(admin *sqlx.DB) (string, error) {
	sum, err := migrations.Sum(migrations.Postgres)
	if err != nil {
		return "", err
	}
	name := "template_" + sum[:16]
	var there int
	if err := admin.Get(&there, `SELECT COUNT(*) FROM pg_database WHERE datname = $1`, name); err != nil || there > 0 {
		return name, err
	}
	// Under another name until it is whole: programs of tests run side by side.
	making := "making_" + randomName()
	if _, err := admin.Exec("CREATE DATABASE " + making); err != nil {
		return "", err
	}
	address, err := databaseNamed(making)
	if err == nil {
		err = store.Migrate(context.Background(), address)
	}
	if err == nil {
		_, err = admin.Exec("ALTER DATABASE " + making + " RENAME TO " + name)
	}
	if err == nil {
		return name, nil
	}
	_, undo := admin.Exec("DROP DATABASE " + making + " WITH (FORCE)")
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "42P04" { // another program was first
		return name, undo
	}
	return "", errors.Join(err, undo)
}
