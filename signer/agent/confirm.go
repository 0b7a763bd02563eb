package agent

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"sokyso/custody/signinglog"
	"sokyso/httpapi/wire"
)

// ConfirmHandOver confirms a hand-over, for the side that the person is, by the
// signature of their own token over its facts; the receiver's accepts it. What is
// confirmed is shown before the PIN is asked for, and is what the entry of the offer
// in the log says: the agent looks at the entry itself. pinChanged is what the
// receiver says of the PIN; nil = nothing. Of the batch only what chooses the token
// and asks for the PIN counts.
func (a *Agent) ConfirmHandOver(ctx context.Context, batch Batch, id string, pinChanged *bool, show func(sentence string)) (Proof, error) {
	if a.pairing == nil {
		return Proof{}, fail("not_paired", nil)
	}
	r := &run{Agent: a, batch: &batch}
	if err := r.openDevice(ctx); err != nil {
		return Proof{}, err
	}
	defer r.device.close()
	if err := r.device.valid(a.config.Now()); err != nil {
		return Proof{}, err
	}
	if err := a.checkLog(ctx); err != nil {
		return Proof{}, err
	}
	h, err := a.client.HandOver(ctx, id)
	if err != nil {
		return Proof{}, err
	}
	if err := a.checkOffer(ctx, h); err != nil {
		return Proof{}, &wire.NonsenseError{URL: a.client.URL(), Operation: "GET " + wire.PathHandOver, Reason: err.Error()}
	}
	minutes, err := h.Minutes(a.pairing.Code, a.witness.verifier.Name())
	if err != nil {
		return Proof{}, &wire.NonsenseError{URL: a.client.URL(), Operation: "GET " + wire.PathHandOver, Reason: err.Error()}
	}
	wanted := wire.Challenge{Purpose: wire.ProofReceiving, HandOverID: h.ID, MinutesSHA256: sumOf(minutes)}
	if h.OfferedByID == a.pairing.PersonID {
		wanted.Purpose = wire.ProofGiving
	}
	serial, certificate := r.device.info.Serial, r.device.certificate
	challenge, err := a.client.CreateChallenge(ctx, wire.NewChallenge{TokenSerial: serial, CertificateSHA256: certificate.SHA256, Purpose: wanted.Purpose, HandOverID: h.ID})
	if err != nil {
		return Proof{}, err
	}
	text, err := a.readChallenge(challenge, serial, certificate.SHA256, wanted)
	if err != nil {
		return Proof{}, &wire.NonsenseError{URL: a.client.URL(), Operation: "POST " + wire.PathChallenges, Reason: err.Error()}
	}
	show(a.config.Catalogue.Sentence("prove."+wanted.Purpose, "school", a.pairing.School, "label", h.TokenLabel, "serial", h.TokenSerial,
		"giver", h.FromName, "receiver", h.ToName, "condition", h.Condition, "until", h.Until))
	der, err := r.answer(ctx, possession, text)
	if err != nil {
		return Proof{}, err
	}
	answer, err := a.client.ConfirmHandOver(ctx, h.ID, wire.HandOverConfirmation{ChallengeID: challenge.ID, CMS: der, PINChanged: pinChanged})
	if err != nil {
		return Proof{}, err
	}
	return a.takeProof(ctx, answer, serial, signinglog.TypeConfirmation, map[string]string{
		"confirmation": challenge.ID, "hand_over": h.ID, "minutes_sha256": wanted.MinutesSHA256, "challenge_sha256": sumOf(text), "cms_sha256": sumOf(der),
		signinglog.FieldCertificate: certificate.SHA256,
	})
}

// checkOffer checks that the hand-over as the service tells it is that of the entry
// whose leaf hash is about to be signed.
func (a *Agent) checkOffer(ctx context.Context, h wire.HandOver) error {
	stored, err := a.client.Entry(ctx, h.OfferEntry)
	if err != nil {
		return err
	}
	leaf := signinglog.LeafHash(stored.Bytes)
	if base64.StdEncoding.EncodeToString(leaf[:]) != h.OfferLeaf {
		return errors.New("the offer's entry has another leaf hash")
	}
	entry, err := signinglog.Parse(stored.Bytes)
	if err != nil {
		return err
	}
	if entry.Type != signinglog.TypeOffer {
		return fmt.Errorf("entry %d is of type %q", h.OfferEntry, entry.Type)
	}
	for field, told := range map[string]string{"hand_over": h.ID, "kind": h.Kind, signinglog.FieldToken: h.TokenID, signinglog.FieldGiver: h.FromID,
		signinglog.FieldReceiver: h.ToID, signinglog.FieldActor: cmp.Or(h.OfferedByID, signinglog.SystemActor), "until": h.Until,
		"permission_number": h.PermissionNumber, "permission_on": h.PermissionDate} {
		if entry.Fields[field] != told {
			return fmt.Errorf("entry %d has %s %q, the hand-over %q", h.OfferEntry, field, entry.Fields[field], told)
		}
	}
	return nil
}
