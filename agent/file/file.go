// Package file is the backend of local runs, the simulator: a JSON object of
// name -> value in a file, by default ~/.wing/secrets.json.
//
//	{"my-api-key": "abc123", "database": {"user": "app", "password": "…"}}
//
// A string is the secret's text; anything else is served as its JSON text. The
// file is looked at on every read, so that a change is seen at once, and parsed
// only when it has changed. It is not meant for secrets of production: nothing
// in it is encrypted.
package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// Source returns the source for the file at path, in which a leading ~/ is the
// user's home directory.
func Source(path string) agent.Source {
	return agent.Source{
		Open:     func(context.Context) (agent.Backend, error) { return open(path) },
		Unlisted: true, // the file holds what the user put there for this agent
	}
}

// Expand returns path with a leading ~/ resolved.
func Expand(path string) (string, error) {
	rest, home := strings.CutPrefix(path, "~/")
	if !home {
		return path, nil
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%s: there is no home directory: set LARDER_FILE to the whole path of the secrets file", path)
	}
	return filepath.Join(dir, rest), nil
}

// maxFile is more than the largest JSON text that is looked into, so that the
// error for one too long is the one that says so.
const maxFile = 2 << 20

// settled is how long after a change the file is parsed at every read: a second
// change within a tick of the file system's clock shows neither in the time nor,
// where the length stays, in the size.
const settled = 2 * time.Second

// writing is how long a file that changed just now and cannot be parsed is left
// alone before it is read once more: who rewrites it in place, as editors and
// shells do, empties it first.
const writing = 20 * time.Millisecond

type backend struct {
	path string

	mu       sync.Mutex // guards both below; held while the file is read, so that it is read once
	parsed   fs.FileInfo
	contents *contents
}

func open(path string) (agent.Backend, error) {
	path, err := Expand(path)
	if err != nil {
		return nil, &agent.Error{Kind: agent.Invalid, Status: 400, Code: "InvalidFile", Message: err.Error()}
	}
	return &backend{path: path}, nil
}

// Fetch implements [agent.Backend].
func (b *backend) Fetch(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	contents, err := b.load(ctx)
	for i, ref := range refs {
		if ctx.Err() != nil {
			err = &agent.Error{Kind: agent.Unavailable, Status: 503, Code: "Canceled", Message: "the read was cancelled"}
		}
		if err != nil {
			failure := *err
			failure.Message = fmt.Sprintf("secret %q: %s", ref.ID, err.Message)
			deliver(i, agent.Result{Err: &failure})
			continue
		}
		secret, err := contents.secret(ref)
		deliver(i, agent.Result{Secret: secret, Err: err})
	}
}

// load returns what the file holds now, waiting a moment for one that is only
// half written.
func (b *backend) load(ctx context.Context) (*contents, *agent.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found, modified, err := b.read()
	if err != nil && time.Since(modified) < settled {
		select {
		case <-time.After(writing):
		case <-ctx.Done():
		}
		found, _, err = b.read()
	}
	return found, err
}

// read returns what the file holds and, where it could be read, when it changed.
func (b *backend) read() (*contents, time.Time, *agent.Error) {
	if info, err := os.Stat(b.path); err == nil && !info.Mode().IsRegular() {
		return nil, time.Time{}, b.unreadable(errors.New("this is not a regular file")) // opening a named pipe could wait for ever
	}
	f, err := os.Open(b.path)
	if err != nil {
		return nil, time.Time{}, b.unreadable(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, b.unreadable(err)
	}
	modified := info.ModTime()
	if b.parsed != nil && os.SameFile(info, b.parsed) && modified.Equal(b.parsed.ModTime()) && info.Size() == b.parsed.Size() {
		return b.contents, modified, nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, time.Time{}, b.unreadable(err)
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	members, err := agent.DecodeObject(text)
	if err != nil {
		return nil, modified, &agent.Error{
			Kind: agent.Invalid, Status: 400, Code: "InvalidFile",
			Message: fmt.Sprintf("%s: %v", b.path, err), Hint: "the file is one JSON object such as " + Example,
		}
	}
	b.contents = &contents{path: b.path, text: text, members: members, modified: modified.UTC()}
	b.parsed = info
	if time.Since(modified) < settled {
		b.parsed = nil
	}
	return b.contents, modified, nil
}

// Example is what a secrets file looks like.
const Example = `{"my-api-key": "the value"}`

// unreadable says why the file cannot be read and what to do.
func (b *backend) unreadable(err error) *agent.Error {
	e := &agent.Error{Kind: agent.Invalid, Status: 400, Code: "InvalidFile"}
	cause := err
	var path *fs.PathError
	if errors.As(err, &path) {
		cause = path.Err
	}
	e.Message = fmt.Sprintf("%s: %v", b.path, cause)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Kind, e.Status, e.Code = agent.NotFound, 404, "FileNotFound"
		e.Message = fmt.Sprintf("%s: there is no such file", b.path)
		e.Hint = "create it with " + Example + ", or set LARDER_FILE to another"
	case errors.Is(err, fs.ErrPermission):
		e.Kind, e.Status, e.Code = agent.Denied, 403, "FileDenied"
		e.Hint = "make the file readable for the user that runs the agent"
	default:
		e.Hint = "LARDER_FILE must name a file that holds " + Example
	}
	return e
}

// contents is the file as it was parsed.
type contents struct {
	path     string
	text     []byte
	members  map[string]json.RawMessage
	modified time.Time
}
