package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"runtime"
	"time"

	pdfium "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// memoryPages bounds PDFium's memory, in pages of 64 KiB: 384 MiB, of which a scan of A4 at 600 dpi takes 100.
const memoryPages = 6144

// engine is PDFium with the document that was asked for last.
type engine struct {
	instance pdfium.Pdfium

	file     File
	modified time.Time
	size     int64
	open     *os.File
	document references.FPDF_DOCUMENT
	count    int
}

func newEngine(cacheDir string) (*engine, error) {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling). // PDFium's setjmp
		WithMemoryLimitPages(memoryPages)
	if cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		if err != nil {
			return nil, fmt.Errorf("open cache of the viewer: %w", err)
		}
		config = config.WithCompilationCache(cache)
	}
	pool, err := webassembly.Init(webassembly.Config{
		// Compiling it the first time takes seconds; on several processors fewer.
		Context: experimental.WithCompilationWorkers(context.Background(), runtime.GOMAXPROCS(0)), MinIdle: 1, MaxIdle: 1, MaxTotal: 1, ReuseWorkers: true,
		FSConfig: wazero.NewFSConfig(), // nothing: the default is the whole disk
		Stdout:   io.Discard, Stderr: io.Discard, RuntimeConfig: config,
	})
	if err != nil {
		return nil, fmt.Errorf("start PDFium: %w", err)
	}
	instance, err := pool.GetInstance(time.Minute)
	if err != nil {
		return nil, fmt.Errorf("start PDFium: %w", err)
	}
	return &engine{instance: instance}, nil
}

func (e *engine) answer(r request) (response, error) {
	if r.Op == opWarm {
		return response{}, nil
	}
	if err := e.load(r.File); err != nil {
		return response{}, err
	}
	if r.Op == opPages {
		return response{Count: e.count}, nil
	}
	if r.Page < 1 || r.Page > e.count {
		return response{}, fmt.Errorf("%w: %d of %d", ErrNoPage, r.Page, e.count)
	}
	switch r.Op {
	case opWords:
		return e.words(r.Page)
	case opPicture:
		return e.picture(r.Page, r.Width)
	}
	return response{}, errors.New("unknown request " + r.Op)
}

// load opens the file, unless it is the one that is open and has not changed.
func (e *engine) load(file File) error {
	info, err := os.Stat(file.Path)
	if err != nil {
		return err
	}
	if e.open != nil && e.file == file && e.size == info.Size() && e.modified.Equal(info.ModTime()) {
		return nil
	}
	e.unload()
	open, err := os.Open(file.Path)
	if err != nil {
		return err
	}
	// Read as PDFium asks for it: a large file is never in memory.
	ask := &requests.OpenDocument{FileReader: open, FileReaderSize: info.Size()}
	if file.Password != "" {
		ask.Password = &file.Password
	}
	document, err := e.instance.OpenDocument(ask)
	if err == nil {
		e.open, e.document = open, document.Document
		count, countErr := e.instance.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: document.Document})
		if countErr == nil {
			e.file, e.size, e.modified, e.count = file, info.Size(), info.ModTime(), count.PageCount
			return nil
		}
		e.unload()
		return fmt.Errorf("%w: %w", ErrDamaged, countErr)
	}
	open.Close()
	if errors.Is(err, pdfiumerrors.ErrPassword) {
		return ErrPassword
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

func (e *engine) unload() {
	if e.open == nil {
		return
	}
	_, _ = e.instance.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: e.document})
	e.open.Close()
	e.open, e.file, e.count = nil, File{}, 0
}

func (e *engine) page(number int) requests.Page {
	return requests.Page{ByIndex: &requests.PageByIndex{Document: e.document, Index: number - 1}}
}

// look is the page's size as it is shown.
func (e *engine) look(number int) (Page, error) {
	size, err := e.instance.FPDF_GetPageSizeByIndex(&requests.FPDF_GetPageSizeByIndex{Document: e.document, Index: number - 1})
	if err != nil {
		return Page{}, fmt.Errorf("%w: page %d: %w", ErrDamaged, number, err)
	}
	return Page{Number: number, Width: size.Width, Height: size.Height}, nil
}

func (e *engine) picture(number, width int) (response, error) {
	page, err := e.look(number)
	if err != nil {
		return response{}, err
	}
	width = min(max(width, MinWidth), MaxWidth)
	if page.Width <= 0 || page.Height <= 0 {
		return response{}, fmt.Errorf("%w: page %d has no size", ErrDamaged, number)
	}
	height := int(float64(width)*page.Height/page.Width + 0.5)
	if height < 1 || width*height > maxPixels {
		return response{}, fmt.Errorf("%w: page %d is %.0f x %.0f points", ErrTooLarge, number, page.Width, page.Height)
	}
	drawn, err := e.instance.RenderPageInPixels(&requests.RenderPageInPixels{
		Page: e.page(number), Width: width, Height: height, Document: &e.document, RenderForm: true, // widgets are drawn with forms only
		RenderFlags: enums.FPDF_RENDER_FLAG_ANNOT | enums.FPDF_RENDER_FLAG_RENDER_LIMITEDIMAGECACHE,
	})
	if err != nil {
		return response{}, fmt.Errorf("%w: page %d: %w", ErrDamaged, number, err)
	}
	defer drawn.Cleanup()
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&out, drawn.Result.RenderedImage); err != nil {
		return response{}, fmt.Errorf("encode page %d: %w", number, err)
	}
	return response{Page: page, Picture: out.Bytes()}, nil
}
