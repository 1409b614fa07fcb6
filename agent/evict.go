package agent

// evict drops what was read longest ago until the bounds hold. Configured
// secrets stay, and so does just, which somebody is waiting for. c.mu is held.
func (c *Cache) evict(just *entry) {
	for c.over() {
		var oldest *entry
		for e := range c.entries {
			if !e.configured && e != just && (oldest == nil || e.lastRead.Before(oldest.lastRead)) {
				oldest = e
			}
		}
		if oldest == nil {
			break
		}
		c.forget(oldest)
	}
	if c.over() && !just.configured {
		c.forget(just) // it is served, but there is no room to hold it
	}
}

func (c *Cache) over() bool {
	return c.config.Entries > 0 && len(c.entries) > c.config.Entries ||
		c.config.Bytes > 0 && c.bytes > c.config.Bytes
}
