package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/mod/sumdb/note"

	"sokyso/custody/witness"
)

// WitnessCommand cosigns the logs of others: a department does it for its schools. It
// needs no register.
type WitnessCommand struct {
	Key        string   `required:"" type:"path" help:"${help_witness_key}" placeholder:"FILE"`
	Name       string   `help:"${help_witness_name}" placeholder:"NAME"`
	Folder     string   `required:"" type:"path" help:"${help_witness_folder}" placeholder:"FOLDER"`
	Log        []string `required:"" sep:"none" help:"${help_witness_log}" placeholder:"KEY"`
	Listen     string   `default:"127.0.0.1:8422" help:"${help_listen}" placeholder:"HOST:PORT"`
	ListenFile string   `type:"path" help:"${help_listen_file}" placeholder:"FILE"`
}

// Run serves until it is told to stop. Without the key's file it makes one, under the
// name.
func (c *WitnessCommand) Run(ctx context.Context, p *program) error {
	key, err := c.key(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return fmt.Errorf("witness folder: %w", err)
	}
	for _, log := range c.Log {
		if _, err := note.NewVerifier(log); err != nil {
			return p.fail("log_key_malformed", map[string]string{"Key": log})
		}
	}
	logger := slog.New(slog.NewTextHandler(p.stderr, nil))
	handler, err := witness.NewServer(witness.ServerConfig{Key: key, Folder: c.Folder, Logs: c.Log, Logger: logger})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return p.fail("cannot_listen", map[string]string{"Address": c.Listen, "Error": err.Error()})
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if c.ListenFile != "" {
		if err := renameio.WriteFile(c.ListenFile, []byte(listener.Addr().String()+"\n"), 0o644); err != nil {
			return errors.Join(fmt.Errorf("listen file: %w", err), server.Close())
		}
	}
	public, err := witness.PublicKey(key)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	p.print("witness_serving", map[string]string{"Address": "http://" + listener.Addr().String(), "Key": public})
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}

// key reads the witness's key, or makes it.
func (c *WitnessCommand) key(p *program) (string, error) {
	content, err := os.ReadFile(c.Key)
	if err == nil {
		return strings.TrimSpace(string(content)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("witness key: %w", err)
	}
	if c.Name == "" {
		return "", p.fail("witness_no_key", map[string]string{"File": c.Key})
	}
	key, _, err := witness.GenerateKey(c.Name)
	if err != nil {
		return "", err
	}
	file, err := os.OpenFile(c.Key, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("witness key: %w", err)
	}
	_, err = file.WriteString(key + "\n")
	return key, errors.Join(err, file.Sync(), file.Close())
}
