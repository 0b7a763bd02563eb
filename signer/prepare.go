package signer

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"sync"

	"sokyso/signer/pdf"
	"sokyso/signer/validation"
)

// Prepared is an input that was read and may be signed.
type Prepared struct {
	in   *input
	file *pdf.File
	copy *nameless // what in reads, once it was made; nil without one
	sum  [32]byte

	mu     sync.Mutex
	states map[crypto.Hash][]byte // of hashes after the whole input; SHA-256 always

	password pdf.Password // that opened the input; the result must open with it too

	restored     bool // its cross-reference was broken and was made anew
	restrictions *validation.Restrictions
	raising      bool // nothing is signed, so that nothing forbids it
}

// input is what the document is read from: first the caller's Source, then the copy of it, if there is one. A small
// input that is copied is held in memory, since it is read in many places: whole is nil for others.
type input struct {
	Source
	whole *[]byte // of buffers
}

// ReadAt implements io.ReaderAt.
func (in *input) ReadAt(p []byte, off int64) (int, error) {
	if in.whole == nil || off < 0 {
		return in.Source.ReadAt(p, off)
	}
	b := (*in.whole)[:in.Size()]
	n := copy(p, b[min(off, in.Size()):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// hold reads the input into memory if it is small enough.
func (in *input) hold() error {
	if in.Size() > chunk {
		return nil
	}
	whole := buffers.Get().(*[]byte)
	if err := fill((*whole)[:in.Size()], in.Source, 0, in.Size()); err != nil {
		buffers.Put(whole)
		return err
	}
	in.whole = whole
	return nil
}

// feed writes the input to w.
func (in *input) feed(ctx context.Context, w io.Writer) error {
	if in.whole == nil {
		return feed(ctx, w, in.Source, in.Size())
	}
	_, err := w.Write((*in.whole)[:in.Size()])
	return err
}

// release gives the memory back.
func (in *input) release() {
	if in.whole != nil {
		buffers.Put(in.whole)
		in.whole = nil
	}
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
	return PrepareIn(ctx, in, "", password, hashes...)
}

// read looks at the input, hashes it, and copies it into the folder, if there is one.
func (p *Prepared) read(ctx context.Context, folder string, hashes []crypto.Hash) error {
	var err error
	if folder != "" {
		if err := p.in.hold(); err != nil {
			return err
		}
	}
	if p.file, err = pdf.OpenWithPassword(p.in, p.in.Size(), p.password); err != nil {
		return classify(fmt.Errorf("open PDF: %w", err))
	}
	if err := p.restore(ctx); err != nil {
		return err
	}
	if _, err := p.file.PageCount(); err != nil {
		return classify(fmt.Errorf("count pages: %w", err))
	}
	if p.restrictions, err = validation.RestrictionsOf(p.file); err != nil {
		return classify(fmt.Errorf("read restrictions: %w", err))
	}
	if p.restrictions.NoChanges && !p.raising {
		return fail(CodeSigningForbidden, fmt.Errorf("the signature in field %q allows no changes", p.restrictions.NoChangesBy),
			"field", p.restrictions.NoChangesBy)
	}
	if err := p.take(ctx, folder, hashes); err != nil {
		return classify(err)
	}
	return nil
}

// restore makes the cross-reference anew if it is broken, where that leads all readers to the same document. A broken
// one that is left alone is made anew by readers each in their own way, so that a signature over the file covers what
// one reader sees and another does not.
func (p *Prepared) restore(ctx context.Context) error {
	reason, broken := p.file.Rebuilt()
	if !broken {
		at, found, err := p.file.Misplaced(ctx, 0)
		if err != nil {
			return classify(fmt.Errorf("check cross-reference: %w", err))
		}
		if !found {
			return nil
		}
		reason = fmt.Sprintf("object %d %d is not at %d", at.Ref.Number, at.Ref.Generation, at.Offset)
	}
	// The revisions that earlier signatures cover would no longer be told apart.
	if p.signed() {
		return fail(CodeDamagedPDF, fmt.Errorf("the file is signed and its cross-reference is broken: %s", reason))
	}
	file, err := p.file.Restore(ctx, p.password)
	if err != nil {
		return classify(fmt.Errorf("make cross-reference anew (%s): %w", reason, err))
	}
	// What hid in the broken one may be a signature.
	if p.file = file; p.signed() {
		return fail(CodeDamagedPDF, fmt.Errorf("the file is signed and its cross-reference is broken: %s", reason))
	}
	p.restored = true
	return nil
}

// signed tells whether the input has signatures; one whose form can't be read is taken for signed.
func (p *Prepared) signed() bool {
	fields, err := p.file.Fields()
	return err != nil || !p.unsigned(fields)
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
		if err := fill(b, in, at, size); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		at += int64(len(b))
	}
	return nil
}

// fill reads a part of an input of that size.
func fill(b []byte, in io.ReaderAt, at, size int64) error {
	n, err := in.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || err == io.EOF:
		return fail(CodeInputChanged, fmt.Errorf("%w: it ends at byte %d of %d", errChanged, at+int64(n), size))
	}
	return fail(CodeReadError, fmt.Errorf("read input at %d: %w", at+int64(n), err))
}
