package tray

import (
	"bufio"
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// sessionBus starts a bus of its own, as a desktop has one.
func sessionBus(t *testing.T) *dbus.Conn {
	t.Helper()
	runtime.LockOSThread() // the daemon gets its signal when the thread that started it ends, not the process
	t.Cleanup(runtime.UnlockOSThread)
	daemon := exec.Command("dbus-daemon", "--session", "--nofork", "--print-address=1")
	daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Skip("there is no dbus-daemon here")
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", strings.TrimSpace(address))
	conn, err := dbus.Connect(strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// watcher takes icons as a desktop's panel does.
type watcher struct{ items chan string }

func (w *watcher) RegisterStatusNotifierItem(item string, sender dbus.Sender) *dbus.Error {
	w.items <- string(sender)
	return nil
}

// TestWithoutATray: no bus, a bus that is gone, a bus on which nobody shows icons: said at once, and nothing else happens.
func TestWithoutATray(t *testing.T) {
	config := Config{Say: said, State: func(context.Context) State { return State{} }, Do: func(Command) { t.Error("somebody has chosen") }}
	run := func(what string) {
		t.Helper()
		begun := time.Now()
		if err := Run(t.Context(), config); !errors.Is(err, ErrNone) || time.Since(begun) > 5*time.Second {
			t.Errorf("%s: %v after %v", what, err, time.Since(begun))
		}
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	run("a bus that is gone")
	sessionBus(t)
	run("nobody shows icons")
}

// TestIcon puts the icon up on a real bus, reads its menu as a panel does, and quits by it.
func TestIcon(t *testing.T) {
	panel := sessionBus(t)
	w := &watcher{items: make(chan string, 1)}
	if err := panel.Export(w, "/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher"); err != nil {
		t.Fatal(err)
	}
	if _, err := panel.RequestName("org.kde.StatusNotifierWatcher", 0); err != nil {
		t.Fatal(err)
	}
	commands, ended := make(chan Command, 4), make(chan error, 1)
	go func() {
		ended <- Run(t.Context(), Config{Say: said, State: func(context.Context) State { return State{Waiting: 3} }, Do: func(c Command) { commands <- c }, Every: 50 * time.Millisecond})
	}()
	var item string
	select {
	case item = <-w.items:
	case <-time.After(10 * time.Second):
		t.Fatal("no icon comes")
	}
	menu := panel.Object(item, "/StatusNotifierMenu")
	lines := map[string]int32{}
	for range 100 {
		var revision uint32
		var layout struct {
			ID         int32
			Properties map[string]dbus.Variant
			Children   []dbus.Variant
		}
		if err := menu.Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &layout); err != nil {
			t.Fatal(err)
		}
		clear(lines)
		for _, child := range layout.Children {
			fields, ok := child.Value().([]any)
			if !ok || len(fields) < 2 {
				t.Fatalf("a line of the menu is %v", child)
			}
			properties, _ := fields[1].(map[string]dbus.Variant)
			label, _ := properties["label"].Value().(string)
			lines[label], _ = fields[0].(int32)
		}
		if _, told := lines["tray.waiting count 3"]; told && len(lines) == 4 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, label := range []string{"tray.open", "tray.waiting count 3", "tray.sent", "tray.quit"} {
		if _, there := lines[label]; !there {
			t.Errorf("the menu lacks %q: %v", label, lines)
		}
	}
	press := func(label string) {
		t.Helper()
		if err := menu.Call("com.canonical.dbusmenu.Event", 0, lines[label], "clicked", dbus.MakeVariant(""), uint32(0)).Err; err != nil {
			t.Fatal(err)
		}
	}
	press("tray.open")
	if got := <-commands; got != OpenDesk {
		t.Errorf("the first line does %q", got)
	}
	time.Sleep(100 * time.Millisecond)
	press("tray.quit")
	if got := <-commands; got != Quit {
		t.Errorf("the last line does %q", got)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
}
