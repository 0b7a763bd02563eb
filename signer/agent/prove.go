package agent

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"time"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
	"sokyso/signer/cms"
)

// Proof is a proof of possession that the service has taken.
type Proof struct {
	TokenSerial string `json:"token_serial"`
	EntryIndex  int64  `json:"entry_index"`
	Receipt     string `json:"receipt"` // file
}

// longestChallenge is how long a challenge may hold: one for later is not signed.
const longestChallenge = 30 * time.Minute

var nonceForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Prove proves to the paired service that the person has the token and its PIN.
// The token signs the service's challenge as the text that this agent makes of
// it, after it was shown: never bytes that came from elsewhere, and of a content
// type that no document has (package cms). Of the batch only what chooses the
// token and asks for the PIN counts.
func (a *Agent) Prove(ctx context.Context, batch Batch, show func(sentence string)) (Proof, error) {
	if a.pairing == nil {
		return Proof{}, fail("not_paired", nil)
	}
	r := &run{Agent: a, batch: &batch}
	if err := r.openDevice(ctx); err != nil {
		return Proof{}, err
	}
	defer r.device.close()
	if err := r.device.valid(a.config.Now()); err != nil {
		return Proof{}, err // before the PIN, and before the service is asked
	}
	if err := a.checkLog(ctx); err != nil {
		return Proof{}, err
	}
	serial, certificate := r.device.info.Serial, r.device.certificate
	challenge, err := a.client.CreateChallenge(ctx, wire.NewChallenge{TokenSerial: serial, CertificateSHA256: certificate.SHA256, Purpose: wire.ProofCustodyCheck})
	if err != nil {
		return Proof{}, err
	}
	text, err := a.readChallenge(challenge, serial, certificate.SHA256, wire.Challenge{Purpose: wire.ProofCustodyCheck})
	if err != nil {
		return Proof{}, &wire.NonsenseError{URL: a.client.URL(), Operation: "POST " + wire.PathChallenges, Reason: err.Error()}
	}
	show(a.config.Catalogue.Sentence("prove.challenge", "school", a.pairing.School, "name", a.pairing.Person, "label", r.device.info.Label,
		"serial", serial, "at", challenge.IssuedAt.Format(time.RFC3339)))
	der, err := r.answer(ctx, possession, text)
	if err != nil {
		return Proof{}, err
	}
	answer, err := a.client.Prove(ctx, challenge.ID, wire.Possession{CMS: der})
	if err != nil {
		return Proof{}, err
	}
	return a.takeProof(ctx, answer, serial, signinglog.TypePossession, map[string]string{
		"possession": challenge.ID, "challenge_sha256": sumOf(text), "cms_sha256": sumOf(der), signinglog.FieldCertificate: certificate.SHA256,
	})
}

// statement is a kind of text that a token signs and that is no document.
type statement struct {
	sign   func(random io.Reader, key crypto.Signer, text []byte, certificate *x509.Certificate, scheme cms.Scheme) ([]byte, error)
	verify func(der, text []byte, certificate *x509.Certificate) error
}

var (
	possession = statement{cms.SignPossession, cms.VerifyPossession}
	signIn     = statement{cms.SignSignIn, cms.VerifySignIn}
)

// answer signs a text of that kind, once the PIN is given.
func (r *run) answer(ctx context.Context, kind statement, text []byte) ([]byte, error) {
	if err := r.device.login(ctx, r.batch); err != nil {
		return nil, err
	}
	der, err := kind.sign(nil, r.device.signer(ctx), text, r.device.certificate.X509, r.batch.Scheme)
	if err != nil {
		return nil, r.device.named(err)
	}
	if err := kind.verify(der, text, r.device.certificate.X509); err != nil {
		return nil, fail("proof_invalid", err)
	}
	return der, nil
}

// AskedProof is a token that the person holds and whose possession an open custody
// check wants proven by the day Due, 2006-01-02.
type AskedProof struct {
	TokenSerial string `json:"token_serial"`
	Label       string `json:"label"`
	Due         string `json:"due"`
}

// AskedProofs tells which proofs the paired service waits for. No token is touched.
func (a *Agent) AskedProofs(ctx context.Context) ([]AskedProof, error) {
	if a.pairing == nil {
		return nil, fail("not_paired", nil)
	}
	tokens, err := a.client.MyTokens(ctx)
	if err != nil {
		return nil, err
	}
	asked := []AskedProof{}
	for _, token := range tokens {
		if token.CheckDue != "" {
			asked = append(asked, AskedProof{TokenSerial: token.Serial, Label: token.Label, Due: token.CheckDue})
		}
	}
	return asked, nil
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// readChallenge makes the text of a challenge that is about this school, person,
// token and certificate, for what is wanted (its purpose, hand-over and minutes), and soon over.
func (a *Agent) readChallenge(c wire.Challenge, serial, certificate string, wanted wire.Challenge) ([]byte, error) {
	holds := c.ExpiresAt.Sub(c.IssuedAt)
	switch {
	case c.School != a.pairing.Code || c.PersonID != a.pairing.PersonID || c.LogOrigin != a.witness.verifier.Name():
		return nil, fmt.Errorf("the challenge is for school %q, person %q, log %q", c.School, c.PersonID, c.LogOrigin)
	case c.TokenSerial != serial || c.CertificateSHA256 != certificate || c.Purpose != wanted.Purpose:
		return nil, fmt.Errorf("the challenge is for token %q, certificate %q, purpose %q", c.TokenSerial, c.CertificateSHA256, c.Purpose)
	case c.HandOverID != wanted.HandOverID || c.MinutesSHA256 != wanted.MinutesSHA256:
		return nil, fmt.Errorf("the challenge is for hand-over %q with minutes %q", c.HandOverID, c.MinutesSHA256)
	case !nonceForm.MatchString(c.Nonce) || holds <= 0 || holds > longestChallenge:
		return nil, fmt.Errorf("the challenge has nonce %q and holds for %v", c.Nonce, holds)
	}
	return c.Text()
}

// takeProof checks the receipt of a proof and stores it in the state folder.
func (a *Agent) takeProof(ctx context.Context, answer wire.Receipt, serial string, kind signinglog.Type, want map[string]string) (Proof, error) {
	receipt, err := receiptOf(answer)
	if err != nil {
		return Proof{}, err
	}
	entry, _, err := signinglog.CheckReceipt(receipt, a.witness.verifier)
	if err != nil {
		return Proof{}, fail("receipt_invalid", err)
	}
	for field, value := range want {
		if entry.Type != kind || entry.Fields[field] != value {
			return Proof{}, fail("receipt_invalid", fmt.Errorf("entry %d of type %q names %s %q", receipt.Index, entry.Type, field, entry.Fields[field]))
		}
	}
	if err := a.witness.see(ctx, receipt.Checkpoint); err != nil {
		return Proof{}, err
	}
	content, err := receipt.Marshal()
	if err != nil {
		return Proof{}, fail("receipt_invalid", err)
	}
	folder := filepath.Join(a.config.Home, "receipts")
	path := filepath.Join(folder, fmt.Sprintf("%s-%d%s", kind, receipt.Index, receiptSuffix))
	if err := makeFolder(folder); err != nil {
		return Proof{}, fail("receipt_write", err, "file", folder)
	}
	if err := replaceFile(path, content, 0o600); err != nil {
		return Proof{}, fail("receipt_write", err, "file", path)
	}
	return Proof{TokenSerial: serial, EntryIndex: receipt.Index, Receipt: path}, nil
}
