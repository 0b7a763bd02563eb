//go:build linux

package main

import (
	"context"
	"io"
)

func runChaos(ctx context.Context, cfg config, w io.Writer) error { return nil }
