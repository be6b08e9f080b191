package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Systems, as rows name them.
const (
	Hamster   = "hamster"
	ORTWeb    = "onnxruntime-web"
	ORTNative = "onnxruntime-native"
	TFJS      = "tfjs"
	NSFWJS    = "nsfwjs"
)

// The forms of the model that the bench makes and stores.
const (
	float32File   = "float32"
	quantisedFile = "quantised"
	layersFile    = "layers" // the TensorFlow.js layers model that the others came from
)

// role is what a contestant does.
type role int

const (
	asEngine role = iota // a tensor in, scores out, in a worker (tools/bench/systems)
	asReader             // a photo in, classes out, as a page's own script calls it (tools/bench/readers)
	asSite               // a page that a visitor opens
)

// Contestant is a system in one setting.
type Contestant struct {
	System  string
	Backend string
	Variant string
	Threads int
	File    string // one of the forms of the model

	role    role
	at      *point         // of a growth curve; nil elsewhere
	options map[string]any // of systems/<system>.mjs or readers/<system>.mjs
	thrifty bool           // too slow for more than a few runs in one round
	extra   bool           // takes part in inference alone
	bound   bool           // extra, but there in a part too: a target is of it
	// says is what the backend calls itself when it does what the variant says.
	says []string
}

// Name tells contestants apart.
func (c *Contestant) Name() string {
	threads := "1 thread"
	if c.Threads > 1 {
		threads = fmt.Sprintf("%d threads", c.Threads)
	}
	parts := []string{c.System, c.Backend, c.Variant, threads, c.File}
	if c.at != nil {
		parts = append(parts, c.at.name)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// inBrowser tells whether the contestant is measured in the browser.
func (c *Contestant) inBrowser() bool { return c.System != ORTNative }

// lineup is everybody that may take part on this machine with this model.
type lineup struct {
	model   *modelFiles
	threads []int
	cores   int
	webgpu  bool // is there an adapter?
	quick   bool // the first points of a growth curve do

	engines, readers, sites []*Contestant
}

func newLineup(m *modelFiles, threads []int, env Environment) *lineup {
	l := &lineup{model: m, threads: threads, cores: env.Cores, webgpu: env.WebGPU != ""}
	l.engines = l.enter()
	l.readers = l.visitors(asReader)
	l.sites = l.visitors(asSite)
	return l
}

func (l *lineup) has(form string) bool { return l.model.files[form] != nil }

// enter lists the engines. The first is the reference for answers.
func (l *lineup) enter() []*Contestant {
	var all []*Contestant
	for _, n := range l.threads {
		for _, file := range l.model.forms() {
			if file == layersFile {
				if n <= l.tfjsThreads() {
					all = append(all, tfjs(n))
				}
				continue
			}
			all = append(all, ortWeb(n, file))
			all = append(all, hamsters(n, file)...)
		}
		all = append(all, &Contestant{
			System: ORTNative, Backend: "cpu", Threads: n, File: float32File,
			options: map[string]any{"threads": n}, extra: true,
		})
	}
	if l.webgpu {
		all = append(all, &Contestant{
			System: ORTWeb, Backend: "webgpu", Threads: 1, File: float32File,
			options: map[string]any{"threads": 1, "backend": "webgpu"}, extra: true, says: []string{"webgpu"},
		})
	}
	return all
}

func ortWeb(threads int, file string) *Contestant {
	return &Contestant{
		System: ORTWeb, Backend: "wasm", Variant: "simd128", Threads: threads, File: file,
		options: map[string]any{"threads": threads},
		says:    []string{fmt.Sprintf("wasm, %d thread(s)", threads)},
	}
}

func tfjs(threads int) *Contestant {
	return &Contestant{
		System: TFJS, Backend: "wasm", Variant: "simd128", Threads: threads, File: layersFile,
		options: map[string]any{"threads": threads},
		says:    []string{fmt.Sprintf("wasm, %d thread(s)", threads)},
	}
}

// tfjsThreads is how many threads TensorFlow.js takes at most, whatever it is
// told: half the cores.
func (l *lineup) tfjsThreads() int { return max(1, l.cores/2) }

// says is what Hamster's engine calls itself.
func says(threads int, relaxed bool) []string {
	parts := []string{"simd", "1 thread"}
	if threads > 1 {
		parts[1] = fmt.Sprintf("%d threads", threads)
	}
	if relaxed {
		parts = append(parts, "relaxed")
	}
	return parts
}

// hamsters are the settings of Hamster's engine. One setting differs from the
// default at a time.
func hamsters(threads int, file string) []*Contestant {
	simd := func(variant string, extra bool, options map[string]any) *Contestant {
		options["backend"], options["threads"] = "simd", threads
		return &Contestant{
			System: Hamster, Backend: "simd", Variant: variant, Threads: threads, File: file,
			options: options, extra: extra, says: says(threads, options["noRelaxed"] == nil),
		}
	}
	list := []*Contestant{simd("relaxed", false, map[string]any{})}
	if file != float32File {
		return list
	}
	list = append(list, simd("relaxed-direct", true, map[string]any{"noWinograd": true}))
	if threads > 1 {
		return list
	}
	plain := simd("simd128", true, map[string]any{"noRelaxed": true})
	plain.bound = true
	return append(list,
		plain,
		simd("simd128-direct", true, map[string]any{"noRelaxed": true, "noWinograd": true}),
		&Contestant{
			System: Hamster, Backend: "gorgonia", Variant: "go", Threads: 1, File: file,
			options: map[string]any{"backend": "gorgonia"}, thrifty: true, extra: true, says: []string{"gorgonia"},
		},
	)
}

// visitors lists those that take photos: each with all threads, as pages have
// it, the peers first, for the first is the reference for answers. Peers get the
// form of the model that suits them best: for a visit the smaller one, else the
// faster.
func (l *lineup) visitors(r role) []*Contestant {
	threads := slices.Max(l.threads)
	var all []*Contestant
	if l.has(layersFile) {
		c := tfjs(min(threads, l.tfjsThreads()))
		c.System = NSFWJS
		all = append(all, c)
	}
	file := float32File
	if r == asSite && l.has(quantisedFile) {
		file = quantisedFile
	}
	all = append(all, ortWeb(threads, file))
	if l.has(quantisedFile) {
		file = quantisedFile
	}
	all = append(all, &Contestant{
		System: Hamster, Backend: "simd", Variant: "relaxed", Threads: threads, File: file,
		options: map[string]any{"threads": threads}, says: says(threads, true),
	})
	for _, c := range all {
		c.role = r
	}
	return all
}

// disguised says how what runs differs from what the contestant stands for:
// engines fall back in silence.
func (c *Contestant) disguised(backend string) error {
	for _, part := range c.says {
		if !strings.Contains(backend, part) {
			return fmt.Errorf("%q runs, not %s", backend, c.Name())
		}
	}
	if c.options["noRelaxed"] != nil && strings.Contains(backend, "relaxed") {
		return fmt.Errorf("%q runs, not %s", backend, c.Name())
	}
	return nil
}
