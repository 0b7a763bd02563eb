package pdf

// Limits on hostile input. Each is far above what documents in use need; reaching one is KindTooComplex,
// never a wrong result.
const (
	// headerWindow is where the header may begin (ISO 32000-2 Annex I note, as Acrobat does).
	headerWindow = 1024
	// tailWindow is how far before the end the last startxref is looked for; beyond that the file is scanned.
	tailWindow = 64 << 10

	maxDepth       = 100       // nesting of arrays and dictionaries
	maxNodes       = 1 << 20   // arrays, dictionaries and values in one object
	maxObjectBytes = 16 << 20  // text of one object, without its stream
	maxObjectNum   = 1<<23 - 1 // highest object number (ISO 32000-1 Annex C.2)
	danglingWindow = 1 << 16   // how far above the numbers in use a dangling reference is respected
	maxInStream    = 1 << 20   // objects in one object stream
	maxSizeGap     = 1 << 20   // how far above the highest object Size is believed
	maxSections    = 2048      // cross-reference sections in a Prev chain
	maxResolve     = 32        // references to references
	maxTreeDepth   = 500       // page tree, field tree: some writers chain the pages
	maxFilters     = 8         // filters on one stream
	maxFields      = 100_000   // terminal fields of a form
	maxFieldName   = 64 << 10  // bytes of a fully qualified field name
	maxIDs         = 4         // different file identifiers that a key is looked for with

	// MaxData is the size that Data decodes a stream to at most, in bytes.
	MaxData = 64 << 20
	// stageFactor times the limit of the whole is what any one filter of a chain may produce, so that a bomb inside
	// a bomb ends too.
	stageFactor = 4
	// maxObjectStream bounds one decoded object stream, which is held in memory.
	maxObjectStream = 32 << 20
	// objectStreamCache is how much decoded object-stream data one File keeps.
	objectStreamCache = 4 << 20
)

// work bounds the bytes that one tree walk may parse: a directed graph of shared nodes is otherwise
// exponential in the file's size.
type work struct{ left int64 }

func newWork(size int64) *work { return &work{left: 16<<20 + 4*size} }

// spend takes n bytes (and a fixed charge for the step) off the budget.
func (w *work) spend(n int64) error {
	if w == nil {
		return nil
	}
	w.left -= n + 64
	if w.left < 0 {
		return fail(KindTooComplex, -1, "tree needs more work than its size allows")
	}
	return nil
}

// maxEntries bounds the cross-reference entries of all sections of a file of that size. Compressed, an entry may
// take less than a byte, but then the objects take more.
func maxEntries(size int64) int { return int(min(size, maxObjectNum)) + 1<<18 }
