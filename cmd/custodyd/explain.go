package main

import (
	"errors"
	"fmt"
	"strconv"

	"sokyso/custody"
	"sokyso/custody/store"
)

// say returns the sentence of the catalogue.
func (p *program) say(key string, params map[string]string) string {
	return p.words.sentence(key, params)
}

// fail is an error whose text is a sentence for the person.
func (p *program) fail(key string, params map[string]string) error {
	return &sentenceError{p.say(key, params)}
}

type sentenceError struct{ text string }

func (e *sentenceError) Error() string { return e.text }

// explain words an error with the next step; what is not foreseen comes as it is.
func (p *program) explain(err error) string {
	var (
		sentence *sentenceError
		schema   *store.VersionError
		known    *custody.Error
	)
	switch {
	case errors.As(err, &sentence):
		return sentence.text
	case errors.As(err, &schema):
		key := "schema_old"
		if schema.Have > schema.Need {
			key = "schema_new"
		}
		return p.say(key, map[string]string{"Have": strconv.FormatInt(schema.Have, 10), "Need": strconv.FormatInt(schema.Need, 10)})
	case errors.Is(err, store.ErrMarkDamaged):
		return p.say("mark_damaged", map[string]string{"File": p.markFile()})
	case errors.Is(err, store.ErrMark):
		return p.say("mark_trouble", map[string]string{"File": p.markFile(), "Error": err.Error()})
	case errors.As(err, &known):
		for _, key := range []string{"reason_" + known.Params["reason"], "problem_" + known.Code + "_" + known.Params["what"], "problem_" + known.Code} {
			if text, ok := p.words.find(key, map[string]string{"Field": known.Params["field"]}); ok {
				return text
			}
		}
	}
	for _, trouble := range troubles {
		if errors.Is(err, trouble.err) {
			return p.say(trouble.key, map[string]string{"Error": err.Error()})
		}
	}
	return p.say("failed", map[string]string{"Error": err.Error()})
}

// troubles are what the database may refuse with. The detail is for whoever looks
// after the server; it never holds the address, which may hold a password.
var troubles = []struct {
	err error
	key string
}{
	{store.ErrURL, "database_address"},
	{store.ErrUnfinished, "restore_unfinished"},
	{store.ErrRestoring, "restore_going_on"},
	{store.ErrMissing, "database_missing"},
	{store.ErrUnreachable, "database_unreachable"},
	{store.ErrBusy, "database_busy"},
	{store.ErrFull, "database_full"},
	{store.ErrDisk, "database_disk"},
	{store.ErrReadOnly, "database_read_only"},
	{store.ErrDamaged, "database_damaged"},
}

// print writes a sentence to standard output.
func (p *program) print(key string, params map[string]string) {
	fmt.Fprintln(p.stdout, p.say(key, params))
}
