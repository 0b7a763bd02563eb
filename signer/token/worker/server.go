package worker

import (
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"sokyso/signer/token"
)

// Argument is the private first argument that makes a program a worker.
const Argument = "worker"

// RunIfAsked turns this process into a worker, and does not return, when its first
// argument is Argument. A program calls it first in main, a test in TestMain.
func RunIfAsked() {
	if len(os.Args) > 1 && os.Args[1] == Argument {
		os.Exit(Main(os.Stdin, os.Stdout))
	}
}

// exitGrace is how long the child may take to log out and finalise the module
// once its standard input has ended. A call that hangs does not prolong it.
const exitGrace = time.Second

// maxMemory is what a module may take beside what the process has at its start, in
// bytes: one that leaks must not take the machine along.
const maxMemory = 1 << 30

// Main serves requests from stdin on stdout until stdin ends, and answers with the
// exit status. It takes the two descriptors for itself: afterwards the process's
// standard input is empty and its standard output goes to standard error.
func Main(stdin, stdout *os.File) int {
	// Ctrl-C reaches the whole process group; the parent decides what follows.
	signal.Ignore(os.Interrupt)
	in, out, err := isolate(stdin, stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	// Reading goes on while a call is under way, so that the end of the parent is
	// seen even when the module hangs.
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		reader := newLineReader(in)
		for {
			line, err := reader.next()
			if err != nil {
				time.AfterFunc(exitGrace, func() { os.Exit(0) })
				return
			}
			lines <- line
		}
	}()
	s := &server{}
	defer s.close()
	for line := range lines {
		var r received
		err := json.Unmarshal(line, &r)
		clear(line)
		answer := response{}
		if err != nil {
			answer.Error = &wireError{Text: "request is not JSON"}
		} else {
			answer = s.serve(r)
			clear(r.PIN)
			clear(r.NewPIN)
			answer.ID = r.ID
		}
		if err := writeLine(out, answer); err != nil {
			return 1
		}
	}
	return 0
}

func writeLine(out io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = out.Write(append(line, '\n'))
	return err
}

// server is the state of a child: one module, one open token.
type server struct {
	module  *token.Module
	token   *token.Token
	known   []token.Certificate      // of the token, as it showed them last
	signers map[string]crypto.Signer // by SHA-256 of the certificate
	pin     []byte                   // of the request under way, for keys that want one per signature
}

func (s *server) close() {
	if s.module != nil {
		s.module.Close()
	}
}

func (s *server) serve(r received) response {
	var answer response
	err := s.run(r, &answer)
	answer.Error = errorToWire(err)
	return answer
}

func (s *server) run(r received, answer *response) error {
	if r.Op == opLoad {
		module, err := token.Load(r.Module)
		if err == nil {
			s.module = module
		}
		return err
	}
	if s.module == nil {
		return &token.Error{Op: r.Op, Kind: token.ErrClosed, Detail: "no module is loaded"}
	}
	switch r.Op {
	case opTokens:
		infos, err := s.module.Tokens()
		answer.Tokens = infos
		return err
	case opOpen:
		return s.open(r, answer)
	case opSurvey:
		survey, err := s.module.Survey()
		answer.Survey = &wireSurvey{Module: survey.Module, Readers: survey.Readers, Tokens: listingsToWire(survey.Tokens)}
		return err
	}
	if s.token == nil {
		return &token.Error{Op: r.Op, Kind: token.ErrClosed, Detail: "no token is open"}
	}
	switch r.Op {
	case opInfo:
		info, err := s.token.Refresh()
		answer.Info = &info
		return err
	case opCertificates:
		certificates, err := s.token.Certificates()
		if err == nil {
			s.known = certificates
		}
		answer.Certificates = toWire(certificates)
		return err
	case opLogin:
		err := s.token.Login(r.PIN)
		info := s.token.Info()
		answer.Info = &info
		return err
	case opChangePIN:
		return s.token.ChangePIN(r.PIN, r.NewPIN)
	case opRSASchemes:
		schemes, err := s.token.RSASchemes()
		answer.Schemes = &schemes
		return err
	case opSign:
		return s.sign(r, answer)
	}
	return fmt.Errorf("unknown operation %q", r.Op)
}

func (s *server) open(r received, answer *response) error {
	if s.token != nil {
		s.token.Close()
		s.token = nil
	}
	var selector token.Selector
	if r.Selector != nil {
		selector = *r.Selector
	}
	opened, err := s.module.Open(selector)
	if err != nil {
		return err
	}
	opened.AskPIN(func() ([]byte, error) {
		if len(s.pin) == 0 {
			return nil, &token.Error{Op: "sign", Kind: token.ErrPINNeeded, Detail: "this key wants the PIN for every signature"}
		}
		return append([]byte(nil), s.pin...), nil // Token zeroes its copy, Main the request's
	})
	s.token, s.signers, s.known = opened, map[string]crypto.Signer{}, opened.Shown()
	info := opened.Info()
	answer.Info, answer.Certificates = &info, toWire(opened.Shown())
	return nil
}

func (s *server) sign(r received, answer *response) error {
	signer, err := s.signer(r.Certificate)
	if err != nil {
		return err
	}
	var opts crypto.SignerOpts = crypto.Hash(r.Hash)
	if r.PSS {
		opts = &rsa.PSSOptions{SaltLength: r.Salt, Hash: crypto.Hash(r.Hash)}
	}
	s.pin = r.PIN
	defer func() { s.pin = nil }()
	answer.Signature, err = signer.Sign(nil, r.Digest, opts)
	return err
}

// signer finds the signer of a certificate, once for many signatures.
func (s *server) signer(sha256 string) (crypto.Signer, error) {
	if signer := s.signers[sha256]; signer != nil {
		return signer, nil
	}
	certificate, ok := find(s.known, sha256)
	if !ok {
		var err error
		if s.known, err = s.token.Certificates(); err != nil {
			return nil, err
		}
		certificate, ok = find(s.known, sha256)
	}
	if ok {
		signer, err := s.token.Signer(certificate)
		if err == nil {
			s.signers[sha256] = signer
		}
		return signer, err
	}
	if s.token.Info().Flags.LoginRequired && !s.token.LoggedIn() {
		return nil, &token.Error{Op: "find certificate", Kind: token.ErrLoginNeeded} // it may be a private object
	}
	return nil, &token.Error{Op: "find certificate", Kind: token.ErrNoKey, Detail: "the certificate is not on the token"}
}

func find(certificates []token.Certificate, sha256 string) (token.Certificate, bool) {
	for _, certificate := range certificates {
		if certificate.SHA256 == sha256 {
			return certificate, true
		}
	}
	return token.Certificate{}, false
}
