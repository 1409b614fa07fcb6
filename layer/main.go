// Larder's layer packer writes the zip files that are published as the Lambda
// layer, one for each architecture:
//
//	go run ./layer -arch amd64 -out dist/larder-layer-amd64.zip
//	go run ./layer -arch all
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
	"path/filepath"
	"strings"
)

var architectures = []string{"amd64", "arm64"}

func main() {
	arch := flag.String("arch", "all", "the functions' architecture: "+strings.Join(architectures, ", ")+" or all")
	out := flag.String("out", "dist/larder-layer-{arch}.zip", "the file to write; {arch} becomes the architecture")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *arch, *out, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "layer: error:", err)
		os.Exit(1)
	}
}

// run packs contents for each architecture asked for and prints a line of
// sha256sum's format for each file written.
func run(ctx context.Context, arch, out string, rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	outputs, err := plan(arch, out)
	if err != nil {
		return err
	}
	builder, err := newBuilder(ctx, ".")
	if err != nil {
		return err
	}
	if err := builder.checkToolchain(ctx); err != nil {
		return err
	}
	for _, o := range outputs {
		data, err := pack(ctx, builder, o.arch, contents)
		if err != nil {
			return fmt.Errorf("%s: %w", o.arch, err)
		}
		if err := write(o.path, data); err != nil {
			return err
		}
		fmt.Printf("%x  %s\n", sha256.Sum256(data), o.path)
	}
	return nil
}

type output struct{ arch, path string }

// plan says which files the two flags ask for.
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
		return nil, fmt.Errorf("-out %q: with -arch all its name needs {arch}", out)
	}
	return outputs, nil
}
