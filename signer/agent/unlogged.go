package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"sokyso/httpapi/wire"
	"sokyso/signer"
	"sokyso/signer/validation"
)

// HeldFile is a file whose signatures were held against the log.
type HeldFile struct {
	File     string  `json:"file"`
	Logged   []int64 `json:"logged,omitempty"`   // entries of signatures that the log has
	Unlogged []int64 `json:"unlogged,omitempty"` // entries by which those that it has not are recorded
	New      int     `json:"new,omitempty"`      // of these, recorded now
	Changed  bool    `json:"changed,omitempty"`  // a signature of the school does not hold any more
	Error    string  `json:"error,omitempty"`    // for a person: the file can't be read

	found []wire.FoundSignature
}

// HoldingProgress is told after each file: how many were looked at, of how many.
type HoldingProgress func(done, all int)

// bulkFound is how many signatures are held against the log in a request.
const bulkFound = 100

// HoldFolder holds all signed PDFs of a folder and those below against the log of the
// paired service. The files stay here: what is sent are the signatures of certificates
// that the files show. The service records those of the school that its log has not.
// Where it ends early, what was found until then is recorded and returned.
func HoldFolder(ctx context.Context, r *Register, catalogue *Catalogue, folder string, progress HoldingProgress) ([]HeldFile, error) {
	if r == nil {
		return nil, fail("not_paired", nil)
	}
	var paths []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() || !strings.EqualFold(filepath.Ext(path), ".pdf"):
			return nil
		}
		paths = append(paths, path)
		return nil
	})
	if err != nil {
		return nil, fail("folder_unreadable", err, "folder", folder)
	}
	if len(paths) == 0 {
		return nil, fail("folder_empty", nil, "folder", folder)
	}
	files := make([]HeldFile, 0, len(paths))
	waiting, from := 0, 0
	for i, path := range paths {
		if err := ctx.Err(); err != nil {
			return files, err
		}
		files = append(files, findIn(ctx, catalogue, path))
		waiting += len(files[i].found)
		if waiting >= bulkFound || i == len(paths)-1 {
			if err := r.hold(ctx, files[from:]); err != nil {
				return files, err
			}
			waiting, from = 0, i+1
		}
		progress(i+1, len(paths))
	}
	return files, nil
}

// findIn reads the signatures of a file.
func findIn(ctx context.Context, catalogue *Catalogue, path string) HeldFile {
	held := HeldFile{File: path}
	source, err := signer.OpenFile(path)
	if err != nil {
		_, held.Error = catalogue.Explain(err, path)
		return held
	}
	defer source.Close()
	report, err := validation.Validate(ctx, source, source.Size(), validation.Options{Offline: true})
	if err != nil {
		_, held.Error = catalogue.Explain(err, path)
		return held
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(source, 0, source.Size())); err != nil {
		_, held.Error = catalogue.Explain(err, path)
		return held
	}
	for _, s := range report.Signatures {
		if s.Timestamp || s.CertificateSHA256 == "" || len(s.CMS) == 0 {
			continue
		}
		found := wire.FoundSignature{CertificateSHA256: s.CertificateSHA256, ByteRangeDigest: hex.EncodeToString(s.ByteRangeDigest), CMS: s.CMS, Field: s.Field,
			FileSHA256: hex.EncodeToString(hash.Sum(nil)), FileName: filepath.Base(path)}
		if !s.ClaimedTime.IsZero() {
			found.StatedAt = &s.ClaimedTime
		}
		held.found = append(held.found, found)
	}
	return held
}

// hold asks the service about the signatures of files, a request at a time.
func (r *Register) hold(ctx context.Context, files []HeldFile) error {
	type place struct{ file, signature int }
	var places []place
	for i, file := range files {
		for j := range file.found {
			places = append(places, place{i, j})
		}
	}
	for len(places) > 0 {
		part := places[:min(len(places), bulkFound)]
		places = places[len(part):]
		var ask wire.FoundSignatures
		for _, p := range part {
			ask.Signatures = append(ask.Signatures, files[p.file].found[p.signature])
		}
		answer, err := r.client.FindSignatures(ctx, ask)
		if err != nil {
			return err
		}
		if len(answer.Signatures) != len(part) {
			return fmt.Errorf("hold signatures against the log: %d answers for %d", len(answer.Signatures), len(part))
		}
		for i, s := range answer.Signatures {
			file := &files[part[i].file]
			switch {
			case s.Broken:
				file.Changed = true
			case s.Unlogged > 0:
				file.Unlogged = append(file.Unlogged, s.Unlogged)
				if s.New {
					file.New++
				}
			case s.Entry > 0:
				file.Logged = append(file.Logged, s.Entry)
			}
		}
	}
	return nil
}
