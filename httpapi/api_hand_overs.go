package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

func (s *server) apiHandOvers(ctx context.Context, actor custody.Actor, in *Paged) (*body[wire.HandOvers], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.HandOversPage(ctx, actor, page)
	if err != nil {
		return nil, err
	}
	out := wireHandOvers(rows)
	out.Next = next(page)
	return &body[wire.HandOvers]{out}, nil
}

func (s *server) apiOverdue(ctx context.Context, actor custody.Actor, in *Paged) (*body[wire.HandOvers], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := s.store.OverdueHandOversPage(ctx, actor, page)
	if err != nil {
		return nil, err
	}
	out := wireHandOvers(rows)
	out.Next = next(page)
	return &body[wire.HandOvers]{out}, nil
}

func (s *server) apiOfferHandOver(ctx context.Context, actor custody.Actor, in *body[wire.NewHandOver]) (*body[wire.HandOver], error) {
	days := map[string]custody.Date{"permission_date": "", "since": "", "until": ""}
	for field, text := range map[string]string{"permission_date": in.Body.PermissionDate, "since": in.Body.Since, "until": in.Body.Until} {
		day, err := custody.ParseDate(text)
		if err != nil {
			return nil, invalid(field, err)
		}
		days[field] = day
	}
	actor, err := s.stepUp(ctx, actor, in.Body.Code)
	if err != nil {
		return nil, err
	}
	row, err := s.store.OfferHandOver(ctx, actor, store.NewHandOver{
		Token: custody.TokenID(in.Body.TokenID), To: custody.PersonID(in.Body.To), Reason: in.Body.Reason, Condition: in.Body.Condition,
		PermissionNumber: in.Body.PermissionNumber, PermissionDate: days["permission_date"], PermissionSigner: in.Body.PermissionSigner,
		Accessories: in.Body.Accessories, ReasonKind: custody.HandOverReason(in.Body.ReasonKind), Since: days["since"], Until: days["until"],
		Witness: custody.PersonID(in.Body.WitnessID),
	})
	if err != nil {
		return nil, err
	}
	return &body[wire.HandOver]{wireHandOver(row)}, nil
}

func (s *server) apiHandOver(ctx context.Context, actor custody.Actor, in *ByID) (*body[wire.HandOver], error) {
	row, err := s.store.HandOver(ctx, actor, custody.HandOverID(in.ID))
	if err != nil {
		return nil, err
	}
	return &body[wire.HandOver]{wireHandOver(row)}, nil
}

// handOverStep is the input of a step: the hand-over and an empty object.
type handOverStep struct {
	ByID
	Body nothing
}

// decideHandOver makes the handler of a step from the store's.
func decideHandOver(take func(*store.Store, context.Context, custody.Actor, custody.HandOverID) (store.HandOverRow, error)) func(*server, context.Context, custody.Actor, *handOverStep) (*body[wire.HandOver], error) {
	return func(s *server, ctx context.Context, actor custody.Actor, in *handOverStep) (*body[wire.HandOver], error) {
		row, err := take(s.store, ctx, actor, custody.HandOverID(in.ID))
		if err != nil {
			return nil, err
		}
		return &body[wire.HandOver]{wireHandOver(row)}, nil
	}
}

type acceptInput struct {
	ByID
	Body wire.Acceptance
}

func (s *server) apiAccept(ctx context.Context, actor custody.Actor, in *acceptInput) (*body[wire.HandOver], error) {
	actor, err := s.stepUp(ctx, actor, in.Body.Code)
	if err != nil {
		return nil, err
	}
	row, err := s.store.Accept(ctx, actor, custody.HandOverID(in.ID), store.Acceptance{PINChanged: in.Body.PINChanged})
	if err != nil {
		return nil, err
	}
	return &body[wire.HandOver]{wireHandOver(row)}, nil
}

// minutes is the SHA-256 of the text that a confirmation of the hand-over signs, in hex.
func (s *server) minutes(row store.HandOverRow) (string, error) {
	text, err := wireHandOver(row).Minutes(s.school.Code, s.school.Origin)
	if err != nil {
		return "", fmt.Errorf("minutes of hand-over %s: %w", row.ID, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

type confirmInput struct {
	ByID
	Body wire.HandOverConfirmation
}

// apiConfirm takes a side's confirmation only when it is a signature by exactly the
// registered certificate over exactly the challenge, which names the hand-over and
// its minutes as they stand.
func (s *server) apiConfirm(ctx context.Context, actor custody.Actor, in *confirmInput) (*body[wire.Receipt], error) {
	c, text, err := s.checkAnswer(ctx, actor, in.Body.ChallengeID, in.Body.CMS)
	if err != nil {
		return nil, err
	}
	row, err := s.store.HandOver(ctx, actor, c.HandOver)
	if err != nil {
		return nil, err
	}
	minutes, err := s.minutes(row)
	if err != nil {
		return nil, err
	}
	if string(c.HandOver) != in.ID || minutes != c.MinutesSHA256 {
		return nil, &failure{status: http.StatusUnprocessableEntity, code: wire.CodeSignatureInvalid, params: map[string]string{"what": "hand_over"}}
	}
	receipt, err := s.store.RecordConfirmation(ctx, actor, c, text, in.Body.CMS, store.Acceptance{PINChanged: in.Body.PINChanged})
	if err != nil {
		return nil, err
	}
	return &body[wire.Receipt]{wireReceipt(receipt)}, nil
}
