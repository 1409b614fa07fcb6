package main

import (
	"io/fs"
	"slices"
)

// An entry is one file of the layer.
type entry struct {
	source source
	target string      // where it is under /opt: slashes, relative
	mode   fs.FileMode // permission bits
}

// contents is the whole layer: what is not listed is not in it.
//
// Lambda starts every file it finds in /opt/extensions, under its file name.
var contents = []entry{
	{goPackage("./layer/extensions/larder"), extension, 0o755},
}

const extension = "extensions/larder"

// named returns contents with the extension's file under another name, which is
// then the name that it registers.
func named(name string) []entry {
	entries := slices.Clone(contents)
	for i := range entries {
		if entries[i].target == extension {
			entries[i].target = "extensions/" + name
		}
	}
	return entries
}
