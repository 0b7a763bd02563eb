package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
)

// RevocationCheck is what the authority said of a certificate when it was asked last.
type RevocationCheck struct {
	Certificate  string // SHA-256
	Token        custody.TokenID
	TokenLabel   string
	TokenSerial  string
	Status       string // good, revoked, unknown
	Source       string // the address that answered
	Error        string // with unknown
	CheckedAt    time.Time
	NextAt       time.Time
	UnknownSince *time.Time // nothing was heard since; nil = the last question was answered
	Failures     int        // questions without an answer, one after another
}

// MonitoredCertificate is a certificate that is to be asked about.
type MonitoredCertificate struct {
	RevocationCheck
	DER []byte
}

type revocationRow struct {
	SHA256       string `db:"sha256"`
	DER          []byte `db:"der"`
	Token        string `db:"token_id"`
	Label        string `db:"label"`
	Serial       string `db:"serial"`
	Status       string `db:"status"`
	Source       string `db:"source"`
	Error        string `db:"last_error"`
	CheckedAt    stamp  `db:"checked_at"`
	NextAt       stamp  `db:"next_at"`
	UnknownSince *stamp `db:"unknown_since_at"`
	Failures     int    `db:"failures"`
}

func (r revocationRow) check() RevocationCheck {
	return RevocationCheck{Certificate: r.SHA256, Token: custody.TokenID(r.Token), TokenLabel: r.Label, TokenSerial: r.Serial, Status: r.Status, Source: r.Source, Error: r.Error,
		CheckedAt: r.CheckedAt.Time, NextAt: r.NextAt.Time, UnknownSince: r.UnknownSince.moment(), Failures: r.Failures}
}

const queryRevocations = `SELECT c.sha256, c.der, c.token_id, COALESCE(l.value, '') AS label, t.serial, COALESCE(k.status, 'unknown') AS status, COALESCE(k.source, '') AS source,
	COALESCE(k.last_error, '') AS last_error, COALESCE(k.checked_at, 0) AS checked_at, COALESCE(k.next_at, 0) AS next_at, k.unknown_since_at, COALESCE(k.failures, 0) AS failures
	FROM certificates c JOIN tokens t ON t.id = c.token_id
	LEFT JOIN revocation_checks k ON k.school_id = c.school_id AND k.certificate_sha256 = c.sha256
	LEFT JOIN reveals l ON l.school_id = t.school_id AND l.entry_index = t.entry_index AND l.field = 'label'
	WHERE c.school_id = ?`

// inUse: the certificate was not replaced by another, and its token not retired.
const inUse = ` AND NOT EXISTS (SELECT 1 FROM certificates n WHERE n.school_id = c.school_id AND n.replaces = c.sha256)
	AND NOT EXISTS (SELECT 1 FROM incidents x WHERE x.token_id = c.token_id AND x.state = 'closed')
	AND NOT EXISTS (SELECT 1 FROM retirements y WHERE y.token_id = c.token_id)`

// DueRevocations lists certificates in use, not known to be revoked, that are to be
// asked about now: those that were never asked about first, then the longest due.
func (s *Store) DueRevocations(ctx context.Context, school custody.SchoolID, limit int) ([]MonitoredCertificate, error) {
	var rows []revocationRow
	if err := s.reader.list(ctx, &rows, queryRevocations+inUse+` AND c.revoked_at IS NULL AND COALESCE(k.next_at, 0) <= ? ORDER BY COALESCE(k.next_at, 0), c.entry_index LIMIT ?`,
		string(school), at(s.now()), limit); err != nil {
		return nil, fmt.Errorf("list certificates to ask about: %w", err)
	}
	due := make([]MonitoredCertificate, len(rows))
	for i, row := range rows {
		due[i] = MonitoredCertificate{RevocationCheck: row.check(), DER: row.DER}
	}
	return due, nil
}

// RecordRevocationCheck notes what was heard of a certificate, and when it is asked
// about again. It is no record of the register: a revocation is, see
// [Store.SetRevocation].
func (s *Store) RecordRevocationCheck(ctx context.Context, school custody.SchoolID, c RevocationCheck) error {
	var since any
	if c.UnknownSince != nil {
		since = at(*c.UnknownSince)
	}
	if _, err := s.writer.exec(ctx, `INSERT INTO revocation_checks (school_id, certificate_sha256, status, source, last_error, checked_at, next_at, unknown_since_at, failures)
		VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (school_id, certificate_sha256) DO UPDATE SET status = excluded.status, source = excluded.source, last_error = excluded.last_error,
		checked_at = excluded.checked_at, next_at = excluded.next_at, unknown_since_at = excluded.unknown_since_at, failures = excluded.failures`,
		string(school), c.Certificate, c.Status, c.Source, c.Error, at(c.CheckedAt), at(c.NextAt), since, c.Failures); err != nil {
		return fmt.Errorf("record revocation check: %w", err)
	}
	return nil
}

// RevocationChecks lists what was heard of the certificates: for who manages the
// register.
func (s *Store) RevocationChecks(ctx context.Context, actor custody.Actor) ([]RevocationCheck, error) {
	if !actor.Roles.May(custody.ReadRegister) {
		return nil, custody.Forbidden("")
	}
	var rows []revocationRow
	if err := s.reader.list(ctx, &rows, queryRevocations+` AND k.checked_at IS NOT NULL ORDER BY t.serial, c.entry_index`, string(actor.School)); err != nil {
		return nil, fmt.Errorf("list revocation checks: %w", err)
	}
	checks := make([]RevocationCheck, len(rows))
	for i, row := range rows {
		checks[i] = row.check()
	}
	return checks, nil
}

// UnaskedRevocation is a revocation that the service found and nobody here asked for.
type UnaskedRevocation struct {
	Token     custody.TokenID `db:"token_id"`
	Source    string          `db:"revocation_source"`
	RevokedAt stamp           `db:"revoked_at"`
}

// UnaskedRevocations lists tokens whose certificate in use an authority's answer said
// to be revoked while no incident of the token was open, and of which none was reported
// since.
func (s *Store) UnaskedRevocations(ctx context.Context, school custody.SchoolID) ([]UnaskedRevocation, error) {
	var found []UnaskedRevocation
	if err := s.reader.list(ctx, &found, `SELECT c.token_id, c.revocation_source, c.revoked_at FROM certificates c
		JOIN log_entries e ON e.school_id = c.school_id AND e.entry_index = c.revocation_entry
		WHERE c.school_id = ? AND c.revoked_at IS NOT NULL AND e.actor_id IS NULL AND c.revocation_source LIKE 'http%'
		AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.token_id = c.token_id AND (i.state = 'open' OR i.entry_index > c.revocation_entry))`+inUse+`
		ORDER BY c.revocation_entry`, string(school)); err != nil {
		return nil, fmt.Errorf("list revocations that nobody asked for: %w", err)
	}
	return found, nil
}
