package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// nginx serves files of 24 bytes and of 60 KB, as fast as it can.
func (s *setup) nginx(ctx context.Context) (*process, string, error) {
	dir := filepath.Join(s.dir, "www")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, "", err
	}
	for _, name := range []string{"small", "big"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(valueOf(name, 1)), 0o644); err != nil {
			return nil, "", err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // whose files these are
	}
	config, err := s.file("nginx.conf", fmt.Sprintf(`%s
worker_processes auto;
daemon off;
pid %s/nginx.pid;
error_log /dev/null crit;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path %[2]s; proxy_temp_path %[2]s; fastcgi_temp_path %[2]s; uwsgi_temp_path %[2]s; scgi_temp_path %[2]s;
  keepalive_requests 1000000000;
  sendfile on; tcp_nopush on; open_file_cache max=10;
  server { listen %[3]s; root %[4]s; }
}
`, user, s.dir, address, dir))
	if err != nil {
		return nil, "", err
	}
	p, err := launch(ctx, os.Environ(), "nginx", "-c", config)
	if err != nil {
		return nil, "", err
	}
	return p, address, p.listens(ctx, address)
}
