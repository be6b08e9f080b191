package main

import "errors"

type modelConvert struct {
	Source string `arg:"" type:"existingfile" help:"A model.json (or model.min.js) of TensorFlow.js, or Keras .h5 weights."`
	Output string `short:"o" required:"" type:"path" help:"The ONNX file to write."`
}

func (c *modelConvert) Run() error { return errors.ErrUnsupported }
