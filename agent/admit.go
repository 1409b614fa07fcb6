package agent

import (
	"context"
	"fmt"
)

// Serves reports whether the cache has a backend of that scheme.
func (c *Cache) Serves(scheme string) bool { return c.stores[scheme] != nil }

// maxReference is the longest name that a store takes, in bytes (AWS Secrets
// Manager API reference, GetSecretValue, SecretId), and as much for the query.
const maxReference = 2048

// admit refuses references that this agent does not serve at all.
func (c *Cache) admit(ctx context.Context, ref Reference) error {
	store := c.stores[ref.Scheme]
	if store == nil {
		return &Error{
			Kind: Denied, Status: 403, Code: "BackendNotConfigured",
			Message: fmt.Sprintf("secret %q: this agent has no backend %q", ref, ref.Scheme),
			Hint:    "a request can only reach the default backend and those that LARDER_SECRETS names",
		}
	}
	if len(ref.ID) > maxReference || len(ref.Query) > maxReference {
		return &Error{
			Kind: Invalid, Status: 400, Code: "InvalidRequest",
			Message: fmt.Sprintf("a secret's name or parameters are longer than %d bytes", maxReference), Hint: "no store has such names",
		}
	}
	if !c.config.Listed || store.Unlisted {
		return nil
	}
	c.mu.Lock()
	prefetched, listed := c.prefetched, c.listed[ref]
	c.mu.Unlock()
	if listed {
		return nil
	}
	if prefetched != nil { // which names a configured secret also has is known only then
		select {
		case <-prefetched:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listed[ref] {
		return nil
	}
	return &Error{
		Kind: Denied, Status: 403, Code: "SecretNotListed",
		Message: fmt.Sprintf("secret %q is not configured", ref),
		Hint:    "add it to LARDER_SECRETS, or set LARDER_ALLOW=any",
	}
}
