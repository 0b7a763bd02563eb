package httpapi

import (
	"bytes"
	"context"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"sokyso/custody"
	"sokyso/custody/store"
)

// registerFormats are the forms of tables, with their media types.
var registerFormats = map[string]string{
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"csv":  "text/csv; charset=utf-8",
	"pdf":  "application/pdf", // of the report only
}

// registerNames are what the files are called.
var registerNames = map[string]string{"signatures": "so-ky-so", "outgoing": "so-van-ban-di", "report": "bao-cao-dinh-ky"}

// registerFile makes a register of a period: the whole of it, or an error and nothing.
func (s *server) registerFile(ctx context.Context, actor custody.Actor, register, format string, from, until custody.Date) (file []byte, name string, err error) {
	plain, ok := registerNames[register]
	if !ok {
		return nil, "", invalid("register", nil)
	}
	if _, ok := registerFormats[format]; !ok || format == "pdf" && register != "report" {
		return nil, "", invalid("format", nil)
	}
	for field, day := range map[string]custody.Date{"from": from, "until": until} {
		if day == "" {
			return nil, "", invalid(field, nil)
		}
	}
	var b bytes.Buffer
	name = plain + "-" + strings.ReplaceAll(string(from), "-", "") + "-" + strings.ReplaceAll(string(until), "-", "") + "." + format
	if register == "report" {
		report, err := s.store.PeriodReport(ctx, actor, from, until)
		if err == nil {
			err = WriteReport(&b, format, report)
		}
		return b.Bytes(), name, err
	}
	err = s.writeRegister(&b, format, registerTables[register], from, until, func(begin func(store.SignedRegister) error, line func(store.SignedLine) error) error {
		return s.store.SignatureRegister(ctx, actor, from, until, begin, line)
	})
	if err != nil {
		return nil, "", err
	}
	return b.Bytes(), name, nil
}

// downloadRegister handles "GET /papers/register".
func (s *server) downloadRegister(w http.ResponseWriter, r *http.Request, actor custody.Actor) error {
	query := r.URL.Query()
	from, err := readDay("from", query.Get("from"))
	if err != nil {
		return err
	}
	until, err := readDay("until", query.Get("until"))
	if err != nil {
		return err
	}
	file, name, err := s.registerFile(r.Context(), actor, query.Get("register"), query.Get("format"), from, until)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", registerFormats[query.Get("format")])
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	if _, err := w.Write(file); err != nil {
		requestOf(r.Context()).note("not_sent", err.Error())
	}
	return nil
}

type registerInput struct {
	Register string `path:"id" enum:"signatures,outgoing,report"`
	From     string `query:"from" required:"true" maxLength:"10" doc:"first day, 2026-01-01"`
	Until    string `query:"until" required:"true" maxLength:"10" doc:"last day"`
	Format   string `query:"format" enum:"xlsx,csv,pdf" default:"xlsx" doc:"pdf: of the report only"`
}

func (s *server) apiRegister(ctx context.Context, actor custody.Actor, in *registerInput) (*huma.StreamResponse, error) {
	from, err := custody.ParseDate(in.From)
	if err != nil {
		return nil, invalid("from", err)
	}
	until, err := custody.ParseDate(in.Until)
	if err != nil {
		return nil, invalid("until", err)
	}
	file, _, err := s.registerFile(ctx, actor, in.Register, in.Format, from, until)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", registerFormats[in.Format])
		if _, err := out.BodyWriter().Write(file); err != nil {
			requestOf(ctx).note("not_sent", err.Error())
		}
	}}, nil
}
