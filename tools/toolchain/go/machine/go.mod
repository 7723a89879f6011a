module ascent/toolchain/machine

go 1.21
