package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// answer is what a program that has ended left behind.
type answer struct {
	Status int
	Stdout []byte
	Stderr string
}

// runProgram runs a program to its end. A status other than 0 is no error here:
// the story also wants programs to refuse.
func runProgram(ctx context.Context, env []string, stdin []byte, name string, args ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	got := answer{Stdout: stdout.Bytes(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return got, nil
	case errors.As(err, &exit) && exit.Exited():
		got.Status = exit.ExitCode()
		return got, nil
	default:
		return got, fmt.Errorf("run %s %s: %w\n%s", name, strings.Join(args, " "), err, got.Stderr)
	}
}

// mustRun is runProgram for what has to succeed.
func mustRun(ctx context.Context, env []string, stdin []byte, name string, args ...string) (answer, error) {
	got, err := runProgram(ctx, env, stdin, name, args...)
	if err == nil && got.Status != 0 {
		err = fmt.Errorf("%s %s ended with status %d\n%s%s", name, strings.Join(args, " "), got.Status, got.Stderr, got.Stdout)
	}
	return got, err
}
