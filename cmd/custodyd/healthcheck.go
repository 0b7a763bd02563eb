package main

import (
	"context"
	"time"

	"sokyso/httpapi/wire"
)

// Run asks once: for a container's health check, which has no other program to ask with.
func (c *HealthcheckCommand) Run(ctx context.Context, p *program) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, err := wire.NewClient(wire.ClientConfig{URL: c.URL, Language: p.words.language})
	if err == nil {
		err = client.Ready(ctx)
	}
	if err != nil {
		return p.fail("not_ready", map[string]string{"Error": err.Error()})
	}
	p.print("ready", nil)
	return nil
}
