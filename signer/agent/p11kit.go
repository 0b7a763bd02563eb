package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// p11Kit is where p11-kit's lists of modules lie on a Linux system (pkcs11.conf(5)
// of p11-kit 0.25).
type p11Kit struct {
	// lists are folders of files *.module, the stronger first: a file replaces one of
	// the same name in the folders after it.
	lists []string
	// libraries are the folders that a module's name without a folder is looked for in.
	libraries []string
}

func systemP11Kit() p11Kit {
	k := p11Kit{
		lists:     []string{"/etc/pkcs11/modules", "/usr/share/p11-kit/modules"},
		libraries: []string{"/usr/lib/x86_64-linux-gnu/pkcs11", "/usr/lib/aarch64-linux-gnu/pkcs11", "/usr/lib64/pkcs11", "/usr/lib/pkcs11"},
	}
	if config, err := os.UserConfigDir(); err == nil {
		k.lists = append([]string{filepath.Join(config, "pkcs11", "modules")}, k.lists...)
	}
	return k
}

// program is the name that enable-in and disable-in know this program by.
const program = "signagent"

// modules lists the paths of the modules that may hold tokens of a person, by the
// names of their files.
func (k p11Kit) modules() []string {
	files := map[string]string{}
	for _, folder := range slices.Backward(k.lists) {
		found, err := filepath.Glob(filepath.Join(folder, "*.module"))
		if err != nil {
			continue // the folder's name is no pattern
		}
		for _, file := range found {
			files[filepath.Base(file)] = file
		}
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	var paths []string
	for _, name := range names {
		content, err := readBounded(files[name], 64<<10)
		if err != nil {
			continue
		}
		if path := k.path(parseP11Kit(string(content))); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// path is where the module lies, "" when it is not for signing here: switched off,
// for other programs, on another machine, or a store of trusted roots.
func (k p11Kit) path(settings map[string]string) string {
	listed := func(key string) bool {
		return slices.Contains(strings.FieldsFunc(settings[key], func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }), program)
	}
	module := settings["module"]
	_, enabled := settings["enable-in"]
	switch {
	case module == "", settings["remote"] != "", settings["trust-policy"] == "yes", enabled && !listed("enable-in"), listed("disable-in"):
		return ""
	case filepath.IsAbs(module):
		return module
	}
	for _, folder := range k.libraries {
		path := filepath.Join(folder, module)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// parseP11Kit reads lines "key: value"; # begins a comment line, and a key that is
// there twice has its last value.
func parseP11Kit(text string) map[string]string {
	settings := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, ":")
		if strings.HasPrefix(line, "#") || !found {
			continue
		}
		settings[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return settings
}
