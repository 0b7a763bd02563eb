package store

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"sokyso/custody"
)

// signInKeyContext separates the key of sign-in numbers from the log's, out of which it
// is made: replicas that share the log's key share it, and it is in no table.
const signInKeyContext = "sokyso token sign-in number key 1"

// signInKey derives that key (HKDF-SHA-256, RFC 5869).
func signInKey(logKey string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, []byte(logKey), nil, signInKeyContext, 32)
	if err != nil {
		return nil, fmt.Errorf("key of sign-in numbers: %w", err)
	}
	return key, nil
}

// signInNumber is the six digits that the agent shows after the token has signed. They
// follow from the signature and the key, so that an answer that was lost on the way is
// given again, and stand in no table.
func (s *Store) signInNumber(id custody.SignInID, nonce, cms string) (string, error) {
	if s.signInKey == nil {
		return "", &custody.Error{Kind: custody.ErrUnavailable, Code: custody.CodeUnavailable, Params: map[string]string{"reason": custody.ReasonLogKey}}
	}
	h := hmac.New(sha256.New, s.signInKey)
	fmt.Fprintf(h, "%s\n%s\n%s\n", id, nonce, cms)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(h.Sum(nil))%1_000_000), nil
}

// openSignIns bounds the browsers of a school that wait at a time.
const openSignIns = 2000

// NewSignIn is a browser that is to wait.
type NewSignIn struct {
	Cookie  string // what its cookie holds; only its hash is kept
	Before  string // what it held before, with which it may have waited already
	Site    string
	Device  string
	Address string
}

// OpenedSignIn is a waiting browser; the code is told this once.
type OpenedSignIn struct {
	Code    string // 8 characters
	Expires time.Time
}

