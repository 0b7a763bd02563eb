package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"sokyso/custody"
	"sokyso/custody/signinglog"
)

// MaxSignedPaper bounds a signed copy, in bytes; provinces' rules take files of at
// most 50 MB (Quyết định 161/2025/QĐ-UBND Ninh Bình, Article 8).
const MaxSignedPaper = 50 << 20

// partSize bounds a row of signed_paper_parts.
const partSize = 1 << 20

// KeepSignedPaper keeps a signed copy of a paper. The caller has checked its
// signatures; that it begins with the paper's own bytes is checked here.
func (s *Store) KeepSignedPaper(ctx context.Context, actor custody.Actor, id custody.PaperID, n NewSignedPaper) (SignedPaperRow, error) {
	if len(n.Bytes) > MaxSignedPaper {
		return SignedPaperRow{}, custody.Invalid("file", "%d bytes", len(n.Bytes))
	}
	if n.Signatures < 1 {
		return SignedPaperRow{}, custody.Conflict(custody.ReasonNotSigned)
	}
	pdf, err := s.PaperPDF(ctx, actor, id)
	if err != nil {
		return SignedPaperRow{}, err
	}
	if !bytes.HasPrefix(n.Bytes, pdf) {
		return SignedPaperRow{}, custody.Conflict(custody.ReasonOtherPaper)
	}
	row := signedPaperRow{rowBase: rowBase{ID: newID(), School: string(actor.School)}, Paper: string(id), SHA256: sha256Hex(n.Bytes), Size: int64(len(n.Bytes)),
		Signatures: n.Signatures, KeptBy: string(actor.Person)}
	err = s.write(ctx, actor.School, func(t *tx) error {
		paper, err := optional[paperRow](t, `SELECT `+paperColumns+` FROM papers p WHERE p.school_id = ? AND p.id = ?`, row.School, row.Paper)
		if err != nil {
			return fmt.Errorf("keep signed paper: %w", err)
		}
		if paper == nil {
			return custody.NotFound("paper")
		}
		var kept int
		if err := t.get(t.ctx, &kept, `SELECT COUNT(*) FROM signed_papers WHERE school_id = ? AND sha256 = ?`, row.School, row.SHA256); err != nil {
			return fmt.Errorf("keep signed paper: %w", err)
		}
		if kept > 0 {
			return custody.Conflict(custody.ReasonDuplicate, "field", "file")
		}
		row.KeptAt, row.PaperEntry, row.Token = at(t.now), paper.Entry, paper.Token
		if row.Entry, err = t.append(signinglog.TypeSignedPaper, actor, row.fields(), map[string]string{"signers": signinglog.CleanText(n.Signers)}); err != nil {
			return err
		}
		if err := t.insertRow(`INSERT INTO signed_papers (id, school_id, paper_id, sha256, size, signatures, kept_by, kept_at, entry_index)`,
			row.ID, row.School, row.Paper, row.SHA256, row.Size, row.Signatures, orNull(row.KeptBy), row.KeptAt, row.Entry); err != nil {
			return fmt.Errorf("keep signed paper: %w", err)
		}
		part := 0
		for chunk := range slices.Chunk(n.Bytes, partSize) {
			if err := t.insertRow(`INSERT INTO signed_paper_parts (signed_paper_id, part, bytes)`, row.ID, part, chunk); err != nil {
				return fmt.Errorf("keep signed paper: %w", err)
			}
			part++
		}
		return nil
	})
	if err != nil {
		return SignedPaperRow{}, err
	}
	rows, err := s.signedPapers(ctx, actor, ` AND s.id = ?`, row.ID)
	if err != nil {
		return SignedPaperRow{}, err
	}
	if len(rows) == 0 {
		return SignedPaperRow{}, custody.NotFound("signed_paper")
	}
	return rows[0], nil
}

type listedSignedPaper struct {
	signedPaperRow
	Keeper  string `db:"keeper"`
	Signers string `db:"signers"`
}

