package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// documents compares submitted documents, their routes, steps and files with the entries.
func (v *verification) documents() error {
	if err := v.orphans("document_steps", "documents", "document_id"); err != nil {
		return err
	}
	routes, err := v.routes()
	if err != nil {
		return err
	}
	// What a file must be: by document and number.
	sums, entries := map[string]map[int]string{}, map[string]int64{}
	if err := checkTable(v, "documents d", documentColumns, "d.", signinglog.TypeDocument, func(r documentRow) {
		sums[r.ID], entries[r.ID] = map[int]string{0: r.SHA256In}, r.Entry
		if custody.FormatRoute(routes[r.ID]) != r.Route {
			v.found(r.Entry, "the route is another in the register")
		}
		delete(routes, r.ID)
	}); err != nil {
		return err
	}
	if len(routes) > 0 && v.bad == nil { // of an altered or missing document it was found already
		v.found(0, "a route belongs to nothing in documents")
	}
	if err := checkTable(v, "document_steps s", documentStepColumns, "s.", signinglog.TypeDocumentStep, func(r documentStepRow) {
		if r.Kind == stepSigned && sums[r.Document] != nil {
			sums[r.Document][r.Number] = r.SHA256Out
		}
	}); err != nil {
		return err
	}
	if v.bad != nil {
		return nil // what the files must be is in doubt
	}
	return v.documentFiles(sums, entries)
}

// routes reads the routes by document, in their order.
func (v *verification) routes() (map[string][]custody.RouteStep, error) {
	var rows []struct {
		Document string `db:"document_id"`
		Number   int    `db:"number"`
		Person   string `db:"person_id"`
		Act      string `db:"act"`
		Capacity string `db:"capacity"`
	}
	if err := v.tx.SelectContext(v.ctx, &rows, v.tx.Rebind(`SELECT document_id, number, person_id, act, capacity FROM document_routes
		WHERE school_id = ? ORDER BY document_id, number`), v.school); err != nil {
		return nil, fmt.Errorf("verify routes: %w", driverError(err))
	}
	routes := map[string][]custody.RouteStep{}
	for _, r := range rows {
		if r.Number != len(routes[r.Document])+1 {
			routes[r.Document] = append(routes[r.Document], custody.RouteStep{}) // a gap: no route reads so
		}
		routes[r.Document] = append(routes[r.Document], custody.RouteStep{Person: custody.PersonID(r.Person), Act: custody.Act(r.Act), Capacity: custody.Capacity(r.Capacity)})
	}
	return routes, nil
}

// documentFiles hashes what is kept of the files. That a file's bytes are not kept (any more) is no fault: the entry
// says what they were. Files on their way in belong to no entry.
func (v *verification) documentFiles(sums map[string]map[int]string, entries map[string]int64) error {
	rows, err := v.tx.QueryxContext(v.ctx, v.tx.Rebind(`SELECT f.document_id, f.number, f.sha256, f.size, c.bytes FROM document_files f
		LEFT JOIN document_chunks c ON c.file_id = f.id WHERE f.school_id = ? AND f.document_id IS NOT NULL ORDER BY f.document_id, f.number, f.id, c.number`), v.school)
	if err != nil {
		return fmt.Errorf("verify document files: %w", driverError(err))
	}
	defer rows.Close()
	type file struct {
		Document string `db:"document_id"`
		Number   int    `db:"number"`
		SHA256   string `db:"sha256"`
		Size     int64  `db:"size"`
	}
	var current file
	var sum hash.Hash
	var size int64
	judge := func() {
		if sum == nil {
			return
		}
		index := entries[current.Document]
		want, known := sums[current.Document][current.Number]
		switch {
		case !known:
			v.found(index, "a file of document %s belongs to no entry", current.Document)
		case want != current.SHA256 || size > 0 && (hex.EncodeToString(sum.Sum(nil)) != want || size != current.Size):
			v.found(index, "file %d of document %s is another than was submitted or signed", current.Number, current.Document)
		}
	}
	for rows.Next() {
		var row struct {
			file
			Bytes []byte `db:"bytes"`
		}
		if err := rows.StructScan(&row); err != nil {
			return fmt.Errorf("verify document files: %w", err)
		}
		if row.file != current || sum == nil {
			judge()
			current, sum, size = row.file, sha256.New(), 0
		}
		sum.Write(row.Bytes)
		size += int64(len(row.Bytes))
	}
	judge()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("verify document files: %w", driverError(err))
	}
	return nil
}
