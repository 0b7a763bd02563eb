package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"

	"github.com/google/uuid"

	"sokyso/custody"
	"sokyso/custody/background"
	"sokyso/custody/notices"
	"sokyso/custody/revocation"
	"sokyso/custody/store"
	"sokyso/custody/witness"
)

// outlets makes the ways out of the register that are configured. What is wrong about
// them is told at the start, not when the first loss is reported.
func (c *ServeCommand) outlets(p *program, school custody.School, address string) (background.Outlets, error) {
	words, err := notices.LoadWords()
	if err != nil {
		return nil, err
	}
	out := background.Outlets{}
	if c.SMTP != "" {
		secret, err := readSecret(c.SMTPPasswordFile)
		if err != nil {
			return nil, p.fail("mail_config", map[string]string{"Error": err.Error()})
		}
		mail, err := notices.NewMail(notices.MailConfig{Server: c.SMTP, Encryption: notices.Encryption(c.SMTPEncryption), User: c.SMTPUser, Password: string(secret),
			From: c.MailFrom, School: school.Name, Link: address, Language: p.words.language}, words)
		if err != nil {
			return nil, p.fail("mail_config", map[string]string{"Error": err.Error()})
		}
		out[store.ChannelMail] = mail
	}
	if c.WebhookFile != "" {
		where, err := readSecret(c.WebhookFile)
		if err != nil {
			return nil, p.fail("webhook_config", map[string]string{"Error": err.Error()})
		}
		secret, err := readSecret(c.WebhookSecretFile)
		if err != nil {
			return nil, p.fail("webhook_config", map[string]string{"Error": err.Error()})
		}
		hook, err := notices.NewWebhook(notices.WebhookConfig{URL: string(where), Secret: secret, School: school.Code, Link: address, Language: p.words.language}, words)
		if err != nil {
			return nil, p.fail("webhook_config", map[string]string{"Error": err.Error()})
		}
		out[store.ChannelWebhook] = hook
	}
	return out, nil
}

// witnesses are those that cosign this service's checkpoints.
func (c *ServeCommand) witnesses(p *program) ([]*witness.Witness, error) {
	var all []*witness.Witness
	for _, text := range c.Witnesses {
		w, err := witness.Parse(text)
		if err != nil {
			return nil, p.fail("witness_malformed", map[string]string{"Witness": text, "Error": err.Error()})
		}
		all = append(all, w)
	}
	return all, nil
}

// readSecret reads the one line of a file; "" is none.
func readSecret(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	content = bytes.TrimSpace(content)
	if len(content) == 0 || bytes.ContainsAny(content, "\r\n") {
		return nil, fmt.Errorf("%s must hold one line", path)
	}
	return content, nil
}

// runner is the work in the background of this service for a school; for the first one, also
// that for the register as a whole.
func (c *ServeCommand) runner(first bool, register *store.Store, school custody.School, out background.Outlets, checker *revocation.Checker, witnesses []*witness.Witness, logger *slog.Logger) *background.Runner {
	config := background.Config{Store: register, School: school.ID, Holder: uuid.NewString(), Logger: logger}
	r := background.New(config)
	jobs := []background.Job{r.Deriving(out), r.Delivering(out), r.Reminding(out), r.Checking(), r.Retention()}
	if c.Revocation != "off" && c.MonitorEvery > 0 {
		jobs = append(jobs, r.Monitoring(checker, c.MonitorEvery, out))
	}
	if first {
		jobs = append(jobs, r.Counting())
	}
	if first && c.BackupFolder != "" { // a backup has all schools
		jobs = append(jobs, r.BackingUp(background.Backups{Folder: c.BackupFolder, Every: c.BackupEvery, Keep: c.BackupKeep}))
	}
	if len(witnesses) > 0 {
		jobs = append(jobs, r.Witnessing(witnesses))
	}
	return background.New(config, jobs...)
}
