package site

import (
	"fmt"
	"path"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// shrink leaves out of scripts and style sheets what only their readers need:
// comments and spaces. Files stay files and names stay names, so that what a
// browser reports can be found in the repository. The service worker's script is
// left alone; it is yet to be filled in.
func shrink(files map[string][]byte) error {
	for name, content := range files {
		options := api.TransformOptions{
			Sourcefile: name, MinifyWhitespace: true, MinifySyntax: true, LegalComments: api.LegalCommentsNone,
			Target: api.ES2022, Charset: api.CharsetUTF8,
		}
		switch path.Ext(name) {
		case ".js":
			options.Loader = api.LoaderJS
		case ".css":
			options.Loader = api.LoaderCSS
		default:
			continue
		}
		if name == workerSource || !strings.HasPrefix(name, "web/") {
			continue
		}
		result := api.Transform(string(content), options)
		if len(result.Errors) > 0 {
			return fmt.Errorf("shrink %s: line %d: %s", name, result.Errors[0].Location.Line, result.Errors[0].Text)
		}
		files[name] = result.Code
	}
	return nil
}
