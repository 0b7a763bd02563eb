package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
)

// knownFor is how long a browser stays known after the last sign-in in it.
const knownFor = 180 * 24 * time.Hour

// KnownDevice reports whether somebody has signed in to the account of that username in
// the browser whose cookie holds device.
func (s *Store) KnownDevice(ctx context.Context, school custody.SchoolID, device, username string) (bool, error) {
	if device == "" {
		return false, nil
	}
	var n int
	if err := s.reader.get(ctx, &n, `SELECT COUNT(*) FROM known_devices d JOIN accounts a ON a.person_id = d.person_id
		WHERE d.device_sha256 = ? AND a.school_id = ? AND a.username = ? AND d.seen_at > ?`, sha256Hex([]byte(device)), string(school), Username(username), at(s.now().Add(-knownFor))); err != nil {
		return false, fmt.Errorf("read known device: %w", err)
	}
	return n > 0, nil
}

// NoteDevice makes a browser known for a person. Its cookie's old value, "" for none, is
// replaced for everybody who signs in there: one that was planted or copied before is
// worth nothing afterwards.
func (s *Store) NoteDevice(ctx context.Context, person custody.PersonID, old, device string) error {
	hash := sha256Hex([]byte(device))
	if old != "" {
		if _, err := s.writer.exec(ctx, `UPDATE known_devices SET device_sha256 = ? WHERE device_sha256 = ?`, hash, sha256Hex([]byte(old))); err != nil {
			return fmt.Errorf("note device: %w", err)
		}
	}
	if _, err := s.writer.exec(ctx, `INSERT INTO known_devices (device_sha256, person_id, seen_at) VALUES (?, ?, ?)
		ON CONFLICT (device_sha256, person_id) DO UPDATE SET seen_at = excluded.seen_at`, hash, string(person), at(s.now())); err != nil {
		return fmt.Errorf("note device: %w", err)
	}
	if _, err := s.writer.exec(ctx, `DELETE FROM known_devices WHERE person_id = ? AND seen_at <= ?`, string(person), at(s.now().Add(-knownFor))); err != nil {
		return fmt.Errorf("forget devices: %w", err)
	}
	return nil
}
