package main

import (
	"fmt"
	"strconv"
	"time"

	"sokyso/signer/agent"
)

type outboxCommand struct {
	Send bool          `help:"help_send"`
	For  time.Duration `default:"1h" help:"help_for"`
	JSON bool          `name:"json" help:"help_json"`
}

// sent is a signature that has reached the log now.
type sent struct {
	Output     string `json:"output"`
	EntryIndex *int64 `json:"entry_index"`
}

// Run sends what is pending, as every start does, and lists what still is; with
// --send it goes on trying.
func (c *outboxCommand) Run(p *program) error {
	config, err := p.config("")
	if err != nil {
		return err
	}
	a, err := agent.Open(p.ctx, config)
	if err != nil {
		return err
	}
	defer a.Close()
	if c.Send {
		a.Send(p.ctx, c.For, func(left int, wait time.Duration) {
			fmt.Fprintln(p.stderr, p.say("outbox.waiting", "count", strconv.Itoa(left), "wait", p.duration(wait)))
		})
	}
	delivered, pending := []sent{}, a.Outbox()
	var lines []string
	for _, r := range a.Recovered() {
		switch {
		case r.Err != nil && r.Output == "": // no signature: a grant to give back, a temporary file to remove
			_, message := p.catalogue.Explain(r.Err, r.Input)
			lines = append(lines, p.say("outbox.unsettled", "file", r.Input, "message", message))
			p.status = statusFailed
		case r.Err != nil: // among the pending
		case r.Moved:
			lines = append(lines, p.movedText(r))
		case r.Index != nil:
			lines = append(lines, p.say("outbox.sent", "output", r.Output, "entry", entryText(r.Index)))
		}
		if r.Err == nil && r.Index != nil {
			delivered = append(delivered, sent{r.Output, r.Index})
		}
	}
	if len(pending) > 0 {
		p.status = statusFailed
	}
	lines = append(lines, c.bringBack(p, config)...)
	if c.JSON {
		return p.printJSON(map[string]any{"sent": delivered, "pending": pending})
	}
	for _, line := range lines {
		fmt.Fprintln(p.stdout, line)
	}
	for _, waiting := range pending {
		fmt.Fprintln(p.stdout, p.say("outbox.pending", "output", waiting.Output, "message", waiting.Message))
	}
	if len(pending) == 0 {
		fmt.Fprintln(p.stdout, p.say("outbox.empty"))
	}
	return nil
}

// bringBack sends signed documents of the custody site back, and says what became of them.
func (c *outboxCommand) bringBack(p *program, config agent.Config) []string {
	courier, err := agent.NewCourier(config)
	if err != nil {
		return nil // not paired: there is nothing to bring back to
	}
	count, left, err := courier.SendSigned(p.ctx, nil)
	var lines []string
	if count > 0 {
		lines = append(lines, p.say("outbox.returned", "count", strconv.Itoa(count)))
	}
	if left > 0 {
		message := ""
		if err != nil {
			_, message = p.catalogue.Explain(err, "")
		}
		lines = append(lines, p.say("outbox.not_returned", "count", strconv.Itoa(left), "message", message))
		p.status = statusFailed
	}
	return lines
}
