package main

import (
	"os"
	"path/filepath"
	"strings"

	"sokyso/signer/agent"
)

// checkReport looks at the name of the table before anything is signed.
func (p *program) checkReport(path string) error {
	if path == "" {
		return nil
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv", ".pdf":
	default:
		return p.misuse("report_form")
	}
	if _, err := os.Lstat(path); err == nil {
		return p.misuse("report_exists", "file", path)
	}
	return nil
}

func (p *program) saveReport(path string, results []agent.Result) error {
	if path == "" {
		return nil
	}
	config, err := p.config("")
	if err != nil {
		return err
	}
	return config.SaveResults(path, results)
}
