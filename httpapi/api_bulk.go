package httpapi

import (
	"context"
	"net/http"
	"slices"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// maxBulkBody is that of wire.MaxBulkBytes in base64, with the rest of wire.MaxBulk parts.
const maxBulkBody = maxRequest

type bulkGrantsInput struct{ Body wire.GrantRequests }

func (s *server) apiBulkGrants(ctx context.Context, actor custody.Actor, in *bulkGrantsInput) (*body[wire.GrantOutcomes], error) {
	requests := in.Body.Requests
	if len(requests) == 0 {
		return nil, invalid("requests", nil)
	}
	out := wire.GrantOutcomes{Outcomes: make([]wire.GrantOutcome, len(requests))}
	for i, outcome := range s.requestGrants(ctx, actor, requests) {
		part := wire.GrantOutcome{Request: requests[i].Request}
		if outcome.Err == nil {
			grant := s.wireGrant(outcome.Grant)
			part.Grant = &grant
		} else {
			var err error
			if part.Problem, err = s.problemOfPart(ctx, outcome.Err); err != nil {
				return nil, err
			}
		}
		out.Outcomes[i] = part
	}
	return &body[wire.GrantOutcomes]{out}, nil
}

type bulkRecordsInput struct{ Body wire.GrantRecords }

func (s *server) apiBulkRecords(ctx context.Context, actor custody.Actor, in *bulkRecordsInput) (*body[wire.RecordOutcomes], error) {
	records := in.Body.Records
	if len(records) == 0 {
		return nil, invalid("records", nil)
	}
	out := wire.RecordOutcomes{Outcomes: make([]wire.RecordOutcome, len(records))}
	for i, outcome := range s.recordSignatures(ctx, actor, records) {
		part := wire.RecordOutcome{Grant: records[i].Grant}
		if outcome.Err == nil {
			receipt := wireReceipt(outcome.Receipt)
			part.Receipt = &receipt
		} else {
			var err error
			if part.Problem, err = s.problemOfPart(ctx, outcome.Err); err != nil {
				return nil, err
			}
		}
		out.Outcomes[i] = part
	}
	return &body[wire.RecordOutcomes]{out}, nil
}

type bulkAbandonsInput struct{ Body wire.GrantAbandons }

func (s *server) apiBulkAbandons(ctx context.Context, actor custody.Actor, in *bulkAbandonsInput) (*body[wire.AbandonOutcomes], error) {
	if len(in.Body.Abandonments) == 0 {
		return nil, invalid("abandonments", nil)
	}
	abandons := make([]store.GrantAbandon, len(in.Body.Abandonments))
	for i, a := range in.Body.Abandonments {
		if !slices.Contains(reasonsOfAbandoning, a.Reason) {
			return nil, invalid("reason", nil)
		}
		if (a.Grant == "") == (a.Request == "") {
			return nil, invalid("grant", nil)
		}
		abandons[i] = store.GrantAbandon{Grant: custody.GrantID(a.Grant), Request: a.Request, Reason: a.Reason}
	}
	out := wire.AbandonOutcomes{Outcomes: make([]wire.AbandonOutcome, len(abandons))}
	for i, failed := range s.store.AbandonGrants(ctx, actor, abandons) {
		out.Outcomes[i] = wire.AbandonOutcome{Grant: string(abandons[i].Grant), Request: abandons[i].Request}
		if failed == nil {
			continue
		}
		var err error
		if out.Outcomes[i].Problem, err = s.problemOfPart(ctx, failed); err != nil {
			return nil, err
		}
	}
	return &body[wire.AbandonOutcomes]{out}, nil
}

// problemOfPart is a part's problem, as the operation on one would answer it. A
// fault of the service is an error of the whole request: the client sends it again.
func (s *server) problemOfPart(ctx context.Context, err error) (*wire.Problem, error) {
	problem, _ := s.problemOf(err, requestOf(ctx).language)
	if problem.Status >= http.StatusInternalServerError || problem.Status == http.StatusUnauthorized {
		return nil, err
	}
	requestOf(ctx).note("part_refused", problem.Code)
	return &problem, nil
}
