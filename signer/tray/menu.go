package tray

import "strconv"

// State is what the icon tells.
type State struct {
	Waiting int  // documents that wait for the person
	Pending int  // signatures and signed files that are not with the service yet
	Offline bool // the service can't be asked; Waiting is what was known last
}

// Command is what a line of the menu does.
type Command string

// The commands. A line with None only tells.
const (
	None        Command = ""
	OpenDesk    Command = "open"
	OpenWaiting Command = "waiting"
	Quit        Command = "quit"
)

// Line is a line of the menu.
type Line struct {
	Text    string
	Command Command
}

// Words turns a key and pairs of name and value into a sentence.
type Words func(key string, params ...string) string

// Lines are the menu for a state, always the same number of them in the same order: systems redraw a menu line by line.
func (s State) Lines(say Words) []Line {
	waiting := say("tray.waiting", "count", strconv.Itoa(s.Waiting))
	switch {
	case s.Offline:
		waiting = say("tray.offline")
	case s.Waiting == 0:
		waiting = say("tray.none")
	}
	pending := say("tray.pending", "count", strconv.Itoa(s.Pending))
	if s.Pending == 0 {
		pending = say("tray.sent")
	}
	return []Line{{say("tray.open"), OpenDesk}, {waiting, OpenWaiting}, {pending, None}, {say("tray.quit"), Quit}}
}

// Tooltip is the text beside the icon.
func (s State) Tooltip(say Words) string {
	if s.Waiting > 0 && !s.Offline {
		return say("tray.name") + " · " + say("tray.waiting", "count", strconv.Itoa(s.Waiting))
	}
	return say("tray.name")
}
