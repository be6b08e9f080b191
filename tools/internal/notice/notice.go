package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
)

//go:embed texts/head.txt
var head string

// notice returns what the file NOTICE must hold.
func notice(root string) ([]byte, error) {
	components := []component{
		{
			name: "Go: runtime, standard library, wasm_exec.js", in: []string{"command", "site", "edge"},
			licence: goLicence,
		},
		{
			name: "nsfwjs 4.4.0: the InceptionV3 model", in: []string{"site"},
			note: "got from its npm package and converted to ONNX by hamster model get", licence: nsfwjsLicence,
		},
	}
	linked, err := modules(root)
	if err != nil {
		return nil, err
	}
	components = append(components, linked...)

	var out bytes.Buffer
	out.WriteString(head)
	terms := numbering{}
	for _, c := range components {
		fmt.Fprintf(&out, "\n%s\n", c.name)
		fmt.Fprintf(&out, "    in the %s; %s, text %d\n", strings.Join(c.in, " and the "), c.licence.kind, terms.number(c.licence))
		if c.note != "" {
			fmt.Fprintf(&out, "    %s\n", c.note)
		}
		for _, holder := range c.licence.holders {
			fmt.Fprintf(&out, "    %s\n", holder)
		}
	}
	fmt.Fprint(&out, "\n\nThe texts of the licences\n=========================\n")
	for i, l := range terms.texts {
		title := fmt.Sprintf("%d. %s", i+1, l.kind)
		fmt.Fprintf(&out, "\n\n%s\n%s\n\n%s\n", title, strings.Repeat("-", len(title)), l.terms)
	}
	return out.Bytes(), nil
}

// numbering counts different terms in the order in which they are met.
type numbering struct {
	texts []licence
	seen  map[string]int
}

func (n *numbering) number(l licence) int {
	key := plain(l.terms)
	if n.seen == nil {
		n.seen = map[string]int{}
	}
	if n.seen[key] == 0 {
		n.texts = append(n.texts, l)
		n.seen[key] = len(n.texts)
	}
	return n.seen[key]
}
