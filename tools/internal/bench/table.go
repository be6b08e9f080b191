package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Tables have a heading row. Columns without any entry below it are left out.

func writeTextTable(w io.Writer, title string, cells [][]string) error {
	cells = withoutEmptyColumns(cells)
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", title)
	for _, row := range cells {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "  %-*s", widths[i], cell)
		}
		text.WriteString(strings.TrimRight(line.String(), " "))
		text.WriteByte('\n')
	}
	text.WriteByte('\n')
	_, err := io.WriteString(w, text.String())
	return err
}

func writeMarkdownTable(w io.Writer, title string, cells [][]string) error {
	cells = withoutEmptyColumns(cells)
	var text strings.Builder
	fmt.Fprintf(&text, "### %s\n\n", title)
	for i, row := range cells {
		escaped := make([]string, len(row))
		for k, cell := range row {
			escaped[k] = strings.ReplaceAll(cell, "|", `\|`)
		}
		fmt.Fprintf(&text, "| %s |\n", strings.Join(escaped, " | "))
		if i == 0 {
			fmt.Fprintf(&text, "|%s\n", strings.Repeat("---|", len(row)))
		}
	}
	text.WriteByte('\n')
	_, err := io.WriteString(w, text.String())
	return err
}

func withoutEmptyColumns(cells [][]string) [][]string {
	kept := make([][]string, len(cells))
	for column := range cells[0] {
		used := false
		for _, row := range cells[1:] {
			used = used || row[column] != ""
		}
		if !used {
			continue
		}
		for i, row := range cells {
			kept[i] = append(kept[i], row[column])
		}
	}
	return kept
}