// OpenSignIn has a browser wait for a token's signature. It waits for one at a time: an
// earlier one ends. Those that have expired are removed.
func (s *Store) OpenSignIn(ctx context.Context, school custody.SchoolID, n NewSignIn) (OpenedSignIn, error) {
	now, cookie := s.now(), sha256Hex([]byte(n.Cookie))
	if _, err := s.writer.exec(ctx, `DELETE FROM token_sign_ins WHERE expires_at <= ? OR cookie_sha256 = ? OR cookie_sha256 = ?`, at(now), cookie, sha256Hex([]byte(n.Before))); err != nil {
		return OpenedSignIn{}, fmt.Errorf("remove old sign-ins: %w", err)
	}
	var open int
	if err := s.reader.get(ctx, &open, `SELECT COUNT(*) FROM token_sign_ins WHERE school_id = ?`, string(school)); err != nil {
		return OpenedSignIn{}, fmt.Errorf("count sign-ins: %w", err)
	}
	if open >= openSignIns {
		return OpenedSignIn{}, custody.Conflict(custody.ReasonTooManySignIns)
	}
	nonce := make([]byte, 32)
	rand.Read(nonce)
	code, issued := randomCode(finderLength+secretLength), at(now)
	expires := issued.Add(custody.SignInLifetime)
	if _, err := s.writer.exec(ctx, `INSERT INTO token_sign_ins (id, school_id, code_sha256, cookie_sha256, nonce, site, device, address, issued_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		newID(), string(school), sha256Hex([]byte(code)), cookie, hex.EncodeToString(nonce), n.Site, n.Device, n.Address, issued, at(expires)); err != nil {
		return OpenedSignIn{}, fmt.Errorf("write sign-in: %w", err)
	}
	return OpenedSignIn{Code: code, Expires: expires}, nil
}

// SignInState says how far a waiting browser is.
type SignInState string

// The states.
const (
	SignInWaits  SignInState = "waiting"
	SignInSigned SignInState = "signed" // the number is to be typed
	SignInEnded  SignInState = "ended"
)

// SignInState tells how far the browser with that cookie is.
func (s *Store) SignInState(ctx context.Context, school custody.SchoolID, cookie string) (SignInState, error) {
	var signed bool
	err := s.reader.get(ctx, &signed, `SELECT cms_sha256 IS NOT NULL FROM token_sign_ins WHERE school_id = ? AND cookie_sha256 = ? AND expires_at > ? AND tries < ?`,
		string(school), sha256Hex([]byte(cookie)), at(s.now()), custody.SignInTries)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return SignInEnded, nil
	case err != nil:
		return "", fmt.Errorf("read sign-in: %w", err)
	case signed:
		return SignInSigned, nil
	}
	return SignInWaits, nil
}

type signInRow struct {
	ID          string  `db:"id"`
	Nonce       string  `db:"nonce"`
	Site        string  `db:"site"`
	Device      string  `db:"device"`
	Address     string  `db:"address"`
	IssuedAt    stamp   `db:"issued_at"`
	ExpiresAt   stamp   `db:"expires_at"`
	Person      *string `db:"person_id"`
	Token       *string `db:"token_id"`
	Serial      *string `db:"serial"`
	Certificate *string `db:"certificate_sha256"`
	CMS         *string `db:"cms_sha256"`
	DER         []byte  `db:"der"`
}

const signInQuery = `SELECT s.id, s.nonce, s.site, s.device, s.address, s.issued_at, s.expires_at, s.person_id, s.token_id, t.serial, s.certificate_sha256, s.cms_sha256, x.der
	FROM token_sign_ins s LEFT JOIN tokens t ON t.id = s.token_id
	LEFT JOIN certificates x ON x.school_id = s.school_id AND x.sha256 = s.certificate_sha256 WHERE s.school_id = ?`

// signIn is a row that an agent has asked by.
func (r signInRow) signIn(school custody.SchoolID) custody.SignIn {
	return custody.SignIn{ID: custody.SignInID(r.ID), School: school, Person: custody.PersonID(*r.Person), Token: custody.TokenID(*r.Token), TokenSerial: *r.Serial,
		CertificateSHA256: *r.Certificate, Site: r.Site, Device: r.Device, Address: r.Address, Nonce: r.Nonce, IssuedAt: r.IssuedAt.Time, ExpiresAt: r.ExpiresAt.Time}
}

// signInEnded says that there is none (any more).
func signInEnded() error { return custody.Conflict(custody.ReasonSignInEnded) }

// ClaimSignIn tells the agent that asks by the code of a waiting browser what its token
// is to sign, and binds the code to its person, token and certificate: nobody else can
// answer. The same agent may ask again until it has signed.
func (s *Store) ClaimSignIn(ctx context.Context, actor custody.Actor, code, serial, certificate string) (custody.SignIn, error) {
	if actor.Key == "" || actor.Person == "" {
		return custody.SignIn{}, custody.Forbidden(custody.ReasonAgentOnly)
	}
	if err := texts("token_serial!", &serial); err != nil {
		return custody.SignIn{}, err
	}
	if !isHash(certificate) {
		return custody.SignIn{}, custody.Invalid("certificate", "not 64 lower-case hexadecimal digits")
	}
	var claimed custody.SignIn
	err := s.write(ctx, actor.School, func(t *tx) error {
		row, err := optional[signInRow](t, signInQuery+` AND s.code_sha256 = ?`, string(t.school), sha256Hex([]byte(cleanCode(code))))
		if err != nil {
			return fmt.Errorf("read sign-in: %w", err)
		}
		if row == nil || !t.now.Before(row.ExpiresAt.Time) {
			return custody.NotFound("sign_in")
		}
		facts, err := t.signInFacts(actor, serial, certificate)
		if err != nil {
			return err
		}
		n, err := t.exec(t.ctx, `UPDATE token_sign_ins SET person_id = ?, token_id = ?, certificate_sha256 = ?
			WHERE id = ? AND cms_sha256 IS NULL AND (person_id IS NULL OR (person_id = ? AND token_id = ? AND certificate_sha256 = ?))`,
			string(actor.Person), string(facts.Token.ID), certificate, row.ID, string(actor.Person), string(facts.Token.ID), certificate)
		if err != nil {
			return fmt.Errorf("claim sign-in: %w", err)
		}
		if n != 1 {
			return custody.Conflict(custody.ReasonSignInTaken)
		}
		person, token := string(actor.Person), string(facts.Token.ID)
		row.Person, row.Token, row.Serial, row.Certificate = &person, &token, &serial, &certificate
		claimed = row.signIn(t.school)
		return nil
	})
	return claimed, unwrapRefusal(err)
}

// signInFacts decides whether a person may sign in with that token now.
func (t *tx) signInFacts(actor custody.Actor, serial, certificate string) (custody.GrantFacts, error) {
	facts, err := t.proofFacts(actor, serial, certificate)
	if err != nil {
		return facts, err
	}
	return facts, asError(custody.DecideSignIn(facts, t.now))
}

// SignIn returns what the actor's agent has asked for, and the certificate that has to
// answer it, as DER. One that is somebody else's is not found.
func (s *Store) SignIn(ctx context.Context, actor custody.Actor, id custody.SignInID) (custody.SignIn, []byte, error) {
	var rows []signInRow
	if err := s.reader.list(ctx, &rows, signInQuery+` AND s.person_id = ? AND s.id = ?`, string(actor.School), string(actor.Person), string(id)); err != nil {
		return custody.SignIn{}, nil, fmt.Errorf("read sign-in: %w", err)
	}
	if len(rows) == 0 || rows[0].Serial == nil {
		return custody.SignIn{}, nil, custody.NotFound("sign_in")
	}
	return rows[0].signIn(actor.School), rows[0].DER, nil
}

// AnswerSignIn takes the token's signature and returns the number that the person types
// in the waiting browser. The caller has verified the CMS over the statement against its
// certificate. Sent again, the same signature has the same number; another is a conflict.
func (s *Store) AnswerSignIn(ctx context.Context, actor custody.Actor, id custody.SignInID, cms []byte) (string, error) {
	if len(cms) == 0 || len(cms) > maxCMS {
		return "", custody.Invalid("cms", "CMS of %d bytes", len(cms))
	}
	hash, number := sha256Hex(cms), ""
	err := s.write(ctx, actor.School, func(t *tx) error {
		row, err := optional[signInRow](t, signInQuery+` AND s.person_id = ? AND s.id = ?`, string(t.school), string(actor.Person), string(id))
		if err != nil {
			return fmt.Errorf("read sign-in: %w", err)
		}
		switch {
		case row == nil || row.Serial == nil:
			return custody.NotFound("sign_in")
		case !t.now.Before(row.ExpiresAt.Time):
			return signInEnded()
		}
		if _, err := t.signInFacts(actor, *row.Serial, *row.Certificate); err != nil {
			return err
		}
		n, err := t.exec(t.ctx, `UPDATE token_sign_ins SET cms_sha256 = ? WHERE id = ? AND (cms_sha256 IS NULL OR cms_sha256 = ?)`, hash, row.ID, hash)
		if err != nil {
			return fmt.Errorf("sign sign-in: %w", err)
		}
		if n != 1 {
			return &custody.Error{Kind: custody.ErrConflict, Code: custody.CodeSignatureConflict}
		}
		number, err = s.signInNumber(id, row.Nonce, hash)
		return err
	})
	return number, unwrapRefusal(err)
}

// FinishSignIn returns whose token has signed for the browser with that cookie, once:
// when the number is that which their agent shows, and all that was true when the token
// signed is true now. A number counts as a try before it is looked at, so that no two
// replicas take one more than there are.
func (s *Store) FinishSignIn(ctx context.Context, school custody.SchoolID, cookie, number string) (custody.PersonID, error) {
	var person custody.PersonID
	var wrong error
	hashed := sha256Hex([]byte(cookie))
	err := s.write(ctx, school, func(t *tx) error {
		person, wrong = "", nil
		row, err := optional[signInRow](t, signInQuery+` AND s.cookie_sha256 = ?`, string(t.school), hashed)
		if err != nil {
			return fmt.Errorf("read sign-in: %w", err)
		}
		switch {
		case row == nil || !t.now.Before(row.ExpiresAt.Time):
			return signInEnded()
		case row.CMS == nil || row.Serial == nil:
			return custody.Conflict(custody.ReasonSignInUnsigned)
		}
		n, err := t.exec(t.ctx, `UPDATE token_sign_ins SET tries = tries + 1 WHERE id = ? AND tries < ?`, row.ID, custody.SignInTries)
		if err != nil {
			return fmt.Errorf("count try: %w", err)
		}
		if n != 1 {
			return signInEnded()
		}
		want, err := s.signInNumber(custody.SignInID(row.ID), row.Nonce, *row.CMS)
		if err != nil {
			return err
		}
		if !hmac.Equal([]byte(want), []byte(number)) {
			var tries int
			if err := t.get(t.ctx, &tries, `SELECT tries FROM token_sign_ins WHERE id = ?`, row.ID); err != nil {
				return fmt.Errorf("count tries: %w", err)
			}
			if wrong = custody.Conflict(custody.ReasonSignInNumber, "left", fmt.Sprint(custody.SignInTries-tries)); tries >= custody.SignInTries {
				wrong = signInEnded()
			}
			return nil // the try stays counted
		}
		actor := custody.Actor{School: t.school, Person: custody.PersonID(*row.Person)}
		if _, err := t.signInFacts(actor, *row.Serial, *row.Certificate); err != nil {
			return err
		}
		used, err := t.exec(t.ctx, `DELETE FROM token_sign_ins WHERE id = ?`, row.ID)
		if err != nil {
			return fmt.Errorf("use sign-in: %w", err)
		}
		if used != 1 {
			return signInEnded()
		}
		person = actor.Person
		return nil
	})
	if err == nil {
		err = wrong
	}
	if err != nil {
		return "", unwrapRefusal(err)
	}
	return person, nil
}
