package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// peers measures what does a part of the same: AWS's agent, until its secrets can
// be read, and caches that live in a function.
func peers(ctx context.Context, s *setup, r *report) error {
	r.printf("\n## Peers\n")
	if err := agents(ctx, s, r); err != nil {
		return err
	}
	return libraries(ctx, s, r)
}

// agents measures from exec until a reader, who asks for all secrets at once as
// soon as there is somebody to ask, has all of them. Lambda starts the reader when
// Larder has registered; AWS's agent is asked when it listens.
func agents(ctx context.Context, s *setup, r *report) error {
	path, err := s.agentPath(ctx)
	if err != nil || path == "" {
		return err
	}
	st, err := newStore(roundTrip, false) // AWS's agent takes no AWS_CA_BUNDLE
	if err != nil {
		return err
	}
	defer st.close()
	a, err := newAPI(false)
	if err != nil {
		return err
	}
	defer a.close()
	start := map[string]func([]string) (*process, string, error){
		"AWS's agent": func(names []string) (*process, string, error) { return s.agent(ctx, st.env(""), names) },
		"Larder": func(names []string) (*process, string, error) {
			address, err := freeAddress()
			if err != nil {
				return nil, "", err
			}
			env := append(append(lambda(a), st.env("")...), "LARDER_PORT="+port(address), "LARDER_SECRETS="+strings.Join(names, ","), "LARDER_LOG_LEVEL=error")
			a.forget()
			p, err := launch(ctx, env, s.larder)
			if err == nil {
				_, err = a.awaited(ctx, a.registered)
			}
			return p, address, err
		},
	}
	rows := [][]string{{"Agent", "secrets", "all read after", "calls", "connections", "resident memory"}}
	rounds := s.rounds(10)
	for _, n := range []int{1, 10, 50} {
		for _, name := range []string{"AWS's agent", "Larder"} {
			var took, memory samples
			var calls, connections int
			for range rounds {
				st.forget()
				p, address, err := start[name](names(n))
				if err != nil {
					return err
				}
				err = readAll(ctx, address, names(n))
				took = append(took, milliseconds(time.Since(p.began)))
				memory = append(memory, p.resident())
				p.kill()
				if err != nil {
					return fmt.Errorf("%s: %w: %s", name, err, p.output.String())
				}
				_, calls, connections = st.counted()
			}
			rows = append(rows, []string{
				name, fmt.Sprint(n), fmt.Sprintf("%.1f ms (%.1f)", took.median(), took.quantile(.9)), fmt.Sprint(calls), fmt.Sprint(connections), fmt.Sprintf("%.1f MiB", memory.median()),
			})
		}
	}
	r.printf("\nFrom exec until a reader has all secrets, who asks for them at once when Larder has registered, and when AWS's agent listens, with a store that answers after %s: the median of %d.\n"+
		"AWS's agent, the crate `%s` %s, is told to prefetch them too, without the pause of up to five seconds before it does.\n", roundTrip, rounds, agentCrate, agentVersion)
	r.table(rows...)
	return nil
}

// readAll reads every secret as soon as it can be.
func readAll(ctx context.Context, address string, names []string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	failed := make(chan error, len(names))
	for _, name := range names {
		all.Go(func() {
			for {
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/secretsmanager/get?secretId="+name, nil)
				if err != nil {
					failed <- err
					return
				}
				req.Header.Set("X-Aws-Parameters-Secrets-Token", token)
				resp, err := client.Do(req)
				if err == nil {
					resp.Body.Close()
					if resp.StatusCode == http.StatusOK {
						return
					}
				}
				select {
				case <-ctx.Done():
					failed <- fmt.Errorf("secret %q: %w", name, ctx.Err())
					return
				case <-time.After(500 * time.Microsecond):
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// libraries measures caches in a function: reads are calls within the process.
func libraries(ctx context.Context, s *setup, r *report) error {
	st, err := newStore(roundTrip, false)
	if err != nil {
		return err
	}
	defer st.close()
	type library struct {
		name string
		line []string
		env  string
	}
	var libraries []library
	if why := missing("python3"); why != "" {
		s.omit("Powertools for Python", why)
	} else if out, err := exec.CommandContext(ctx, "../.ci/venv", "powertools", "python").Output(); err != nil {
		s.omit("Powertools for Python", "pip: "+err.Error())
	} else {
		libraries = append(libraries, library{"Powertools for Python 3.37.0", []string{strings.TrimSpace(string(out)), "peers/powertools.py"}, ""})
	}
	if node, err := s.node(ctx); err != nil {
		s.omit("Powertools and middy in Node.js", err.Error())
	} else {
		libraries = append(libraries,
			library{"Powertools for TypeScript 2.35.0", []string{"node", node}, "PEER=powertools"},
			library{"middy 6.4.5, a call of a handler with its secrets middleware", []string{"node", node}, "PEER=middy"})
	}
	rounds := s.rounds(5)
	rows := [][]string{{"Cache in the function", "first read, with loading it", "p50", "p99", "calls"}}
	for _, l := range libraries {
		var first, p50, p99 samples
		var calls int
		for range rounds {
			st.forget()
			took, err := told(ctx, append(st.env(""), "READS=5000", l.env), l.line[0], l.line[1:]...)
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			first, p50, p99 = append(first, took.First), append(p50, took.P50), append(p99, took.P99)
			_, calls, _ = st.counted()
		}
		rows = append(rows, []string{l.name, duration(first.median()), duration(p50.median()), duration(p99.median()), fmt.Sprint(calls)})
	}
	r.printf("\nCaches in a function answer without a round trip over localhost, and are filled by its first invocation, in its own time; every environment's first read waits for\n"+
		"the client of AWS's to load and for the store (%s here). The median of %d processes with 5,000 reads each:\n", roundTrip, rounds)
	r.table(rows...)
	return nil
}

// node installs what the script for Node.js needs, once, and returns its path.
func (s *setup) node(ctx context.Context) (string, error) {
	if why := missing("node", "npm"); why != "" {
		return "", fmt.Errorf("%s", why)
	}
	dir, err := kept("bench-node-2")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc", "node.mjs"} {
		text, err := os.ReadFile(filepath.Join("peers", name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return "", err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--loglevel=error")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm ci: %w: %.300s", err, out)
		}
	}
	return filepath.Join(dir, "node.mjs"), nil
}
