package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

type settingRow struct {
	rowBase
	Name  string `db:"name"`
	Value string `db:"value"`
	SetAt stamp  `db:"set_at"`
}

const settingColumns = `id, school_id, name, value, set_at, entry_index`

func (r settingRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeSetting, r.SetAt.Time
}

func (r settingRow) fields() map[string]string {
	return map[string]string{"setting": r.ID, "name": r.Name, "value": r.Value}
}

const querySettings = `SELECT name, value FROM settings WHERE school_id = ? ORDER BY entry_index`

type setValue struct {
	Name  string `db:"name"`
	Value string `db:"value"`
}

func settingsOf(rows []setValue) custody.Settings {
	set := map[custody.SettingName]string{}
	for _, row := range rows {
		set[custody.SettingName(row.Name)] = row.Value
	}
	return custody.NewSettings(set)
}

// Settings returns the school's settings; everybody of the school may read them.
func (s *Store) Settings(ctx context.Context, actor custody.Actor) (custody.Settings, error) {
	var rows []setValue
	if err := s.reader.list(ctx, &rows, querySettings, string(actor.School)); err != nil {
		return custody.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	return settingsOf(rows), nil
}

// settings returns the settings as the transaction sees them.
func (t *tx) settings() (custody.Settings, error) {
	var rows []setValue
	if err := t.list(t.ctx, &rows, querySettings, string(t.school)); err != nil {
		return custody.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	return settingsOf(rows), nil
}

// ChangeSettings sets the settings named. Each value that differs from the one in
// force is an entry; all are taken or none.
func (s *Store) ChangeSettings(ctx context.Context, actor custody.Actor, values map[custody.SettingName]string) (custody.Settings, error) {
	if err := custody.CanSet(actor); err != nil {
		return custody.Settings{}, err
	}
	for name := range values {
		if _, ok := custody.RuleOf(name); !ok {
			return custody.Settings{}, custody.Invalid("name", "setting %.40q", string(name))
		}
	}
	err := s.write(ctx, actor.School, func(t *tx) error {
		now, err := t.settings()
		if err != nil {
			return err
		}
		for _, rule := range custody.SettingRules {
			value, ok := values[rule.Name]
			if !ok {
				continue
			}
			if value, err = rule.Clean(signinglog.CleanText(value)); err != nil {
				return err
			}
			if value == now.Value(rule.Name) {
				continue
			}
			row := settingRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Name: string(rule.Name), Value: value, SetAt: at(t.now)}
			if row.Entry, err = t.append(signinglog.TypeSetting, actor, row.fields(), nil); err != nil {
				return err
			}
			if err := t.insertRow(`INSERT INTO settings (id, school_id, name, value, set_at, entry_index)`,
				row.ID, row.School, row.Name, row.Value, row.SetAt, row.Entry); err != nil {
				return fmt.Errorf("set %s: %w", rule.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return custody.Settings{}, err
	}
	return s.Settings(ctx, actor)
}
