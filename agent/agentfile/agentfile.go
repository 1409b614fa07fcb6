// Package agentfile reads the configuration file of AWS's open-source agent (the
// Workload Credentials Provider, formerly the Secrets Manager Agent), in both its
// forms: flat (version 2) and nested (version 3). What the file says becomes
// Larder's own variables.
package agentfile

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// File is what a configuration file comes to.
type File struct {
	Variables map[string]string // of Larder's and of AWS's
	Ignored   []string          // keys that mean nothing here, in order
}

// root is where version 3 keeps what concerns Secrets Manager.
const root = "capabilities.secrets_manager."

// variables are the keys that have one of their own.
var variables = map[string]string{
	"log_level":             "LARDER_LOG_LEVEL",
	"http_port":             "LARDER_PORT",
	"region":                "AWS_REGION",
	"ttl_seconds":           "LARDER_TTL",
	"cache_size":            "LARDER_CACHE_SIZE",
	"path_prefix":           "LARDER_PATH_PREFIX",
	"max_conn":              "LARDER_CLIENTS",
	"credentials_file_path": "AWS_SHARED_CREDENTIALS_FILE",
}

// nested says where version 3 has the keys of version 2.
var nested = map[string]string{
	"logging.log_level":                  "log_level",
	"logging.log_to_file":                "log_to_file",
	root + "http_port":                   "http_port",
	root + "region":                      "region",
	root + "path_prefix":                 "path_prefix",
	root + "max_conn":                    "max_conn",
	root + "max_roles":                   "max_roles",
	root + "enabled":                     "enabled",
	root + "validate_credentials":        "validate_credentials",
	root + "ignore_transient_errors":     "ignore_transient_errors",
	root + "credentials_file_path":       "credentials_file_path",
	root + "cache.ttl_seconds":           "ttl_seconds",
	root + "cache.cache_size":            "cache_size",
	root + "security.ssrf_headers":       "ssrf_headers",
	root + "security.ssrf_env_variables": "ssrf_env_variables",
	root + "prefetch.secrets":            "prefetch.secrets",
	root + "prefetch.filter_tags":        "prefetch.filter_tags",
	root + "prefetch.cache_buffer_ratio": "prefetch.cache_buffer_ratio",
	root + "prefetch.max_jitter_seconds": "prefetch.max_jitter_seconds",
}

// standing are the values of lists that hold here whatever the file says.
var standing = map[string][]string{
	"ssrf_headers":       {"X-Aws-Parameters-Secrets-Token", "X-Vault-Token"},
	"ssrf_env_variables": {"AWS_TOKEN", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"},
}

// Read reads the file at path: the variables that stand for it, and the keys that
// mean nothing here.
func Read(path string) (variables map[string]string, ignored []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := Parse(string(text))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return f.Variables, f.Ignored, nil
}

// Parse reads the file's text. A key that the agent does not know either is an
// error.
func Parse(text string) (*File, error) {
	var tree map[string]any
	if _, err := toml.Decode(text, &tree); err != nil {
		return nil, err
	}
	leaves := map[string]any{}
	flatten("", tree, leaves)
	// The agent serves whatever its role may read.
	f := &File{Variables: map[string]string{"LARDER_BACKEND": "aws", "LARDER_ALLOW": "any"}}
	for _, key := range slices.Sorted(maps.Keys(leaves)) {
		if err := f.set(key, leaves[key]); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return f, nil
}

// flatten writes a tree's leaves under their dotted keys.
func flatten(prefix string, tree, leaves map[string]any) {
	for key, value := range tree {
		if table, ok := value.(map[string]any); ok {
			flatten(prefix+key+".", table, leaves)
			continue
		}
		leaves[prefix+key] = value
	}
}

func (f *File) set(key string, value any) error {
	name := key
	if short, ok := nested[key]; ok {
		name = short
	}
	switch {
	case variables[name] != "":
		text, err := scalar(value)
		f.Variables[variables[name]] = text
		return err
	case name == "prefetch.secrets":
		return f.prefetch(value)
	case name == "ignore_transient_errors":
		if value == false {
			f.Variables["LARDER_MAX_STALE"] = "0"
		}
		return nil
	case name == "enabled" && value == true:
		return nil
	case standing[name] != nil && within(value, standing[name]):
		return nil
	case standing[name] != nil, name == "enabled", name == "log_to_file", name == "max_roles", name == "validate_credentials",
		strings.HasPrefix(name, "prefetch."), strings.HasPrefix(key, "capabilities.") && !strings.HasPrefix(key, root):
		f.Ignored = append(f.Ignored, key)
		return nil
	default:
		return fmt.Errorf("AWS's agent has no such key")
	}
}

// scalar writes a value as a variable has it; the agent takes numbers in quotes
// too.
func scalar(value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case int64:
		return fmt.Sprint(value), nil
	default:
		return "", fmt.Errorf("this is no text and no whole number")
	}
}

// within reports whether every item of a list is one of known.
func within(value any, known []string) bool {
	list, ok := value.([]any)
	return ok && !slices.ContainsFunc(list, func(item any) bool {
		text, ok := item.(string)
		return !ok || !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, text) })
	})
}

// prefetch makes LARDER_SECRETS of secrets = [{secret_id = …, role_arn = …}].
func (f *File) prefetch(value any) error {
	tables, ok := value.([]map[string]any)
	if list, isList := value.([]any); isList {
		ok = true
		for _, item := range list {
			table, isTable := item.(map[string]any)
			ok = ok && isTable
			tables = append(tables, table)
		}
	}
	if !ok {
		return fmt.Errorf("this is no list of tables")
	}
	var references []string
	for _, table := range tables {
		id, _ := table["secret_id"].(string)
		role, hasRole := table["role_arn"].(string)
		if id == "" || strings.ContainsAny(id, ", \t\n?#") {
			return fmt.Errorf("an entry has no secret_id that could be one")
		}
		if !strings.HasPrefix(id, "arn:") {
			id = "aws:" + id
		}
		if hasRole {
			id += "?roleArn=" + url.QueryEscape(role)
		}
		references = append(references, id)
	}
	f.Variables["LARDER_SECRETS"] = strings.Join(references, ",")
	return nil
}
