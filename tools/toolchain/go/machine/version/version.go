// Package version tells which of the machine's programs this is.
package version

import (
	"fmt"
	"os"
)

// Version is set by the linker.
var Version = "unknown"

// AnswerIfAsked prints name and version and ends the program when its one argument is -version.
func AnswerIfAsked(name string) {
	if len(os.Args) == 2 && os.Args[1] == "-version" {
		fmt.Println(name, Version)
		os.Exit(0)
	}
}
