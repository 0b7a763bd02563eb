package main

import (
	"database/sql"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"
)

// tamper FILE SQL changes a database behind the service's back.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper file sql")
	}
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	result, err := db.Exec(args[1])
	ts.Check(err)
	if n, err := result.RowsAffected(); err != nil || n == 0 && strings.HasPrefix(args[1], "UPDATE") {
		ts.Fatalf("changed %d rows: %v", n, err)
	}
}

// await FILE waits until a file is there.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await file")
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if content := readIfThere(ts, args[0]); strings.HasSuffix(content, "\n") {
			return
		}
	}
	ts.Fatalf("%s did not appear", args[0])
}

func readIfThere(ts *testscript.TestScript, name string) string {
	found, err := http.Dir(ts.MkAbs(".")).Open(name)
	if err != nil {
		return ""
	}
	defer found.Close()
	content, err := io.ReadAll(found)
	if err != nil {
		return ""
	}
	return string(content)
}

// get FILE PATH fetches a path from the address in a file; the answer becomes stdout.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: get addressfile path")
	}
	resp, err := http.Get("http://" + strings.TrimSpace(ts.ReadFile(args[0])) + args[1])
	ts.Check(err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if (resp.StatusCode != http.StatusOK) != neg {
		ts.Fatalf("%s: %s\n%s", args[1], resp.Status, content)
	}
	_, err = ts.Stdout().Write(content)
	ts.Check(err)
}
