package worker

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"

	"sokyso/signer/token"
)

// signer signs with a key of the open token.
type signer struct {
	client      *Client
	ctx         context.Context
	certificate token.Certificate
}

// Signer yields the crypto.Signer of a certificate's key on the open token. It
// asks nothing: a key that is missing shows at Sign. Sign makes one C_Sign at
// most, is not repeated after an error, and is bounded by Config.Timeout. It
// signs what token.Token.Signer describes.
func (c *Client) Signer(certificate token.Certificate) crypto.Signer {
	return c.SignerContext(context.Background(), certificate)
}

// SignerContext is Signer for calls that end with ctx.
func (c *Client) SignerContext(ctx context.Context, certificate token.Certificate) crypto.Signer {
	return &signer{client: c, ctx: ctx, certificate: certificate}
}

// Public is the certificate's public key.
func (s *signer) Public() crypto.PublicKey { return s.certificate.X509.PublicKey }

// Sign implements crypto.Signer.
func (s *signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	r := request{Op: opSign, Certificate: s.certificate.SHA256, Digest: digest, Hash: uint(opts.HashFunc())}
	if pss, ok := opts.(*rsa.PSSOptions); ok {
		r.PSS, r.Salt = true, pss.SaltLength
	}
	c := s.client
	c.mu.Lock()
	ask, wants := c.askPIN, c.wantsPIN[s.certificate.SHA256]
	timeout := c.cfg.Timeout
	if c.pinPad {
		timeout = c.cfg.PINTimeout
	}
	c.mu.Unlock()
	var pin []byte
	var err error
	if wants && ask != nil {
		if pin, err = ask(s.ctx); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		defer func() { clear(pin) }()
	}
	answer, err := c.call(s.ctx, timeout, r, pins{pin: pin})
	if errors.Is(err, token.ErrPINNeeded) && !wants && ask != nil {
		// Nothing was tried yet: the key says only now that it wants a PIN each time.
		c.mu.Lock()
		c.wantsPIN[s.certificate.SHA256] = true
		c.mu.Unlock()
		if pin, err = ask(s.ctx); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		defer func() { clear(pin) }()
		answer, err = c.call(s.ctx, timeout, r, pins{pin: pin})
	}
	if err != nil {
		return nil, err
	}
	return answer.Signature, nil
}
