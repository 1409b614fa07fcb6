package config_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/config"
)

// TestVariablesOfCDK: CDK's switch for AWS's extension writes that one's
// variables, which mean the same here.
func TestVariablesOfCDK(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "example", "cdk", "environment.json"))
	if err != nil {
		t.Fatal(err)
	}
	var functions map[string]map[string]string
	if err := json.Unmarshal(text, &functions); err != nil {
		t.Fatal(err)
	}
	if len(functions["BySwitch"]) != 10 {
		t.Fatalf("the variables: %v", functions)
	}
	c, err := config.Load(environment(functions["BySwitch"]), lambda)
	if err != nil {
		t.Fatal(err)
	}
	if c.CacheSize != 500 || c.Port != 2773 || c.TTL != 2*time.Minute || c.MaxConnections != 3 || len(c.Secrets) != 1 || c.Log.Level != slog.LevelWarn {
		t.Errorf("%+v", c)
	}
}
