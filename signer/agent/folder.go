package agent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sokyso/signer"
)

// Expand turns files and folders into jobs: a file is taken as it is, of a
// folder every PDF in it and below, in the order of their names. Left out are
// outputs that stand beside what they were made of, hidden files, what lies in
// the folder of the outputs, and links to folders. With an output folder the
// folders below are made there too. A folder that can't be read, or has nothing
// to sign, is a result of its own; the others are signed.
func Expand(catalogue *Catalogue, paths []string, outDir string) ([]Job, []Result) {
	var jobs []Job
	var failed []Result
	seen := map[string]bool{}
	add := func(path, folder string) {
		absolute, err := filepath.Abs(path)
		if err == nil && !seen[absolute] {
			seen[absolute] = true
			jobs = append(jobs, Job{Input: path, OutDir: folder})
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			add(path, outDir) // that it is not there is told when its turn comes
			continue
		}
		before := len(jobs)
		err = walkPDFs(path, outDir, func(file string) {
			folder := outDir
			if below, err := filepath.Rel(path, filepath.Dir(file)); err == nil && outDir != "" {
				folder = filepath.Join(outDir, below)
			}
			add(file, folder)
		})
		if err == nil && len(jobs) == before {
			err = fail("folder_empty", nil, "folder", path)
		}
		if err != nil {
			failed = append(failed, failedResult(catalogue, Result{Input: path}, err))
		}
	}
	return jobs, failed
}

func walkPDFs(root, outDir string, take func(path string)) error {
	outside := ""
	if outDir != "" {
		outside, _ = filepath.Abs(outDir) // where it is not known, nothing is left out
	}
	var unreadable error
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && path != root
		absolute, _ := filepath.Abs(path)
		switch {
		case err != nil:
			unreadable = errors.Join(unreadable, err)
			return fs.SkipDir
		case entry.IsDir() && (hidden || absolute == outside && path != root):
			return fs.SkipDir
		case entry.IsDir() || hidden || !strings.EqualFold(filepath.Ext(path), ".pdf") || isOwnOutput(path):
			return nil
		}
		take(path)
		return nil
	})
	if err = errors.Join(err, unreadable); err != nil {
		return fail("folder_unreadable", err, "folder", root)
	}
	return nil
}

// isOwnOutput: the name is one that targetOf gives, and the file that it was
// made of stands beside it. Where that does not, it is there to be signed again,
// as by the office head after the principal.
func isOwnOutput(path string) bool {
	extension := filepath.Ext(path)
	stem := strings.TrimSuffix(filepath.Base(path), extension)
	bare := unsigned(stem)
	if bare == stem {
		return false
	}
	for _, source := range []string{bare, bare + ".signed"} {
		if source == stem {
			continue
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(path), source+extension)); err == nil {
			return true
		}
	}
	return false
}

// makeOutDirs makes the folders of derived outputs that are below the one the
// person has named: that one has to be there.
func makeOutDirs(jobs []Job, named string) error {
	if named == "" {
		return nil
	}
	if _, err := os.Stat(named); err != nil {
		return nil // told of each file
	}
	made := map[string]bool{filepath.Clean(named): true}
	for _, job := range jobs {
		folder := filepath.Clean(job.OutDir)
		if made[folder] {
			continue
		}
		made[folder] = true
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return outputError(err, filepath.Join(folder, "x"))
		}
		if err := signer.SyncFolder(filepath.Dir(folder)); err != nil {
			return outputError(err, folder)
		}
	}
	return nil
}
