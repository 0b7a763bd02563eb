package httpapi

import (
	"context"

	"sokyso/custody"
	"sokyso/httpapi/wire"
)

func wireSettings(settings custody.Settings) wire.Settings {
	var out wire.Settings
	for _, rule := range custody.SettingRules {
		out.Settings = append(out.Settings, wire.Setting{Name: string(rule.Name), Group: string(rule.Group), Value: settings.Value(rule.Name), Default: rule.Default})
	}
	return out
}

func (s *server) apiSettings(ctx context.Context, actor custody.Actor, _ *none) (*body[wire.Settings], error) {
	settings, err := s.store.Settings(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &body[wire.Settings]{wireSettings(settings)}, nil
}

func (s *server) apiChangeSettings(ctx context.Context, actor custody.Actor, in *body[wire.ChangeSettings]) (*body[wire.Settings], error) {
	values := make(map[custody.SettingName]string, len(in.Body.Values))
	for name, value := range in.Body.Values {
		values[custody.SettingName(name)] = value
	}
	settings, err := s.store.ChangeSettings(ctx, actor, values)
	if err != nil {
		return nil, err
	}
	return &body[wire.Settings]{wireSettings(settings)}, nil
}
