package agent

import (
	"context"
	"fmt"
)

// Serves reports whether the cache has a backend of that scheme.
func (c *Cache) Serves(scheme string) bool { return c.stores[scheme] != nil }

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
	if !c.config.Listed || store.Unlisted || c.configured[ref] {
		return nil
	}
	c.mu.Lock()
	prefetched := c.prefetched
	c.mu.Unlock()
	if prefetched != nil { // which names a configured secret also has is known only then
		select {
		case <-prefetched:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.index[ref]; e != nil && e.configured {
		return nil
	}
	return &Error{
		Kind: Denied, Status: 403, Code: "SecretNotListed",
		Message: fmt.Sprintf("secret %q is not configured", ref),
		Hint:    "add it to LARDER_SECRETS, or set LARDER_ALLOW=any",
	}
}
