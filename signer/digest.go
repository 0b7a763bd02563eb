package signer

import (
	"context"
	"crypto"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

// hashes are those that a signature may be made with (Circular 15/2025/TT-BKHCN Annex I, as far as CMS readers know
// them).
var hashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}

var errHash = errors.New("hash is not SHA-256, SHA-384 or SHA-512")

// digestInput computes SHA-256, and whatever else is asked for, of what read writes: the input, once.
func digestInput(read func(io.Writer) error, also []crypto.Hash) (sum [32]byte, states map[crypto.Hash][]byte, err error) {
	running := map[crypto.Hash]hash.Hash{crypto.SHA256: crypto.SHA256.New()}
	writers := []io.Writer{running[crypto.SHA256]}
	for _, h := range also {
		if !slices.Contains(hashes, h) {
			return sum, nil, fail(CodeUnsupportedAlgorithm, fmt.Errorf("%w: %v", errHash, h), "algorithm", h.String())
		}
		if running[h] == nil {
			running[h] = h.New()
			writers = append(writers, running[h])
		}
	}
	out := writers[0]
	if len(writers) > 1 {
		out = io.MultiWriter(writers...)
	}
	if err := read(out); err != nil {
		return sum, nil, err
	}
	running[crypto.SHA256].Sum(sum[:0])
	states = make(map[crypto.Hash][]byte, len(running))
	for h, r := range running {
		if states[h], err = r.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
			return sum, nil, fail(CodeReadError, fmt.Errorf("keep digest state: %w", err))
		}
	}
	return sum, states, nil
}

// state is that of a hash after the whole input. One that Prepare was not told of is made now, from the input that is
// still the one that was prepared.
func (p *Prepared) state(ctx context.Context, h crypto.Hash) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.states[h]; s != nil {
		return s, nil
	}
	sum, states, err := digestInput(func(w io.Writer) error { return p.in.feed(ctx, w) }, []crypto.Hash{h})
	if err != nil {
		return nil, err
	}
	if sum != p.sum {
		return nil, changed(errChanged)
	}
	p.states[h] = states[h]
	return states[h], nil
}

// hash continues where the input ended.
func (p *Prepared) hash(ctx context.Context, h crypto.Hash) (hash.Hash, error) {
	state, err := p.state(ctx, h)
	if err != nil {
		return nil, err
	}
	running := h.New()
	if err := running.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, fail(CodeReadError, fmt.Errorf("restore digest state: %w", err))
	}
	return running, nil
}
