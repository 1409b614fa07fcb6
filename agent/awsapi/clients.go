package awsapi

import (
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/larder-secrets/larder/agent"
)

// Place is where and as whom a call is made; empty fields mean the agent's own.
type Place struct{ Region, Role string }

func (p Place) String() string { return strings.TrimSpace(p.Region + " " + p.Role) }

// Clients are a service's clients, one for each place, made on first use.
type Clients[C any] struct {
	api  *API
	open func(aws.Config) *C

	mu   sync.Mutex // guards made
	made map[Place]*C
}

// NewClients returns clients that open makes.
func NewClients[C any](api *API, open func(aws.Config) *C) *Clients[C] {
	return &Clients[C]{api: api, open: open, made: map[Place]*C{}}
}

// At returns the one for the place.
func (c *Clients[C]) At(place Place) *C {
	c.mu.Lock()
	defer c.mu.Unlock()
	client := c.made[place]
	if client == nil {
		client = c.open(c.api.For(place.Region, place.Role))
		c.made[place] = client
	}
	return client
}

// CheckRole refuses a role for the secret name that may not be assumed at all.
func (a *API) CheckRole(name, role string) error {
	if role == "" || a.AllowsRole(role) {
		return nil
	}
	return &agent.Error{
		Kind: agent.Denied, Status: 403, Code: "RoleNotListed",
		Message: fmt.Sprintf("secret %q: the role %q may not be used", name, role), Hint: "add it to LARDER_ROLES",
	}
}
