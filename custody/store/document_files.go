package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"sokyso/custody"
)

const (
	// chunkSize is how much of a file one row holds: as much as an upload or a download has in memory.
	chunkSize = 1 << 20
	// comingFor is how long a file may be without a document before it is swept.
	comingFor = 24 * time.Hour
	// maxComing bounds the files of one person that no document has taken yet.
	maxComing = 20
)

// documentFile is a file in the register.
type documentFile struct {
	ID       string  `db:"id"`
	School   string  `db:"school_id"`
	Person   string  `db:"person_id"`
	Document *string `db:"document_id"`
	Number   int     `db:"number"`
	SHA256   string  `db:"sha256"`
	Size     int64   `db:"size"`
	Pages    int     `db:"pages"`
	BeganAt  stamp   `db:"began_at"`
}

const fileColumns = `id, school_id, person_id, document_id, number, sha256, size, pages, began_at`

// StagedFile is a file that was taken in and belongs to no document yet.
type StagedFile struct {
	ID     custody.FileID
	SHA256 string // hex
	Size   int64
}

// StageFile takes in a file of at most custody.MaxDocument bytes, a chunk at a time. It belongs to nobody's document
// until SubmitDocument or TakeSigned names it; files that nothing named are swept after a day. A reader that fails
// half way leaves nothing.
func (s *Store) StageFile(ctx context.Context, actor custody.Actor, r io.Reader) (StagedFile, error) {
	if actor.Person == "" {
		return StagedFile{}, custody.Invalid("person", "only a person brings a file")
	}
	if err := s.sweepFiles(ctx, actor); err != nil {
		return StagedFile{}, err
	}
	id := newID()
	if _, err := s.writer.exec(ctx, `INSERT INTO document_files (`+fileColumns+`) VALUES (?, ?, ?, NULL, 0, '', 0, 0, ?)`,
		id, string(actor.School), string(actor.Person), at(s.now())); err != nil {
		return StagedFile{}, fmt.Errorf("stage file: %w", err)
	}
	staged, err := s.takeChunks(ctx, id, r)
	if err != nil {
		_, undo := s.writer.exec(context.WithoutCancel(ctx), `DELETE FROM document_files WHERE id = ? AND document_id IS NULL`, id)
		return StagedFile{}, errors.Join(err, undo)
	}
	return staged, nil
}

func (s *Store) sweepFiles(ctx context.Context, actor custody.Actor) error {
	if _, err := s.writer.exec(ctx, `DELETE FROM document_files WHERE document_id IS NULL AND began_at < ?`, at(s.now().Add(-comingFor))); err != nil {
		return fmt.Errorf("sweep files: %w", err)
	}
	// Who sends file after file and submits none fills the disk: the oldest go.
	if _, err := s.writer.exec(ctx, `DELETE FROM document_files WHERE document_id IS NULL AND person_id = ? AND id NOT IN
		(SELECT id FROM (SELECT id FROM document_files WHERE document_id IS NULL AND person_id = ? ORDER BY began_at DESC, id DESC LIMIT ?) AS newest)`,
		string(actor.Person), string(actor.Person), maxComing-1); err != nil {
		return fmt.Errorf("sweep files: %w", err)
	}
	return nil
}

