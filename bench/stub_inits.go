package main
import "context"
func inits(ctx context.Context, s *setup, r *report) error { return nil }
