package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	// Load is the load average of the minute before, as the system tells it; −1
	// where it does not.
	Load float64   `json:"load"`
	Time time.Time `json:"time"`
}

// busy is a load average at which timings say little: half a core at other work.
const busy = 0.5

func newEnvironment() Environment {
	return Environment{
		CPU: cpuModel(), OS: runtime.GOOS + "/" + runtime.GOARCH,
		Load: loadAverage(), Time: time.Now().UTC().Truncate(time.Second),
	}
}

// loud is a spread, by the median, at which a figure is no more than a hint.
const loud = 0.15

// remarks say where rows were measured and how far they can be trusted.
func (e Environment) remarks(rows []Row) []string {
	list := []string{fmt.Sprintf("%s, %d cores, %s, %s, cross-origin isolated: %t, %s",
		e.CPU, e.Cores, e.OS, e.Browser, e.Isolated, e.Time.Format("2006-01-02"))}
	noisy := 0
	for _, row := range rows {
		if v := row.System + " " + row.Version; !slices.Contains(list, v) {
			list = append(list, v)
		}
		if (Spread{row.Median, row.Min, row.Max}).noise() > loud {
			noisy++
		}
	}
	if e.Load >= 0 {
		text := fmt.Sprintf("Load average before: %.2f.", e.Load)
		if e.Load > busy {
			text += " The machine was busy, so times say little."
		}
		list = append(list, text)
	}
	if noisy > 0 {
		list = append(list, fmt.Sprintf("%d of %d medians have values more than %.0f %% apart around them.", noisy, len(rows), 100*loud))
	}
	return list
}

// treeVersion names the commit of the repository, and says if it was changed.
func treeVersion(root string) string {
	commit := "of no commit"
	command := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*")
	command.Dir = root
	if out, err := command.Output(); err == nil {
		commit = strings.TrimSpace(string(out))
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

func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return -1
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return -1
	}
	return load
}

// packageVersion reads the version of a package that npm installed.
func packageVersion(root, name string) (string, error) {
	path := filepath.Join(root, "tools", "npm", "node_modules", name, "package.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s is not installed (tools/setup.sh test does it): %w", name, err)
	}
	var p struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return p.Version, nil
}
