package store

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"sokyso/custody"
)

// PasskeyQuestionLifetime is how long a sign-in page may lie open before its question of a
// passkey is too old.
const PasskeyQuestionLifetime = time.Hour

// questionKeyContext separates the key of questions from the log's, out of which it is made:
// replicas that share the log's key share it, and it is in no table.
const questionKeyContext = "sokyso passkey question key 1"

// questionKey derives that key (HKDF-SHA-256, RFC 5869).
func questionKey(logKey string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, []byte(logKey), nil, questionKeyContext, 32)
	if err != nil {
		return nil, fmt.Errorf("key of passkey questions: %w", err)
	}
	return key, nil
}

// Lengths of the parts of a question in bytes: when it was put, chance, and the MAC.
const questionTime, questionChance, questionMAC = 8, 16, sha256.Size

// PasskeyQuestion is a challenge that costs the database nothing when it is put, since
// every look at the sign-in page puts one: it says itself when and by whom, under a MAC for
// this school and this browser (a secret of its cookie). nil without a log key.
func (s *Store) PasskeyQuestion(school custody.SchoolID, browser string) []byte {
	if s.questionKey == nil || browser == "" {
		return nil
	}
	q := make([]byte, questionTime+questionChance, questionTime+questionChance+questionMAC)
	binary.BigEndian.PutUint64(q, uint64(s.now().Unix()))
	rand.Read(q[questionTime:])
	return append(q, s.questionSum(school, browser, q)...)
}

func (s *Store) questionSum(school custody.SchoolID, browser string, q []byte) []byte {
	h := hmac.New(sha256.New, s.questionKey)
	fmt.Fprintf(h, "%s\n%x\n%x", school, sha256.Sum256([]byte(browser)), q)
	return h.Sum(nil)
}

// CheckPasskeyQuestion says whether a challenge was put to this browser, not too long ago:
// ErrNotFound where not. That it was not answered before, SpendPasskeyQuestion says.
func (s *Store) CheckPasskeyQuestion(school custody.SchoolID, browser string, question []byte) error {
	if s.questionKey == nil || browser == "" || len(question) != questionTime+questionChance+questionMAC {
		return custody.NotFound("challenge")
	}
	said, sum := question[:questionTime+questionChance], question[questionTime+questionChance:]
	// One put by a replica whose clock goes before is taken, as long as it is not older than it may be.
	if put := time.Unix(int64(binary.BigEndian.Uint64(said)), 0); !hmac.Equal(sum, s.questionSum(school, browser, said)) || !s.now().Before(put.Add(PasskeyQuestionLifetime)) {
		return custody.NotFound("challenge")
	}
	return nil
}

// SpendPasskeyQuestion remembers that a question was answered, until it is too old anyway:
// ErrNotFound where it was before. Of two answers at the same time one gets it.
func (s *Store) SpendPasskeyQuestion(ctx context.Context, school custody.SchoolID, question []byte) error {
	now := s.now()
	if _, err := s.writer.exec(ctx, `DELETE FROM passkey_challenges WHERE expires_at <= ?`, at(now)); err != nil {
		return fmt.Errorf("clear expired challenges: %w", err)
	}
	// No session has this hash: what it is of does not begin as a session's secret does.
	key := sha256Hex(append([]byte("answered\x00"), question...))
	n, err := s.writer.exec(ctx, `INSERT INTO passkey_challenges (session_sha256, purpose, school_id, name, asked, asked_sha256, expires_at) VALUES (?, ?, ?, '', ?, ?, ?)
		ON CONFLICT (session_sha256, purpose) DO NOTHING`, key, string(PasskeySignIn), string(school), []byte{}, key, at(now.Add(2*PasskeyQuestionLifetime)))
	if err != nil {
		return fmt.Errorf("keep answered challenge: %w", err)
	}
	if n == 0 {
		return custody.NotFound("challenge")
	}
	return nil
}
