package store

import (
	"context"
	"fmt"

	"sokyso/custody"
)

// SavedView is a page of the log with its filters that somebody looks at often. It is
// its owner's alone and no matter of the log.
type SavedView struct {
	ID    string
	Name  string
	Query string // of the page's address, without "?"
}

// Bounds of saved views: how many somebody has, and how long an address is.
const (
	maxSavedViews = 30
	maxViewQuery  = 1000
)

// SavedViews lists the actor's, by name.
func (s *Store) SavedViews(ctx context.Context, actor custody.Actor) ([]SavedView, error) {
	var rows []struct {
		ID    string `db:"id"`
		Name  string `db:"name"`
		Query string `db:"query"`
	}
	if err := s.reader.list(ctx, &rows, `SELECT id, name, query FROM saved_views WHERE school_id = ? AND person_id = ? ORDER BY name`, string(actor.School), string(actor.Person)); err != nil {
		return nil, fmt.Errorf("list saved views: %w", err)
	}
	views := make([]SavedView, len(rows))
	for i, row := range rows {
		views[i] = SavedView{ID: row.ID, Name: row.Name, Query: row.Query}
	}
	return views, nil
}

// SaveView keeps a view under a name; one of the same name is replaced.
func (s *Store) SaveView(ctx context.Context, actor custody.Actor, name, query string) error {
	if err := texts("name!", &name); err != nil {
		return err
	}
	if len(name) > 100 {
		return custody.Invalid("name", "%d bytes", len(name))
	}
	if len(query) > maxViewQuery {
		return custody.Invalid("query", "%d bytes", len(query))
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		if _, err := t.exec(t.ctx, `DELETE FROM saved_views WHERE school_id = ? AND person_id = ? AND name = ?`, string(t.school), string(actor.Person), name); err != nil {
			return fmt.Errorf("save view: %w", err)
		}
		n, err := optional[int](t, `SELECT COUNT(*) FROM saved_views WHERE school_id = ? AND person_id = ?`, string(t.school), string(actor.Person))
		if err != nil {
			return fmt.Errorf("save view: %w", err)
		}
		if n != nil && *n >= maxSavedViews {
			return custody.Conflict(custody.ReasonTooManyViews)
		}
		if err := t.insertRow(`INSERT INTO saved_views (id, school_id, person_id, name, query, saved_at)`, newID(), string(t.school), string(actor.Person), name, query, at(t.now)); err != nil {
			return fmt.Errorf("save view: %w", err)
		}
		return nil
	})
}

// DropView forgets a view of the actor; one that is not there is dropped already.
func (s *Store) DropView(ctx context.Context, actor custody.Actor, id string) error {
	return s.write(ctx, actor.School, func(t *tx) error {
		if _, err := t.exec(t.ctx, `DELETE FROM saved_views WHERE school_id = ? AND person_id = ? AND id = ?`, string(t.school), string(actor.Person), id); err != nil {
			return fmt.Errorf("drop view: %w", err)
		}
		return nil
	})
}
