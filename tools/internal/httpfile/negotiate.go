package httpfile

import (
	"strconv"
	"strings"
)

// An Encoding is a content coding of RFC 9110; Identity is none.
type Encoding string

const (
	Identity Encoding = ""
	Brotli   Encoding = "br"
	Gzip     Encoding = "gzip"
)

// negotiate chooses among the codings that there are for an Accept-Encoding
// header: the one with the highest weight, on a tie the first. What it cannot
// read it treats as not accepted.
func negotiate(header string, available []Encoding) Encoding {
	weights := map[string]float64{}
	for item := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" {
			continue
		}
		weight := 1.0
		if parameters = strings.TrimSpace(parameters); parameters != "" {
			value, isWeight := strings.CutPrefix(strings.ToLower(parameters), "q=")
			parsed, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if !isWeight || err != nil || !(parsed >= 0 && parsed <= 1) {
				continue
			}
			weight = parsed
		}
		weights[name] = weight
	}
	best, bestWeight := Identity, 0.0
	for _, encoding := range available {
		weight, named := weights[string(encoding)]
		if !named {
			weight = weights["*"]
		}
		if weight > bestWeight {
			best, bestWeight = encoding, weight
		}
	}
	if identity, named := weights["identity"]; named && identity > bestWeight {
		return Identity
	}
	return best
}