var querySignedPapers = `SELECT ` + signedPaperColumns + `, ` + fmt.Sprintf(nameOf, "s.kept_by") + ` AS keeper, ` + revealOf("s", "signers") + ` AS signers
	FROM signed_papers s JOIN papers p ON p.id = s.paper_id WHERE s.school_id = ?`

func (s *Store) signedPapers(ctx context.Context, actor custody.Actor, condition string, args ...any) ([]SignedPaperRow, error) {
	seen, rights := paperSeen(actor)
	var listed []listedSignedPaper
	if err := s.reader.list(ctx, &listed, querySignedPapers+seen+condition+` ORDER BY s.entry_index`, slices.Concat([]any{string(actor.School)}, rights, args)...); err != nil {
		return nil, fmt.Errorf("list signed papers: %w", err)
	}
	rows := make([]SignedPaperRow, 0, len(listed))
	for _, r := range listed {
		rows = append(rows, SignedPaperRow{ID: custody.SignedPaperID(r.ID), Paper: custody.PaperID(r.Paper), SHA256: r.SHA256, Size: r.Size, Signatures: r.Signatures,
			Signers: r.Signers, KeptBy: r.Keeper, KeptAt: r.KeptAt.Time, Entry: r.Entry})
	}
	return rows, nil
}

// SignedPapers lists the signed copies of a paper, the oldest first.
func (s *Store) SignedPapers(ctx context.Context, actor custody.Actor, paper custody.PaperID) ([]SignedPaperRow, error) {
	return s.signedPapers(ctx, actor, ` AND s.paper_id = ?`, string(paper))
}

// SignedPaper returns a signed copy of a paper, byte for byte as it was kept.
func (s *Store) SignedPaper(ctx context.Context, actor custody.Actor, paper custody.PaperID, id custody.SignedPaperID) ([]byte, error) {
	seen, rights := paperSeen(actor)
	var row signedPaperRow
	err := s.reader.get(ctx, &row, `SELECT `+signedPaperColumns+` FROM signed_papers s JOIN papers p ON p.id = s.paper_id WHERE s.school_id = ?`+seen+` AND s.paper_id = ? AND s.id = ?`,
		slices.Concat([]any{string(actor.School)}, rights, []any{string(paper), string(id)})...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, custody.NotFound("signed_paper")
	}
	if err != nil {
		return nil, fmt.Errorf("read signed paper: %w", err)
	}
	var parts [][]byte
	if err := s.reader.list(ctx, &parts, `SELECT bytes FROM signed_paper_parts WHERE signed_paper_id = ? ORDER BY part`, row.ID); err != nil {
		return nil, fmt.Errorf("read signed paper: %w", err)
	}
	file := bytes.Join(parts, nil)
	if sha256Hex(file) != row.SHA256 {
		return nil, fmt.Errorf("read signed paper %s: %w: run custodyd log verify", row.ID, ErrDamaged)
	}
	return file, nil
}

// CertificateHolder returns whose certificate it is: the owner of a personal token,
// the school for its seal; "" for a certificate that is not registered.
func (s *Store) CertificateHolder(ctx context.Context, actor custody.Actor, sha256 string) (string, error) {
	var row struct {
		Kind   string `db:"kind"`
		Owner  string `db:"owner"`
		School string `db:"name"`
	}
	err := s.reader.get(ctx, &row, `SELECT t.kind, `+fmt.Sprintf(nameOf, "t.owner_id")+` AS owner, c.name FROM certificates x JOIN tokens t ON t.id = x.token_id
		JOIN schools c ON c.id = x.school_id WHERE x.school_id = ? AND x.sha256 = ?`, string(actor.School), sha256)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read certificate: %w", err)
	}
	if custody.TokenKind(row.Kind) == custody.Seal {
		return row.School, nil
	}
	return row.Owner, nil
}
