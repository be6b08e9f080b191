package httpfile

import "testing"

func TestTheEncodingIsWhatTheClientLikesBest(t *testing.T) {
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
		if got := negotiate(c.header, []Encoding{Brotli, Gzip}); got != c.want {
			t.Errorf("%q: %q, want %q", c.header, got, c.want)
		}
	}
}

func TestOnlyWhatThereIsIsNegotiated(t *testing.T) {
	for _, c := range []struct {
		header    string
		available []Encoding
		want      Encoding
	}{
		{"gzip", []Encoding{Brotli}, Identity},
		{"gzip, br;q=0.1", []Encoding{Brotli}, Brotli},
		{"gzip, br", nil, Identity},
	} {
		if got := negotiate(c.header, c.available); got != c.want {
			t.Errorf("%q of %q: %q, want %q", c.header, c.available, got, c.want)
		}
	}
}

func FuzzTheEncodingIsNeverWhatWasRefused(f *testing.F) {
	f.Add("gzip, deflate, br;q=0")
	f.Add("*;q=0.1,identity;q=0")
	f.Fuzz(func(t *testing.T, header string) {
		if got := negotiate(header+",br;q=0,gzip;q=0", []Encoding{Brotli, Gzip}); got != Identity {
			t.Errorf("%q: %q", header, got)
		}
	})
}
