package asm

import "syscall/js"

func browserValidates(wasm []byte) bool {
	bytes := js.Global().Get("Uint8Array").New(len(wasm))
	js.CopyBytesToJS(bytes, wasm)
	return js.Global().Get("WebAssembly").Call("validate", bytes).Bool()
}
