package main

import (
	"fmt"
	"strconv"

	"sokyso/signer/agent"
)

type unloggedCommand struct {
	Folder string `arg:"" type:"existingdir" name:"folder" help:"help_unlogged_folder"`
	JSON   bool   `name:"json" help:"help_json"`
}

// heldEvery is after how many files progress is told.
const heldEvery = 50

// Run holds the signed PDFs of a folder against the log. Exit status: 0 all in the
// log, 3 some are not, 1 failed.
func (c *unloggedCommand) Run(p *program) error {
	home, err := agent.Home()
	if err != nil {
		return err
	}
	register, err := agent.OpenRegister(home, p.catalogue)
	if err != nil {
		return err
	}
	files, failure := agent.HoldFolder(p.ctx, register, p.catalogue, c.Folder, func(done, all int) {
		if !c.JSON && (done%heldEvery == 0 && done < all) {
			fmt.Fprintln(p.stderr, p.say("unlogged.progress", "done", strconv.Itoa(done), "all", strconv.Itoa(all)))
		}
	})
	outside, found, logged, unreadable := 0, 0, 0, 0
	for _, file := range files {
		outside += len(file.Unlogged)
		found += file.New
		logged += len(file.Logged)
		if file.Error != "" {
			unreadable++
		}
		if !c.JSON {
			p.printHeld(file)
		}
	}
	if outside > 0 {
		p.status = statusTotalFailed
	}
	if c.JSON {
		if err := p.printJSON(map[string]any{"files": files}); err != nil {
			return err
		}
		return failure
	}
	if failure != nil {
		return failure
	}
	fmt.Fprintln(p.stdout, p.say("unlogged.sum", "files", strconv.Itoa(len(files)), "logged", strconv.Itoa(logged), "outside", strconv.Itoa(outside), "new", strconv.Itoa(found),
		"unreadable", strconv.Itoa(unreadable)))
	if outside > 0 {
		fmt.Fprintln(p.stdout, p.say("unlogged.next"))
	}
	return nil
}

func (p *program) printHeld(file agent.HeldFile) {
	for _, entry := range file.Unlogged {
		fmt.Fprintln(p.stdout, p.say("unlogged.outside", "file", file.File, "entry", strconv.FormatInt(entry, 10)))
	}
	if file.Changed {
		fmt.Fprintln(p.stdout, p.say("unlogged.changed", "file", file.File))
	}
	if file.Error != "" {
		fmt.Fprintln(p.stderr, file.Error)
	}
}
