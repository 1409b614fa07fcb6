package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is one that runs until it is stopped.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	began  time.Time
}

// launch starts a program with nothing but env in its environment.
func launch(ctx context.Context, env []string, path string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, path, args...)}
	p.cmd.Env = env
	p.cmd.WaitDelay = time.Second
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.began = time.Now()
	return p, p.cmd.Start()
}

// stop asks it to end, as nginx has to be for its workers to end too.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(time.Second, func() { p.cmd.Process.Kill() })
	p.cmd.Wait()
	kill.Stop()
}

// kill ends it at once and returns what processor time it took.
func (p *process) kill() time.Duration {
	p.cmd.Process.Kill()
	p.cmd.Wait()
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// resident is a process's resident memory in MiB; 0 where the system does not
// tell.
func (p *process) resident() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib float64
	fmt.Sscan(rest, &kib)
	return kib / 1024
}

// listens waits until somebody does.
func (p *process) listens(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s: %s", p.cmd.Path, address, p.output.String())
		}
		if p.cmd.Process.Signal(syscall.Signal(0)) != nil {
			return errors.New(p.output.String())
		}
	}
}

// freeAddress is one on which nobody listens at the moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

// extension starts Larder as Lambda does and waits until it asks for its first
// event.
func (s *setup) extension(ctx context.Context, a *api, env ...string) (p *process, address string, err error) {
	if address, err = freeAddress(); err != nil {
		return nil, "", err
	}
	a.forget()
	p, err = launch(ctx, append(lambda(a), append(env, "LARDER_PORT="+port(address))...), s.larder)
	if err != nil {
		return nil, "", err
	}
	if _, err := a.awaited(ctx, a.asked); err != nil {
		p.stop()
		return nil, "", fmt.Errorf("%w: %s", err, p.output.String())
	}
	return p, address, nil
}

// lambda are the variables that Lambda sets for an extension.
func lambda(a *api) []string {
	return []string{"AWS_LAMBDA_RUNTIME_API=" + a.address(), "AWS_SESSION_TOKEN=" + token, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128"}
}
