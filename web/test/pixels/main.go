// Command pixels prints the size of each image it is given and the SHA-256 of
// its RGBA bytes as package imagefile decodes them: "WIDTH HEIGHT HASH". The
// end-to-end tests compare a browser's decoder with it.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"

	"hamster/preprocess/imagefile"
)

func main() {
	for _, name := range os.Args[1:] {
		if err := describe(name); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func describe(name string) error {
	file, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	img, _, err := imagefile.Decode(file, imagefile.Limits{})
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%d %d %x\n", img.Width, img.Height, sha256.Sum256(img.Pix))
	return err
}
