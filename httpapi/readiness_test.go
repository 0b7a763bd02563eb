package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"sokyso/httpapi"
	"sokyso/httpapi/wire"
)

// What keeps a service from being ready is said by a code, and by a sentence that tells
// what to do; being healthy is another question.
func TestReadiness(t *testing.T) {
	unready := httpapi.UnreadyNot
	s := sqlite(t, httpapi.Config{Unready: func() httpapi.Unready { return unready }})
	client, err := wire.NewClient(wire.ClientConfig{URL: s.server.URL, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Ready(ctx); err != nil {
		t.Error(err)
	}
	for reason, sentence := range map[httpapi.Unready]string{httpapi.UnreadyStopping: "đang dừng", httpapi.UnreadyBackground: "khởi động lại"} {
		unready = reason
		var problem *wire.Problem
		if err := client.Ready(ctx); !errors.As(err, &problem) || problem.Status != http.StatusServiceUnavailable || problem.Params["reason"] != string(reason) || !strings.Contains(problem.Detail, sentence) {
			t.Errorf("%s: %v", reason, err)
		}
		if err := client.Health(ctx); err != nil {
			t.Errorf("%s: not healthy: %v", reason, err)
		}
	}
}
