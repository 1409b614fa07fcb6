package lambdatest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestVariables compares everything that the processes see.
func TestVariables(t *testing.T) {
	t.Setenv("LAMBDATEST_PARENT", "leaks")
	l := start(t, Config{
		FunctionName: "shop", FunctionVersion: "7", Handler: "main.run", MemoryMB: 512,
		Env: map[string]string{
			"CUSTOM": "yes", "EMPTY": "", "AWS_SESSION_TOKEN": "", "AWS_REGION": "eu-central-1",
			"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x",
		},
		Unset: []string{"AWS_SECRET_ACCESS_KEY", "LANG"},
	}, scripts{"alpha": "", "function": ""})
	mustDo(t, l, order{})
	l.Close()

	both := map[string]string{
		"PATH": os.Getenv("PATH"), "TZ": ":UTC",
		"AWS_ACCESS_KEY_ID": "local-access-key-id", "AWS_SESSION_TOKEN": "",
		"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1",
		"AWS_LAMBDA_FUNCTION_NAME": "shop", "AWS_LAMBDA_FUNCTION_VERSION": "7", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_LAMBDA_RUNTIME_API": l.Addr(), "LAMBDATEST_CLOCK": l.clock.path(),
		"CUSTOM": "yes", "EMPTY": "",
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	function := maps.Clone(both)
	maps.Copy(function, map[string]string{
		"_HANDLER": "main.run", "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop", "LAMBDA_TASK_ROOT": dir, "LAMBDA_RUNTIME_DIR": "/var/runtime",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1", "_AWS_XRAY_DAEMON_PORT": "2000",
	})
	for name, want := range map[string]map[string]string{"alpha": both, functionProcess: function} {
		got := make(map[string]string)
		for _, pair := range lines(l, name, "env:") {
			key, value, _ := strings.Cut(pair, "=")
			own := slices.Contains([]string{actorVariable, "GORACE", "GOCOVERDIR"}, key) || strings.HasPrefix(key, "SCRIPT_")
			if !own {
				got[key] = value
			}
		}
		if name == functionProcess {
			if stream := got["AWS_LAMBDA_LOG_STREAM_NAME"]; !strings.Contains(stream, "/[7]") {
				t.Errorf("log stream %q", stream)
			}
			delete(got, "AWS_LAMBDA_LOG_STREAM_NAME")
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s sees\n%v\nwant\n%v", name, got, want)
		}
	}
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	function := []string{"bootstrap"}
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"no function":                 {Config{}, "function: "},
		"names taken":                 {Config{Function: function, Extensions: []string{"a/x", "b/x"}}, `the name "x" is taken`},
		"the function's name":         {Config{Function: function, Extensions: []string{"a/function"}}, `the name "function" is taken`},
		"too many extensions":         {Config{Function: function, Extensions: strings.Split("abcdefghijk", "")}, "at most 10"},
		"open to the world":           {Config{Function: function, Addr: ":9001"}, "not a loopback address"},
		"open to the network":         {Config{Function: function, Addr: "0.0.0.0:0"}, "not a loopback address"},
		"no port":                     {Config{Function: function, Addr: "127.0.0.1"}, "addr: "},
		"negative timeout":            {Config{Function: function, Timeout: -1}, "timeout: "},
		"freezing what never does":    {Config{Function: function, Freeze: true, ManagedInstances: true}, "freeze: "},
		"a snapshot of what has none": {Config{Function: function, SnapStart: true, ManagedInstances: true}, "snapstart: "},
		"concurrency without":         {Config{Function: function, Concurrency: 2}, "concurrency: "},
		"refusal without an error":    {Config{Function: function, RefuseRegister: &Refusal{Status: 200}}, "status 200"},
		"bad name":                    {Config{Function: function, Env: map[string]string{"A=B": ""}}, `"A=B"`},
		"the clock's file":            {Config{Function: function, Env: map[string]string{"LAMBDATEST_CLOCK": "x"}}, "LAMBDATEST_CLOCK"},
		"the API's address":           {Config{Function: function, Env: map[string]string{"AWS_LAMBDA_RUNTIME_API": "x"}}, "AWS_LAMBDA_RUNTIME_API"},
		"no such working directory":   {Config{Function: function, Dir: filepath.Join(t.TempDir(), "none")}, "dir: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := New(c.config)
			if err == nil {
				l.Close()
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q, want %q", err, c.want)
			}
		})
	}
}
