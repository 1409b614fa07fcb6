package agent_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/larder-secrets/larder/agent"
)

func TestErrorText(t *testing.T) {
	tests := []struct {
		err  agent.Error
		want string
	}{
		{agent.Error{Message: `secret "a" is gone`}, `secret "a" is gone`},
		{agent.Error{Message: "denied", Action: "secretsmanager:GetSecretValue"}, "denied (missing permission: secretsmanager:GetSecretValue)"},
		{agent.Error{Message: "denied", Action: "x:Y", Hint: "add it"}, "denied (missing permission: x:Y): add it"},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("Error() = %q, want %q", got, test.want)
		}
	}
}

func TestAsError(t *testing.T) {
	e := &agent.Error{Kind: agent.Denied}
	if got := agent.AsError(fmt.Errorf("reading: %w", errors.Join(errors.New("x"), e))); got != e {
		t.Errorf("AsError of a wrapped one = %+v", got)
	}
	if got := agent.AsError(context.DeadlineExceeded); got.Kind != agent.Unavailable || got.Status != 500 || got.Message != "context deadline exceeded" {
		t.Errorf("AsError of another = %+v", got)
	}
}

func TestKinds(t *testing.T) {
	for kind, want := range map[agent.Kind]struct {
		name   string
		outage bool
	}{
		agent.Unavailable: {"unavailable", true}, agent.NotFound: {"not found", false}, agent.Denied: {"denied", false},
		agent.Invalid: {"invalid", false}, agent.Throttled: {"throttled", true},
	} {
		if kind.String() != want.name || kind.Outage() != want.outage {
			t.Errorf("%d is %q, outage %v; want %+v", kind, kind, kind.Outage(), want)
		}
	}
}
