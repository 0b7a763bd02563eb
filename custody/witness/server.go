package witness

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/google/renameio/v2"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody/signinglog"
)

// maxQuestion bounds a request: a proof of 63 hashes, and a checkpoint with cosignatures.
const maxQuestion = 64 << 10

// maxProof bounds the hashes of a proof.
const maxProof = 63

// GenerateKey makes the key of a witness: key is secret, public is what logs name.
func GenerateKey(name string) (key, public string, err error) {
	key, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", "", fmt.Errorf("generate witness key: %w", err)
	}
	if public, err = cosignature.VKeyToCosignatureV1(vkey); err != nil {
		return "", "", fmt.Errorf("generate witness key: %w", err)
	}
	return key, public, nil
}

// PublicKey is what logs name a witness's key by.
func PublicKey(key string) (string, error) {
	vkey, err := signinglog.VerifierKey(key)
	if err != nil {
		return "", fmt.Errorf("witness key: %w", err)
	}
	public, err := cosignature.VKeyToCosignatureV1(vkey)
	if err != nil {
		return "", fmt.Errorf("witness key: %w", err)
	}
	return public, nil
}

// ServerConfig says what a witness is.
type ServerConfig struct {
	Key    string   // as GenerateKey made it
	Folder string   // keeps the last checkpoint of each log; it must be there
	Logs   []string // keys of the logs that it cosigns
	Logger *slog.Logger
}

// Server is a witness: an http.Handler of POST /add-checkpoint. One process has its
// folder at a time.
type Server struct {
	signer note.Signer
	folder string
	logs   map[string]note.Verifier // by origin
	logger *slog.Logger

	mu sync.Mutex // one checkpoint at a time: what is remembered is durable before it is cosigned
}

// NewServer returns the witness.
func NewServer(cfg ServerConfig) (*Server, error) {
	signer, err := cosignature.NewSignerForCosignatureV1(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("witness key: %w", err)
	}
	if info, err := os.Stat(cfg.Folder); err != nil || !info.IsDir() {
		return nil, errors.Join(fmt.Errorf("witness folder %s", cfg.Folder), err)
	}
	s := &Server{signer: signer, folder: cfg.Folder, logs: map[string]note.Verifier{}, logger: cfg.Logger}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	for _, key := range cfg.Logs {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("log key %.100q: %w", key, err)
		}
		s.logs[verifier.Name()] = verifier
	}
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/add-checkpoint") {
		http.NotFound(w, r)
		return
	}
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuestion))
	if err != nil {
		http.Error(w, "too large", http.StatusBadRequest)
		return
	}
	line, refusal := s.cosign(content)
	if refusal != nil {
		s.logger.Info("not cosigned", "status", refusal.status, "reason", refusal.reason)
		if refusal.status == http.StatusConflict && refusal.size >= 0 {
			w.Header().Set("Content-Type", sizeType)
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintf(w, "%d\n", refusal.size)
			return
		}
		http.Error(w, refusal.reason, refusal.status)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, line)
}

// refusal is why a checkpoint is not cosigned.
type refusal struct {
	status int
	reason string
	size   int64 // that was cosigned last; -1 = not told
}

// question is a request: C2SP tlog-witness, "add-checkpoint".
type question struct {
	old    int64
	proof  []tlog.Hash
	signed []byte
}

func parseQuestion(content []byte) (question, error) {
	head, signed, ok := bytes.Cut(content, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	old, hasOld := strings.CutPrefix(lines[0], "old ")
	if !ok || !hasOld || len(lines) > 1+maxProof {
		return question{}, errors.New("malformed request")
	}
	q := question{signed: signed}
	var err error
	if q.old, err = strconv.ParseInt(old, 10, 64); err != nil || q.old < 0 || strconv.FormatInt(q.old, 10) != old {
		return question{}, fmt.Errorf("old size %.20q", old)
	}
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return question{}, fmt.Errorf("proof: %w", err)
		}
		q.proof = append(q.proof, hash)
	}
	return q, nil
}

func (s *Server) cosign(content []byte) (string, *refusal) {
	q, err := parseQuestion(content)
	if err != nil {
		return "", &refusal{http.StatusBadRequest, err.Error(), -1}
	}
	origin, _, _ := strings.Cut(string(q.signed), "\n")
	verifier := s.logs[origin]
	if verifier == nil {
		return "", &refusal{http.StatusNotFound, "this log is not known here", -1}
	}
	n, newer, err := signinglog.OpenNote(q.signed, verifier)
	if err != nil {
		return "", &refusal{http.StatusForbidden, "not signed by the log's key", -1}
	}
	if q.old > newer.Size {
		return "", &refusal{http.StatusBadRequest, "the old size is larger", -1}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	older, err := s.remembered(origin, verifier)
	if err != nil {
		s.logger.Error("witness state", "error", err)
		return "", &refusal{http.StatusInternalServerError, "the witness can't read what it remembers", -1}
	}
	if q.old != older.Size {
		return "", &refusal{http.StatusConflict, "another size was cosigned last", older.Size}
	}
	if older.Size > 0 {
		if err := signinglog.CheckConsistency(older, newer, q.proof); err != nil {
			if older.Size == newer.Size {
				return "", &refusal{http.StatusConflict, "another root of the same size was cosigned", older.Size}
			}
			return "", &refusal{http.StatusUnprocessableEntity, "the log does not extend what was cosigned", -1}
		}
	} else if len(q.proof) > 0 {
		return "", &refusal{http.StatusUnprocessableEntity, "a proof from nothing", -1}
	}
	n.Sigs, n.UnverifiedSigs = nil, nil
	cosigned, err := note.Sign(n, s.signer)
	if err == nil {
		if err = renameio.WriteFile(s.path(origin), q.signed, 0o600); err == nil {
			_, line, _ := strings.Cut(string(cosigned), "\n\n")
			return line, nil
		}
	}
	s.logger.Error("witness state", "error", err)
	return "", &refusal{http.StatusInternalServerError, "the witness can't cosign", -1}
}

func (s *Server) path(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(s.folder, hex.EncodeToString(sum[:16])+".checkpoint")
}

// remembered is the last checkpoint that was cosigned; of size 0 when none was.
func (s *Server) remembered(origin string, verifier note.Verifier) (signinglog.Checkpoint, error) {
	signed, err := os.ReadFile(s.path(origin))
	if errors.Is(err, os.ErrNotExist) {
		return signinglog.Checkpoint{Origin: origin}, nil
	}
	if err != nil {
		return signinglog.Checkpoint{}, err
	}
	return signinglog.Open(signed, verifier)
}
