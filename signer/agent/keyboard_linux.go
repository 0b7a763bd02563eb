package agent

import (
	"os"
	"path/filepath"
	"strings"
)

// capsLock says whether a keyboard of this machine shows that Caps Lock is on. On a
// machine far away nothing can be seen.
func capsLock() bool { return capsLockIn("/sys/class/leds") }

func capsLockIn(folder string) bool {
	lights, err := filepath.Glob(filepath.Join(folder, "*::capslock", "brightness"))
	if err != nil {
		return false
	}
	for _, light := range lights {
		if value, err := os.ReadFile(light); err == nil && strings.TrimSpace(string(value)) != "0" {
			return true
		}
	}
	return false
}

// vietnameseKeyboard: input methods of desktops can't be asked from a terminal. What
// they make of a PIN is seen when it is typed.
func vietnameseKeyboard() bool { return false }
