package store

import (
	"context"
	"fmt"
	"time"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// FoundSignature is a signature of a document. The caller has verified it with its
// certificate, and that the document has not changed under it.
type FoundSignature struct {
	Certificate     string // SHA-256 of the DER, hex
	ByteRangeDigest string // hex
	CMS             []byte
	Field           string
	StatedAt        time.Time // by the signature; zero = it states none
	FileSHA256      string    // hex
	FileName        string
}

func (f FoundSignature) check() error {
	switch {
	case !isHash(f.Certificate):
		return custody.Invalid("certificate", "not 64 lower-case hexadecimal digits")
	case !isDigest(f.ByteRangeDigest):
		return custody.Invalid("byte_range_digest", "not 64, 96 or 128 lower-case hexadecimal digits")
	case !isHash(f.FileSHA256):
		return custody.Invalid("file_sha256", "not 64 lower-case hexadecimal digits")
	case len(f.CMS) == 0 || len(f.CMS) > maxCMS:
		return custody.Invalid("cms", "CMS of %d bytes", len(f.CMS))
	case f.Field == "" || len(f.Field) > 255:
		return custody.Invalid("field", "field name %.40q", f.Field)
	}
	return nil
}

// Found is what the log knows of a found signature.
type Found struct {
	Token    custody.TokenID // "" = its certificate is not registered: nothing of the school's
	Logged   int64           // entry of the signature; 0 = the log does not have it
	Unlogged int64           // entry that says so; 0 = none
	New      bool            // which was made now
}

type unloggedRow struct {
	rowBase
	Token       string `db:"token_id"`
	Person      string `db:"person_id"`
	Certificate string `db:"certificate_sha256"`
	Digest      string `db:"byte_range_digest"`
	CMS         []byte `db:"cms"`
	FileSHA256  string `db:"file_sha256"`
	Field       string `db:"signature_field"`
	StatedAt    *stamp `db:"stated_at"`
	FoundBy     string `db:"found_by"`
	FoundAt     stamp  `db:"found_at"`
}

const unloggedColumns = `w.id, w.school_id, w.token_id, COALESCE(w.person_id, '') AS person_id, w.certificate_sha256, w.byte_range_digest, w.cms, w.file_sha256, w.signature_field,
	w.stated_at, w.found_by, w.found_at, w.entry_index`

func (r unloggedRow) entry() (int64, signinglog.Type, time.Time) {
	return r.Entry, signinglog.TypeUnlogged, r.FoundAt.Time
}

func (r unloggedRow) fields() map[string]string {
	f := map[string]string{signinglog.FieldActor: r.FoundBy, "unlogged": r.ID, signinglog.FieldToken: r.Token, signinglog.FieldPerson: r.Person,
		signinglog.FieldCertificate: r.Certificate, "byte_range_digest": r.Digest, "cms_sha256": sha256Hex(r.CMS), "file_sha256": r.FileSHA256, "signature_field": r.Field}
	if r.StatedAt != nil {
		f["stated_at"] = signinglog.FormatTime(r.StatedAt.Time)
	}
	return f
}

// FindSignature holds a signature that was found in a document against the log. One by
// a registered certificate that the log does not have is recorded, once: it was made
// outside of the register, with a token that the register says is somebody's.
func (s *Store) FindSignature(ctx context.Context, actor custody.Actor, f FoundSignature) (Found, error) {
	if err := custody.CanReviewLog(actor); err != nil {
		return Found{}, err
	}
	f.Field = signinglog.CleanText(f.Field)
	if err := f.check(); err != nil {
		return Found{}, err
	}
	if err := texts("file_name", &f.FileName); err != nil {
		return Found{}, err
	}
	var found Found
	err := s.write(ctx, actor.School, func(t *tx) error {
		found = Found{}
		var err error
		found, err = t.findSignature(actor, f)
		return err
	})
	return found, err
}

func (t *tx) findSignature(actor custody.Actor, f FoundSignature) (Found, error) {
	token, err := optional[string](t, `SELECT token_id FROM certificates WHERE school_id = ? AND sha256 = ?`, string(t.school), f.Certificate)
	if err != nil || token == nil {
		return Found{}, err
	}
	found := Found{Token: custody.TokenID(*token)}
	for table, index := range map[string]*int64{"signatures": &found.Logged, "unlogged_signatures": &found.Unlogged} {
		known, err := optional[int64](t, `SELECT entry_index FROM `+table+` WHERE school_id = ? AND byte_range_digest = ? AND certificate_sha256 = ?`, string(t.school), f.ByteRangeDigest, f.Certificate)
		if err != nil {
			return Found{}, fmt.Errorf("look for a signature in %s: %w", table, err)
		}
		*index = indexOr0(known)
	}
	if found.Logged > 0 || found.Unlogged > 0 {
		return found, nil
	}
	row := unloggedRow{rowBase: rowBase{ID: newID(), School: string(t.school)}, Token: *token, Certificate: f.Certificate, Digest: f.ByteRangeDigest, CMS: f.CMS, FileSHA256: f.FileSHA256,
		Field: f.Field, FoundBy: string(actor.Person), FoundAt: at(t.now)}
	if !f.StatedAt.IsZero() && f.StatedAt.Year() >= 1970 && f.StatedAt.Year() <= 9999 {
		stated := at(f.StatedAt)
		row.StatedAt = &stated
		holder, err := optional[string](t, `SELECT person_id FROM custodies WHERE school_id = ? AND token_id = ? AND since_at <= ? AND (until_at IS NULL OR until_at > ?)
			ORDER BY entry_index DESC LIMIT 1`, string(t.school), *token, stated, stated)
		if err != nil {
			return Found{}, fmt.Errorf("read custody: %w", err)
		}
		if holder != nil {
			row.Person = *holder
		}
	}
	if row.Person == "" { // whose name the certificate bears
		owner, err := optional[string](t, `SELECT COALESCE(owner_id, '') FROM tokens WHERE id = ?`, *token)
		if err != nil {
			return Found{}, fmt.Errorf("read token: %w", err)
		}
		if owner != nil {
			row.Person = *owner
		}
	}
	if row.Entry, err = t.append(signinglog.TypeUnlogged, actor, row.fields(), map[string]string{"file_name": f.FileName}); err != nil {
		return Found{}, err
	}
	if err := t.insertRow(`INSERT INTO unlogged_signatures (id, school_id, token_id, person_id, certificate_sha256, byte_range_digest, cms, file_sha256, signature_field, stated_at, found_by, found_at, entry_index)`,
		row.ID, row.School, row.Token, orNull(row.Person), row.Certificate, row.Digest, row.CMS, row.FileSHA256, row.Field, row.StatedAt, row.FoundBy, row.FoundAt, row.Entry); err != nil {
		return Found{}, fmt.Errorf("record a signature outside the log: %w", err)
	}
	found.Unlogged, found.New = row.Entry, true
	return found, nil
}

// Registered reports whether a certificate, by its SHA-256 in hex, is one of the school's tokens.
func (s *Store) Registered(ctx context.Context, actor custody.Actor, certificate string) (bool, error) {
	var n []int
	if err := s.reader.list(ctx, &n, `SELECT 1 FROM certificates WHERE school_id = ? AND sha256 = ?`, string(actor.School), certificate); err != nil {
		return false, fmt.Errorf("look for a certificate: %w", err)
	}
	return len(n) > 0, nil
}
