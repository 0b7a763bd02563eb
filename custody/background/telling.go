package background

import (
	"context"
	"errors"
	"time"

	"sokyso/custody/notices"
	"sokyso/custody/store"
)

// Names of the jobs. There is a name in words for each.
const (
	JobNotices    = "notices"
	JobDeliveries = "deliveries"
	JobReminders  = "reminders"
	JobRevocation = "revocation"
	JobChecks     = "checks"
	JobRetention  = "retention"
	JobWitnesses  = "witnesses"
	JobBackup     = "backup"
	JobStatistics = "statistics"
)

// Sender hands a message over to whoever carries it on.
type Sender interface {
	// Send returns a *notices.Failure when the message was not taken.
	Send(ctx context.Context, message notices.Message) error
}

// Outlets are the ways out that are configured.
type Outlets map[store.Channel]Sender

// Channels lists them.
func (o Outlets) Channels() []store.Channel {
	var all []store.Channel
	for _, channel := range []store.Channel{store.ChannelMail, store.ChannelWebhook} {
		if o[channel] != nil {
			all = append(all, channel)
		}
	}
	return all
}

// Deriving is the job that writes notices of new entries of the log.
func (r *Runner) Deriving(outlets Outlets) Job {
	channels := outlets.Channels()
	return Job{
		Name: JobNotices, Every: 5 * time.Minute,
		Ready: func(ctx context.Context) (bool, error) { return r.Store.NoticesBehind(ctx, r.School) },
		Run: func(ctx context.Context) (int, error) {
			total := 0
			for {
				n, err := r.Store.DeriveNotices(ctx, r.School, channels)
				if total += n; err != nil || n == 0 {
					return total, err
				}
			}
		},
	}
}

// A few are claimed at a time: their leases must outlast the sending of them all.
const (
	sendBatch = 5
	sendLease = 5 * time.Minute
)

// Delivering is the job that sends what is to go out.
func (r *Runner) Delivering(outlets Outlets) Job {
	channels := outlets.Channels()
	return Job{
		Name: JobDeliveries, Every: 5 * time.Minute,
		Ready: func(ctx context.Context) (bool, error) { return r.Store.DeliveriesDue(ctx, r.School, channels) },
		Run: func(ctx context.Context) (int, error) {
			sent, problem := 0, error(nil)
			for ctx.Err() == nil {
				claimed, err := r.Store.ClaimDeliveries(ctx, r.School, r.Holder, channels, sendBatch, sendLease)
				if err != nil || len(claimed) == 0 {
					return sent, errors.Join(err, problem)
				}
				for _, d := range claimed {
					ok, err := r.deliver(ctx, outlets[d.Channel], d)
					if ok {
						sent++
					}
					if err != nil {
						problem = err // the last one tells; the others go on
					}
				}
			}
			return sent, context.Cause(ctx)
		},
	}
}

// deliver sends one message and notes what became of it. Between the two lies the
// only moment in which a crash makes a message go out twice.
func (r *Runner) deliver(ctx context.Context, out Sender, d store.Delivery) (bool, error) {
	message := notices.Message{ID: d.ID, Name: d.Name, To: d.Email, Story: StoryOf(d.Notice)}
	err := ctx.Err() // told to stop: it is not tried any more, and claimed again later
	if err == nil {
		err = out.Send(ctx, message)
	}
	stopped := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wrapUp)
	defer cancel()
	if err == nil {
		return true, r.Store.DeliverySent(ctx, r.School, d.ID)
	}
	failure := &notices.Failure{Code: notices.CodeInternal, Err: err}
	errors.As(err, &failure)
	switch {
	case stopped:
		return false, r.Store.DeliveryFailed(ctx, r.School, d.ID, r.Holder, failure.Code, r.Now())
	case failure.Permanent, d.Attempts >= notices.MaxAttempts:
		r.Logger.Warn("notice given up", "delivery", d.ID, "channel", string(d.Channel), "code", failure.Code, "error", failure.Err)
		return false, r.Store.GiveUpDelivery(ctx, r.School, d.ID, r.Holder, failure.Code)
	}
	r.Logger.Info("notice not sent yet", "delivery", d.ID, "channel", string(d.Channel), "code", failure.Code, "error", failure.Err)
	return false, errors.Join(failure, r.Store.DeliveryFailed(ctx, r.School, d.ID, r.Holder, failure.Code, notices.NextTry(r.Now(), d.Attempts)))
}

// StoryOf is what a notice's words need.
func StoryOf(n store.NoticeRow) notices.Story {
	return notices.Story{Kind: n.Kind, Params: n.Params, Names: n.Names, Token: n.TokenName(), Device: n.Device, Urgent: n.Urgent, Entry: n.Entry, At: n.At}
}
