package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// document is what a report says, before it is written in one form or another.
type document struct {
	title   string
	remarks []string // what a reader has to know about the figures
	tables  []table
}

// table has a heading row. Columns without any entry below it are not written.
type table struct {
	title string
	cells [][]string
}

// text is for a terminal, where what comes last is read first.
func (d *document) text(w io.Writer) error {
	var out strings.Builder
	for _, t := range d.tables {
		t.text(&out)
	}
	for _, remark := range d.remarks {
		fmt.Fprintln(&out, remark)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (d *document) markdown(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n", d.title)
	for _, remark := range d.remarks {
		fmt.Fprintf(&out, "- %s\n", escape(remark))
	}
	for _, t := range d.tables {
		t.markdown(&out)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (t table) text(out *strings.Builder) {
	cells := withoutEmptyColumns(t.cells)
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintln(out, t.title)
	for _, row := range cells {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "  %-*s", widths[i], cell)
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
	fmt.Fprintln(out)
}

func (t table) markdown(out *strings.Builder) {
	fmt.Fprintf(out, "\n## %s\n\n", t.title)
	for i, row := range withoutEmptyColumns(t.cells) {
		for _, cell := range row {
			fmt.Fprintf(out, "| %s ", escape(cell))
		}
		fmt.Fprintln(out, "|")
		if i == 0 {
			fmt.Fprintf(out, "%s|\n", strings.Repeat("|---", len(row)))
		}
	}
}

// escape keeps text from being read as a table or as emphasis.
func escape(text string) string {
	return strings.NewReplacer("|", `\|`, "_", `\_`, "*", `\*`).Replace(text)
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
