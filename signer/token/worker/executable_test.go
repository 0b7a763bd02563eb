package worker

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// portable writes the header of a Windows library: enough to be told apart.
func portable(t *testing.T, path string, machine uint16) string {
	t.Helper()
	header := make([]byte, 0x80+4+20)
	copy(header, "MZ")
	binary.LittleEndian.PutUint32(header[0x3C:], 0x80)
	copy(header[0x80:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(header[0x84:], machine)
	if err := os.WriteFile(path, header, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestA32BitModuleGetsThe32BitProgram(t *testing.T) {
	folder := t.TempDir()
	own := filepath.Join(folder, "signagent.exe")
	module32 := portable(t, filepath.Join(folder, "viettel-ca_v6.dll"), 0x14c)
	module64 := portable(t, filepath.Join(folder, "bit4xpki.dll"), 0x8664)
	if got := programFor(own, module32, "windows", "amd64"); got != own {
		t.Errorf("without %s: %s", Program32, got)
	}
	beside := filepath.Join(folder, Program32)
	if err := os.WriteFile(beside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ module, system, architecture, want string }{
		{module32, "windows", "amd64", beside},
		{module64, "windows", "amd64", own},
		{module32, "windows", "386", own},
		{module32, "linux", "amd64", own},
		{filepath.Join(folder, "none.dll"), "windows", "amd64", own},
		{"eTPKCS11.dll", "windows", "amd64", own}, // found by the loader, which says what is wrong
	} {
		if got := programFor(own, c.module, c.system, c.architecture); got != c.want {
			t.Errorf("%s on %s %s: %s, want %s", c.module, c.system, c.architecture, got, c.want)
		}
	}
}
