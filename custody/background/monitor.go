package background

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"sokyso/custody"
	"sokyso/custody/revocation"
	"sokyso/custody/store"
)

const (
	monitorBatch = 20 // certificates asked about in one run
	// downAfter is how long nothing may be heard of a certificate before admins are
	// told; it never keeps anybody from signing.
	downAfter = 24 * time.Hour
	// quietFor is when a certificate is asked about again that there is nothing to ask
	// about: it has expired, or says nowhere to ask.
	quietFor = 7 * 24 * time.Hour
)

// Reminding is the job that reminds of what becomes due.
func (r *Runner) Reminding(outlets Outlets) Job {
	return Job{Name: JobReminders, Every: time.Hour, Run: func(ctx context.Context) (int, error) {
		return r.Store.Remind(ctx, r.School, outlets.Channels())
	}}
}

// Monitoring is the job that asks the authorities about every registered certificate:
// each about once in every, spread by chance; one of which nothing is heard soon again,
// then less and less often.
func (r *Runner) Monitoring(checker *revocation.Checker, every time.Duration, outlets Outlets) Job {
	m := &monitor{Runner: r, checker: checker, every: every, channels: outlets.Channels()}
	return Job{Name: JobRevocation, Every: min(time.Minute, every), Run: m.run}
}

type monitor struct {
	*Runner
	checker  *revocation.Checker
	every    time.Duration
	channels []store.Channel
}

// errUnheard is the outcome of a run in which an authority did not answer.
var errUnheard = &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable, Params: map[string]string{"reason": "authority_unreachable"}}

func (m *monitor) run(ctx context.Context) (int, error) {
	due, err := m.Store.DueRevocations(ctx, m.School, monitorBatch)
	if err != nil {
		return 0, err
	}
	var problem error
	for i, c := range due {
		if ctx.Err() != nil {
			return i, ctx.Err()
		}
		if err := m.check(ctx, c); err != nil {
			problem = err // the others are asked about all the same
		}
	}
	return len(due), errors.Join(problem, m.raise(ctx))
}

// check asks about one certificate. A revocation is written before the check is: cut
// off between the two, it is asked about again, and the register takes it once.
func (m *monitor) check(ctx context.Context, c store.MonitoredCertificate) error {
	cert, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return fmt.Errorf("registered certificate %s: %w", c.Certificate, err)
	}
	now := m.Now()
	check := store.RevocationCheck{Certificate: c.Certificate, Token: c.Token, Status: string(revocation.Unknown), CheckedAt: now}
	if now.After(cert.NotAfter) || !revocation.HasSource(cert) {
		check.NextAt, check.Error = now.Add(quietFor), "there is nothing to ask: it has expired, or says nowhere to"
		return m.Store.RecordRevocationCheck(ctx, m.School, check)
	}
	answer := m.checker.Ask(ctx, cert)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	check.Status, check.Source, check.NextAt = string(answer.Status), answer.Source, now.Add(jitter(m.every))
	switch answer.Status {
	case revocation.Revoked:
		if err := m.Store.SetRevocation(ctx, custody.SystemActor(m.School), c.Certificate, &answer.RevokedAt, answer.Source); err != nil {
			return err
		}
	case revocation.Unknown:
		check.Error = answer.Err.Error()
		check.Failures = c.Failures + 1
		check.NextAt = now.Add(jitter(pause(check.Failures, m.every)))
		check.UnknownSince = c.UnknownSince
		if check.UnknownSince == nil {
			check.UnknownSince = &now
		}
		m.Logger.Info("authority not heard", "certificate", c.Certificate, "error", answer.Err)
		if err := m.tellDown(ctx, cert, check); err != nil {
			return err
		}
	}
	if err := m.Store.RecordRevocationCheck(ctx, m.School, check); err != nil {
		return err
	}
	if answer.Status == revocation.Unknown {
		return errUnheard
	}
	return nil
}

// pause after so many questions without an answer: a minute, then twice as long each
// time, at most as long as between two answered ones.
func pause(failures int, most time.Duration) time.Duration {
	if failures > 12 {
		return most
	}
	return min(most, time.Minute<<max(failures-1, 0))
}

// jitter is the time, up to an eighth more or less.
func jitter(d time.Duration) time.Duration { return d*7/8 + rand.N(max(d/4, 1)) }

// tellDown tells who manages the register, once for each time that an authority is not
// heard for long.
func (m *monitor) tellDown(ctx context.Context, cert *x509.Certificate, c store.RevocationCheck) error {
	if m.Now().Sub(*c.UnknownSince) < downAfter {
		return nil
	}
	return m.Store.Tell(ctx, m.School, m.channels, store.Due{
		Notice: custody.Notice{Kind: custody.NoticeAuthorityDown, Origin: fmt.Sprintf("authority/%s/%d", c.Certificate, c.UnknownSince.Unix()), Token: c.Token,
			Params: map[string]string{"since": c.UnknownSince.Format(time.RFC3339)}},
		To: []custody.Audience{custody.TellManagers},
	})
}

// raise reports an incident for each revocation that nobody here asked for: the token
// signs no more anyway, and whoever had it revoked may know something.
func (m *monitor) raise(ctx context.Context) error {
	found, err := m.Store.UnaskedRevocations(ctx, m.School)
	if err != nil {
		return err
	}
	for _, u := range found {
		_, err := m.Store.ReportIncident(ctx, custody.SystemActor(m.School), store.NewIncident{Token: u.Token, Kind: custody.Suspected, DiscoveredAt: m.Now(),
			Description: fmt.Sprintf("Nơi cấp cho biết chứng thư đã bị thu hồi lúc %s mà nhà trường không đề nghị. Nguồn: %s", u.RevokedAt.In(custody.SchoolZone).Format("02/01/2006 15:04"), u.Source)})
		if err != nil {
			return fmt.Errorf("report a revocation that nobody asked for: %w", err)
		}
	}
	return nil
}
