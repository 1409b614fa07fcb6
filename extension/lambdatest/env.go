package lambdatest

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// runtimeOnly are the variables of the runtime alone, besides every name that
// begins with an underscore (AWS Lambda developer guide, Extensions API,
// "Extension environment variables").
var runtimeOnly = []string{
	"AWS_EXECUTION_ENV",
	"AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_XRAY_CONTEXT_MISSING",
	"AWS_XRAY_DAEMON_ADDRESS",
	"LAMBDA_RUNTIME_DIR",
	"LAMBDA_TASK_ROOT",
}

// place is where the processes find the local Lambda.
type place struct {
	api   string // the address of all APIs
	clock string // the path of the clock's file
}

// variables returns what the function sees: the platform's variables, then the
// configured ones over them. The caller's own environment is not passed on, but
// for PATH.
func (c *Config) variables(at place) map[string]string {
	vars := map[string]string{
		"PATH": os.Getenv("PATH"),
		"LANG": "en_US.UTF-8",
		"TZ":   ":UTC",

		"AWS_REGION":         "us-east-1",
		"AWS_DEFAULT_REGION": "us-east-1",

		"AWS_LAMBDA_FUNCTION_NAME":        c.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION":     c.FunctionVersion,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  c.initialisation(),

		"_HANDLER":                   c.Handler,
		"AWS_EXECUTION_ENV":          "AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_LOG_GROUP_NAME":  "/aws/lambda/" + c.FunctionName,
		"AWS_LAMBDA_LOG_STREAM_NAME": logStream(c.FunctionVersion),
		"LAMBDA_TASK_ROOT":           c.Dir,
		"LAMBDA_RUNTIME_DIR":         "/var/runtime",
		"AWS_XRAY_CONTEXT_MISSING":   "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":    "127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS":   "127.0.0.1",
		"_AWS_XRAY_DAEMON_PORT":      "2000",
	}
	c.addCredentials(vars, at.api)
	if c.ManagedInstances {
		vars["AWS_LAMBDA_MAX_CONCURRENCY"] = strconv.Itoa(c.Concurrency)
	}
	if region := c.Env["AWS_REGION"]; region != "" {
		vars["AWS_DEFAULT_REGION"] = region
	}
	for name, value := range c.Env {
		vars[name] = value
	}
	for _, name := range c.Unset {
		delete(vars, name)
	}
	vars["AWS_LAMBDA_RUNTIME_API"] = at.api
	vars[clockVariable] = at.clock
	return vars
}

// initialisation is the initialization type.
func (c *Config) initialisation() string {
	switch {
	case c.ManagedInstances:
		return "lambda-managed-instances"
	case c.SnapStart:
		return "snap-start"
	default:
		return "on-demand"
	}
}

// addCredentials adds credentials, or with SnapStart where to ask for them.
// They are words, not the form of real ones: nothing here signs a request that
// AWS would accept.
func (c *Config) addCredentials(vars map[string]string, api string) {
	if c.SnapStart {
		vars["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://" + api + credentialsPath
		vars["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = credentialsToken
		return
	}
	vars["AWS_ACCESS_KEY_ID"] = "local-access-key-id"
	vars["AWS_SECRET_ACCESS_KEY"] = "local-secret-access-key"
	vars["AWS_SESSION_TOKEN"] = "local-session-token"
}

// visibleToExtensions reports whether an extension sees the variable.
func visibleToExtensions(name string) bool {
	return !strings.HasPrefix(name, "_") && !slices.Contains(runtimeOnly, name)
}

// environ renders the variables that visible accepts as os/exec wants them.
func environ(vars map[string]string, visible func(string) bool) []string {
	var list []string
	for name, value := range vars {
		if visible(name) {
			list = append(list, name+"="+value)
		}
	}
	slices.Sort(list)
	return list
}

// logStream names a log stream as Lambda does: date, version, random part.
func logStream(version string) string {
	var id [16]byte
	rand.Read(id[:])
	return fmt.Sprintf("%s/[%s]%x", time.Now().UTC().Format("2006/01/02"), version, id)
}

// workingDirectory resolves Config.Dir.
func workingDirectory(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("dir: %w", err)
	}
	if info, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("dir: %w", err)
	} else if !info.IsDir() {
		return "", fmt.Errorf("dir: %q is not a directory", dir)
	}
	return dir, nil
}
