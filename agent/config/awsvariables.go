package config

import (
	"strings"
)

// awsVariables are those of AWS's Parameters and Secrets extension, and
// Lambda's own for logs.
func awsVariables() []Variable {
	return []Variable{
		{
			Name: "PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", Default: "true", Range: "true, false",
			Help: "false asks the backend at every read",
			set:  func(c *Config, text string, _ Place) error { return setBool(&c.Cache, text) },
		},
		{
			Name: "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", Default: "1000", Range: "0–1000",
			Help: "secrets held at most; 0 holds none",
			set:  func(c *Config, text string, _ Place) error { return setInt(&c.CacheSize, text, 0, 1000) },
		},
		{
			Name: "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", Default: "2773", Range: "1–65535",
			Help: "the port on localhost",
			set:  func(c *Config, text string, _ Place) error { return setInt(&c.Port, text, 1, 65535) },
		},
		{
			Name: "PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS", Default: "16", Range: "1 or more",
			Help: "connections to a backend at most",
			set:  func(c *Config, text string, _ Place) error { return setInt(&c.MaxConnections, text, 1, 1<<16) },
		},
		{
			Name: "SECRETS_MANAGER_TTL", Default: "300", Range: "0–300 (seconds)",
			Help: "how long a value is fresh; more counts as 300, use LARDER_TTL for it",
			set:  func(c *Config, text string, _ Place) error { return setSeconds(&c.TTL, text, 300) },
		},
		{
			Name: "SECRETS_MANAGER_TIMEOUT_MILLIS", Default: "0", Range: "whole numbers",
			Help: "milliseconds for one call to Secrets Manager with its retries; 0 leaves it to Larder",
			set:  func(c *Config, text string, _ Place) error { return setMillis(&c.Timeout, text) },
		},
		{
			Name: "SSM_PARAMETER_STORE_TTL", Default: "300", Range: "0–300 (seconds)",
			Help: "the same for a parameter of Parameter Store",
			set:  func(c *Config, text string, _ Place) error { return setSeconds(&c.ParameterTTL, text, 300) },
		},
		{
			Name: "SSM_PARAMETER_STORE_TIMEOUT_MILLIS", Default: "0", Range: "whole numbers",
			Help: "milliseconds for one call to Parameter Store with its retries; 0 leaves it to Larder",
			set:  func(c *Config, text string, _ Place) error { return setMillis(&c.ParameterTimeout, text) },
		},
		{
			Name: "AWS_LAMBDA_INITIALIZATION_TYPE", Range: "on-demand, provisioned-concurrency, snap-start, lambda-managed-instances",
			Help: "set by Lambda",
			set:  func(c *Config, text string, _ Place) error { c.SnapStart = text == "snap-start"; return nil },
		},
		{
			Name: "AWS_LAMBDA_LOG_FORMAT", Default: "Text", Range: "Text, JSON",
			Help: "set by Lambda from the function's logging configuration",
			set: func(c *Config, text string, _ Place) error {
				c.Log.JSON = strings.EqualFold(text, "JSON")
				return nil
			},
		},
		{
			Name: "AWS_LAMBDA_LOG_LEVEL", Range: "TRACE, DEBUG, INFO, WARN, ERROR, FATAL",
			Help: "set by Lambda from the function's logging configuration",
			set:  setLogLevel,
		},
		{
			Name: "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL", Range: "debug, info, warn, error, none",
			Help: "the least severe message that is logged",
			set:  setLogLevel,
		},
	}
}
