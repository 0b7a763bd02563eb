package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"
)

// Flags are what a person can set; the defaults are right for a first look.
type Flags struct {
	Exit    bool             `help:"Stop after the story instead of serving on; status 0 only if every step did what it says."`
	Dir     string           `default:"demo-school" type:"path" help:"The school's folder; made anew at each start."`
	Listen  string           `default:"127.0.0.1:8421" help:"Address of the service; a free port is taken when it is in use."`
	Lang    string           `default:"" enum:",vi,en" help:"Language of the story: vi or en. Default: by LANG, Vietnamese first."`
	Bin     string           `default:"" type:"path" help:"Folder of signagent and custodyd. Default: beside this program."`
	Version kong.VersionFlag `help:"Print the version."`
}

// Run plays the story and returns the exit status: 0 if every step did what it
// says, 1 if one did not, 2 for wrong use.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var flags Flags
	parser, err := kong.New(&flags, kong.Name("demo"), kong.Writers(stdout, stderr),
		kong.Description("A whole school on this machine: tokens, documents, service, log."),
		kong.Vars{"version": version})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	if _, err := parser.Parse(args); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 2
	}
	words, err := loadCatalogue(flags.Lang)
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 2
	}
	if flags.Bin == "" {
		self, err := os.Executable()
		if err != nil {
			fmt.Fprintln(stderr, "demo:", err)
			return 1
		}
		flags.Bin = filepath.Dir(self)
	}

	begin := time.Now()
	narrator := &narrator{out: stdout, words: words}
	narrator.say("title", nil)
	school, err := buildSchool(ctx, flags, narrator)
	if school != nil {
		defer school.close()
	}
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return 1
		}
		narrator.say("build.failed", map[string]any{"Error": err})
		return 1
	}
	story := &story{school: school, narrator: narrator}
	story.run(ctx)
	if ctx.Err() != nil {
		return 1
	}
	story.summary(time.Since(begin))
	status := 0
	if narrator.failed > 0 {
		status = 1
	}
	if flags.Exit {
		return status
	}
	narrator.say("serving", map[string]any{"URL": school.service.url})
	if desk, err := school.openSigningDesk(ctx); err != nil {
		narrator.say("desk.failed", map[string]any{"Error": err})
		status = 1
	} else {
		defer desk.close()
		narrator.say("desk.open", map[string]any{"URL": desk.url, "PIN": school.desks[0].member.Token.PIN})
	}
	select {
	case <-ctx.Done():
	case err := <-school.service.ended:
		narrator.say("service.ended", map[string]any{"Error": err})
		status = 1
	}
	narrator.say("goodbye", map[string]any{"Dir": school.dir})
	return status
}
