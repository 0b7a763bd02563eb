package store

import (
	"context"
	"crypto/cipher"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sokyso/custody"
	"sokyso/custody/signinglog"
	"sokyso/migrations"
)

// Config says where the register is and how its log is signed.
type Config struct {
	URL      string           // "sqlite:/path/file.db" or "postgres://…"
	Now      func() time.Time // nil = time.Now
	LogKey   string           // signer key of the log (golang.org/x/mod/sumdb/note); "" = the log is read, not appended to
	Origin   string           // name of the log that is meant where no key says it; "" = the only one
	MarkFile string           // high-water mark, outside the database and its backups; "" = none
	Many     bool             // several schools share this Store's connections, see [Store.Of]
	Logger   *slog.Logger     // nil = discarded

	restoring bool // the register is looked at by the restore that makes it

	Committed func(Commit) // called after each transaction that appended; nil = nobody asks. It must not wait.
}

// Commit is a transaction that appended to a log.
type Commit struct {
	School  custody.SchoolID
	Changes int            // committed together
	Entries map[string]int // by type
	Took    time.Duration  // from its begin until it was durable
}

// Store is the register. Its methods may be called concurrently.
type Store struct {
	config      Config
	dialect     migrations.Dialect
	writer      *pool // sequencers take their connection from it
	reader      *pool // the same as writer on PostgreSQL
	connections *connections
	borrowed    bool // both are another Store's, which closes them
	signer      note.Signer
	ticketKey   ed25519.PrivateKey // nil without a log key
	questionKey []byte             // of questions of passkeys; nil without a log key
	signInKey   []byte             // of the numbers that end a sign-in by a token; nil without a log key
	factors     cipher.AEAD        // encrypts secrets of second factors; nil without a log key
	vkey        string
	schema      int64                     // version that this program needs
	mark        *mark                     // nil without a mark file
	seen        atomic.Pointer[markState] // a state of the log that an agent has seen, and that this database does not extend
	log         *slog.Logger

	madePapers madePapers

	mu         sync.Mutex // guards the next two
	sequencers map[custody.SchoolID]*sequencer
	closed     bool
	running    sync.WaitGroup
}

// Open opens the register. It refuses a schema of another version with a
// *VersionError, and a register of which a restore was broken off with ErrUnfinished. A log that is behind its mark is no error here: the register
// can be read, and every change is refused, see [Store.CheckMark].
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{config: c, log: c.Logger, sequencers: map[custody.SchoolID]*sequencer{}}
	if err := s.useKey(); err != nil {
		return nil, err
	}
	if err := s.openPools(ctx); err != nil {
		return nil, err
	}
	if err := s.useMark(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// SchoolConfig is what each school of a register has of its own.
type SchoolConfig struct {
	LogKey   string // signer key of its log
	MarkFile string // high-water mark of its log; "" = none
}

// Of returns the register as one of its schools uses it, whose log's name is that of the
// key: the same database and connections, which closing it leaves open. It is closed before
// the register is, whose configuration must say Many.
func (s *Store) Of(c SchoolConfig) (*Store, error) {
	if !s.config.Many {
		return nil, errors.New("the register is not opened for several schools")
	}
	config := s.config
	config.LogKey, config.MarkFile = c.LogKey, c.MarkFile
	of := &Store{config: config, log: s.log, dialect: s.dialect, writer: s.writer, reader: s.reader, connections: s.connections, borrowed: true,
		sequencers: map[custody.SchoolID]*sequencer{}}
	if err := of.useKey(); err != nil {
		return nil, err
	}
	if err := of.useMark(); err != nil {
		return nil, err
	}
	return of, nil
}

// useKey takes the configured key of the log and what is derived from it.
func (s *Store) useKey() (err error) {
	key := s.config.LogKey
	if key == "" {
		return nil
	}
	if s.vkey, err = signinglog.VerifierKey(key); err != nil {
		return fmt.Errorf("open register: %w", err)
	}
	if s.signer, err = note.NewSigner(key); err != nil {
		return fmt.Errorf("open register: log key: %w", err)
	}
	if s.factors, err = factorCipher(key); err != nil {
		return err
	}
	if s.ticketKey, err = ticketKey(key); err != nil {
		return fmt.Errorf("open register: %w", err)
	}
	if s.questionKey, err = questionKey(key); err != nil {
		return fmt.Errorf("open register: %w", err)
	}
	if s.signInKey, err = signInKey(key); err != nil {
		return fmt.Errorf("open register: %w", err)
	}
	return nil
}

func (s *Store) useMark() (err error) {
	if s.config.MarkFile != "" {
		s.mark, err = openMark(s.config.MarkFile, syncMark)
	}
	return err
}

func (s *Store) openPools(ctx context.Context) error {
	dialect, source, err := dataSource(s.config.URL, false, false)
	if err != nil {
		return fmt.Errorf("open register: %w", err)
	}
	s.dialect = dialect
	connections, writing := 16, 12 // what is left is for reading, and for sessions
	if dialect == migrations.SQLite {
		connections, writing = 2, 1 // one writes the log, one the sessions
	}
	db, err := openPool(dialect, source, connections)
	if err != nil {
		return err
	}
	s.writer, s.reader = &pool{db: db}, nil
	var have, need int64
	if !s.config.restoring {
		err = checkFinished(ctx, db, dialect)
	}
	if err == nil {
		have, need, err = migrations.Versions(ctx, db.DB, dialect)
	}
	if err == nil && have != need {
		err = &VersionError{Have: have, Need: need}
	}
	s.schema = need
	if err == nil && dialect == migrations.SQLite {
		_, source, err = dataSource(s.config.URL, false, true)
		if err == nil {
			db, err = openPool(dialect, source, 4)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open register: %w", driverError(err)), s.writer.close())
	}
	if !s.config.Many {
		writing = 0 // each sequencer keeps what it has
	}
	s.connections = newConnections(s.writer, dialect, writing)
	s.reader = s.writer
	if dialect == migrations.SQLite {
		s.reader = &pool{db: db}
	}
	return nil
}

// Migrate brings the schema at the URL up to date; for SQLite it makes the file.
func Migrate(ctx context.Context, url string) error {
	dialect, source, err := dataSource(url, true, false)
	if err != nil {
		return fmt.Errorf("migrate register: %w", err)
	}
	db, err := openPool(dialect, source, 2)
	if err != nil {
		return err
	}
	if err = checkFinished(ctx, db, dialect); err == nil {
		_, err = migrations.Up(ctx, db.DB, dialect)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("migrate register: %w", driverError(err)), db.Close())
	}
	return db.Close()
}

// Close waits for what is being written and closes the register. Closing twice
// is closing once.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for _, q := range s.sequencers {
		close(q.quit)
	}
	s.mu.Unlock()
	s.running.Wait()
	var errs []error
	if s.mark != nil {
		errs = append(errs, s.mark.close())
	}
	if s.borrowed {
		return errors.Join(errs...)
	}
	if s.connections != nil {
		s.connections.discardIdle()
	}
	if s.reader != nil && s.reader != s.writer {
		errs = append(errs, s.reader.close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	return errors.Join(errs...)
}

func (s *Store) now() time.Time { return s.config.Now().UTC().Truncate(time.Microsecond) }
