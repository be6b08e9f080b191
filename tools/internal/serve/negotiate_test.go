package serve

import "testing"

func TestNegotiateEncoding(t *testing.T) {
	for _, c := range []struct {
		header string
		want   Encoding
	}{
		{"", Identity},
		{"identity", Identity},
		{"br", Brotli},
		{"gzip", Gzip},
		{"gzip, deflate, br", Brotli},
		{"BR", Brotli},
		{"*", Brotli},
		{"*;q=0", Identity},
		{"br;q=0, *", Gzip},
		{"br;q=0, gzip", Gzip},
		{"br;q=0.5, gzip;q=0.8", Gzip},
		{"br; q=1.0, gzip;q=0.9", Brotli},
		{"gzip;q=0.5, identity", Identity},
		{"br;q=nonsense, gzip", Gzip},
		{"br;q=NaN", Identity},
		{"br;q=7", Identity},
		{";;,,;q=", Identity},
		{"zstd, deflate", Identity},
	} {
		if got := NegotiateEncoding(c.header); got != c.want {
			t.Errorf("%q: %q, want %q", c.header, got, c.want)
		}
	}
}

func FuzzNegotiateEncodingNeverChoosesWhatWasRefused(f *testing.F) {
	f.Add("gzip, deflate, br;q=0")
	f.Add("*;q=0.1,identity;q=0")
	f.Fuzz(func(t *testing.T, header string) {
		if got := NegotiateEncoding(header + ",br;q=0,gzip;q=0"); got != Identity {
			t.Errorf("%q: %q", header, got)
		}
	})
}
