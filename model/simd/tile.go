package simd

// TileFor is the size of f32_conv_nhwc's tile, output pixels × output channels,
// that Compile chooses for a directly computed convolution whose output is so
// many pixels by so many channels.
func TileFor(opts Options, pixels, channels int) (mr, nr int) {
	t := pickTile(opts, pixels, []int{channels})
	return t.mr, t.nr
}
