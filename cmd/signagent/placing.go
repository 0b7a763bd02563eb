package main

import (
	"bytes"
	"image"
	_ "image/png" // the proportions of --image

	"sokyso/signer/agent"
	"sokyso/signer/desk"
	"sokyso/signer/preview"
)

// placing are the flags that find the picture's place by what the document says.
type placing struct {
	Anchor     string  `placeholder:"TEXT" help:"help_anchor"`
	Preset     string  `enum:"decree30," default:"" placeholder:"decree30" help:"help_preset"`
	ImageWidth float64 `placeholder:"MM" help:"help_image_width"`
}

func (c *placing) wanted() bool { return c.Anchor != "" || c.Preset != "" }

// place gives each job its place. A file that tells none is not signed: it becomes a result that says why.
func (c *signCommand) place(p *program, batch *agent.Batch) []agent.Result {
	if !c.wanted() {
		return nil
	}
	viewer := preview.New(preview.Config{CacheDir: preview.CacheDir()})
	defer viewer.Close()
	placer := desk.Placer{Viewer: viewer}
	if home, err := agent.Home(); err == nil {
		if pairing, err := agent.ReadPairing(home); err == nil && pairing != nil {
			placer.Person = pairing.Person
		}
	}
	var content []byte
	if batch.Visible != nil {
		content = batch.Visible.Image
	}
	picture := pictureOf(content, c.ImageWidth)
	var failed []agent.Result
	placed := batch.Jobs[:0:0]
	for _, job := range batch.Jobs {
		file := preview.File{Path: job.Input}
		if batch.Passwords != nil {
			file.Password = string(batch.Passwords.Given)
		}
		var visible *agent.Visible
		var err error
		if c.Anchor != "" {
			visible, err = placer.Anchor(p.ctx, file, c.Anchor, c.Page, c.Act, picture)
		} else {
			visible, err = placer.Preset(p.ctx, file, c.Act, picture)
		}
		if err != nil {
			failed = append(failed, agent.FailAll(p.catalogue, []agent.Job{job}, err)...)
			continue
		}
		visible.Image = content
		job.Visible = visible
		placed = append(placed, job)
	}
	batch.Jobs = placed
	return failed
}

// pictureOf is a picture by its proportions and its real width on paper in millimetres; 0 = the usual.
func pictureOf(content []byte, width float64) desk.Picture {
	picture := desk.Picture{WidthMM: width}
	if config, _, err := image.DecodeConfig(bytes.NewReader(content)); err == nil {
		picture.Width, picture.Height = config.Width, config.Height
	}
	return picture
}

// loadPicture reads a picture for a visible signature; "" is none.
func loadPicture(path string, width float64) (desk.Picture, []byte, error) {
	batch := agent.Batch{Visible: &agent.Visible{}}
	if err := batch.LoadImage(path); err != nil {
		return desk.Picture{}, nil, err
	}
	return pictureOf(batch.Visible.Image, width), batch.Visible.Image, nil
}
