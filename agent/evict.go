package agent

import "fmt"

// evict drops what was read longest ago until the bounds hold. Configured
// secrets stay, and so does just, which somebody is waiting for. c.mu is held.
func (c *Cache) evict(just *entry) {
	for element := c.recent.Back(); element != nil && c.over(); {
		e := element.Value.(*entry)
		element = element.Prev()
		if !e.configured && e != just {
			c.forget(e)
		}
	}
	if c.over() && !just.configured {
		c.forget(just) // it is served, but there is no room to hold it
	}
}

func (c *Cache) over() bool {
	return c.config.Entries > 0 && len(c.entries) > c.config.Entries ||
		c.config.Bytes > 0 && c.bytes > c.config.Bytes
}

// fits returns an error where the configured secrets alone, which are never
// dropped, are more than the bound.
func (c *Cache) fits() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var bytes int64
	for e := range c.entries {
		if e.configured {
			bytes += e.size()
		}
	}
	if c.config.Bytes == 0 || bytes <= c.config.Bytes {
		return nil
	}
	return &Error{
		Kind: Invalid, Status: 400, Code: "CacheTooSmall",
		Message: fmt.Sprintf("the configured secrets take %d bytes, and the cache holds %d", bytes, c.config.Bytes),
		Hint:    "raise LARDER_CACHE_BYTES: configured secrets are never dropped",
	}
}
