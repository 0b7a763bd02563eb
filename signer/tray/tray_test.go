package tray

import (
	"fmt"
	"strings"
	"testing"
)

// said writes a key with its parameters, to be looked for.
func said(key string, params ...string) string {
	return strings.TrimSpace(key + " " + strings.Join(params, " "))
}

func TestLines(t *testing.T) {
	for _, test := range []struct {
		state State
		want  string
		tip   string
	}{
		{State{}, "tray.open tray.none tray.sent tray.quit", "tray.name"},
		{State{Waiting: 2, Pending: 1}, "tray.open tray.waiting count 2 tray.pending count 1 tray.quit", "tray.name · tray.waiting count 2"},
		{State{Waiting: 2, Offline: true}, "tray.open tray.offline tray.sent tray.quit", "tray.name"},
	} {
		var lines []string
		var commands []Command
		for _, line := range test.state.Lines(said) {
			lines, commands = append(lines, line.Text), append(commands, line.Command)
		}
		if got := strings.Join(lines, " "); got != test.want {
			t.Errorf("%+v: %q", test.state, got)
		}
		if fmt.Sprint(commands) != "[open waiting  quit]" {
			t.Errorf("%+v: %v", test.state, commands)
		}
		if got := test.state.Tooltip(said); got != test.tip {
			t.Errorf("%+v: tip %q", test.state, got)
		}
	}
}
