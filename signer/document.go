package signer

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"time"

	"sokyso/signer/cms"
)

// Document is a signed document: the input followed by the update. The input must stay open and unchanged until the
// document is written.
type Document struct {
	in     Source
	copy   *nameless // the input in the folder of the output; nil without one
	tail   []byte
	sumIn  [32]byte
	sumOut [32]byte
	hash   crypto.Hash // of digest
	digest []byte
	cms    []byte
	field  string
	signed time.Time
	cert   *x509.Certificate
	scheme cms.Scheme
	notes  []string
}

// Size in bytes.
func (d *Document) Size() int64 { return d.in.Size() + int64(len(d.tail)) }

// ReadAt implements io.ReaderAt over input and update.
func (d *Document) ReadAt(p []byte, off int64) (int, error) {
	size := d.in.Size()
	if off < 0 {
		return 0, fmt.Errorf("read document at %d: negative offset", off)
	}
	n := 0
	if off < size {
		part := p[:min(int64(len(p)), size-off)]
		var err error
		if n, err = d.in.ReadAt(part, off); n < len(part) {
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
		off = size
	}
	if off-size < int64(len(d.tail)) {
		n += copy(p[n:], d.tail[off-size:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteTo writes the whole document. It fails with input_changed when the input is not what was signed; what was
// written until then is worthless.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: w}
	err := d.write(c, func(err error) error { return fail(CodeWriteError, err) })
	return c.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// write writes the document and makes sure that the input is what was signed: by the hash of what is written, since size
// and time of a file can be what they were while its bytes are not.
func (d *Document) write(w io.Writer, failed func(error) error) error {
	out := &failing{w: w, failed: failed}
	h := sha256.New()
	size := d.in.Size()
	if err := feed(context.Background(), io.MultiWriter(out, h), d.in, size); err != nil {
		return err
	}
	if [32]byte(h.Sum(nil)) != d.sumIn {
		return changed(errChanged)
	}
	// What was added to it would be missing in the copy, another signature perhaps.
	if n, _ := d.in.ReadAt(make([]byte, 1), size); n > 0 {
		return changed(fmt.Errorf("%w: it is longer than %d bytes", errChanged, size))
	}
	_, err := out.Write(d.tail)
	return err
}

func changed(err error) error { return fail(CodeInputChanged, err) }

// failing gives errors of writing their code, so that they are told from those of reading.
type failing struct {
	w      io.Writer
	failed func(error) error
}

func (f *failing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		return n, f.failed(err)
	}
	return n, nil
}

// SHA256In is that of the input.
func (d *Document) SHA256In() [32]byte { return d.sumIn }

// SHA256Out is that of the signed document.
func (d *Document) SHA256Out() [32]byte { return d.sumOut }

// ByteRangeDigest is the digest of what the signature covers, made with Hash.
func (d *Document) ByteRangeDigest() []byte { return d.digest }

// Hash is that of ByteRangeDigest and of the signature: SHA-256, SHA-384 or SHA-512.
func (d *Document) Hash() crypto.Hash { return d.hash }

// CMS is the signature in DER, without padding.
func (d *Document) CMS() []byte { return d.cms }

// Field is the full name of the signature field.
func (d *Document) Field() string { return d.field }

// Certificate is the signer's.
func (d *Document) Certificate() *x509.Certificate { return d.cert }

// Scheme is how the digest was signed.
func (d *Document) Scheme() cms.Scheme { return d.scheme }

// Notes are what the signer should know besides: see the constants.
func (d *Document) Notes() []string { return d.notes }

// SigningTime is the time in /M.
func (d *Document) SigningTime() time.Time { return d.signed }
