package preprocess_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hamster/preprocess"
)

// The goldens come from Pillow and NumPy: see ../testdata/preprocess/golden.py.
type goldens struct {
	SyntheticSHA256 string `json:"synthetic_sha256"`
	Photos          map[string]struct {
		Size      [2]int `json:"size"`
		RGBSHA256 string `json:"rgb_sha256"`
	} `json:"photos"`
	Specs map[string]struct {
		Layout, Channels string
		Scale, Offset    [3]float32
	} `json:"specs"`
	NearestSweeps  []sweep  `json:"nearest_sweeps"`
	BilinearSweeps []sweep  `json:"bilinear_sweeps"`
	Cases          []golden `json:"cases"`
}

type sweep struct {
	To, Last int
	SHA256   string
}

type golden struct {
	Mode         preprocess.Mode
	Spec         string
	Photo        string
	Size         [2]int
	Orientation  int
	Crop         float32
	To           [2]int
	RGBSHA256    string `json:"rgb_sha256"`
	RGB          string
	Samples      [][5]int
	TensorSHA256 string `json:"tensor_sha256"`
}

func (g golden) name() string {
	name := fmt.Sprintf("%s/%s%v to %v", g.Mode, g.Photo, g.Size, g.To)
	if g.Orientation != 0 {
		name += fmt.Sprintf(" orientation %d", g.Orientation)
	}
	if g.Crop != 0 {
		name += fmt.Sprintf(" crop %v", g.Crop)
	}
	return strings.ReplaceAll(name, "[0 0]", "")
}

func readGoldens(t testing.TB) goldens {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../testdata/preprocess/goldens.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g goldens
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) == 0 {
		t.Fatal("goldens.json holds no cases")
	}
	return g
}

// synthetic is golden.py's function of the same name.
func synthetic(width, height int) preprocess.Image {
	pix := make([]byte, 0, 4*width*height)
	for y := range uint64(height) {
		for x := range uint64(width) {
			for c := range uint64(4) {
				noise := (x*73856093 ^ y*19349663 ^ c*83492791) >> 5
				slope := (x*3 + y*5 + c*160) >> 2
				pix = append(pix, byte(slope+noise&63))
			}
		}
	}
	return preprocess.Image{Width: width, Height: height, Pix: pix}
}

var twelveMegapixels = sync.OnceValue(func() preprocess.Image { return synthetic(4000, 3000) })

func photo(t testing.TB, name string) preprocess.Image {
	t.Helper()
	file, err := os.Open(filepath.Join(filepath.FromSlash("../testdata/photos"), name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoded, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	pixels := image.NewRGBA(decoded.Bounds())
	draw.Draw(pixels, pixels.Rect, decoded, decoded.Bounds().Min, draw.Src)
	return preprocess.Image{Width: pixels.Rect.Dx(), Height: pixels.Rect.Dy(), Pix: pixels.Pix}
}

func rgb(pix []byte) []byte {
	out := make([]byte, 0, len(pix)/4*3)
	for ; len(pix) >= 4; pix = pix[4:] {
		out = append(out, pix[:3]...)
	}
	return out
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func littleEndian(values []float32) []byte {
	out := make([]byte, 0, 4*len(values))
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func TestInputsAreTheOnesTheGoldensWereMadeFrom(t *testing.T) {
	g := readGoldens(t)
	if got := hash(synthetic(37, 23).Pix); got != g.SyntheticSHA256 {
		t.Errorf("synthetic 37x23 has hash %s, golden.py's has %s", got, g.SyntheticSHA256)
	}
	for name, want := range g.Photos {
		m := photo(t, name)
		if m.Width != want.Size[0] || m.Height != want.Size[1] || hash(rgb(m.Pix)) != want.RGBSHA256 {
			t.Errorf("%s does not decode to the pixels golden.py saw", name)
		}
	}
}

func TestPixelsAndTensorsEqualThoseOfPillowAndNumPy(t *testing.T) {
	g := readGoldens(t)
	for _, c := range g.Cases {
		t.Run(c.name(), func(t *testing.T) {
			var img preprocess.Image
			switch {
			case c.Photo != "":
				img = photo(t, c.Photo)
			case c.Size == [2]int{4000, 3000}:
				img = twelveMegapixels()
			default:
				img = synthetic(c.Size[0], c.Size[1])
			}
			img.Orientation = c.Orientation
			golden := g.Specs[c.Spec]
			spec := preprocess.Spec{
				Width: c.To[0], Height: c.To[1],
				Layout: golden.Layout, Channels: golden.Channels,
				Scale: golden.Scale, Offset: golden.Offset,
				CropFraction: c.Crop,
			}

			small, err := preprocess.Resize(img, spec, c.Mode)
			if err != nil {
				t.Fatal(err)
			}
			pixels := rgb(small.Pix)
			if c.RGB != "" && hex.EncodeToString(pixels) != c.RGB {
				t.Errorf("pixels\n%x\nPillow's\n%s", pixels, c.RGB)
			}
			for _, s := range c.Samples {
				got := pixels[3*(s[1]*c.To[0]+s[0]):][:3]
				if want := []byte{byte(s[2]), byte(s[3]), byte(s[4])}; string(got) != string(want) {
					t.Errorf("pixel (%d, %d) is %v, Pillow's is %v", s[0], s[1], got, want)
				}
			}
			if hash(pixels) != c.RGBSHA256 {
				t.Error("the picture differs from Pillow's somewhere")
			}

			tensor, err := preprocess.Tensor(img, spec, c.Mode)
			if err != nil {
				t.Fatal(err)
			}
			if hash(littleEndian(tensor)) != c.TensorSHA256 {
				t.Errorf("the %s tensor differs from NumPy's somewhere", c.Spec)
			}
		})
	}
}

func TestNearestTakesPillowsColumnForEveryWidth(t *testing.T) {
	for _, s := range readGoldens(t).NearestSweeps {
		sum := sha256.New()
		for n := 1; n <= s.Last; n++ {
			binary.Write(sum, binary.LittleEndian, preprocess.NearestIndices(n, s.To))
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != s.SHA256 {
			t.Errorf("widths 1 to %d onto %d: some index differs from Pillow's", s.Last, s.To)
		}
	}
}

func TestBilinearEqualsPillowForEveryWidthAndHeight(t *testing.T) {
	for _, s := range readGoldens(t).BilinearSweeps {
		sum := sha256.New()
		for n := 1; n <= s.Last; n++ {
			line := synthetic(n, 1)
			for _, upright := range []bool{false, true} {
				spec := rgbBytes(s.To, 1)
				if upright {
					line.Width, line.Height = 1, n
					spec.Width, spec.Height = 1, s.To
				}
				out, err := preprocess.Resize(line, spec, preprocess.Quality)
				if err != nil {
					t.Fatal(err)
				}
				sum.Write(rgb(out.Pix))
			}
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != s.SHA256 {
			t.Errorf("sizes 1 to %d onto %d: some pixel differs from Pillow's", s.Last, s.To)
		}
	}
}
