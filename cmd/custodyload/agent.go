//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"sokyso/httpapi/wire"
)

// The kinds of requests that are measured.
const (
	kindGrant   = "grant"
	kindRecord  = "record"
	kindGrants  = "grants in bulk"
	kindRecords = "records in bulk"
	kindPage    = "page"
)

// agent asks for leave, signs and records, as signagent does: with the same identifier until
// it is answered for good.
type agent struct {
	school  *school
	signer  *signer
	client  *wire.Client
	batch   int // signatures in one request; 1 = one document at a time
	ready   chan wire.Record
	ledger  *ledger
	measure *measurements
	gate    *gate
	persist bool // goes on asking when the client has given up: the service is under faults
}

// work runs until stop ends, then finishes what it has in hand; ctx bounds that.
func (a *agent) work(ctx, stop context.Context) error {
	for stop.Err() == nil && a.gate.pass(stop, a.batch) {
		if err := a.pairs(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pairs makes one request of leave and one of records.
func (a *agent) pairs(ctx context.Context) error {
	requests, notes := make([]wire.GrantRequest, a.batch), make([]line, a.batch)
	for i := range requests {
		requests[i] = wire.GrantRequest{
			Request: uuid.NewString(), TokenSerial: a.signer.serial, Certificate: a.signer.cert.Raw, SHA256In: randomHash(), Act: wire.ActApprove, Capacity: a.signer.capacity,
			Document: wire.DocumentFacts{Number: "07", Symbol: "KH-MNHS", Kind: "KH", Summary: "Kế hoạch năm học", Purpose: "Ban hành kế hoạch", FileName: "ke-hoach.pdf"},
		}
		notes[i] = line{Kind: lineAsked, Request: requests[i].Request}
	}
	if err := a.ledger.note(notes...); err != nil {
		return err
	}
	grants, err := a.ask(ctx, requests)
	if err != nil {
		return err
	}
	var records []wire.GrantRecord
	notes = notes[:0]
	for i, grant := range grants {
		if grant == nil {
			notes = append(notes, line{Kind: lineRefused, Request: requests[i].Request})
			continue
		}
		notes = append(notes, line{Kind: lineGranted, Request: grant.Request, Grant: grant.ID, Index: grant.Entry})
		record, err := a.take()
		if err != nil {
			return err
		}
		records = append(records, wire.GrantRecord{Grant: grant.ID, Record: record})
	}
	if err := a.ledger.keep(notes...); err != nil {
		return err
	}
	if len(records) == 0 {
		return nil
	}
	notes = notes[:0]
	for _, r := range records {
		notes = append(notes, line{Kind: lineSending, Grant: r.Grant, Out: r.Record.SHA256Out})
	}
	if err := a.ledger.note(notes...); err != nil {
		return err
	}
	receipts, err := a.report(ctx, records)
	if err != nil {
		return err
	}
	notes = notes[:0]
	for i, receipt := range receipts {
		if receipt != nil {
			notes = append(notes, line{Kind: lineRecorded, Grant: records[i].Grant, Receipt: receipt})
		}
	}
	if err := a.ledger.keep(notes...); err != nil {
		return err
	}
	a.measure.pairs.Add(int64(len(notes)))
	return nil
}

// take is a finished signature: one made before, while there are any.
func (a *agent) take() (wire.Record, error) {
	var record wire.Record
	var err error
	select {
	case record = <-a.ready:
	default:
		a.measure.late.Add(1)
		record, err = a.school.finished(a.signer)
	}
	record.SignedAt = time.Now().UTC()
	return record, err
}

// ask returns the grants in the order of the requests, nil for one refused.
func (a *agent) ask(ctx context.Context, requests []wire.GrantRequest) ([]*wire.Grant, error) {
	grants := make([]*wire.Grant, len(requests))
	if a.batch == 1 {
		return grants, a.until(ctx, kindGrant, func() error {
			grant, err := a.client.Grant(ctx, requests[0])
			if err == nil {
				grants[0] = &grant
			}
			return err
		})
	}
	return grants, a.until(ctx, kindGrants, func() error {
		outcomes, err := a.client.Grants(ctx, requests)
		for i, outcome := range outcomes {
			if grants[i] = outcome.Grant; outcome.Problem != nil {
				a.measure.refuse(kindGrants, outcome.Problem)
			}
		}
		return err
	})
}

// report returns the receipts in the order of the records, nil for one refused.
func (a *agent) report(ctx context.Context, records []wire.GrantRecord) ([]*wire.Receipt, error) {
	receipts := make([]*wire.Receipt, len(records))
	if a.batch == 1 {
		return receipts, a.until(ctx, kindRecord, func() error {
			receipt, err := a.client.Record(ctx, records[0].Grant, records[0].Record)
			if err == nil {
				receipts[0] = &receipt
			}
			return err
		})
	}
	return receipts, a.until(ctx, kindRecords, func() error {
		outcomes, err := a.client.Records(ctx, records)
		for i, outcome := range outcomes {
			if receipts[i] = outcome.Receipt; outcome.Problem != nil {
				a.measure.refuse(kindRecords, outcome.Problem)
			}
		}
		return err
	})
}

// until makes a request until it is answered for good. A refusal is such an answer; that
// the service is out of order is none, and neither is nonsense.
func (a *agent) until(ctx context.Context, kind string, request func() error) error {
	for {
		began := time.Now()
		err := request()
		a.measure.add(kind, time.Since(began), err)
		var problem *wire.Problem
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("a %s was never answered for good: %w", kind, err)
		case errors.As(err, &problem) && problem.Status < 500 && problem.Status != 429:
			a.measure.refuse(kind, problem)
			return nil
		case !a.persist:
			return fmt.Errorf("%s: %w", kind, err)
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return fmt.Errorf("a %s was never answered for good: %w", kind, err)
		}
	}
}
