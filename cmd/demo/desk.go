package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// desk is one person's computer: the agent's state folder, the token that is
// plugged in, and the documents on it.
type desk struct {
	member  *member
	program string   // signagent
	folder  string   // documents lie here
	env     []string // SOKYSO_HOME, SOFTHSM2_CONF, language
	module  string
	roots   string // PEM file
	serial  string // of the token
	tokenID string // the service's name for it

	certificate *x509.Certificate // of the token
}

// signing is a signing as the person orders it.
type signing struct {
	File     string
	Act      string
	Capacity string
	Number   string
	Symbol   string
	Kind     string
	Summary  string
	Purpose  string
	Page     int
	Rect     string // x,y,w,h in points from the lower left
	Image    string
	PIN      string // default: the token's
	Level    string // default: b-b
	TSA      string // address of the time-stamping authority
}

// signed is the agent's answer for one file.
type signed struct {
	Input      string `json:"input"`
	Output     string `json:"output"`
	SHA256In   string `json:"sha256_in"`
	SHA256Out  string `json:"sha256_out"`
	Level      string `json:"level"`
	Status     string `json:"status"`
	Code       string `json:"code"`
	Message    string `json:"message"`
	EntryIndex *int64 `json:"entry_index"`
}

// sign runs signagent sign on one file. Err is set only when the program did not
// answer as its contract says; a refusal is an answer.
func (d *desk) sign(ctx context.Context, s signing) (signed, int, error) {
	args := []string{"sign", s.File, "--json", "--module", d.module, "--token", d.serial, "--pin-file", "/dev/stdin",
		"--roots", d.roots, "--act", s.Act, "--kind", s.Kind, "--number", s.Number, "--symbol", s.Symbol,
		"--summary", s.Summary, "--purpose", s.Purpose}
	if s.Capacity != "" {
		args = append(args, "--capacity", s.Capacity)
	}
	if s.Rect != "" {
		args = append(args, "--page", fmt.Sprint(s.Page), "--rect", s.Rect, "--image", s.Image)
	} else {
		args = append(args, "--invisible")
	}
	if s.Level != "" {
		args = append(args, "--level", s.Level, "--tsa", s.TSA)
	}
	pin := s.PIN
	if pin == "" {
		pin = d.member.Token.PIN
	}
	got, err := runProgram(ctx, d.env, []byte(pin+"\n"), d.program, args...)
	if err != nil {
		return signed{}, 0, err
	}
	var result struct{ Files []signed }
	if err := json.Unmarshal(got.Stdout, &result); err != nil || len(result.Files) != 1 {
		return signed{}, got.Status, fmt.Errorf("signagent sign ended with status %d and no answer for the file (%v)\n%s%s", got.Status, err, got.Stdout, got.Stderr)
	}
	return result.Files[0], got.Status, nil
}

// mustSign is sign for what has to succeed.
func (d *desk) mustSign(ctx context.Context, s signing) (signed, error) {
	result, status, err := d.sign(ctx, s)
	switch {
	case err != nil:
		return signed{}, err
	case status != 0 || result.Status != "signed":
		return signed{}, fmt.Errorf("status %d, %s %s: %s", status, result.Status, result.Code, result.Message)
	case result.EntryIndex == nil:
		return signed{}, fmt.Errorf("signed, but without an entry of the log: %s", result.Message)
	}
	return result, nil
}

// mustRefuse is sign for what has to be refused with one of the codes, leaving
// nothing behind.
func (d *desk) mustRefuse(ctx context.Context, s signing, status string, codes ...string) (signed, error) {
	before, err := listing(filepath.Dir(s.File))
	if err != nil {
		return signed{}, err
	}
	result, exit, err := d.sign(ctx, s)
	if err != nil {
		return signed{}, err
	}
	if exit != 1 || result.Status != status {
		return result, fmt.Errorf("expected status 1 and %q, got %d and %q (%s: %s)", status, exit, result.Status, result.Code, result.Message)
	}
	known := false
	for _, code := range codes {
		known = known || result.Code == code
	}
	if !known {
		return result, fmt.Errorf("expected code %v, got %q: %s", codes, result.Code, result.Message)
	}
	after, err := listing(filepath.Dir(s.File))
	if err != nil {
		return result, err
	}
	if before != after {
		return result, fmt.Errorf("the refused signature left something behind\nbefore: %s\nafter:  %s", before, after)
	}
	return result, nil
}

// verified is what signagent verify says of one signature.
type verified struct {
	Field         string `json:"field"`
	Indication    string `json:"indication"`
	SubIndication string `json:"sub_indication"`
	Signer        string `json:"signer"`
	Covers        string `json:"covers"`
	LaterChanges  string `json:"later_changes"`
	Level         string `json:"level"` // "" for a document time-stamp
	ClaimedTime   string `json:"claimed_time"`
}

// verify runs signagent verify on a file and returns its signatures, oldest first.
func (d *desk) verify(ctx context.Context, file string, args ...string) ([]verified, string, error) {
	args = append([]string{"verify", file, "--roots", d.roots, "--json"}, args...)
	got, err := runProgram(ctx, d.env, nil, d.program, args...)
	if err != nil {
		return nil, "", err
	}
	var result struct {
		Files []struct {
			Signatures []verified
			Error      string
		}
	}
	if err := json.Unmarshal(got.Stdout, &result); err != nil || len(result.Files) != 1 {
		return nil, "", fmt.Errorf("signagent verify ended with status %d and no answer for the file (%v)\n%s%s", got.Status, err, got.Stdout, got.Stderr)
	}
	if got.Status != 0 {
		return nil, "", fmt.Errorf("signagent verify ended with status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
	}
	return result.Files[0].Signatures, string(got.Stdout), nil
}

// raise runs signagent augment on a signed file and returns the output's path. It takes no token.
func (d *desk) raise(ctx context.Context, file, tsa string) (string, error) {
	got, err := runProgram(ctx, d.env, nil, d.program, "augment", file, "--tsa", tsa, "--roots", d.roots, "--json")
	if err != nil {
		return "", err
	}
	var result struct{ Files []signed }
	if err := json.Unmarshal(got.Stdout, &result); err != nil || got.Status != 0 || len(result.Files) != 1 {
		return "", fmt.Errorf("signagent augment ended with status %d (%v)\n%s%s", got.Status, err, got.Stdout, got.Stderr)
	}
	return filepath.Join(filepath.Dir(file), filepath.Base(result.Files[0].Output)), nil
}

// listing names every file of a folder with its size, in order.
func listing(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	text := ""
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf("%s (%d) ", entry.Name(), info.Size())
	}
	return text, nil
}

// carry copies a document from one desk to another, as by e-mail, and returns
// its new path.
func carry(from, toFolder string) (string, error) {
	content, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	to := filepath.Join(toFolder, filepath.Base(from))
	return to, os.WriteFile(to, content, 0o644)
}
