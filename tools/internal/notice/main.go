// Command notice writes the file NOTICE: what the programs and the site are
// made of besides Hamster itself, with everybody's licence. It asks the go
// command which modules are linked and reads their licences where the modules
// lie, so that NOTICE cannot fall behind go.mod.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the repository's folder")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintf(os.Stderr, "notice: %v\n", err)
		os.Exit(1)
	}
}

func run(root string) error {
	text, err := notice(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "NOTICE"), text, 0o644)
}
