package main
import "context"
func peers(ctx context.Context, s *setup, r *report) error { return nil }
