package wire

import "context"

// Setting is a rule that the school sets; Value is in force.
type Setting struct {
	Name    string `json:"name"`
	Group   string `json:"group"`
	Value   string `json:"value"`
	Default string `json:"default"`
}

// Settings are all settings of the school.
type Settings struct {
	Settings []Setting `json:"settings"`
}

// ChangeSettings sets the settings named, all or none.
type ChangeSettings struct {
	Values map[string]string `json:"values"`
}

// Settings returns the school's settings.
func (c *Client) Settings(ctx context.Context) ([]Setting, error) {
	var out Settings
	err := c.get(ctx, PathSettings, nil, &out)
	return out.Settings, err
}

// ChangeSettings sets settings (admin, principal).
func (c *Client) ChangeSettings(ctx context.Context, in ChangeSettings) ([]Setting, error) {
	var out Settings
	err := c.change(ctx, PathSettings, in, &out)
	return out.Settings, err
}
