package wire

import (
	"context"
	"fmt"
	"net/http"
)

// Bounds of what goes into one request of many: by number, and by the bytes of
// certificates and CMS in it, before they are encoded.
const (
	MaxBulk      = 200
	MaxBulkBytes = 4 << 20
)

// A request of many has one outcome for each part, in the same order. A refusal
// or a mistake of one part leaves the others alone. What the service could not do
// at all (it is out of order, say) is the answer of the whole request: sent again
// it takes effect once, whatever of it had taken effect before.

// GrantRequests asks leave for several signatures.
type GrantRequests struct {
	Requests []GrantRequest `json:"requests" minItems:"1" maxItems:"200"`
}

// GrantOutcome is the grant, or why there is none.
type GrantOutcome struct {
	Request string   `json:"request"`
	Grant   *Grant   `json:"grant,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// GrantOutcomes answers GrantRequests.
type GrantOutcomes struct {
	Outcomes []GrantOutcome `json:"outcomes"`
}

// GrantRecord is the record of one grant.
type GrantRecord struct {
	Grant  string `json:"grant"` // its ID
	Record Record `json:"record"`
}

// GrantRecords reports several finished signatures.
type GrantRecords struct {
	Records []GrantRecord `json:"records" minItems:"1" maxItems:"200"`
}

// RecordOutcome is the receipt, or why there is none.
type RecordOutcome struct {
	Grant   string   `json:"grant"`
	Receipt *Receipt `json:"receipt,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// RecordOutcomes answers GrantRecords.
type RecordOutcomes struct {
	Outcomes []RecordOutcome `json:"outcomes"`
}

// GrantAbandon says of one grant that nothing was signed under it. An agent that
// ended before it heard the answer names its own Request: where no grant came of
// it, there is nothing to do.
type GrantAbandon struct {
	Grant   string `json:"grant,omitempty"` // its ID, or
	Request string `json:"request,omitempty"`
	Reason  string `json:"reason"`
}

// GrantAbandons reports several grants that were not used.
type GrantAbandons struct {
	Abandonments []GrantAbandon `json:"abandonments" minItems:"1" maxItems:"200"`
}

// AbandonOutcome has a problem when the grant could not be abandoned.
type AbandonOutcome struct {
	Grant   string   `json:"grant,omitempty"`
	Request string   `json:"request,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// AbandonOutcomes answers GrantAbandons.
type AbandonOutcomes struct {
	Outcomes []AbandonOutcome `json:"outcomes"`
}

// Grants asks leave for up to MaxBulk signatures; the outcomes are in the order
// of the requests. Like Grant it is sent again on network errors.
func (c *Client) Grants(ctx context.Context, in []GrantRequest) ([]GrantOutcome, error) {
	var answer GrantOutcomes
	if err := c.bulk(ctx, PathBulkGrants, GrantRequests{Requests: in}, &answer); err != nil {
		return nil, err
	}
	if err := c.complete(PathBulkGrants, len(in), len(answer.Outcomes)); err != nil {
		return nil, err
	}
	for i, outcome := range answer.Outcomes {
		right := outcome.Request == in[i].Request && (outcome.Grant == nil) != (outcome.Problem == nil)
		if right && outcome.Grant != nil {
			right = outcome.Grant.answers(in[i])
		}
		if !right {
			return nil, c.nonsense(PathBulkGrants, "an outcome is not for what was asked")
		}
	}
	return answer.Outcomes, nil
}

// Records reports up to MaxBulk finished signatures; the outcomes are in the
// order of the records. Like Record it is sent again on network errors.
func (c *Client) Records(ctx context.Context, in []GrantRecord) ([]RecordOutcome, error) {
	var answer RecordOutcomes
	if err := c.bulk(ctx, PathBulkRecords, GrantRecords{Records: in}, &answer); err != nil {
		return nil, err
	}
	if err := c.complete(PathBulkRecords, len(in), len(answer.Outcomes)); err != nil {
		return nil, err
	}
	for i, outcome := range answer.Outcomes {
		if outcome.Grant != in[i].Grant || (outcome.Receipt == nil) == (outcome.Problem == nil) {
			return nil, c.nonsense(PathBulkRecords, "an outcome is not for what was reported")
		}
	}
	return answer.Outcomes, nil
}

// Abandons reports up to MaxBulk grants that were not used; the outcomes are in
// their order.
func (c *Client) Abandons(ctx context.Context, in []GrantAbandon) ([]AbandonOutcome, error) {
	var answer AbandonOutcomes
	if err := c.bulk(ctx, PathBulkAbandons, GrantAbandons{Abandonments: in}, &answer); err != nil {
		return nil, err
	}
	if err := c.complete(PathBulkAbandons, len(in), len(answer.Outcomes)); err != nil {
		return nil, err
	}
	for i, outcome := range answer.Outcomes {
		if outcome.Grant != in[i].Grant || outcome.Request != in[i].Request {
			return nil, c.nonsense(PathBulkAbandons, "an outcome is not for what was reported")
		}
	}
	return answer.Outcomes, nil
}

func (c *Client) bulk(ctx context.Context, path string, body, answer any) error {
	return c.do(ctx, call{method: http.MethodPost, path: path, body: body, answer: answer, repeats: true})
}

func (c *Client) complete(path string, sent, answered int) error {
	if sent != answered {
		return c.nonsense(path, fmt.Sprintf("%d outcomes for %d parts", answered, sent))
	}
	return nil
}

func (c *Client) nonsense(path, reason string) error {
	return &NonsenseError{URL: c.URL(), Operation: "POST " + path, Reason: reason}
}

// answers says whether a grant is for exactly what was asked.
func (g Grant) answers(in GrantRequest) bool {
	return g.ID != "" && g.Request == in.Request && g.SHA256In == in.SHA256In && g.Act == in.Act && g.Capacity == in.Capacity
}
