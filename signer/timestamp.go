package signer

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"

	"sokyso/signer/cms"
)

// timestampRoom is kept for a time-stamp token, in bytes: one with a chain of three RSA-4096 certificates has about
// 7 KiB.
const timestampRoom = 16 << 10

// stamp gets a time-stamp over the signature value (ETSI EN 319 122-1 §5.3) and adds it to the CMS.
func stamp(ctx context.Context, der []byte, opt *Options) ([]byte, error) {
	sd, err := cms.Parse(der)
	if err != nil {
		return nil, fail(CodeSelfCheckFailed, fmt.Errorf("read own CMS: %w", err))
	}
	imprint := sha256.Sum256(sd.Signers[0].Signature)
	ts, err := cms.RequestTimestamp(ctx, opt.HTTP, opt.TSA, crypto.SHA256, imprint[:])
	if err != nil {
		if ctx.Err() != nil {
			return nil, fail(CodeCancelled, ctx.Err())
		}
		return nil, fail(CodeTimestampFailed, fmt.Errorf("time-stamp from %s: %w", opt.TSA, err), "url", opt.TSA)
	}
	if key := cms.WeakKey(ts.Certificate); key != "" {
		return nil, fail(CodeTimestampFailed, fmt.Errorf("time-stamp from %s: its authority has an %s key", opt.TSA, key), "url", opt.TSA)
	}
	if weak := ts.WeakHash(); weak != 0 {
		return nil, fail(CodeTimestampFailed, fmt.Errorf("time-stamp from %s: it uses %v", opt.TSA, weak), "url", opt.TSA)
	}
	stamped, err := sd.AddTimestamp(ts.Raw)
	if err != nil {
		return nil, fail(CodeTimestampFailed, fmt.Errorf("add time-stamp: %w", err), "url", opt.TSA)
	}
	return stamped, nil
}
