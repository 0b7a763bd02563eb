package signer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"sokyso/signer/cms"
)

// stamp gets a time-stamp over the signature value (ETSI EN 319 122-1 §5.3) and adds it to the CMS.
func stamp(ctx context.Context, der []byte, opt *Options) ([]byte, error) {
	sd, err := cms.Parse(der)
	if err != nil {
		return nil, fail(CodeSelfCheckFailed, fmt.Errorf("read own CMS: %w", err))
	}
	imprint := sha256.Sum256(sd.Signers[0].Signature)
	ts, _, err := opt.timestamp(ctx, imprint[:])
	if err != nil {
		return nil, err
	}
	stamped, err := sd.AddTimestamp(ts.Raw)
	if err != nil {
		return nil, fail(CodeTimestampFailed, fmt.Errorf("add time-stamp: %w", err), "url", opt.TSA)
	}
	return stamped, nil
}

// trialImprint is a digest of nothing in particular: the authority learns nothing from it.
func trialImprint() [sha256.Size]byte {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return sha256.Sum256(b[:])
}
