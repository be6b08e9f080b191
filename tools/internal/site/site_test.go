package site

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestOnlyWhatABrowserLoadsIsShipped(t *testing.T) {
	root := fstest.MapFS{}
	for _, name := range []string{
		"index.html", "go.mod", "README.md", "web/page/main.js", "web/page/page.css", "web/icons/hamster.svg", "web/embed/embed.html",
		"web/jsconfig.json", "web/shared/protocol.d.ts", "web/test/page.e2e.mjs", "web/test/fixtures/a.js",
	} {
		root[name] = &fstest.MapFile{Data: []byte(name)}
	}
	files := map[string][]byte{}
	if err := addPage(files, root); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range files {
		got = append(got, name)
	}
	slices.Sort(got)
	want := []string{"index.html", "web/embed/embed.html", "web/icons/hamster.svg", "web/page/main.js", "web/page/page.css"}
	if !slices.Equal(got, want) {
		t.Errorf("shipped %q, want %q", got, want)
	}
}

func TestARepositoryWithoutAPageIsRefused(t *testing.T) {
	if err := addPage(map[string][]byte{}, fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("error is %v, want one that names index.html", err)
	}
}

func TestTheRuntimeIsTheToolchainsOwn(t *testing.T) {
	files := map[string][]byte{}
	if err := addRuntime(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(files[RuntimePath], []byte("globalThis.Go = class")) {
		t.Errorf("%s defines no Go class", RuntimePath)
	}
}

func TestSamplesHaveSquareThumbnails(t *testing.T) {
	files := map[string][]byte{}
	if err := addSamples(files, os.DirFS(filepath.Join("..", "..", "..", "testdata", "photos"))); err != nil {
		t.Fatal(err)
	}
	if got, want := len(files), 2*len(Samples); got != want {
		t.Fatalf("%d files, want %d", got, want)
	}
	total := 0
	for name, content := range files {
		total += len(content)
		if !strings.HasPrefix(name, "samples/small/") {
			continue
		}
		config, format, err := image.DecodeConfig(bytes.NewReader(content))
		if err != nil || format != "jpeg" || config.Width != thumbnailSide || config.Height != thumbnailSide {
			t.Errorf("%s: %s of %dx%d, %v", name, format, config.Width, config.Height, err)
		}
		if len(content) > 20<<10 {
			t.Errorf("%s: %d bytes is too much for a thumbnail", name, len(content))
		}
	}
	if total > 350<<10 {
		t.Errorf("%d bytes of samples are too much for every visitor to keep", total)
	}
}

func TestLicencesAreShippedUnderNamesThatBrowsersShow(t *testing.T) {
	files := map[string][]byte{}
	if err := addNotices(files, os.DirFS(filepath.Join("..", "..", ".."))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"NOTICE.txt", "LICENSE.txt"} {
		if len(files[name]) == 0 {
			t.Errorf("%s is not shipped", name)
		}
	}
}

func TestSynchroniseWritesWhatChangedAndRemovesTheRest(t *testing.T) {
	out := filepath.Join(t.TempDir(), "site")
	if err := claim(out); err != nil {
		t.Fatal(err)
	}
	first := map[string][]byte{"index.html": []byte("one"), "web/old.js": []byte("old"), "web/same.js": []byte("same")}
	if err := synchronise(out, first); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(out, "web", "same.js"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(out, "wasm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, filepath.FromSlash(ProgramPath)), []byte("\x00asm"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := claim(out); err != nil {
		t.Errorf("our own folder is refused: %v", err)
	}
	if err := synchronise(out, map[string][]byte{"index.html": []byte("two"), "web/same.js": []byte("same")}); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(out, "index.html")); err != nil || string(content) != "two" {
		t.Errorf("index.html is %q, %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(out, "web", "old.js")); !os.IsNotExist(err) {
		t.Errorf("web/old.js is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, filepath.FromSlash(ProgramPath))); err != nil {
		t.Errorf("the program is gone: %v", err)
	}
	after, err := os.Stat(filepath.Join(out, "web", "same.js"))
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("web/same.js was written again: %v", err)
	}
}

func TestAFolderWithOtherThingsIsRefused(t *testing.T) {
	out := t.TempDir()
	precious := filepath.Join(out, "thesis.txt")
	if err := os.WriteFile(precious, []byte("years"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Build(t.Context(), ".", out); err == nil || !strings.Contains(err.Error(), "choose an empty folder") {
		t.Errorf("error is %v", err)
	}
	if content, err := os.ReadFile(precious); err != nil || string(content) != "years" {
		t.Errorf("the folder was touched: %v", err)
	}
}

func TestTheServiceWorkerKnowsEveryFileAndTheirVersion(t *testing.T) {
	build := func(edit func(files map[string][]byte)) (script string) {
		t.Helper()
		files := map[string][]byte{
			"index.html": []byte("page"), "web/page/main.js": []byte("main"), "web/embed/embed.html": []byte("frame"),
			workerSource: []byte("before\n" + emptyShell + "\nafter"), ProgramPath: nil, PortablePath: nil,
		}
		edit(files)
		programs := map[string][]byte{}
		for _, name := range []string{ProgramPath, PortablePath} {
			programs[name] = files[name]
			delete(files, name)
		}
		if err := addWorker(files, programs); err != nil {
			t.Fatal(err)
		}
		if _, there := files[workerSource]; there {
			t.Errorf("%s is shipped too", workerSource)
		}
		return string(files[workerPath])
	}
	first := build(func(map[string][]byte) {})
	if want := `"files":["index.html","wasm/hamster.wasm","web/page/main.js"],"later":{"wasm/portable.wasm":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}};`; !strings.Contains(first, want) {
		t.Errorf("%s lacks %s", first, want)
	}
	if again := build(func(map[string][]byte) {}); again != first {
		t.Errorf("the same files give\n%s and\n%s", first, again)
	}
	for name, edit := range map[string]func(map[string][]byte){
		"a changed file":    func(f map[string][]byte) { f["index.html"] = []byte("page 2") },
		"a changed program": func(f map[string][]byte) { f[ProgramPath] = []byte("2") },
		"the other program": func(f map[string][]byte) { f[PortablePath] = []byte("2") },
		"a file more":       func(f map[string][]byte) { f["web/page/new.js"] = nil },
	} {
		if other := build(edit); other == first {
			t.Errorf("%s leaves the version as it was", name)
		}
	}
}

func TestAServiceWorkerWithoutItsPlaceIsRefused(t *testing.T) {
	for _, script := range []string{"", emptyShell + emptyShell} {
		if err := addWorker(map[string][]byte{workerSource: []byte(script)}, nil); err == nil || !strings.Contains(err.Error(), workerSource) {
			t.Errorf("%q: error is %v", script, err)
		}
	}
}

func TestScriptsAndStylesLoseTheirCommentsAndKeepTheirMeaning(t *testing.T) {
	files := map[string][]byte{
		"web/page/a.js":   []byte("/** Says hello. */\nexport function hello(name) {\n  // politely\n  return `Hello, ${name}`;\n}\n"),
		"web/page/a.css":  []byte("/* calm */\n.a {\n  color: red;\n}\n"),
		"index.html":      []byte("<!-- kept -->\n"),
		workerSource:      []byte(emptyShell + " // kept"),
		"wasm/runtime.js": []byte("// kept"),
	}
	if err := shrink(files); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"web/page/a.js":   "export function hello(name){return`Hello, ${name}`}\n",
		"web/page/a.css":  ".a{color:red}\n",
		"index.html":      "<!-- kept -->\n",
		workerSource:      emptyShell + " // kept",
		"wasm/runtime.js": "// kept",
	} {
		if got := string(files[name]); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	broken := map[string][]byte{"web/page/b.js": []byte("export {")}
	if err := shrink(broken); err == nil || !strings.Contains(err.Error(), "web/page/b.js: line 1") {
		t.Errorf("error is %v, want one that names the file and the line", err)
	}
}

func TestModulesOfThePageGoIntoFewFilesThatItAsksForAtOnce(t *testing.T) {
	site := func() map[string][]byte {
		return map[string][]byte{
			"index.html":           []byte("<head>\n  <script type=\"module\" src=\"web/page/language.js\"></script>\n</head>"),
			"web/page/main.js":     []byte("import { a } from '../shared/a.js';\nimport { b } from './b.js';\nconsole.log(a, b);\nimport('./late.js');\n"),
			"web/page/ahead.js":    []byte("console.log('ahead');\n"),
			"web/page/language.js": []byte("import { a } from '../shared/a.js';\nconsole.log('language', a);\n"),
			"web/page/b.js":        []byte("export const b = 'only the page has this';\n"),
			"web/page/late.js":     []byte("console.log('late');\n"),
			"web/page/page.css":    []byte("a{}"),
			"web/shared/a.js":      []byte("export const a = 'both have this';\n"),
			"web/worker/worker.js": []byte("import { c } from './c.js';\nimport { a } from '../shared/a.js';\nconsole.log(a, c);\n"),
			"web/worker/c.js":      []byte("export const c = new URL('./x', import.meta.url);\n"),
		}
	}
	files := site()
	if err := bundle(files); err != nil {
		t.Fatal(err)
	}
	var parts []string
	for name, content := range files {
		if strings.HasPrefix(name, "web/page/part-") {
			parts = append(parts, name)
			text := string(content)
			link := `<link rel="modulepreload" href="` + name + `">`
			if both := strings.Contains(text, "both have this"); both != strings.Contains(string(files["index.html"]), link) {
				t.Errorf("%s is asked for at once: %v; it is\n%s", name, !both, text)
			}
		}
	}
	if len(parts) != 2 {
		t.Errorf("shared and late parts: %v", parts)
	}
	for name, want := range map[string]string{
		"web/page/main.js": "only the page has this", "web/page/language.js": "language", "web/page/ahead.js": "ahead",
		"web/worker/worker.js": "both have this", "web/worker/c.js": "import.meta.url", "web/shared/a.js": "both have this", "web/page/page.css": "a{}",
	} {
		if !strings.Contains(string(files[name]), want) {
			t.Errorf("%s is %q, which lacks %q", name, files[name], want)
		}
	}
	if strings.Contains(string(files["web/worker/worker.js"]), "import ") {
		t.Errorf("the worker imports: %s", files["web/worker/worker.js"])
	}
	for _, name := range []string{"web/page/b.js", "web/page/late.js"} {
		if _, there := files[name]; there {
			t.Errorf("%s is shipped beside the bundle", name)
		}
	}
	lacking := site()
	delete(lacking, "web/shared/a.js")
	if err := bundle(lacking); err == nil || !strings.Contains(err.Error(), "there is no web/shared/a.js") {
		t.Errorf("a module that is not there: %v", err)
	}
}
