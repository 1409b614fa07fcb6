package main
import "context"
func tails(ctx context.Context, s *setup, r *report) error { return nil }
