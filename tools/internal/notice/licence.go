package main

import (
	_ "embed"
	"errors"
	"regexp"
	"strings"
)

// licence is what a licence file says: who holds the rights, and the terms.
// Files with the same terms differ in holders only.
type licence struct {
	kind    string
	holders []string
	terms   string
}

var (
	//go:embed texts/go.txt
	goText string
	//go:embed texts/nsfwjs.txt
	nsfwjsText string

	goLicence     = mustParse(goText)
	nsfwjsLicence = mustParse(nsfwjsText)
)

func mustParse(text string) licence {
	l, err := parseLicence(text)
	if err != nil {
		panic(err)
	}
	return l
}

var (
	holderLine = regexp.MustCompile(`(?i)^copyright\s.*[0-9]{4}`)
	// The Apache licence ends with advice on how to use it, which is no part
	// of the terms but may name the holder.
	endOfTerms = regexp.MustCompile(`(?m)^ *END OF TERMS AND CONDITIONS *$`)
	titleLine  = regexp.MustCompile(`(?i)^(the )?mit licen[sc]e( \(mit\))?$`)
)

func parseLicence(text string) (licence, error) {
	var l licence
	var terms []string
	ended := false
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		line = strings.TrimRight(line, " \t\n")
		bare := strings.TrimSpace(line)
		switch {
		case holderLine.MatchString(bare):
			l.holders = append(l.holders, bare)
		case ended || titleLine.MatchString(bare):
		case endOfTerms.MatchString(line):
			ended = true
		default:
			terms = append(terms, line)
		}
	}
	l.terms = strings.Trim(strings.Join(terms, "\n"), "\n")
	l.terms = regexp.MustCompile(`\n{3,}`).ReplaceAllString(l.terms, "\n\n")

	switch says := func(phrase string) bool { return strings.Contains(plain(l.terms), phrase) }; {
	case says("the gorgonia licence"):
		l.kind = "Gorgonia Licence 1.0"
	case says("apache license version 2.0"):
		l.kind = "Apache 2.0"
	case says("permission is hereby granted, free of charge"):
		l.kind = "MIT"
	case says("redistribution and use in source and binary forms") && says("neither the name"):
		l.kind = "BSD, 3 clauses"
	case says("redistribution and use in source and binary forms"):
		l.kind = "BSD, 2 clauses"
	default:
		return licence{}, errors.New("it is of no kind known here")
	}
	return l, nil
}

// plain makes texts comparable that differ in layout only.
func plain(text string) string {
	return strings.Join(strings.Fields(strings.ToLower(text)), " ")
}
