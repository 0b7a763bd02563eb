package signer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"sync"

	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// Prepared is an input that was read and may be signed.
type Prepared struct {
	in   Source
	file *pdf.File
	sum  [32]byte

	mu     sync.Mutex
	states map[crypto.Hash][]byte // of hashes after the whole input; SHA-256 always

	password pdf.Password // that opened the input; the result must open with it too

	restrictions *validation.Restrictions
}

// chunk is how much is read at once, in bytes.
const chunk = 256 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}

// Prepare reads the input once and checks that it can be signed. Hashes are those that it may be signed with besides
// SHA-256: another one costs Sign a second pass over the input. An encrypted input is opened with the empty password.
// The error is an *Error.
func Prepare(ctx context.Context, in Source, hashes ...crypto.Hash) (*Prepared, error) {
	return PrepareWithPassword(ctx, in, "", hashes...)
}

// PrepareWithPassword is Prepare with an encrypted input's user or owner password.
func PrepareWithPassword(ctx context.Context, in Source, password pdf.Password, hashes ...crypto.Hash) (*Prepared, error) {
	p := &Prepared{in: in, password: password}
	var err error
	if p.file, err = pdf.OpenWithPassword(in, in.Size(), password); err != nil {
		return nil, classify(fmt.Errorf("open PDF: %w", err))
	}
	if err := mayBeSigned(p.file); err != nil {
		return nil, err
	}
	// Readers rebuild a broken cross-reference each in its own way, so a signature over such a file covers what one
	// reader sees and another does not.
	if reason, rebuilt := p.file.Rebuilt(); rebuilt {
		return nil, fail(CodeDamagedPDF, fmt.Errorf("open PDF: cross-reference is broken: %s", reason))
	}
	if at, found, err := p.file.Misplaced(ctx, 0); err != nil {
		return nil, classify(fmt.Errorf("check cross-reference: %w", err))
	} else if found {
		return nil, fail(CodeDamagedPDF, fmt.Errorf("check cross-reference: object %d %d is not at %d", at.Ref.Number, at.Ref.Generation, at.Offset))
	}
	if _, err := p.file.PageCount(); err != nil {
		return nil, classify(fmt.Errorf("count pages: %w", err))
	}
	if p.restrictions, err = validation.RestrictionsOf(p.file); err != nil {
		return nil, classify(fmt.Errorf("read restrictions: %w", err))
	}
	if p.restrictions.NoChanges {
		return nil, fail(CodeSigningForbidden, fmt.Errorf("the signature in field %q allows no changes", p.restrictions.NoChangesBy),
			"field", p.restrictions.NoChangesBy)
	}
	if p.sum, p.states, err = digestInput(ctx, in, hashes); err != nil {
		return nil, err
	}
	return p, nil
}

// mayBeSigned holds the permissions of an encrypted file (ISO 32000-2 §7.6.4.2, table 22): a signature needs leave to
// change the document, to annotate it, or to fill in its form. Which of them a new field needs is read in different
// ways, so any one will do; docs/encrypted-files.md tells why. The owner may do everything.
func mayBeSigned(f *pdf.File) error {
	e, encrypted := f.Encryption()
	if !encrypted || e.Owner || e.Modify || e.Annotate || e.Fill {
		return nil
	}
	return fail(CodeSigningRestricted, errors.New("its permissions allow neither changes nor annotations nor form filling"))
}

// SHA256 is that of the input.
func (p *Prepared) SHA256() [32]byte { return p.sum }

// PDF is the input as it was opened.
func (p *Prepared) PDF() *pdf.File { return p.file }

// feed writes the first size bytes of in to w.
func feed(ctx context.Context, w io.Writer, in io.ReaderAt, size int64) error {
	pooled := buffers.Get().(*[]byte)
	defer buffers.Put(pooled)
	buf := *pooled
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return fail(CodeCancelled, err)
		}
		b := buf[:min(size-at, int64(len(buf)))]
		n, err := in.ReadAt(b, at)
		if n < len(b) {
			if err == nil || err == io.EOF {
				err = fmt.Errorf("%w: it ends at byte %d of %d", errChanged, at+int64(n), size)
				return fail(CodeInputChanged, err)
			}
			return fail(CodeReadError, fmt.Errorf("read input at %d: %w", at+int64(n), err))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}
