package bench

import (
	"fmt"
	"io"
	"strings"
)

// Comparison is what became of an older report's figures.
type Comparison struct {
	moved   []change
	steady  int // rows that did not move
	alone   int // rows that only one of the reports has
	remarks []string
}

type change struct {
	row           Row
	what          string
	before, after string
	factor        float64
	better        bool
}

// Compare tells what moved beyond the noise from an older report to a newer one:
// where the ranges of both do not meet. Where a row has a ratio in both, the ratio
// decides, for it does not depend on the day that a machine has.
func Compare(older, newer *Report) *Comparison {
	c := &Comparison{}
	before := map[string]Row{}
	for _, r := range older.Rows {
		if r.Metric != excludedMetric {
			before[r.key()] = r
		}
	}
	known := len(before)
	for _, r := range newer.Rows {
		if r.Metric == excludedMetric {
			continue
		}
		old, ok := before[r.key()]
		if !ok {
			c.alone++
			continue
		}
		known--
		if x, moved := moved(old, r); moved {
			c.moved = append(c.moved, x)
		} else {
			c.steady++
		}
	}
	c.alone += known
	c.remarks = differences(older.Rows, newer.Rows)
	return c
}

// key tells rows apart.
func (r Row) key() string { return r.Metric + ": " + r.setting() }

// margin is what a figure may be off although its rounds agree: times of few
// rounds say little of each other, counts are exact but for a few headers.
func (r Row) margin() float64 {
	if strings.HasSuffix(r.Metric, "_bytes") || strings.HasSuffix(r.Metric, "_requests") {
		return 0.005
	}
	switch r.Rounds {
	case 1:
		return 0.10
	case 2:
		return 0.05
	}
	return 0.02
}

func moved(old, r Row) (change, bool) {
	x := change{row: r, what: "median", before: quantity(r.Metric, old.Median), after: quantity(r.Metric, r.Median)}
	a, b := Spread{old.Median, old.Min, old.Max}, Spread{r.Median, r.Min, r.Max}
	if old.Ratio != nil && r.Ratio != nil && old.Against == r.Against {
		x.what, x.before, x.after = "ratio", fmt.Sprintf("%.2f", *old.Ratio), fmt.Sprintf("%.2f", *r.Ratio)
		a, b = Spread{*old.Ratio, *old.RatioMin, *old.RatioMax}, Spread{*r.Ratio, *r.RatioMin, *r.RatioMax}
	}
	low, high := a.Min*(1-old.margin()), a.Max*(1+old.margin())
	apart := b.Min*(1-r.margin()) > high || b.Max*(1+r.margin()) < low
	if a.Median > 0 {
		x.factor = b.Median / a.Median
	}
	x.better = (b.Median < a.Median) != moreIsBetter(r.Metric)
	return x, apart
}

func moreIsBetter(metric string) bool { return metric == "gmacs" || strings.HasSuffix(metric, "_fps") }

// differences between where two reports come from.
func differences(older, newer []Row) []string {
	if len(older) == 0 || len(newer) == 0 {
		return nil
	}
	a, b := older[0].Environment, newer[0].Environment
	var list []string
	for _, d := range []struct{ what, before, after string }{
		{"processor", a.CPU, b.CPU}, {"number of cores", fmt.Sprint(a.Cores), fmt.Sprint(b.Cores)},
		{"browser", a.Browser, b.Browser}, {"isolation", fmt.Sprint(a.Isolated), fmt.Sprint(b.Isolated)},
	} {
		if d.before != d.after {
			list = append(list, fmt.Sprintf("Another %s: it was %s, and is %s.", d.what, d.before, d.after))
		}
	}
	return list
}

// WriteText writes what moved, and how much did not.
func (c *Comparison) WriteText(w io.Writer) error {
	d := &document{remarks: c.remarks}
	if len(c.moved) > 0 {
		cells := [][]string{{"metric", "setting", "of", "before", "after", "by", ""}}
		for _, x := range c.moved {
			verdict := "worse"
			if x.better {
				verdict = "better"
			}
			by := ""
			if x.factor > 0 {
				by = fmt.Sprintf("%+.0f %%", 100*(x.factor-1))
			}
			cells = append(cells, []string{x.row.Metric, x.row.setting(), x.what, x.before, x.after, by, verdict})
		}
		d.tables = append(d.tables, table{"Moved beyond the noise", cells})
	}
	d.remarks = append(d.remarks, fmt.Sprintf("%d figures moved beyond the noise, %d did not.", len(c.moved), c.steady))
	if c.alone > 0 {
		d.remarks = append(d.remarks, fmt.Sprintf("%d are in one of the reports alone.", c.alone))
	}
	return d.text(w)
}
