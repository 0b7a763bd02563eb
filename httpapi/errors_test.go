package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sokyso/custody/store"
	"sokyso/httpapi/wire"
)

// What the database can't do now is no fault of the request and none of the
// program: the agent tries again, the person reads what to do.
func TestTroubleOfTheDatabaseIsUnavailable(t *testing.T) {
	s, _ := testServer(t)
	for name, c := range map[string]struct {
		err  error
		says string
		wait bool
	}{
		"busy":        {store.ErrBusy, "thử lại", true},
		"unreachable": {store.ErrUnreachable, "thử lại", true},
		"full":        {store.ErrFull, "giải phóng", false},
		"read only":   {store.ErrReadOnly, "quyền ghi", false},
	} {
		t.Run(name, func(t *testing.T) {
			problem, retry := s.problemOf(fmt.Errorf("take grant: %w", errors.Join(errors.New("roll back"), fmt.Errorf("%w: driver says no", c.err))), "vi")
			if problem.Status != http.StatusServiceUnavailable || problem.Code != wire.CodeUnavailable || !strings.Contains(problem.Detail, c.says) {
				t.Errorf("%+v", problem)
			}
			if (retry > 0) != c.wait {
				t.Errorf("Retry-After %s", retry)
			}
			if strings.Contains(problem.Detail, "driver") {
				t.Errorf("the cause is told: %s", problem.Detail)
			}
		})
	}
	if problem, _ := s.problemOf(store.ErrDamaged, "vi"); problem.Status != http.StatusInternalServerError {
		t.Errorf("damaged: %+v", problem)
	}
}

// Every sentence that refuses something goes on with what to do now: it has at
// least two parts.
func TestEveryRefusalSaysTheNextStep(t *testing.T) {
	for _, lang := range languages {
		for key, text := range readCatalogue(t, lang) {
			if !strings.HasPrefix(key, "problem.") && !strings.HasPrefix(key, "reason.") || key == "problem.title" || key == "reason.not_confirmed" {
				continue // the latter is nothing but the next step
			}
			if parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(".;:", r) }); len(parts) < 2 {
				t.Errorf("%s, %s tells no next step: %q", lang, key, text)
			}
		}
	}
}
