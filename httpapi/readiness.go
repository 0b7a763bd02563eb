package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// Unready is why a service is not to be sent requests: a reason of the catalogue.
type Unready string

// What keeps a service from being ready.
const (
	UnreadyNot        Unready = ""
	UnreadyStopping   Unready = "stopping"
	UnreadySchema     Unready = "schema_old"
	UnreadyDatabase   Unready = "database_unreachable"
	UnreadyBackground Unready = "background_stalled"
)

// readyTime bounds the question to the database: who asks for readiness asks every few
// seconds, and takes silence for a no.
const readyTime = 2 * time.Second

// apiReady says whether a proxy is to send requests here. It is about this one service: what
// all that share a register have in common, as a log that takes no changes or work that is
// late, is for [server.apiHealth], since taking all of them away mends neither.
func (s *server) apiReady(ctx context.Context, _ *none) (*body[wire.Ready], error) {
	unready := s.unready()
	var cause error
	if unready != UnreadyStopping {
		bounded, cancel := context.WithTimeout(ctx, readyTime)
		defer cancel()
		var old *store.VersionError
		switch cause = s.store.CheckReady(bounded); {
		case errors.As(cause, &old):
			unready = UnreadySchema
		case cause != nil:
			unready = UnreadyDatabase
		}
	}
	if unready == UnreadyNot {
		return &body[wire.Ready]{wire.Ready{Status: "ready"}}, nil
	}
	return nil, &failure{status: http.StatusServiceUnavailable, code: wire.CodeUnavailable, params: map[string]string{"reason": string(unready)}, retry: 5 * time.Second, err: cause}
}
