package httpapi

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

type text struct {
	ContentType string `header:"Content-Type"`
	Body        []byte `contentType:"text/plain"`
}

func (s *server) apiCheckpoint(ctx context.Context, _ *none) (*text, error) {
	note, err := s.store.Checkpoint(ctx, s.school.ID)
	if err != nil {
		return nil, err
	}
	return &text{ContentType: "text/plain; charset=utf-8", Body: note}, nil
}

func (s *server) apiSeeCheckpoint(ctx context.Context, actor custody.Actor, in *body[wire.SeenCheckpoint]) (*none, error) {
	return nil, s.store.SeeCheckpoint(ctx, actor.School, []byte(in.Body.Checkpoint))
}

// maxIndex keeps sums of an index and a limit from overflowing.
const maxIndex = 1 << 62

// optionalIndex is a query parameter that may be absent: 0 is an index too.
type optionalIndex struct {
	value int64
	set   bool
}

// Schema implements huma.SchemaProvider.
func (o optionalIndex) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64)}
}

// Receiver implements huma.ParamWrapper.
func (o *optionalIndex) Receiver() reflect.Value { return reflect.ValueOf(&o.value).Elem() }

// OnParamSet implements huma.ParamReactor.
func (o *optionalIndex) OnParamSet(set bool, _ any) { o.set = set }

// entriesInput: without from the newest come first, below before; with from they
// come in order from there, and a page covers limit indexes of which the person
// sees those that match.
type entriesInput struct {
	From   optionalIndex `query:"from" doc:"first index; entries come in order. Without it the newest come first"`
	Before optionalIndex `query:"before" doc:"only below this index, newest first"`
	Limit  int           `query:"limit" minimum:"1" maximum:"100" default:"50"`
	Type   string        `query:"type" maxLength:"64"`
	Person string        `query:"person" maxLength:"64"`
	Token  string        `query:"token" maxLength:"64"`
	Since  time.Time     `query:"since" doc:"inclusive"`
	Until  time.Time     `query:"until" doc:"exclusive"`
}

func (s *server) apiEntries(ctx context.Context, actor custody.Actor, in *entriesInput) (*body[wire.Entries], error) {
	filter := store.LogFilter{
		Limit: in.Limit, Type: in.Type, Person: custody.PersonID(in.Person), Token: custody.TokenID(in.Token), Since: in.Since, Until: in.Until,
	}
	switch {
	case in.From.set && (in.From.value < 0 || in.From.value > maxIndex):
		return nil, invalid("from", nil)
	case in.Before.set && (in.Before.value < 0 || in.Before.value > maxIndex):
		return nil, invalid("before", nil)
	case in.From.set:
		last := in.From.value + int64(in.Limit) - 1
		filter.From = &last
	case in.Before.set:
		newest := in.Before.value - 1
		filter.From = &newest
	}
	page, err := s.store.Entries(ctx, actor, filter)
	if err != nil {
		return nil, err
	}
	out := wire.Entries{Size: page.Size, Entries: make([]wire.Entry, 0, len(page.Entries))}
	for _, row := range page.Entries {
		if !in.From.set || row.Index >= in.From.value {
			out.Entries = append(out.Entries, wireEntry(row))
		}
	}
	if in.From.set {
		slices.Reverse(out.Entries)
		if next := in.From.value + int64(in.Limit); next < page.Size {
			out.Next = &next
		}
	} else if page.Next != nil {
		next := *page.Next + 1
		out.Before = &next
	}
	return &body[wire.Entries]{out}, nil
}

type byIndex struct {
	Index int64 `path:"index" minimum:"0"`
}

func (s *server) apiEntry(ctx context.Context, actor custody.Actor, in *byIndex) (*body[wire.Entry], error) {
	row, err := s.store.Entry(ctx, actor, in.Index)
	if err != nil {
		return nil, err
	}
	return &body[wire.Entry]{wireEntry(row)}, nil
}

func (s *server) apiReceipt(ctx context.Context, actor custody.Actor, in *byIndex) (*body[wire.Receipt], error) {
	receipt, err := s.store.Receipt(ctx, actor, in.Index)
	if err != nil {
		return nil, err
	}
	return &body[wire.Receipt]{wireReceipt(receipt)}, nil
}

// apiInclusion and apiConsistency tell hashes only; any signed-in person may ask.
func (s *server) apiInclusion(ctx context.Context, actor custody.Actor, in *struct {
	Index int64 `query:"index" minimum:"0" required:"true"`
	Size  int64 `query:"size" minimum:"1" required:"true"`
}) (*body[wire.Proof], error) {
	hashes, err := s.store.InclusionProof(ctx, actor.School, in.Index, in.Size)
	if err != nil {
		return nil, err
	}
	return &body[wire.Proof]{wire.Proof{Hashes: wireHashes(hashes)}}, nil
}

func (s *server) apiConsistency(ctx context.Context, actor custody.Actor, in *struct {
	From int64 `query:"from" minimum:"0" required:"true"`
	To   int64 `query:"to" minimum:"0" required:"true"`
}) (*body[wire.Proof], error) {
	hashes, err := s.store.ConsistencyProof(ctx, actor.School, in.From, in.To)
	if err != nil {
		return nil, err
	}
	return &body[wire.Proof]{wire.Proof{Hashes: wireHashes(hashes)}}, nil
}
