package signer

import (
	"context"
	"crypto"
	"crypto/x509"
	"io"
	"path/filepath"
	"sync"
)

// SignFile signs the file at path and writes the document under a name that nothing has yet: OpenFile, PrepareIn,
// Sign, Save. The document can't be read after this. The error is an *Error.
func SignFile(ctx context.Context, path, output string, key crypto.Signer, chain []*x509.Certificate, opt Options) (*Document, error) {
	in, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	p, err := PrepareIn(ctx, in, filepath.Dir(output), opt.Password, opt.hashes()...)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	d, err := p.Sign(ctx, key, chain, opt)
	if err != nil {
		return nil, err
	}
	return d, d.Save(output)
}

// File is one file of a batch.
type File struct{ Input, Output string }

// Signed is what became of a File.
type Signed struct {
	Document *Document // as of SignFile; nil on an error
	Err      error     // an *Error
}

// SignFiles signs many files with one key that can do so many signatures at once. While they are made, the next file
// is prepared and the last one validated and written. The results are in the order of the files. An error of one file
// does not stop the others.
func SignFiles(ctx context.Context, files []File, key crypto.Signer, atOnce int, chain []*x509.Certificate, opt Options) []Signed {
	atOnce = max(atOnce, 1)
	key = &turns{Signer: key, free: make(chan struct{}, atOnce)}
	results, next := make([]Signed, len(files)), make(chan int)
	var workers sync.WaitGroup
	for range atOnce + 1 { // one more than the key can serve: it never waits for a file
		workers.Go(func() {
			for i := range next {
				d, err := SignFile(ctx, files[i].Input, files[i].Output, key, chain, opt)
				results[i] = Signed{d, err}
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}

// turns is a key that has at most so many signatures made at once.
type turns struct {
	crypto.Signer
	free chan struct{}
}

// Sign implements crypto.Signer.
func (t *turns) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	t.free <- struct{}{}
	defer func() { <-t.free }()
	return t.Signer.Sign(random, digest, opts)
}
