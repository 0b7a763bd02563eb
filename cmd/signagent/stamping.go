package main

import (
	"time"

	"sokyso/signer"
)

// stamping are the flags of how a time-stamp service is asked.
type stamping struct {
	TSATimeout int `name:"tsa-timeout" default:"180" placeholder:"SECONDS" help:"help_tsa_timeout"`
	TSATries   int `name:"tsa-tries" default:"3" placeholder:"N" help:"help_tsa_tries"`
}

// options are those of the flags; they count for all files of the command.
func (s stamping) options() *signer.Stamping {
	return &signer.Stamping{Timeout: time.Duration(s.TSATimeout) * time.Second, Tries: s.TSATries}
}

// The limits are generous: a service that takes an hour is no service.
const (
	maxStampingSeconds = 3600
	maxStampingTries   = 100
)

func (p *program) checkStamping(s stamping) error {
	switch {
	case s.TSATimeout < 1 || s.TSATimeout > maxStampingSeconds:
		return p.misuse("tsa_timeout")
	case s.TSATries < 1 || s.TSATries > maxStampingTries:
		return p.misuse("tsa_tries")
	}
	return nil
}
