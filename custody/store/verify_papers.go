package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"

	"sokyso/custody/signinglog"
)

// madePapers remembers which PDF came out of which facts. Papers are pure functions
// of their facts: one that was made once in this process need not be made again to
// be compared.
type madePapers struct {
	mu   sync.Mutex
	sums map[string]string // SHA-256 of the PDF by paperKey
}

const mostMade = 50_000

func paperKey(kind string, version int, facts string) string {
	return kind + " " + strconv.Itoa(version) + " " + facts
}

func (m *madePapers) note(key, sum string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sums == nil || len(m.sums) >= mostMade {
		m.sums = map[string]string{}
	}
	m.sums[key] = sum
}

func (m *madePapers) sum(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sums[key]
}

// papers compares each paper with its entry: the columns, the facts, and that the
// PDF which the entry commits to comes out of them.
func (v *verification) papers() error {
	if err := checkTable[paperRow](v, "papers p", paperColumns, "p.", signinglog.TypePaper, nil); err != nil {
		return err
	}
	rows, err := v.tx.QueryxContext(v.ctx, v.tx.Rebind(`SELECT `+keptPaperColumns+`, p.entry_index FROM papers p WHERE p.school_id = ? ORDER BY p.entry_index`), v.school)
	if err != nil {
		return fmt.Errorf("verify papers: %w", driverError(err))
	}
	defer rows.Close()
	for rows.Next() {
		var row struct {
			keptPaper
			Entry int64 `db:"entry_index"`
		}
		if err := rows.StructScan(&row); err != nil {
			return fmt.Errorf("verify papers: %w", err)
		}
		switch {
		case row.SHA256 == "" || row.PDF == "":
			continue // erased: what is kept of it proves nothing any more
		case row.Facts == nil:
			v.found(row.Entry, "the facts of the paper are missing in the register")
		case v.store.madePapers.sum(paperKey(row.Kind, row.Version, sha256Hex(row.Facts))) == row.PDF && sha256Hex(row.Facts) == row.SHA256:
		default:
			if _, err := row.make(); err != nil {
				v.found(row.Entry, "the paper: %v", err)
				continue
			}
			v.store.madePapers.note(paperKey(row.Kind, row.Version, row.SHA256), row.PDF)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("verify papers: %w", driverError(err))
	}
	return nil
}

// signedPapers compares each signed copy with its entry, byte for byte by its hash.
func (v *verification) signedPapers() error {
	if err := v.orphans("signed_papers", "papers", "paper_id"); err != nil {
		return err
	}
	var stray int
	if err := v.tx.GetContext(v.ctx, &stray, `SELECT COUNT(*) FROM signed_paper_parts c WHERE NOT EXISTS (SELECT 1 FROM signed_papers s WHERE s.id = c.signed_paper_id)`); err != nil {
		return fmt.Errorf("verify signed papers: %w", driverError(err))
	}
	if stray > 0 {
		v.found(v.report.Size-1, "%d parts of files belong to no signed paper", stray)
	}
	var ids []struct {
		ID     string `db:"id"`
		SHA256 string `db:"sha256"`
		Entry  int64  `db:"entry_index"`
		Erased bool   `db:"erased"` // its values and its file are gone
	}
	if err := v.tx.SelectContext(v.ctx, &ids, v.tx.Rebind(`SELECT s.id, s.sha256, s.entry_index,
		NOT EXISTS (SELECT 1 FROM reveals r WHERE r.school_id = s.school_id AND r.entry_index = s.entry_index)
		AND NOT EXISTS (SELECT 1 FROM signed_paper_parts c WHERE c.signed_paper_id = s.id) AS erased
		FROM signed_papers s WHERE s.school_id = ? ORDER BY s.entry_index`), v.school); err != nil {
		return fmt.Errorf("verify signed papers: %w", driverError(err))
	}
	for _, row := range ids {
		if row.Erased {
			continue
		}
		sum, err := v.partsSum(row.ID)
		if err != nil {
			return err
		}
		if sum != row.SHA256 {
			v.found(row.Entry, "the kept file is not the one that was signed")
		}
	}
	return checkTable[signedPaperRow](v, "signed_papers s JOIN papers p ON p.id = s.paper_id", signedPaperColumns, "s.", signinglog.TypeSignedPaper, nil)
}

func (v *verification) partsSum(id string) (string, error) {
	rows, err := v.tx.QueryxContext(v.ctx, v.tx.Rebind(`SELECT part, bytes FROM signed_paper_parts WHERE signed_paper_id = ? ORDER BY part`), id)
	if err != nil {
		return "", fmt.Errorf("verify signed papers: %w", driverError(err))
	}
	defer rows.Close()
	sum, next := sha256.New(), int64(0)
	for rows.Next() {
		var part int64
		var content []byte
		if err := rows.Scan(&part, &content); err != nil {
			return "", fmt.Errorf("verify signed papers: %w", err)
		}
		if part != next {
			return "", nil // a part is missing, or numbered otherwise
		}
		next++
		sum.Write(content)
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("verify signed papers: %w", driverError(err))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
