// Package onnxfile reads the container: it splits an ONNX file into the graph,
// which onnx-go decodes, and the weights, which stay where they lie until
// somebody asks for them by name.
//
// The file is untrusted. Parse reads only headers, never the weights; it checks
// every length, type and shape before anything is allocated by it, and refuses
// what is out of its limits.
package onnxfile
