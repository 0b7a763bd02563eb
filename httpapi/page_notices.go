package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"sokyso/custody"
	"sokyso/custody/notices"
	"sokyso/custody/store"
)

// noticesPage lists what the person was told, newest first.
type noticesPage struct {
	Notices []noticeCard
	Unread  int
	Newest  custody.NoticeID // up to which all are marked as read
	Older   custody.NoticeID // "" = these are the oldest
	Later   bool             // this is not the first page
}

// noticeCard is a notice in words.
type noticeCard struct {
	store.NoticeRow
	notices.Text
	Path string
}

func (s *server) noticeCards(lang string, rows []store.NoticeRow) []noticeCard {
	cards := make([]noticeCard, len(rows))
	for i, row := range rows {
		story := storyOf(row)
		cards[i] = noticeCard{NoticeRow: row, Text: s.told.Tell(lang, story), Path: notices.Path(story)}
	}
	return cards
}

// storyOf is what a notice's words need.
func storyOf(n store.NoticeRow) notices.Story {
	return notices.Story{Kind: n.Kind, Params: n.Params, Names: n.Names, Token: n.TokenName(), Device: n.Device, Urgent: n.Urgent, Entry: n.Entry, At: n.At}
}

// noticesShown is the length of a page of notices.
const noticesShown = 30

// pageNotices handles "GET /notices". Looking marks nothing as read.
func (s *server) pageNotices(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	before := custody.NoticeID(r.URL.Query().Get("before"))
	rows, err := s.store.Notices(r.Context(), actor, before)
	if err != nil {
		return err
	}
	unread, err := s.store.UnreadNotices(r.Context(), actor)
	if err != nil {
		return err
	}
	page := noticesPage{Unread: unread, Later: before != ""}
	if len(rows) > noticesShown {
		rows = rows[:noticesShown]
		page.Older = rows[noticesShown-1].ID
	}
	if len(rows) > 0 {
		page.Newest = rows[0].ID
	}
	page.Notices = s.noticeCards(requestOf(r.Context()).language, rows)
	return s.show(w, r, http.StatusOK, "notices", page)
}

// doReadNotice handles "POST /notices/{id}/read": marks it and goes to its page.
func (s *server) doReadNotice(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.ReadNotice(r.Context(), actor, custody.NoticeID(chi.URLParam(r, "id"))); err != nil {
		return err
	}
	http.Redirect(w, r, localPath(r.PostFormValue("next")), http.StatusSeeOther)
	return nil
}

// doReadNotices handles "POST /notices/read".
func (s *server) doReadNotices(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.ReadNotices(r.Context(), actor, custody.NoticeID(r.PostFormValue("up_to"))); err != nil {
		return err
	}
	return s.done(w, r, "/notices", "notices.all_read", nil)
}

// sharePage is a short text for the school's chat group.
type sharePage struct {
	Days  int
	Text  string
	Lines int // of the text area
	Spans []int
}

// shareDays are the spans to choose from.
var shareDays = []int{1, 7, 30}

// pageShare handles "GET /notices/share".
func (s *server) pageShare(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	page := sharePage{Days: shareDays[0], Spans: shareDays}
	for _, days := range shareDays {
		if r.URL.Query().Get("days") == strconv.Itoa(days) {
			page.Days = days
		}
	}
	today := s.now().In(custody.SchoolZone)
	since := time.Date(today.Year(), today.Month(), today.Day()-page.Days+1, 0, 0, 0, 0, custody.SchoolZone)
	rows, err := s.store.Announcements(r.Context(), actor, since)
	if err != nil {
		return err
	}
	stories := make([]notices.Story, len(rows))
	for i, row := range rows {
		stories[i] = storyOf(row)
	}
	page.Text = s.told.Announcement(requestOf(r.Context()).language, s.school.Name, stories)
	page.Lines = min(24, 4+3*len(stories))
	return s.show(w, r, http.StatusOK, "share", page)
}

// backgroundPage shows the work that nobody waits for.
type backgroundPage struct {
	Jobs         []jobCard
	Waiting      int
	GivenUp      []deliveryCard
	WithoutEmail int
	Checks       []store.RevocationCheck
}

// jobCard is a job with what is wrong about it.
type jobCard struct {
	store.Job
	Late bool // its next run should have been long ago
}

// deliveryCard is a notice that could not be sent, in words.
type deliveryCard struct {
	store.Delivery
	notices.Text
	Reason string
}

// pageBackground handles "GET /background".
func (s *server) pageBackground(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	ctx, lang := r.Context(), requestOf(r.Context()).language
	jobs, err := s.store.Jobs(ctx, actor)
	if err != nil {
		return err
	}
	given, err := s.store.GivenUp(ctx, actor)
	if err != nil {
		return err
	}
	var page backgroundPage
	if page.Waiting, err = s.store.WaitingDeliveries(ctx, actor); err != nil {
		return err
	}
	if page.WithoutEmail, err = s.store.WithoutEmail(ctx, actor); err != nil {
		return err
	}
	if page.Checks, err = s.store.RevocationChecks(ctx, actor); err != nil {
		return err
	}
	for _, job := range jobs {
		page.Jobs = append(page.Jobs, jobCard{Job: job, Late: job.Late(s.now())})
	}
	for _, d := range given {
		page.GivenUp = append(page.GivenUp, deliveryCard{Delivery: d, Text: s.told.Tell(lang, storyOf(d.Notice)), Reason: s.told.Error(lang, d.LastError)})
	}
	return s.show(w, r, http.StatusOK, "background", page)
}

// doRetryDelivery handles "POST /background/deliveries/{id}/retry".
func (s *server) doRetryDelivery(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	if err := s.store.RetryDelivery(r.Context(), actor, chi.URLParam(r, "id")); err != nil {
		return err
	}
	return s.done(w, r, "/background", "background.retried", nil)
}
