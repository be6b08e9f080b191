package inception

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed imagenet_classes.tsv
var classTable string

// Class is one class of ILSVRC 2012.
type Class struct {
	ID    string // WordNet 3.0 synset: "n02342885"
	Label string // its first name: "hamster"
}

// Classes are the 1000 classes in the order of the network's output.
var Classes = sync.OnceValue(func() []Class {
	var classes []Class
	for line := range strings.Lines(classTable) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSpace(line), "\t")
		label, _, _ := strings.Cut(fields[2], ",")
		classes = append(classes, Class{ID: fields[1], Label: label})
	}
	return classes
})
