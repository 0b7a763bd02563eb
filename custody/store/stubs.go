package store

import (
	"context"
	"errors"

	"sokyso/custody"
)

// VerifyLog recomputes the log.
func (s *Store) VerifyLog(ctx context.Context, school custody.SchoolID, vkey string) (VerifyReport, error) {
	return VerifyReport{}, errors.New("not yet")
}
