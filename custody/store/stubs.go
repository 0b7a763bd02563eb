package store

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

var errNotYet = errors.New("not yet")

func (s *Store) CreateSchool(ctx context.Context, n NewSchool) (custody.School, error) {
	return custody.School{}, errNotYet
}
func (s *Store) School(ctx context.Context) (custody.School, error) {
	return custody.School{}, errNotYet
}
func (s *Store) CreatePerson(ctx context.Context, actor custody.Actor, n NewPerson) (custody.Person, error) {
	return custody.Person{}, errNotYet
}
func (s *Store) AddPosition(ctx context.Context, actor custody.Actor, person custody.PersonID, p custody.Position) error {
	return errNotYet
}
func (s *Store) AddScope(ctx context.Context, actor custody.Actor, person custody.PersonID, p custody.Scope) error {
	return errNotYet
}
func (s *Store) People(ctx context.Context, actor custody.Actor) ([]PersonRow, error) {
	return nil, errNotYet
}
func (s *Store) Person(ctx context.Context, actor custody.Actor, id custody.PersonID) (PersonRow, error) {
	return PersonRow{}, errNotYet
}
func (s *Store) AccountByUsername(ctx context.Context, school custody.SchoolID, username string) (Account, error) {
	return Account{}, errNotYet
}
func (s *Store) SetPassword(ctx context.Context, actor custody.Actor, person custody.PersonID, hash string) error {
	return errNotYet
}
func (s *Store) ActorOf(ctx context.Context, school custody.SchoolID, person custody.PersonID, via custody.Via) (custody.Actor, Me, error) {
	return custody.Actor{}, Me{}, errNotYet
}
func (s *Store) Sessions() *SessionStore { return &SessionStore{} }

type SessionStore struct{}

func (s *SessionStore) Find(token string) ([]byte, bool, error)               { return nil, false, errNotYet }
func (s *SessionStore) Commit(token string, b []byte, expiry time.Time) error { return errNotYet }
func (s *SessionStore) Delete(token string) error                             { return errNotYet }
func (s *SessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return nil, false, errNotYet
}
func (s *SessionStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	return errNotYet
}
func (s *SessionStore) DeleteCtx(ctx context.Context, token string) error { return errNotYet }

func (s *Store) CreatePairingCode(ctx context.Context, actor custody.Actor) (string, time.Time, error) {
	return "", time.Time{}, errNotYet
}
func (s *Store) Pair(ctx context.Context, code, device string) (string, custody.Actor, error) {
	return "", custody.Actor{}, errNotYet
}
func (s *Store) ActorByAPIKey(ctx context.Context, key string) (custody.Actor, error) {
	return custody.Actor{}, errNotYet
}

func (s *Store) RegisterToken(ctx context.Context, actor custody.Actor, n NewToken) (custody.Token, error) {
	return custody.Token{}, errNotYet
}
func (s *Store) Tokens(ctx context.Context, actor custody.Actor) ([]TokenRow, error) {
	return nil, errNotYet
}
func (s *Store) TokensOf(ctx context.Context, actor custody.Actor) ([]TokenRow, error) {
	return nil, errNotYet
}
func (s *Store) Token(ctx context.Context, actor custody.Actor, id custody.TokenID) (TokenRow, error) {
	return TokenRow{}, errNotYet
}
func (s *Store) OfferHandOver(ctx context.Context, actor custody.Actor, n NewHandOver) (HandOverRow, error) {
	return HandOverRow{}, errNotYet
}
func (s *Store) AcceptHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return HandOverRow{}, errNotYet
}
func (s *Store) DeclineHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return HandOverRow{}, errNotYet
}
func (s *Store) WithdrawHandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return HandOverRow{}, errNotYet
}
func (s *Store) HandOver(ctx context.Context, actor custody.Actor, id custody.HandOverID) (HandOverRow, error) {
	return HandOverRow{}, errNotYet
}
func (s *Store) HandOvers(ctx context.Context, actor custody.Actor) ([]HandOverRow, error) {
	return nil, errNotYet
}
func (s *Store) ReportIncident(ctx context.Context, actor custody.Actor, n NewIncident) (IncidentRow, error) {
	return IncidentRow{}, errNotYet
}
func (s *Store) Incidents(ctx context.Context, actor custody.Actor) ([]IncidentRow, error) {
	return nil, errNotYet
}
func (s *Store) SetRevocation(ctx context.Context, actor custody.Actor, sha256 string, revokedAt *time.Time, source string) error {
	return errNotYet
}

func (s *Store) RequestGrant(ctx context.Context, actor custody.Actor, r custody.GrantRequest) (GrantRow, error) {
	return GrantRow{}, errNotYet
}
func (s *Store) Grant(ctx context.Context, actor custody.Actor, id custody.GrantID) (GrantRow, error) {
	return GrantRow{}, errNotYet
}
func (s *Store) RecordSignature(ctx context.Context, actor custody.Actor, grant custody.GrantID, r Record) (signinglog.Receipt, error) {
	return signinglog.Receipt{}, errNotYet
}
func (s *Store) AbandonGrant(ctx context.Context, actor custody.Actor, grant custody.GrantID, reason string) error {
	return errNotYet
}
func (s *Store) UnconfirmedGrants(ctx context.Context, actor custody.Actor) ([]GrantRow, error) {
	return nil, errNotYet
}

func (s *Store) Checkpoint(ctx context.Context, school custody.SchoolID) ([]byte, error) {
	return nil, errNotYet
}
func (s *Store) Entries(ctx context.Context, actor custody.Actor, f LogFilter) (LogPage, error) {
	return LogPage{}, errNotYet
}
func (s *Store) Entry(ctx context.Context, actor custody.Actor, index int64) (LogRow, error) {
	return LogRow{}, errNotYet
}
func (s *Store) Receipt(ctx context.Context, actor custody.Actor, index int64) (signinglog.Receipt, error) {
	return signinglog.Receipt{}, errNotYet
}
func (s *Store) InclusionProof(ctx context.Context, school custody.SchoolID, index, size int64) ([]tlog.Hash, error) {
	return nil, errNotYet
}
func (s *Store) ConsistencyProof(ctx context.Context, school custody.SchoolID, from, to int64) ([]tlog.Hash, error) {
	return nil, errNotYet
}
func (s *Store) VerifyLog(ctx context.Context, school custody.SchoolID, vkey string) (VerifyReport, error) {
	return VerifyReport{}, errNotYet
}
