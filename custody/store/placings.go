package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

type placingRow struct {
	rowBase
	Token    string `db:"token_id"`
	Place    string `db:"place"`
	PlacedAt stamp  `db:"placed_at"`
}

const placingColumns = `id, school_id, token_id, place, placed_at, entry_index`

func (r placingRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypePlacing, r.PlacedAt.Time
}

func (r placingRow) fields() map[string]string {
	return map[string]string{signinglog.FieldToken: r.Token, "placing": r.ID, "place": r.Place}
}

// PlaceToken notes where a token is kept. The custodian says so, or who runs the
// register; the same place again is no change.
func (s *Store) PlaceToken(ctx context.Context, actor custody.Actor, id custody.TokenID, place string) error {
	if err := texts("place!", &place); err != nil {
		return err
	}
	return s.write(ctx, actor.School, func(t *tx) error {
		f, err := t.visibleToken(actor, id)
		if err != nil {
			return err
		}
		if !actor.Roles.May(custody.RunRegister) && (f.custody == nil || f.custody.Person != string(actor.Person)) {
			return custody.Forbidden(custody.ReasonNotGiver)
		}
		latest, err := optional[placingRow](t, `SELECT `+placingColumns+` FROM placings WHERE token_id = ? ORDER BY entry_index DESC LIMIT 1`, string(id))
		if err != nil {
			return fmt.Errorf("read placings: %w", err)
		}
		if latest != nil && latest.Place == place {
			return nil
		}
		return t.place(actor, string(id), place)
	})
}

func (t *tx) place(actor custody.Actor, token, place string) error {
	row := placingRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Token: token, Place: place, PlacedAt: at(t.now)}
	var err error
	if row.Entry, err = t.append(signinglog.TypePlacing, actor, row.fields(), nil); err != nil {
		return err
	}
	if err := t.insertRow(`INSERT INTO placings (id, school_id, token_id, place, placed_at, entry_index)`,
		row.ID, row.School, row.Token, row.Place, row.PlacedAt, row.Entry); err != nil {
		return fmt.Errorf("place token: %w", err)
	}
	return nil
}
