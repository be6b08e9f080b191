package httpfile

import (
	"slices"
	"strings"
	"testing"
)

func TestOriginsThatMayEmbed(t *testing.T) {
	for _, c := range []struct {
		list string
		want []string // nil: refused
	}{
		{"", []string{}},
		{" , ", []string{}},
		{"*", []string{"*"}},
		{"https://example.org", []string{"https://example.org"}},
		{"https://a.example https://b.example:8443, http://127.0.0.1:8080", []string{"https://a.example", "https://b.example:8443", "http://127.0.0.1:8080"}},
		{"https://*.example.org", []string{"https://*.example.org"}},
		{"https://a.example,https://a.example", []string{"https://a.example"}},
		{"example.org", nil},
		{"https://example.org/", nil},
		{"https://example.org/path", nil},
		{"https://user@example.org", nil},
		{"https://example.org;script-src", nil},
		{"https://example.org\r\nX-Evil:1", nil},
		{"https://a.*.org", nil},
		{"https://", nil},
		{"https://[::1]", nil}, // no Content-Security-Policy can name it
		{"javascript:alert(1)", nil},
		{"'self'", nil},
		{"data:", nil},
	} {
		got, err := ParseEmbedders(c.list)
		if (err != nil) != (c.want == nil) || (c.want != nil && !slices.Equal(got, c.want)) {
			t.Errorf("%q: %q, %v; want %q", c.list, got, err, c.want)
		}
	}
}

func TestOnlyTheFrameMayBeShownElsewhere(t *testing.T) {
	p := Policy{Embedders: []string{"https://a.example", "https://b.example"}}
	for _, name := range []string{"index.html", "web/page/main.js", "models/a/model.json", "embed", "healthz", "nothing"} {
		policy := p.HeadersFor(name).Get("Content-Security-Policy")
		if name == EmbedPath {
			if !strings.HasSuffix(policy, "frame-ancestors https://a.example https://b.example") {
				t.Errorf("%s: %s", name, policy)
			}
		} else if !strings.HasSuffix(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: %s", name, policy)
		}
	}
}

func FuzzAnOriginEndsNoHeaderAndNoDirective(f *testing.F) {
	f.Add("https://example.org, *")
	f.Add("https://a.b;x")
	f.Fuzz(func(t *testing.T, list string) {
		origins, err := ParseEmbedders(list)
		if err != nil {
			return
		}
		for _, origin := range origins {
			if strings.ContainsAny(origin, ";, \r\n'\"") {
				t.Errorf("%q gives %q", list, origin)
			}
		}
	})
}

func TestOnlyTheFrameMayStartWorkersFromData(t *testing.T) {
	p := Policy{Embedders: []string{"https://a.example"}}
	for _, name := range []string{"index.html", "web/page/main.js", EmbedPath} {
		policy := p.HeadersFor(name).Get("Content-Security-Policy")
		want := "; worker-src 'self';"
		if name == EmbedPath {
			want = "; worker-src 'self' data:;"
		}
		if !strings.Contains(policy, want) {
			t.Errorf("%s: %s, want %s", name, policy, want)
		}
	}
}
