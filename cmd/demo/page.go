package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// browser visits the service's pages as a person does: it keeps cookies, fills
// in the forms that a page really has, and sends them to where the page says.
type browser struct {
	client *http.Client
	base   *url.URL
	lang   string
}

func newBrowser(base, lang string) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	parsed, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	return &browser{client: &http.Client{Jar: jar}, base: parsed, lang: lang}, nil
}

// page is a page that was received.
type page struct {
	url  *url.URL
	root *html.Node
}

func (b *browser) do(req *http.Request) (*page, error) {
	req.Header.Set("Accept-Language", b.lang)
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	got := &page{url: resp.Request.URL, root: root}
	if resp.StatusCode != http.StatusOK {
		return got, fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, got.text())
	}
	return got, nil
}

func (b *browser) visit(ctx context.Context, path string) (*page, error) {
	target, err := b.base.Parse(path)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	return b.do(req)
}

// download returns a file's bytes.
func (b *browser) download(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base.JoinPath(path).String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, 50<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return content, err
}

// submit fills in the page's form whose action contains the text, and sends it.
// A field that the form does not have is an error: the page has changed.
func (b *browser) submit(ctx context.Context, p *page, action string, fields map[string]string) (*page, error) {
	var form *html.Node
	walk(p.root, func(n *html.Node) {
		if form == nil && n.Data == "form" && strings.EqualFold(attribute(n, "method"), "post") && strings.Contains(attribute(n, "action"), action) {
			form = n
		}
	})
	if form == nil {
		return nil, fmt.Errorf("the page %s has no form for %s: %s", p.url.Path, action, p.text())
	}
	values := url.Values{}
	known := map[string]bool{}
	walk(form, func(n *html.Node) {
		name := attribute(n, "name")
		if name == "" {
			return
		}
		known[name] = true
		kind := attribute(n, "type")
		if n.Data == "input" && kind != "radio" && kind != "checkbox" && kind != "submit" || kind == "hidden" {
			values.Set(name, attribute(n, "value"))
		}
	})
	for name, value := range fields {
		if !known[name] {
			return nil, fmt.Errorf("the form for %s on %s has no field %q", action, p.url.Path, name)
		}
		values.Set(name, value)
	}
	target, err := p.url.Parse(attribute(form, "action"))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.base.Scheme+"://"+b.base.Host)
	return b.do(req)
}

// text is what a person reads on the page, with single spaces.
func (p *page) text() string {
	var words []string
	var visit func(*html.Node)
	visit = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "head") {
			return
		}
		if n.Type == html.TextNode {
			words = append(words, strings.Fields(n.Data)...)
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			visit(child)
		}
	}
	visit(p.root)
	return strings.Join(words, " ")
}

// links returns where the page's links lead.
func (p *page) links() []string {
	var links []string
	walk(p.root, func(n *html.Node) {
		if n.Data == "a" {
			if target, err := p.url.Parse(attribute(n, "href")); err == nil {
				links = append(links, target.RequestURI())
			}
		}
	})
	return links
}

// next is where the page's link to the following page leads, "" on the last.
func (p *page) next() string {
	next := ""
	walk(p.root, func(n *html.Node) {
		if n.Data == "a" && attribute(n, "rel") == "next" {
			if target, err := p.url.Parse(attribute(n, "href")); err == nil {
				next = target.RequestURI()
			}
		}
	})
	return next
}

func walk(n *html.Node, visit func(*html.Node)) {
	if n.Type == html.ElementNode {
		visit(n)
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		walk(child, visit)
	}
}

func attribute(n *html.Node, name string) string {
	for _, attr := range n.Attr {
		if attr.Key == name {
			return attr.Val
		}
	}
	return ""
}
