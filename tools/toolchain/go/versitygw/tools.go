//go:build tools

// Package tools pins the programs that this module builds, see ../../README.md.
package tools

import (
	_ "github.com/versity/versitygw/cmd/versitygw"
)
