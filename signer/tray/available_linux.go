package tray

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/godbus/dbus/v5"
)

//go:embed icon.png
var icon []byte

// available looks for a session bus with somebody on it who shows icons (StatusNotifierWatcher), before the library does:
// without one it panics at the end, and it would start a bus of its own where there is none.
func available() error {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		socket := filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "bus")
		if _, err := os.Stat(socket); err != nil {
			return fmt.Errorf("no session bus: %w", err)
		}
		address = "unix:path=" + socket
	}
	bus, err := dbus.Connect(address)
	if err != nil {
		return fmt.Errorf("session bus: %w", err)
	}
	defer bus.Close()
	var watched bool
	if err := bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.kde.StatusNotifierWatcher").Store(&watched); err != nil {
		return fmt.Errorf("session bus: %w", err)
	}
	if !watched {
		return fmt.Errorf("nobody on the session bus shows icons")
	}
	return nil
}
