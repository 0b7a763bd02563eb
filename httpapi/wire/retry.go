package wire

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	firstPause = 150 * time.Millisecond
	longPause  = 4 * time.Second
	// longWait bounds what a Retry-After may ask for: a person waits.
	longWait = 30 * time.Second
)

// pause returns how long to wait after a failed attempt (1 = the first):
// doubling, with jitter so that a school's agents do not come back together, whatever
// the service asked for.
func pause(attempt int, least time.Duration) time.Duration {
	full := min(firstPause<<min(attempt-1, 10), longPause)
	return max(least, full/2) + rand.N(full/2+1)
}

// sleep waits. It reports false at once when the context would end before the
// wait does, so that the caller can tell the real error and not the deadline.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// retryAfter says whether a status is worth another attempt, and how long the
// service asked to wait (RFC 9110 §10.2.3, in seconds or as a date). The
// duration is negative when it is not.
func retryAfter(resp *http.Response) (time.Duration, bool) {
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	case http.StatusConflict: // only with a time to wait: an earlier attempt is still carried out
		if resp.Header.Get("Retry-After") == "" {
			return -1, false
		}
	default:
		return -1, false
	}
	value := resp.Header.Get("Retry-After")
	if value == "" {
		return 0, true
	}
	var wait time.Duration
	if seconds, err := strconv.Atoi(value); err == nil {
		wait = time.Duration(min(max(seconds, 0), 1<<20)) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = max(time.Until(at), 0)
	}
	if wait > longWait {
		return -1, true
	}
	return wait, true
}
