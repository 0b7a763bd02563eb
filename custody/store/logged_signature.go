package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
)

// LoggedSignature is a signature of the log with what it rests on.
type LoggedSignature struct {
	CMS             []byte // DER
	ByteRangeDigest string // hex
	CertificateDER  []byte
	RevokedAt       *time.Time // as the register knows it
	Custodian       string     // "" once erased
	Since           time.Time  // of the custody that it was made under
	CustodyEntry    int64
	AuthorityEntry  int64              // the paper that lent its capacity; 0 = none
	Reports         []custody.Incident // of its token, oldest first
}

// LoggedSignature returns the signature that an entry records. The actor must see the
// entry; one of another type is not found.
func (s *Store) LoggedSignature(ctx context.Context, actor custody.Actor, index int64) (LoggedSignature, error) {
	if _, err := s.entryRow(ctx, actor, index); err != nil {
		return LoggedSignature{}, err
	}
	var row struct {
		CMS       []byte `db:"cms"`
		Digest    string `db:"byte_range_digest"`
		DER       []byte `db:"der"`
		RevokedAt *stamp `db:"revoked_at"`
		Token     string `db:"token_id"`
		Custodian string `db:"custodian"`
		Since     stamp  `db:"since_at"`
		Custody   int64  `db:"custody_entry"`
		Authority *int64 `db:"authority_entry"`
	}
	err := s.reader.get(ctx, &row, `SELECT s.cms, s.byte_range_digest, c.der, c.revoked_at, g.token_id, `+fmt.Sprintf(nameOf, "k.person_id")+` AS custodian, k.since_at, g.custody_entry, g.authority_entry
		FROM signatures s JOIN grants g ON g.id = s.grant_id
		JOIN certificates c ON c.school_id = s.school_id AND c.sha256 = s.certificate_sha256
		JOIN custodies k ON k.school_id = g.school_id AND k.entry_index = g.custody_entry
		WHERE s.school_id = ? AND s.entry_index = ?`, string(actor.School), index)
	if errors.Is(err, sql.ErrNoRows) {
		return LoggedSignature{}, custody.NotFound("signature")
	}
	if err != nil {
		return LoggedSignature{}, fmt.Errorf("read signature of entry %d: %w", index, err)
	}
	out := LoggedSignature{CMS: row.CMS, ByteRangeDigest: row.Digest, CertificateDER: row.DER, RevokedAt: row.RevokedAt.moment(), Custodian: row.Custodian, Since: row.Since.Time,
		CustodyEntry: row.Custody, AuthorityEntry: indexOr0(row.Authority)}
	var incidents []incidentRow
	if err := s.reader.list(ctx, &incidents, `SELECT `+incidentColumns+` FROM incidents i WHERE i.school_id = ? AND i.token_id = ? ORDER BY i.entry_index`, string(actor.School), row.Token); err != nil {
		return LoggedSignature{}, fmt.Errorf("read incidents: %w", err)
	}
	for _, incident := range incidents {
		out.Reports = append(out.Reports, incident.incident())
	}
	return out, nil
}

// GrantedSignature is what the document itself shows of a grant's signature, with what
// Standing asks for it by.
type GrantedSignature struct {
	Certificate     string // SHA-256 of its DER, hex
	ByteRangeDigest string // hex
	Signer          string // full name; "" once erased
	Title           string // position on the day of the grant
	Number, Symbol  string // of the document
	Kind            string
}

// SignatureOfGrant returns the signature that was recorded for a grant; not found while
// there is none. Whoever knows the grant's ID may ask: it stands in the signed document.
func (s *Store) SignatureOfGrant(ctx context.Context, school custody.SchoolID, grant custody.GrantID) (GrantedSignature, error) {
	var row struct {
		Certificate string `db:"certificate_sha256"`
		Digest      string `db:"byte_range_digest"`
		Signer      string `db:"signer"`
		Title       string `db:"title"`
		Number      string `db:"document_number"`
		Symbol      string `db:"document_symbol"`
		Kind        string `db:"document_kind"`
	}
	err := s.reader.get(ctx, &row, `SELECT s.certificate_sha256, s.byte_range_digest, `+fmt.Sprintf(nameOf, "g.person_id")+` AS signer, g.title, g.document_number, g.document_symbol, g.document_kind
		FROM signatures s JOIN grants g ON g.id = s.grant_id WHERE g.id = ? AND g.school_id = ?`, string(grant), string(school))
	if errors.Is(err, sql.ErrNoRows) {
		return GrantedSignature{}, custody.NotFound("signature")
	}
	if err != nil {
		return GrantedSignature{}, fmt.Errorf("read signature of grant: %w", err)
	}
	return GrantedSignature{Certificate: row.Certificate, ByteRangeDigest: row.Digest, Signer: row.Signer, Title: row.Title,
		Number: row.Number, Symbol: row.Symbol, Kind: row.Kind}, nil
}
