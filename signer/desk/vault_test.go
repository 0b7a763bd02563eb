//go:build linux

package desk_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// insideSession marks the run of this test within a session of its own.
const insideSession = "SOKYSO_TEST_SESSION"

// TestPicturesInKeyring: with a Secret Service in the session pictures lie encrypted on the disk; without one a desk
// says that they do not, and one that was encrypted is told to be locked, not lost.
func TestPicturesInKeyring(t *testing.T) {
	if os.Getenv(insideSession) == "" {
		for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("%s is not installed: pictures in a keyring are not tested", program)
			}
		}
		home := t.TempDir()
		cmd := exec.Command("dbus-run-session", "--", "sh", "-c", `printf x | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$0" "$@"`, os.Args[0], "-test.run=^TestPicturesInKeyring$", "-test.v")
		cmd.Env = append(os.Environ(), insideSession+"=1", "HOME="+home, "XDG_DATA_HOME="+filepath.Join(home, "data"), "XDG_RUNTIME_DIR="+home)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestPicturesInKeyring") {
			t.Fatalf("%v\n%s", err, out)
		}
		lockedOut(t, home)
		return
	}
	p := sitDown(t)
	kept := post[imageView](p, "/api/images", map[string]any{"name": "Chữ ký", "kind": "signature", "width_mm": 40, "scan": scan(t), "try": false})
	if got := get[struct{ Protection string }](p, "/api/images").Protection; got != "keyring" {
		t.Errorf("protection %q", got)
	}
	files, err := filepath.Glob(filepath.Join(p.home, "images", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(content, []byte("png")) || bytes.Contains(content, []byte(kept.ID)) || !bytes.HasPrefix(content, []byte("sokyso-picture-1\n")) {
		t.Errorf("%.80q", content)
	}
	if status, picture := p.ask(http.MethodGet, "/api/images/"+kept.ID, nil); status != http.StatusOK || !bytes.HasPrefix(picture, []byte("\x89PNG")) {
		t.Errorf("%d %.60q", status, picture)
	}
	if err := os.WriteFile(filepath.Join(os.Getenv("HOME"), filepath.Base(files[0])), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// lockedOut looks at the picture of the home with a desk that has no keyring.
func lockedOut(t *testing.T, home string) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(home, "nothing"))
	pictures, err := filepath.Glob(filepath.Join(home, "*.picture"))
	if err != nil || len(pictures) != 1 {
		t.Fatalf("%v, %v", pictures, err)
	}
	content, err := os.ReadFile(pictures[0])
	if err != nil {
		t.Fatal(err)
	}
	p := sitDown(t)
	if err := os.MkdirAll(filepath.Join(p.home, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.home, "images", filepath.Base(pictures[0])), content, 0o600); err != nil {
		t.Fatal(err)
	}
	list := get[struct {
		Images     []struct{ ID, Broken string }
		Protection string
	}](p, "/api/images")
	if list.Protection != "file" || len(list.Images) != 1 || list.Images[0].Broken != "image_locked" {
		t.Errorf("%+v", list)
	}
}
