package wire_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"sokyso/httpapi/wire"
)

// What an agent does with the three kinds of answers it can get.
func ExampleClient_Grant() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"status":403,"code":"token_reported","detail":"USB này đã được báo mất nên đã bị khóa.","params":{"kind":"lost"}}`)
	}))
	defer service.Close()

	client, err := wire.NewClient(wire.ClientConfig{URL: service.URL, APIKey: "key of the paired agent", Language: "vi"})
	if err != nil {
		fmt.Println(err)
		return
	}
	grant, err := client.Grant(context.Background(), wire.GrantRequest{Request: "018f6b1e-7d2a-7cc0-9b1a-2f1f5d6c7a01", TokenSerial: "A1001"})
	var problem *wire.Problem
	var unreachable *wire.UnreachableError
	switch {
	case err == nil:
		fmt.Println("sign before", grant.ExpiresAt)
	case errors.As(err, &problem):
		fmt.Println("refused:", problem.Code, "-", problem.Detail)
	case errors.As(err, &unreachable):
		fmt.Println("nothing is signed while the service is away")
	default:
		fmt.Println("this is not the service:", err)
	}
	// Output: refused: token_reported - USB này đã được báo mất nên đã bị khóa.
}
