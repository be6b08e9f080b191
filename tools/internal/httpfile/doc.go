// Package httpfile is what Hamster's servers say over HTTP: which addresses
// there are, validators, ranges, encodings, security headers, the catalogue of
// models. Where the bytes lie is not its business: a folder (package serve) and
// a bucket (tools/edge) are served alike, and package httptable tests both.
package httpfile
