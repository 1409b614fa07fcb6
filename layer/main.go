// Larder's layer packer writes the zip files that are published as the Lambda
// layer, one for each architecture:
//
//	go run ./layer -arch amd64 -out dist/larder-layer-amd64.zip
//	go run ./layer -arch all
//
// Beside each zip it writes what is in it, as a CycloneDX bill of materials, and
// beside all SHA256SUMS. With -tree it writes the layer's files into a folder
// instead, for tools that make the zip themselves:
//
//	go run ./layer -arch arm64 -tree opt
//
// It is run from the root of the module. The same source gives the same bytes,
// whoever builds it and wherever it is checked out. It publishes nothing, and
// it takes nothing along that contents.go does not list.
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
)

var architectures = []string{"amd64", "arm64"}

// options are the command line's.
type options struct {
	arch string
	out  string // the zip, with {arch}
	tree string // where the files go instead
	name string // the extension's file name
}

func main() {
	var o options
	flag.StringVar(&o.arch, "arch", "all", "the functions' architecture: "+strings.Join(architectures, ", ")+" or all")
	flag.StringVar(&o.out, "out", "dist/larder-layer-{arch}.zip", "the file to write; {arch} becomes the architecture")
	flag.StringVar(&o.tree, "tree", "", "write the layer's files into this folder, and no zip; {arch} becomes the architecture")
	flag.StringVar(&o.name, "name", path.Base(extension), "the name of the extension's file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "layer: error:", err)
		os.Exit(1)
	}
}

// run packs contents for each architecture asked for and prints a line of
// sha256sum's format for each file written.
func run(ctx context.Context, o options, rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	out := o.out
	if o.tree != "" {
		out = o.tree
	}
	outputs, err := plan(o.arch, out)
	if err != nil {
		return err
	}
	if o.name == "" || strings.ContainsAny(o.name, `/\`) {
		return fmt.Errorf("-name %q: it is the name of a file", o.name)
	}
	builder, err := newBuilder(ctx, ".")
	if err != nil {
		return err
	}
	if err := builder.checkToolchain(ctx); err != nil {
		return err
	}
	sums := make(sums)
	for _, out := range outputs {
		files, err := collect(ctx, builder, out.arch, named(o.name))
		if err != nil {
			return fmt.Errorf("%s: %w", out.arch, err)
		}
		if o.tree != "" {
			err = unpack(out.path, files)
		} else {
			err = publishable(out.path, files, sums)
		}
		if err != nil {
			return err
		}
	}
	return sums.write()
}

// publishable writes the zip and its bill of materials.
func publishable(path string, files []file, sums sums) error {
	zipped, err := pack(files)
	if err != nil {
		return err
	}
	materials, err := billOfMaterials(filepath.Base(path), zipped, files)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		data []byte
	}{{path, zipped}, {strings.TrimSuffix(path, ".zip") + ".cdx.json", materials}} {
		if err := write(f.path, f.data, 0o644); err != nil {
			return err
		}
		sum := sha256.Sum256(f.data)
		fmt.Printf("%x  %s\n", sum, f.path)
		sums.add(f.path, sum)
	}
	return nil
}

type output struct{ arch, path string }

// plan says which files or folders the flags ask for.
func plan(arch, out string) ([]output, error) {
	var outputs []output
	for _, a := range architectures {
		if arch == a || arch == "all" {
			outputs = append(outputs, output{a, filepath.FromSlash(strings.ReplaceAll(out, "{arch}", a))})
		}
	}
	switch {
	case len(outputs) == 0:
		return nil, fmt.Errorf("-arch %q: it is one of %s or all", arch, strings.Join(architectures, ", "))
	case out == "":
		return nil, fmt.Errorf("-out is empty")
	case len(outputs) > 1 && outputs[0].path == outputs[1].path:
		return nil, fmt.Errorf("%q: with -arch all its name needs {arch}", out)
	}
	return outputs, nil
}
