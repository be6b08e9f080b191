//go:build nogorgonia

package model

// compileGorgonia is nil: whoever needs it takes the larger program.
var compileGorgonia backend
