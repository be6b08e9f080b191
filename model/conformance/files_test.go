package conformance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// families reads CONTRIBUTING's table of the files that hold several operators.
func families(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	file := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(op_[a-z]+\\.go)` \\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		for op := range strings.SplitSeq(row[2], ", ") {
			file[op] = row[1]
		}
	}
	if len(file) == 0 {
		t.Fatal("CONTRIBUTING.md has no table of families")
	}
	return file
}

// registered reads a package's map of operators: the function that each name
// has, and the file that declares it.
func registered(t *testing.T, dir, variable string) (functions, declared map[string]string) {
	t.Helper()
	functions, declared = map[string]string{}, map[string]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					declared[n.Name.Name] = filepath.Base(path)
				}
				return false
			case *ast.ValueSpec:
				if n.Names[0].Name != variable {
					return false
				}
				for _, e := range n.Values[0].(*ast.CompositeLit).Elts {
					pair := e.(*ast.KeyValueExpr)
					op, err := strconv.Unquote(pair.Key.(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					function := pair.Value
					if call, ok := function.(*ast.CallExpr); ok {
						function = call.Fun
					}
					functions[op] = function.(*ast.Ident).Name
				}
				return false
			}
			return true
		})
	}
	return functions, declared
}

func TestAnOperatorIsFoundInTheFileOfItsName(t *testing.T) {
	family := families(t)
	known := map[string]bool{}
	for _, p := range []struct{ dir, variable string }{
		{"../graph", "operators"}, {"../gorgonia", "operators"}, {"../simd/ir", "lowerings"},
	} {
		functions, declared := registered(t, p.dir, p.variable)
		if len(functions) < 20 {
			t.Fatalf("%s lists %d operators", p.dir, len(functions))
		}
		wanted := map[string]bool{}
		for op, function := range functions {
			known[op] = true
			want := family[op]
			if want == "" {
				want = "op_" + strings.ToLower(op) + ".go"
			}
			wanted[want] = true
			if got := declared[function]; got != want {
				t.Errorf("%s: %s is %s in %q, want it in %s", p.dir, op, function, got, want)
			}
		}
		files, err := filepath.Glob(filepath.Join(p.dir, "op_*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if name := strings.Replace(filepath.Base(path), "_test.go", ".go", 1); !wanted[name] {
				t.Errorf("%s is the file of no operator that %s lists", path, p.variable)
			}
		}
	}
	for op := range family {
		if !known[op] {
			t.Errorf("CONTRIBUTING.md has %s in a family, which nobody lists", op)
		}
	}
}
