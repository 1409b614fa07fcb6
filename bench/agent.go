package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	agentCrate   = "aws_workload_credentials_provider"
	agentVersion = "3.1.2"
	agentBinary  = "aws-workload-credentials-provider"
)

// kept is where what takes long to build or to install is kept from run to run.
func kept(name string) (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "larder", name), err
}

// agentPath returns AWS's open-source agent, which is built first where it has not
// been yet; empty where it cannot be.
func (s *setup) agentPath(ctx context.Context) (string, error) {
	root, err := kept("bench-" + agentCrate + "-" + agentVersion)
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", agentBinary)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if why := missing("cargo"); why != "" {
		s.omit("AWS's agent", why)
		return "", nil
	}
	fmt.Fprintln(os.Stderr, "bench: building AWS's agent, which takes minutes ...")
	out, err := exec.CommandContext(ctx, "cargo", "install", "--locked", "--version", agentVersion, "--root", root, agentCrate).CombinedOutput()
	if err != nil {
		s.omit("AWS's agent", fmt.Sprintf("cargo install %s: %v: %.300s", agentCrate, err, out))
		return "", nil
	}
	return path, nil
}

// agent starts AWS's agent with secrets to prefetch, without the pause of up to
// five seconds that it makes before it does; nil where it is not there.
func (s *setup) agent(ctx context.Context, env, secrets []string) (*process, string, error) {
	path, err := s.agentPath(ctx)
	if path == "" || err != nil {
		return nil, "", err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	var list strings.Builder
	for _, name := range secrets {
		fmt.Fprintf(&list, "  { secret_id = %q },\n", name)
	}
	config, err := s.file("agent.toml", fmt.Sprintf(`[logging]
log_level = "ERROR"
log_to_file = false
[capabilities.secrets_manager]
http_port = %s
region = "us-east-1"
[capabilities.secrets_manager.prefetch]
max_jitter_seconds = 0
secrets = [
%s]
`, port(address), &list))
	if err != nil {
		return nil, "", err
	}
	p, err := launch(ctx, env, path, "sm", "start", "--config", config)
	if err != nil {
		return nil, "", err
	}
	return p, address, p.listens(ctx, address)
}
