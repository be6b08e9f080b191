package main

import (
	"fmt"
	"strings"
)

// block is a fenced piece of a Markdown text.
type block struct {
	line     int // of its opening fence, from 1
	language string
	text     string
}

// blocks returns the fenced blocks of a Markdown text.
func blocks(markdown string) ([]block, error) {
	var all []block
	var open *block
	for i, line := range strings.Split(markdown, "\n") {
		language, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{line: i + 1, language: strings.TrimSpace(language)}
		case isFence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		return nil, fmt.Errorf("the block that line %d opens is never closed", open.line)
	}
	return all, nil
}

// command is a line for the shell. Where the page shows what it prints,
// output is that.
type command struct {
	line     int
	text     string
	output   string
	isOutput bool // output is to be compared
}

// commands returns what a block asks its reader to type: every line of an sh
// block but its comments, and every line of a console block after "$ ".
func commands(b block) ([]command, error) {
	var all []command
	for i, line := range strings.Split(strings.TrimSuffix(b.text, "\n"), "\n") {
		at := b.line + 1 + i
		switch b.language {
		case "sh":
			if text, _, _ := strings.Cut(line, " #"); strings.TrimSpace(text) != "" && !strings.HasPrefix(line, "#") {
				all = append(all, command{line: at, text: strings.TrimSpace(text)})
			}
		case "console":
			if text, ok := strings.CutPrefix(line, "$ "); ok {
				all = append(all, command{line: at, text: text})
				continue
			}
			if len(all) == 0 {
				return nil, fmt.Errorf("line %d: output without a command", at)
			}
			last := &all[len(all)-1]
			last.output += line + "\n"
			last.isOutput = true
		}
	}
	return all, nil
}
