// Package getmodel finds or makes the trained model that Hamster uses.
package getmodel

import (
	"context"
	"errors"
)

// Origin says where a model may come from.
type Origin string

// The origins of models.
const (
	Auto  Origin = "auto"  // Keras, or else npm
	Keras Origin = "keras" // the ImageNet weights that Keras publishes
	NPM   Origin = "npm"   // the InceptionV3 in the npm package nsfwjs
)

// Ensure returns the path of the ONNX model of the named origin, getting and
// converting it if the cache does not hold it yet. logf gets one sentence a
// step.
func Ensure(ctx context.Context, from Origin, logf func(format string, args ...any)) (string, error) {
	return "", errors.ErrUnsupported
}
