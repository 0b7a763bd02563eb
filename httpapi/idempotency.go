package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sokyso/custody"
	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// maxKey bounds an Idempotency-Key, in characters.
const maxKey = 64

// keepTime bounds the work on a key after its request was carried out, which goes on where
// the client has gone: it may come back.
const keepTime = 5 * time.Second

// idempotencyParameter describes the header of an operation that takes it.
func idempotencyParameter(op operation) *huma.Param {
	says := "sent again with the same key and content within 24 hours, the request is answered as the first time and takes effect once"
	if op.secret {
		says = "sent again with the same key and content within 24 hours, the request takes effect once; its answer is a secret and is not given again (409 request_done)"
	}
	least, most := 1, maxKey
	return &huma.Param{Name: wire.HeaderIdempotencyKey, In: "header", Description: says, Schema: &huma.Schema{Description: says, Type: huma.TypeString, MinLength: &least, MaxLength: &most, Pattern: "^[!-~]+$"}}
}

// fileInput is an input whose body is a file.
type fileInput interface {
	read() string
	rest() (string, error)
}

// carryOut has an operation carried out: once, where its request has a key. A repeat is
// answered before anything is looked at, so that what it would be refused for by now, as a code
// that was used, does not matter. Only a success is remembered.
func carryOut[I, O any](s *server, ctx context.Context, op operation, actor custody.Actor, in *I, handle func(*server, context.Context, custody.Actor, *I) (*O, error)) (*O, error) {
	keys := requestOf(ctx).keys
	if !op.keyed() || len(keys) == 0 {
		return handle(s, ctx, actor, in)
	}
	key := keys[0]
	if len(keys) > 1 || key == "" || len(key) > maxKey || !isWordy(key) {
		return nil, invalid(wire.HeaderIdempotencyKey, nil)
	}
	content, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("content of a request with a key: %w", err)
	}
	n := store.NewKeyedRequest{Key: key, Operation: op.name, Content: content, Silent: op.status == http.StatusNoContent}
	file, isFile := any(in).(fileInput)
	if isFile {
		n.File = file.read
	}
	keyed, kept, err := s.store.BeginKeyed(ctx, actor, n)
	if err != nil {
		return nil, err
	}
	if kept != nil {
		if isFile && kept.File != "" {
			sum, err := file.rest()
			if err != nil {
				return nil, err
			}
			if sum != kept.File {
				return nil, custody.Conflict(custody.ReasonRequestReused)
			}
		}
		if kept.Err != nil {
			return nil, kept.Err
		}
		requestOf(ctx).note("repeat", true)
		out := new(O)
		if err := json.Unmarshal(kept.Answer, out); err != nil {
			return nil, fmt.Errorf("kept answer of %s: %w", op.name, err)
		}
		return out, nil
	}
	out, err := handle(s, store.WithKeyedRequest(ctx, keyed), actor, in)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	if err != nil {
		if !keyed.Done() {
			if dropped := s.store.DropKeyed(after, keyed); dropped != nil {
				requestOf(ctx).note("key_not_dropped", dropped.Error()) // it is free in half a minute
			}
		}
		return nil, err
	}
	var answer []byte
	if !op.secret {
		if answer, err = json.Marshal(out); err != nil {
			return nil, fmt.Errorf("answer of %s: %w", op.name, err)
		}
	}
	if err := s.store.AnswerKeyed(after, keyed, answer); err != nil {
		requestOf(ctx).note("answer_not_kept", err.Error()) // a repeat is told that it was done
	}
	return out, nil
}
