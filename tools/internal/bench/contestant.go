package bench

import (
	"fmt"
	"strings"
)

// Systems, as rows name them.
const (
	Hamster = "hamster"
	ORTWeb  = "onnxruntime-web"
)

// The forms of the model that the bench makes and stores.
const (
	float32File   = "float32"
	quantisedFile = "quantised"
)

// Contestant is a system in one setting.
type Contestant struct {
	System  string
	Backend string
	Variant string
	Threads int
	File    string // float32File or quantisedFile

	options map[string]any // of systems/<system>.mjs
	thrifty bool           // too slow for more than a few runs in one round
	extra   bool           // takes part in inference alone
	// says is what the backend calls itself when it does what the variant says.
	says []string
}

// Name tells contestants apart.
func (c *Contestant) Name() string {
	threads := "1 thread"
	if c.Threads > 1 {
		threads = fmt.Sprintf("%d threads", c.Threads)
	}
	return strings.Join([]string{c.System, c.Backend, c.Variant, threads, c.File}, ", ")
}

// contestants for thread counts and the files that there are.
func contestants(threads []int, files []string) []*Contestant {
	var all []*Contestant
	for _, n := range threads {
		for _, file := range files {
			all = append(all, &Contestant{
				System: ORTWeb, Backend: "wasm", Variant: "simd128", Threads: n, File: file,
				options: map[string]any{"threads": n},
				says:    []string{fmt.Sprintf("%d thread(s)", n)},
			})
			all = append(all, hamsters(n, file)...)
		}
	}
	return all
}

// hamsters are the settings of Hamster's engine. One setting differs from the
// default at a time.
func hamsters(threads int, file string) []*Contestant {
	simd := func(variant string, extra bool, options map[string]any) *Contestant {
		says := []string{"simd"}
		if threads > 1 {
			says = append(says, fmt.Sprintf("%d threads", threads))
		} else {
			says = append(says, "1 thread")
		}
		if options["noRelaxed"] == nil {
			says = append(says, "relaxed")
		}
		options["backend"], options["threads"] = "simd", threads
		return &Contestant{
			System: Hamster, Backend: "simd", Variant: variant, Threads: threads, File: file,
			options: options, extra: extra, says: says,
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
	return append(list,
		simd("simd128", true, map[string]any{"noRelaxed": true}),
		simd("simd128-direct", true, map[string]any{"noRelaxed": true, "noWinograd": true}),
		&Contestant{
			System: Hamster, Backend: "gorgonia", Variant: "go", Threads: 1, File: file,
			options: map[string]any{"backend": "gorgonia"}, thrifty: true, extra: true, says: []string{"gorgonia"},
		},
	)
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
