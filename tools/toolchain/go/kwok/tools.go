//go:build tools

// Package tools pins the programs that this module builds, see ../../README.md.
package tools

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
