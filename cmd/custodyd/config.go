package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pelletier/go-toml/v2"
)

// configName is what the config file is called in the data folder.
const configName = "custodyd.toml"

// envPrefix and a flag's name in capitals, with _ for -, name its environment variable.
const envPrefix = "SOKYSO_"

// config is where values of flags come from besides the command line: the environment, then
// a file of TOML whose keys are the names of the flags of serve and of all commands. It is
// kong's resolver; the command line goes before it.
type config struct {
	file   string         // "" = there is none
	values map[string]any // string, int64, bool or []any
}

// readConfig reads the file that is named, or the one in the data folder if there is one.
func (p *program) readConfig(args []string) (*config, error) {
	file, named := argument(args, "config"), true
	if file == "" {
		data := argument(args, "data")
		if data == "" {
			data = "custody-data"
		}
		file, named = filepath.Join(data, configName), false
	}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return &config{}, nil
	}
	if err != nil {
		return nil, p.fail("config_unreadable", map[string]string{"File": file})
	}
	c := &config{file: file}
	var malformed *toml.DecodeError
	if err := toml.Unmarshal(content, &c.values); errors.As(err, &malformed) {
		line, _ := malformed.Position()
		return nil, p.fail("config_malformed", map[string]string{"File": file, "Line": strconv.Itoa(line), "Error": malformed.Error()})
	} else if err != nil {
		return nil, p.fail("config_malformed", map[string]string{"File": file, "Line": "?", "Error": err.Error()})
	}
	if _, secret := c.values["database"]; secret && runtime.GOOS != "windows" {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
			return nil, p.fail("config_readable", map[string]string{"File": file})
		}
	}
	return c, nil
}

// argument is the value of a flag before the command line is parsed, else of its variable.
func argument(args []string, name string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return value
		}
		if arg == "--"+name && i+1 < len(args) {
			return args[i+1]
		}
	}
	return os.Getenv(variable(name))
}

func variable(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// settable are the flags that a config may set: those of all commands, and of serve.
func settable(app *kong.Application) map[string]*kong.Flag {
	known := map[string]*kong.Flag{}
	flags := slices.Clone(app.Flags)
	for _, child := range app.Children {
		if child.Name == "serve" {
			flags = append(flags, child.Flags...)
		}
	}
	for _, flag := range flags {
		switch flag.Name {
		case "help", "version", "config":
		default:
			known[flag.Name] = flag
		}
	}
	return known
}

// check refuses keys that nothing would read and values of a wrong kind.
func (c *config) check(p *program, app *kong.Application) error {
	known := settable(app)
	for _, key := range slices.Sorted(maps.Keys(c.values)) {
		flag := known[key]
		if flag == nil {
			return p.fail("config_unknown", map[string]string{"File": c.file, "Key": key})
		}
		list := flag.IsSlice()
		switch value := c.values[key].(type) {
		case string, int64, bool:
			if _, isBool := value.(bool); !list && isBool == flag.IsBool() {
				continue
			}
		case []any:
			if list && !slices.ContainsFunc(value, func(v any) bool { _, ok := v.(string); return !ok }) {
				continue
			}
		}
		return p.fail("config_kind", map[string]string{"File": c.file, "Key": key})
	}
	return nil
}

// Validate implements kong.Resolver; see check.
func (c *config) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (c *config) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	// The public address is serve's, and stands in links that other commands print.
	if node := parent.Node(); node == nil || node.Type != kong.ApplicationNode && node.Name != "serve" && flag.Name != "public-url" {
		return nil, nil
	}
	if value := os.Getenv(variable(flag.Name)); value != "" && flag.Name != "config" {
		return value, nil
	}
	value, ok := c.values[flag.Name]
	if !ok {
		return nil, nil
	}
	switch v := value.(type) {
	case string:
		if flag.Tag.Type == "path" && v != "" && !filepath.IsAbs(v) {
			return filepath.Join(filepath.Dir(c.file), v), nil
		}
	case int64:
		return strconv.FormatInt(v, 10), nil
	}
	return value, nil
}

// source tells where a flag's value comes from, and what it is.
func (c *config) source(flag *kong.Flag) (key, value string) {
	if value := os.Getenv(variable(flag.Name)); value != "" {
		return "config_from_env", value
	}
	if value, ok := c.values[flag.Name]; ok {
		return "config_from_file", strings.Trim(fmt.Sprint(value), "[]")
	}
	return "config_from_default", flag.Default
}

// ConfigCheckCommand says what the service would start with.
type ConfigCheckCommand struct{}

// ConfigExampleCommand prints a config file to begin with.
type ConfigExampleCommand struct{}

// Run parses as serve would and lists each setting with where it comes from.
func (c *ConfigCheckCommand) Run(_ context.Context, p *program) error {
	trial := &program{words: p.words, stdin: p.stdin, stdout: p.stdout, stderr: p.stderr}
	args := []string{"--data", p.flags.Data}
	if p.config.file != "" {
		args = append(args, "--config", p.config.file)
	}
	if _, err := trial.parse(append(args, "serve")); err != nil {
		return err
	}
	if p.config.file == "" {
		p.print("config_none", map[string]string{"File": filepath.Join(p.flags.Data, configName)})
	} else {
		p.print("config_good", map[string]string{"File": p.config.file})
	}
	for _, flag := range sortedFlags(p.app) {
		source, value := p.config.source(flag)
		if value == "" && source == "config_from_default" {
			continue
		}
		if flag.Name == "database" { // may hold a password
			if address, err := url.Parse(value); err != nil {
				value = "xxxxx"
			} else {
				value = address.Redacted()
			}
		}
		fmt.Fprintf(p.stdout, "%-22s %s  (%s)\n", flag.Name, value, p.say(source, map[string]string{"Name": variable(flag.Name)}))
	}
	return nil
}

// Run prints each key with its help and its default, commented out.
func (c *ConfigExampleCommand) Run(_ context.Context, p *program) error {
	p.print("config_example", map[string]string{"File": configName})
	for _, flag := range sortedFlags(p.app) {
		value := strconv.Quote(flag.Default)
		switch {
		case flag.IsSlice():
			value = "[]"
		case flag.IsBool():
			value = "false"
		default:
			if _, err := strconv.Atoi(flag.Default); err == nil {
				value = flag.Default
			}
		}
		fmt.Fprintf(p.stdout, "\n# %s\n# %s = %s\n", flag.Help, flag.Name, value)
	}
	return nil
}

func sortedFlags(app *kong.Application) []*kong.Flag {
	known := settable(app)
	delete(known, "data") // says where the file is
	var flags []*kong.Flag
	for _, name := range slices.Sorted(maps.Keys(known)) {
		flags = append(flags, known[name])
	}
	return flags
}
