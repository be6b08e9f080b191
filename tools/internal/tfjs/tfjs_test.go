package tfjs

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hamster/tools/internal/keras"
)

// model is a model.json of one Dense layer over a flattened input of 1×1
// pixels with 3 channels. specs are its weights, layer its Dense layer; ""
// takes working ones.
func model(layer, specs string) string {
	if layer == "" {
		layer = `{"name":"d","class_name":"Dense","config":{"units":2,"activation":"softmax"},"inbound_nodes":[[["f",0,0,{}]]]}`
	}
	if specs == "" {
		specs = `{"name":"d/kernel","shape":[3,2],"dtype":"float32","quantization":{"min":-1,"scale":0.5,"dtype":"uint8"}},
			{"name":"d/bias","shape":[2],"dtype":"float32"}`
	}
	return fmt.Sprintf(`{"modelTopology":{"model_config":{"class_name":"Model","config":{"name":"m","layers":[
		{"name":"i","class_name":"InputLayer","config":{"batch_input_shape":[null,1,1,3]},"inbound_nodes":[]},
		{"name":"f","class_name":"Flatten","config":{},"inbound_nodes":[[["i",0,0,{}]]]},
		%s],"input_layers":[["i",0,0]],"output_layers":[["d",0,0]]}}},
		"weightsManifest":[{"paths":["a","b"],"weights":[%s]}]}`, layer, specs)
}

// The weights of model("", ""): kernel 1 2 3 4 5 6 and bias 1 -2.
var shards = [][]byte{{1, 2, 3, 4}, {5, 6, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}}

func files(model string, a, b []byte) fstest.MapFS {
	return fstest.MapFS{"m/model.json": {Data: []byte(model)}, "m/a": {Data: a}, "m/b": {Data: b}}
}

func floats(data []byte) (list []float32) {
	for ; len(data) >= 4; data = data[4:] {
		list = append(list, math.Float32frombits(binary.LittleEndian.Uint32(data)))
	}
	return list
}

func checkSmall(t *testing.T, s *Source) {
	t.Helper()
	kernel, err := s.Weight("d", "kernel")
	if err != nil {
		t.Fatal(err)
	}
	if !kernel.Quantised || kernel.Scale != 0.5 || kernel.ZeroPoint != 2 || !slices.Equal(kernel.Data, []byte{1, 2, 3, 4, 5, 6}) {
		t.Errorf("kernel %+v", kernel)
	}
	bias, err := s.Weight("d", "bias")
	if err != nil {
		t.Fatal(err)
	}
	if got := floats(bias.Data); bias.Quantised || !slices.Equal(got, []float32{1, -2}) {
		t.Errorf("bias %v", got)
	}
	if _, err := keras.ToONNX(s.Model, s); err != nil {
		t.Error(err)
	}
}

func TestModelWithBinaryShardsIsRead(t *testing.T) {
	s, err := Read(files(model("", ""), shards[0], shards[1]), "m/model.json")
	if err != nil {
		t.Fatal(err)
	}
	checkSmall(t, s)
}

func TestModelInScriptsIsRead(t *testing.T) {
	script := func(literal string) []byte {
		return []byte(`!function(e){module.exports=e()}(function(){return{1:[function(e,n,t){n.exports=` + literal + `},{}]}});`)
	}
	s, err := Read(fstest.MapFS{
		"model.min.js": {Data: script(model("", ""))},
		"a.min.js":     {Data: script(`"` + base64.StdEncoding.EncodeToString(shards[0]) + `"`)},
		"b.min.js":     {Data: script(`'` + base64.StdEncoding.EncodeToString(shards[1]) + `'`)},
	}, "model.min.js")
	if err != nil {
		t.Fatal(err)
	}
	checkSmall(t, s)
}

func TestVectorsAreDequantisedAsTensorFlowDoes(t *testing.T) {
	specs := `{"name":"d/bias","shape":[3],"dtype":"float32","quantization":{"min":0.1,"scale":0.3,"dtype":"uint8"}}`
	s, err := Read(files(model("", specs), []byte{0, 1}, []byte{255}), "m/model.json")
	if err != nil {
		t.Fatal(err)
	}
	bias, err := s.Weight("d", "bias")
	if err != nil {
		t.Fatal(err)
	}
	// float32(q*0.3 + 0.1), worked out by numpy in float64.
	if got := floats(bias.Data); !slices.Equal(got, []float32{0.1, 0.4, 76.6}) {
		t.Errorf("got %v", got)
	}
}

func TestKernelWithoutWholeZeroPointIsWrittenOut(t *testing.T) {
	for _, tc := range []struct {
		name       string
		q          quantization
		quantised  bool
		zeroPoint  uint8
		firstValue float32
	}{
		{"whole", quantization{-1, 0.5, "uint8"}, true, 2, 0},
		{"as a converter nudges it", quantization{-0.4946352222386528, 0.004191823917276719, "uint8"}, true, 118, 0},
		{"between", quantization{-1.25, 0.5, "uint8"}, false, 0, -1.25},
		{"all positive", quantization{1, 0.5, "uint8"}, false, 0, 1},
		{"all negative", quantization{-200, 0.5, "uint8"}, false, 0, -200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec := weightSpec{Shape: []int{1, 1}, DType: "float32", Quantization: &tc.q}
			w, err := spec.weight([]byte{0})
			if err != nil {
				t.Fatal(err)
			}
			if w.Quantised != tc.quantised || w.ZeroPoint != tc.zeroPoint {
				t.Errorf("quantised %t with zero point %d", w.Quantised, w.ZeroPoint)
			}
			if !w.Quantised && !slices.Equal(floats(w.Data), []float32{tc.firstValue}) {
				t.Errorf("got %v, want %v", floats(w.Data), tc.firstValue)
			}
		})
	}
}

