package main
import "context"
func reads(ctx context.Context, s *setup, r *report) error { return nil }
