package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Environment is where a measurement was made.
type Environment struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"` // that the browser sees
	OS       string `json:"os"`
	Browser  string `json:"browser"`
	Isolated bool   `json:"isolated"` // cross-origin: without it there are no threads
	WebGPU   string `json:"webgpu"`   // the adapter, empty where there is none
	// Load is how many cores were at other work before; −1 where the system does
	// not tell.
	Load float64   `json:"load"`
	Time time.Time `json:"time"`
}

// busy is a load at which timings say little.
const busy = 0.5

func newEnvironment() Environment {
	return Environment{
		CPU: cpuModel(), OS: runtime.GOOS + "/" + runtime.GOARCH,
		Load: coresAtWork(), Time: time.Now().UTC().Truncate(time.Second),
	}
}

// loud is a spread, by the median, at which a figure is no more than a hint.
const loud = 0.15

// remarks say where rows were measured, and how far they can be trusted. Rows may
// be of several sessions.
func remarks(rows []Row) []string {
	list := machines(rows)
	add := func(text string) { list = appendNew(list, text) }
	for _, r := range rows {
		if r.WebGPU != "" {
			add("WebGPU adapter: " + r.WebGPU)
		} else {
			add("No WebGPU adapter here, so nothing ran on one.")
		}
	}
	list = append(list, versionsText(rows)...)
	if len(rows) == 0 {
		return list
	}
	noisy, busiest := 0, -1.0
	for _, r := range rows {
		busiest = max(busiest, r.Load)
		if (Spread{r.Median, r.Min, r.Max}).noise() > loud {
			noisy++
		}
	}
	add(sessionsText(rows))
	if busiest >= 0 {
		text := fmt.Sprintf("Cores at other work before a session: %.2f at most.", busiest)
		if busiest > busy {
			text += " The machine was busy, so times say little."
		}
		add(text)
	}
	if noisy > 0 {
		add(fmt.Sprintf("%d of %d medians have values more than %.0f %% apart around them.", noisy, len(rows), 100*loud))
	}
	return list
}

func appendNew(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// machines has a line for each that rows were measured on.
func machines(rows []Row) (list []string) {
	for _, r := range rows {
		list = appendNew(list, fmt.Sprintf("%s, %d cores, %s, %s, cross-origin isolated: %t", r.CPU, r.Cores, r.OS, r.Browser, r.Isolated))
	}
	return list
}

// sessionsText says in how many runs of the bench rows were measured, and when.
// Those of one metric are of one: a merge takes over no less.
func sessionsText(rows []Row) string {
	var begun []time.Time
	for _, r := range rows {
		if !slices.ContainsFunc(begun, r.Time.Equal) {
			begun = append(begun, r.Time)
		}
	}
	slices.SortFunc(begun, time.Time.Compare)
	const layout = "2006-01-02 15:04"
	if len(begun) == 1 {
		return fmt.Sprintf("All in one session, begun %s UTC.", begun[0].Format(layout))
	}
	return fmt.Sprintf("From %d sessions, begun from %s to %s UTC. What is beside another in a table is of one session.",
		len(begun), begun[0].Format(layout), begun[len(begun)-1].Format(layout))
}

// versionsText has a line for each system, with all versions that rows are of.
func versionsText(rows []Row) []string {
	var list []string
	at := map[string]int{}
	seen := map[string]bool{}
	for _, r := range rows {
		text := r.System + " " + r.Version
		if seen[text] {
			continue
		}
		seen[text] = true
		if i, ok := at[r.System]; ok {
			list[i] += "; " + r.Version
			continue
		}
		at[r.System] = len(list)
		list = append(list, text)
	}
	return list
}

// treeVersion names the commit of the repository, and says if it was changed, but
// by what a bench writes: nothing that runs depends on that.
func treeVersion(root string) string {
	git := func(args ...string) (string, error) {
		command := exec.Command("git", args...)
		command.Dir = root
		out, err := command.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--short", "HEAD")
	if err != nil {
		return "of no commit, " + runtime.Version()
	}
	changed, err := git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)docs/bench", ":(top,exclude)README.md")
	if err != nil || changed != "" {
		commit += "-dirty"
	}
	return commit + ", " + runtime.Version()
}

// cpuModel is what Linux calls the processor, elsewhere its architecture.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}

// coresAtWork is how many cores are at work while nothing is measured, over a
// second. A load average would tell of the minute before.
func coresAtWork() float64 {
	busyBefore, allBefore := processorTime()
	time.Sleep(time.Second)
	busyAfter, allAfter := processorTime()
	if allAfter <= allBefore {
		return -1
	}
	return float64(runtime.NumCPU()) * (busyAfter - busyBefore) / (allAfter - allBefore)
}

// processorTime is what all processors have spent at work, and in all, in ticks;
// 0 where the system does not tell.
func processorTime() (busy, all float64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		if i == 0 {
			continue // "cpu"
		}
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil || i > 8 { // guests are counted under their hosts
			break
		}
		all += ticks
		if i != 4 && i != 5 { // idle, waiting for a disk
			busy += ticks
		}
	}
	return busy, all
}

// packageVersion reads the version of a package that npm installed.
func packageVersion(root, name string) (string, error) {
	text, err := readPackage(root, name, "package.json")
	if err != nil {
		return "", fmt.Errorf("%s is not installed (tools/setup.sh test does it): %w", name, err)
	}
	var p struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return "", fmt.Errorf("read the version of %s: %w", name, err)
	}
	return p.Version, nil
}

// versions of the systems that take part.
func (s *session) versions(all []*Contestant) (map[string]string, error) {
	packages := map[string]string{
		ORTWeb: ORTWeb, ORTNative: "onnxruntime-node", TFJS: "@tensorflow/tfjs-core", NSFWJS: NSFWJS,
	}
	versions := map[string]string{Hamster: treeVersion(s.root)}
	for _, c := range all {
		if versions[c.System] != "" {
			continue
		}
		v, err := packageVersion(s.root, packages[c.System])
		if err != nil {
			return nil, err
		}
		versions[c.System] = v
	}
	return versions, nil
}
