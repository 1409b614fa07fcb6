package main

import "io/fs"

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
	{goPackage("./layer/extensions/larder"), "extensions/larder", 0o755},
}
