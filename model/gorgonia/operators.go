package gorgonia

// operators maps ONNX names to lowerings. To add an operator, write its lowering
// in the file of its name (CONTRIBUTING.md) and list it here. Flatten, Squeeze, Unsqueeze, Dropout, Cast,
// Shape and Gather are gone from the canonical graph, or part of it as Reshape
// and Identity, or of a constant that is stored as float16; DequantizeLinear is evaluated while compiling.
var operators = map[string]lowering{
	"Add":                lowerBinary(add),
	"AveragePool":        lowerPool,
	"BatchNormalization": lowerBatchNorm,
	"Clip":               lowerClip,
	"Concat":             lowerConcat,
	"Conv":               lowerConv,
	"Div":                lowerBinary(div),
	"Exp":                lowerUnary(exp),
	"Gemm":               lowerGemm,
	"GlobalAveragePool":  lowerGlobalPool,
	"GlobalMaxPool":      lowerGlobalPool,
	"HardSigmoid":        lowerHardSigmoid,
	"HardSwish":          lowerUnary(hardSwish),
	"Identity":           lowerIdentity,
	"LeakyRelu":          lowerLeakyRelu,
	"MatMul":             lowerMatMul,
	"MaxPool":            lowerPool,
	"Mul":                lowerBinary(mul),
	"Pad":                lowerPad,
	"ReduceMean":         lowerReduceMean,
	"Relu":               lowerRelu,
	"Reshape":            lowerReshape,
	"Sigmoid":            lowerUnary(sigmoid),
	"Slice":              lowerSlice,
	"Softmax":            lowerSoftmax,
	"Sub":                lowerBinary(sub),
	"Tanh":               lowerUnary(tanh),
	"Transpose":          lowerTranspose,
}