func (s *Store) takeChunks(ctx context.Context, id string, r io.Reader) (StagedFile, error) {
	sum, size, chunk := sha256.New(), int64(0), make([]byte, chunkSize)
	for number := 0; ; number++ {
		n, err := io.ReadFull(r, chunk)
		if size += int64(n); size > custody.MaxDocument {
			return StagedFile{}, tooLarge()
		}
		if n > 0 {
			sum.Write(chunk[:n])
			if _, err := s.writer.exec(ctx, `INSERT INTO document_chunks (file_id, number, bytes) VALUES (?, ?, ?)`, id, number, chunk[:n]); err != nil {
				return StagedFile{}, fmt.Errorf("write chunk %d: %w", number, err)
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return StagedFile{}, fmt.Errorf("read file: %w", err)
		}
	}
	staged := StagedFile{ID: custody.FileID(id), SHA256: hex.EncodeToString(sum.Sum(nil)), Size: size}
	if _, err := s.writer.exec(ctx, `UPDATE document_files SET sha256 = ?, size = ? WHERE id = ?`, staged.SHA256, size, id); err != nil {
		return StagedFile{}, fmt.Errorf("write file: %w", err)
	}
	return staged, nil
}

func tooLarge() error {
	return &custody.Error{Kind: custody.ErrInvalid, Code: custody.CodeInvalid,
		Params: map[string]string{"field": "file", "reason": custody.ReasonDocumentTooLarge, "limit": count(custody.MaxDocument >> 20)}}
}

// stagedFile reads a whole file that the actor has brought and nothing has taken.
func (t *tx) stagedFile(actor custody.Actor, id custody.FileID) (*documentFile, error) {
	file, err := optional[documentFile](t, `SELECT `+fileColumns+` FROM document_files WHERE school_id = ? AND id = ?`, string(t.school), string(id))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if file == nil || file.Person != string(actor.Person) || file.Document != nil || file.SHA256 == "" {
		return nil, custody.Invalid("file", "no staged file %.40q of this person", string(id))
	}
	return file, nil
}

func (t *tx) attachFile(file *documentFile, document string, number, pages int) error {
	n, err := t.exec(t.ctx, `UPDATE document_files SET document_id = ?, number = ?, pages = ? WHERE id = ? AND document_id IS NULL`, document, number, max(pages, 0), file.ID)
	if err != nil {
		return fmt.Errorf("attach file: %w", err)
	}
	if n != 1 {
		return custody.Invalid("file", "somebody else has taken the file")
	}
	return nil
}

// DocumentFile reads a document's file from the database, chunk by chunk. It is an io.ReaderAt that holds one chunk,
// for one goroutine.
type DocumentFile struct {
	Name   string // as submitted; "" once erased
	SHA256 string // hex
	Size   int64
	Number int // 0 = as submitted, else the step that made it

	ctx    context.Context // of the request that reads
	store  *Store
	id     string
	held   int // number of the chunk in memory
	memory []byte
}

// DocumentFile opens the file of a document as it is now (number -1), as it was submitted (0), or as the step of that
// number has signed it. The context bounds all reading.
func (s *Store) DocumentFile(ctx context.Context, actor custody.Actor, id custody.DocumentID, number int) (*DocumentFile, error) {
	d, err := s.Submission(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	if number < 0 {
		number = d.Signed
	}
	f, err := s.openFile(ctx, `document_id = ? AND number = ?`, string(id), number)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &custody.Error{Kind: custody.ErrNotFound, Code: custody.CodeNotFound, Params: map[string]string{"what": "file", "reason": custody.ReasonFileNotKept}}
	}
	if err != nil {
		return nil, err
	}
	f.Name = d.Document.FileName
	return f, nil
}

// Staged opens a file that the actor has brought and nothing has taken yet.
func (s *Store) Staged(ctx context.Context, actor custody.Actor, id custody.FileID) (*DocumentFile, error) {
	f, err := s.openFile(ctx, `id = ? AND school_id = ? AND person_id = ? AND document_id IS NULL AND sha256 <> ''`, string(id), string(actor.School), string(actor.Person))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, custody.Invalid("file", "no staged file %.40q of this person", string(id))
	}
	return f, err
}

func (s *Store) openFile(ctx context.Context, condition string, args ...any) (*DocumentFile, error) {
	var row documentFile
	if err := s.reader.get(ctx, &row, `SELECT `+fileColumns+` FROM document_files WHERE `+condition, args...); err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	return &DocumentFile{SHA256: row.SHA256, Size: row.Size, Number: row.Number, ctx: ctx, store: s, id: row.ID, held: -1}, nil
}

// ReadAt implements io.ReaderAt.
func (f *DocumentFile) ReadAt(p []byte, offset int64) (int, error) {
	read := 0
	for read < len(p) {
		if offset >= f.Size {
			return read, io.EOF
		}
		if number := int(offset / chunkSize); number != f.held {
			if err := f.store.reader.get(f.ctx, &f.memory, `SELECT bytes FROM document_chunks WHERE file_id = ? AND number = ?`, f.id, number); err != nil {
				return read, fmt.Errorf("read chunk %d: %w", number, err)
			}
			f.held = number
		}
		start := int(offset % chunkSize)
		if start >= len(f.memory) {
			return read, fmt.Errorf("chunk %d of file %s is short: %w", f.held, f.id, ErrDamaged)
		}
		n := copy(p[read:], f.memory[start:])
		read, offset = read+n, offset+int64(n)
	}
	return read, nil
}

// CopyTo writes the whole file.
func (f *DocumentFile) CopyTo(w io.Writer) error {
	_, err := io.CopyBuffer(w, struct{ io.Reader }{io.NewSectionReader(f, 0, f.Size)}, make([]byte, 64<<10))
	return err
}
