package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
