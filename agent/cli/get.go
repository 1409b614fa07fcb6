package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/larder-secrets/larder/agent/client"
)

// get prints a secret as it is; a line feed follows on a terminal only.
func (p *Program) get(ctx context.Context, args []string) int {
	fresh := false
	if len(args) > 0 && args[0] == "--refresh" {
		fresh, args = true, args[1:]
	}
	switch {
	case len(args) != 1:
		return p.misused("get takes one reference")
	case strings.HasPrefix(args[0], "-"):
		return p.misused(fmt.Sprintf("get has no option %q", args[0]))
	}
	name, key, keyed := strings.Cut(args[0], "#")
	name, query, queried := strings.Cut(name, "?")
	stage, staged := strings.CutPrefix(query, "versionStage=")
	switch {
	case name == "":
		return p.misused("get takes the name of a secret")
	case keyed && key == "":
		return p.misused("there is no name after the #")
	case queried && stage == "" || query != "" && !staged:
		return p.misused("of parameters get knows ?versionStage=NAME alone")
	}
	c := &client.Client{Getenv: p.Getenv}
	defer c.Close()
	ref := c.Secret(name).Key(key).Stage(stage)
	if fresh {
		ref = ref.Fresh()
	}
	value, err := ref.Value(ctx)
	switch {
	case errors.Is(err, context.Canceled):
		return failed
	case err != nil:
		return p.fail(failed, err)
	}
	if _, err := io.WriteString(p.Stdout, value); err != nil {
		return p.fail(failed, err)
	}
	if p.Terminal && !strings.HasSuffix(value, "\n") {
		io.WriteString(p.Stdout, "\n")
	}
	return ok
}
