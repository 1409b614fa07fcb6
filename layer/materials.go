package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/larder-secrets/larder/agent"
)

// materials is a bill of materials in CycloneDX 1.6's JSON, of which it holds
// what is known: https://cyclonedx.org/docs/1.6/json. It bears neither a time nor
// a serial number, so that the same layer has the same bill.
type materials struct {
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// billOfMaterials says what the zip called name is made of: its files, and for
// each program the modules that it says it was linked from.
func billOfMaterials(name string, zipped []byte, files []file) ([]byte, error) {
	layer := component{Type: "application", Ref: name, Name: name, Version: agent.Version, Hashes: sha256Of(zipped)}
	whole := dependency{Ref: name}
	bill := materials{Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Metadata: metadata{layer}}
	modules := make(map[string]component)
	for _, f := range files {
		c := component{Type: "file", Ref: f.target, Name: f.target, Hashes: sha256Of(f.data)}
		if isProgram(f.data) {
			info, err := buildinfo.Read(bytes.NewReader(f.data))
			if err != nil {
				return nil, fmt.Errorf("target %q: %w", f.target, err)
			}
			c = program(c, info)
			linked := dependency{Ref: f.target}
			for _, module := range linkedModules(info) {
				modules[module.Ref] = module
				linked.DependsOn = append(linked.DependsOn, module.Ref)
			}
			bill.Dependencies = append(bill.Dependencies, linked)
		}
		bill.Components = append(bill.Components, c)
		whole.DependsOn = append(whole.DependsOn, f.target)
	}
	for _, module := range modules {
		bill.Components = append(bill.Components, module)
	}
	byRef := func(a, b component) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Ref, b.Ref)) }
	slices.SortFunc(bill.Components, byRef)
	bill.Dependencies = slices.Insert(bill.Dependencies, 0, whole)
	text, err := json.MarshalIndent(bill, "", "  ")
	return append(text, '\n'), err
}

// isProgram reports whether the file is an ELF one.
func isProgram(data []byte) bool { return bytes.HasPrefix(data, []byte("\x7fELF")) }

// program completes the component of a Go program, with how it was built.
func program(c component, info *debug.BuildInfo) component {
	c.Type, c.Version = "application", agent.Version
	subpath := strings.TrimPrefix(strings.TrimPrefix(info.Path, info.Main.Path), "/")
	c.PURL = purl(info.Main.Path, agent.Version)
	if subpath != "" {
		c.PURL += "#" + subpath
	}
	c.Properties = []property{{"go:version", info.GoVersion}}
	for _, s := range info.Settings {
		c.Properties = append(c.Properties, property{"go:build:" + s.Key, s.Value})
	}
	return c
}

// linkedModules are the components of a program: what it imports, and the
// standard library, whose version is the toolchain's.
func linkedModules(info *debug.BuildInfo) []component {
	version := strings.TrimPrefix(info.GoVersion, "go")
	standard := component{Type: "library", Name: "stdlib", Version: version, PURL: purl("stdlib", version)}
	standard.Ref = standard.PURL
	modules := []component{standard}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := component{Type: "library", Name: m.Path, Version: m.Version, PURL: purl(m.Path, m.Version)}
		c.Ref = c.PURL
		if m.Sum != "" {
			c.Properties = []property{{"go:sum", m.Sum}} // go.sum's hash, which is of a list of hashes
		}
		modules = append(modules, c)
	}
	return modules
}

// purl is the package URL of a Go module.
func purl(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}

func sha256Of(data []byte) []hash {
	sum := sha256.Sum256(data)
	return []hash{{"SHA-256", hex.EncodeToString(sum[:])}}
}