func TestBadModelsAreRefused(t *testing.T) {
	good := model("", "")
	layer := func(class, config string) string {
		return model(fmt.Sprintf(`{"name":"d","class_name":%q,"config":%s,"inbound_nodes":[[["f",0,0,{}]]]}`, class, config), "")
	}
	spec := func(s string) string { return model("", s) }
	a, b := shards[0], shards[1]
	for _, tc := range []struct {
		name string
		fsys fstest.MapFS
		want string
	}{
		{"no such file", fstest.MapFS{}, "m/model.json"},
		{"empty", files("", a, b), "cut short"},
		{"web page", files("<!doctype html>", a, b), "not a TensorFlow.js model"},
		{"cut short", files(good[:300], a, b), "cut short"},
		{"other JSON", files(`{"a":[1,2]}`, a, b), "no modelTopology"},
		{"graph model", files(`{"modelTopology":{"node":[]},"weightsManifest":[]}`, a, b), "class \"\""},
		{"shard missing", fstest.MapFS{"m/model.json": {Data: []byte(good)}, "m/a": {Data: a}}, "m/b"},
		{"shard cut short", files(good, a, b[:9]), `weight "d/bias" takes 8 bytes`},
		{"shard too long", files(good, a, append(slices.Clone(b), 0)), "hold 15 bytes and the weights take only 14"},
		{"shard path outside", files(strings.Replace(good, `"a"`, `"../../a"`, 1), a, b), "does not lie beside"},
		{"unknown type", files(spec(`{"name":"w","shape":[1],"dtype":"int32"}`), a, b), "int32"},
		{"unknown quantisation", files(spec(`{"name":"w","shape":[1],"dtype":"float32","quantization":{"min":0,"scale":1,"dtype":"uint16"}}`), a, b), "uint16"},
		{"no scale", files(spec(`{"name":"w","shape":[1],"dtype":"float32","quantization":{"min":0,"scale":0,"dtype":"uint8"}}`), a, b), "scale 0"},
		{"negative size", files(spec(`{"name":"w","shape":[-4],"dtype":"float32"}`), a, b), "negative"},
		{"absurd size", files(spec(`{"name":"w","shape":[3000000000,3000000000],"dtype":"float32"}`), a, b), "more than"},
		{"weight twice", files(spec(`{"name":"w","shape":[1],"dtype":"float32"},{"name":"w","shape":[1],"dtype":"float32"}`), a, b), "two weights"},
		{"settings of the wrong type", files(layer("Dense", `{"units":"two"}`), a, b), `layer "d" (Dense)`},
		{"shared layer", files(strings.Replace(good, `[[["f",0,0,{}]]]`, `[[["f",0,0,{}]],[["f",0,0,{}]]]`, 1), a, b), "used 2 times"},
		{"second output of a layer", files(strings.Replace(good, `["f",0,0,{}]`, `["f",0,1,{}]`, 1), a, b), "the one output"},
		{"deep nesting", files(strings.Repeat("[", 1000), a, b), "nested"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read(tc.fsys, "m/model.json")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestBadScriptShardsAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ script, want string }{
		"cut short":  {`n.exports="AAAA`, "cut short"},
		"not base64": {`n.exports="A*"`, "not base64"},
		"no string":  {`n.exports={a:1}`, "no string"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bundledBase64([]byte(tc.script))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestLiteralsOfMinifiersBecomeJSON(t *testing.T) {
	for literal, want := range map[string]string{
		`{a:!0,b:!1,"c":null,d:[]}`:              `{"a":true,"b":false,"c":null,"d":[]}`,
		`{x:.5,y:-.25,z:1e3,w:8.9e-7}`:           `{"x":0.5,"y":-0.25,"z":1000,"w":8.9e-7}`,
		` [ 'q' , "é" , { } ] ; more()`:          `["q","é",{}]`,
		`{min:-.17716065984146268,scale:.00322}`: `{"min":-0.17716065984146268,"scale":0.00322}`,
	} {
		got, err := literalToJSON([]byte(literal))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v; want %s", literal, got, err, want)
		}
	}
}

func TestExpressionsAreRefused(t *testing.T) {
	for _, literal := range []string{`{a:f()}`, `[1+1]`, `{a:"\x41"}`, `[Infinity]`, `{,}`, `[1,]`, `{a 1}`, `{"a":1`, `["a`} {
		if got, err := literalToJSON([]byte(literal)); err == nil {
			t.Errorf("%s: got %s and no error", literal, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(model("", "")), shards[0], shards[1])
	f.Fuzz(func(t *testing.T, text, a, b []byte) {
		s, err := Read(files(string(text), a, b), "m/model.json")
		if err == nil {
			_, _ = keras.ToONNX(s.Model, s)
		}
	})
}
