package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/larder-secrets/larder/agent/client"
)

// LambdaToken returns the token that requests must carry in Lambda. Both sides
// find it in their environment. It is empty only in SAM local, whose port is
// within its container.
func LambdaToken(getenv func(string) string) (string, error) {
	token, err := client.EnvToken(getenv, true)
	if err == nil && token == "" && getenv("AWS_SAM_LOCAL") != "true" {
		err = errors.New("AWS_SESSION_TOKEN: no token for requests: it is not set, nor is AWS_TOKEN or AWS_CONTAINER_AUTHORIZATION_TOKEN: Lambda sets it; where something else starts the function, set AWS_TOKEN")
	}
	return token, err
}

// SidecarToken returns the token that requests must carry outside Lambda, and
// the file that holds it: AWS_TOKEN's (no file), else a new one at each start. An
// earlier one may have been shown to whoever had the port meanwhile.
func SidecarToken(getenv func(string) string) (token, path string, err error) {
	token, err = client.EnvToken(getenv, false)
	if err != nil || token != "" {
		return token, "", err
	}
	path, err = client.TokenFile(getenv)
	if err != nil {
		return "", "", err
	}
	if _, err := client.ReadTokenFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	token = rand.Text()
	if err := writeToken(path, token); err != nil {
		return "", "", err
	}
	return token, path, nil
}

// writeToken puts the file in place whole, in a directory of the user's alone.
func writeToken(path, token string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("a directory for the token: %w: set AWS_TOKEN instead", err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be entered by other users: run chmod 700 on it, or set AWS_TOKEN", dir)
	}
	temporary := path + "." + rand.Text()
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("the token: %w", err)
	}
	defer os.Remove(temporary)
	_, err = f.WriteString(token + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("the token: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("the token: %w", err)
	}
	return nil
}
