package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/larder-secrets/larder"

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Standard,Imports"}, args...)...)
	cmd.Dir = ".."
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	return packages
}

// TestImportsFlowOneWay holds what each package of the module may import of the
// others. A package that is not listed is a main, an example or a test's own.
func TestImportsFlowOneWay(t *testing.T) {
	t.Parallel()
	rules := map[string][]string{
		"extension":               {},
		"extension/lambdatest":    {},
		"agent":                   {},
		"agent/client":            {},
		"agent/harden":            {},
		"agent/config":            {"agent"},
		"agent/server":            {"agent", "agent/client"}, // client says where the token is
		"agent/awsapi":            {"agent"},
		"agent/awsapi/sdkconfig":  {"agent/awsapi"},
		"agent/secretsmanager":    {"agent", "agent/awsapi"},
		"agent/parameterstore":    {"agent", "agent/awsapi"},
		"agent/file":              {"agent"},
		"agent/cli":               {"agent", "agent/client", "agent/config", "agent/file", "agent/server"},
		"agent/agenttest":         {"agent"},
		"agent/agentfile":         {},
		"layer":                   {"agent"}, // for its version
		"layer/extensions/larder": {"agent", "agent/awsapi", "agent/config", "agent/file", "agent/harden", "agent/parameterstore", "agent/secretsmanager", "agent/server", "extension"},
		"example/go":              {"agent/client"},
		"example/run":             {"extension/lambdatest"},
		"":                        {"agent", "agent/agentfile", "agent/awsapi", "agent/awsapi/sdkconfig", "agent/cli", "agent/config", "agent/file", "agent/harden", "agent/parameterstore", "agent/secretsmanager"},
	}
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		allowed, ok := rules[name]
		if !ok {
			t.Errorf("package %q has no rule: add one here, with what it may import", name)
			continue
		}
		for _, imported := range p.Imports {
			inner, ours := strings.CutPrefix(imported, modulePath+"/")
			if ours && !slices.Contains(allowed, inner) {
				t.Errorf("package %q imports %q, which its rule does not allow", name, inner)
			}
		}
	}
}

// TestClientIsStandardLibraryOnly: a function that imports the client links
// nothing else.
func TestClientIsStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", "./agent/client") {
		if !p.Standard && p.ImportPath != modulePath+"/agent/client" {
			t.Errorf("agent/client links %s", p.ImportPath)
		}
	}
}

// TestLinkedPackages is the allowlist of what the mains link. Every package costs
// each cold start, and is code that has the secrets in reach.
func TestLinkedPackages(t *testing.T) {
	t.Parallel()
	allowed := []string{
		modulePath,
		"github.com/aws/aws-sdk-go-v2",
		"github.com/aws/smithy-go",
	}
	tests := []struct {
		main      string
		allowed   []string
		forbidden []string // shows memory, belongs in tests, or makes a start slow
	}{
		{".", append(allowed, "github.com/BurntSushi/toml"), []string{"net/http/pprof", "expvar", "testing"}},
		{"./layer/extensions/larder", allowed, []string{"net/http/pprof", "expvar", "testing", "github.com/aws/aws-sdk-go-v2/config"}},
	}
	for _, test := range tests {
		t.Run(test.main, func(t *testing.T) {
			for _, p := range list(t, "-deps", test.main) {
				inside := slices.ContainsFunc(test.allowed, func(prefix string) bool {
					return p.ImportPath == prefix || strings.HasPrefix(p.ImportPath, prefix+"/")
				})
				if !p.Standard && !inside {
					t.Errorf("links %s, which is not on the allowlist", p.ImportPath)
				}
				if slices.Contains(test.forbidden, p.ImportPath) || strings.HasSuffix(test.main, "larder") && strings.HasSuffix(p.ImportPath, "/schemas") {
					t.Errorf("links %s, which is forbidden", p.ImportPath)
				}
			}
		})
	}
}
