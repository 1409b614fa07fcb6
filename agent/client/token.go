package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// maxToken is half of what the agent takes for all headers of a request.
const maxToken = 16 << 10

// errNoToken says that there is no token file, as before the first start of an
// agent.
var errNoToken = errors.New("there is no token")

// EnvToken returns the token that the environment holds: AWS_TOKEN, and in
// Lambda also AWS_SESSION_TOKEN or AWS_CONTAINER_AUTHORIZATION_TOKEN, the first
// that is set and not empty. A value file://PATH names a file that holds it. The
// token is empty where none of them is set.
func EnvToken(getenv func(string) string, lambda bool) (string, error) {
	names := []string{"AWS_TOKEN"}
	if lambda {
		names = append(names, "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
	}
	for _, name := range names {
		value := strings.TrimSpace(getenv(name))
		if value == "" {
			continue
		}
		what := "the token"
		if path, isFile := strings.CutPrefix(value, "file://"); isFile {
			text, err := os.ReadFile(path)
			if err != nil {
				return "", fmt.Errorf("%s: the token cannot be read: %w", name, err)
			}
			what, value = "the token file "+path, string(text)
		}
		token, err := parseToken(value)
		if err != nil {
			return "", fmt.Errorf("%s: %s %w", name, what, err)
		}
		return token, nil
	}
	return "", nil
}

// parseToken returns the token that text holds, without the white space around
// it, which no header would carry. The error goes on where the text's name ends
// and quotes nothing of it.
func parseToken(text string) (string, error) {
	token := strings.TrimSpace(text)
	switch {
	case token == "":
		return "", errors.New("is empty")
	case len(token) > maxToken:
		return "", fmt.Errorf("is longer than %d bytes", maxToken)
	case strings.ContainsFunc(token, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return "", errors.New("holds line breaks or other control characters")
	}
	return token, nil
}

// TokenFile returns the path of the token that an agent outside Lambda makes for
// itself, in a directory that only its user can enter.
func TokenFile(getenv func(string) string) (string, error) {
	file := "token"
	if port := portOf(getenv); port != defaultPort {
		file += "-" + port // each agent makes its own
	}
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "larder", file), nil
	}
	for _, name := range []string{"HOME", "USERPROFILE"} {
		if dir := getenv(name); dir != "" {
			return filepath.Join(dir, ".larder", "run", file), nil
		}
	}
	return "", errors.New("there is no home directory for the token: set HOME, or AWS_TOKEN for agent and clients")
}

// ReadTokenFile returns what the token file at path holds, or an error that
// wraps [fs.ErrNotExist]. A file that another user owns, or that others than its
// owner can read or write, is refused: it may be a trap.
func ReadTokenFile(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || !ownedByUser(info) {
		return "", fmt.Errorf("%s is not a file of this user's alone: remove it, and the agent makes a new one", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 2*maxToken))
	if err != nil {
		return "", err
	}
	token, err := parseToken(string(text))
	if err != nil {
		return "", fmt.Errorf("%s %w: remove it, and the agent makes a new one", path, err)
	}
	return token, nil
}

// findToken returns the token for requests. It is empty in SAM local, where
// nothing may hold one and the agent asks for none.
func findToken(getenv func(string) string) (string, error) {
	lambda := getenv("AWS_LAMBDA_RUNTIME_API") != ""
	token, err := EnvToken(getenv, lambda)
	if err != nil || token != "" || lambda {
		return token, err
	}
	path, err := TokenFile(getenv)
	if err != nil {
		return "", err
	}
	token, err = ReadTokenFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w in AWS_TOKEN or %s: start the agent with: larder serve", errNoToken, path)
	}
	return token, err
}

// tokenCache finds the token once.
type tokenCache struct {
	mu    sync.Mutex // guards both below
	found bool
	token string
}

func (t *tokenCache) get(getenv func(string) string) (string, error) {
	t.mu.Lock()
	token, found := t.token, t.found
	t.mu.Unlock()
	if found {
		return token, nil
	}
	return t.renew(getenv)
}

func (t *tokenCache) renew(getenv func(string) string) (string, error) {
	token, err := findToken(getenv)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.found = token, true
	return token, nil
}
