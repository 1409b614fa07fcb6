package main
import "context"
func checkBaseline(ctx context.Context, s *setup, record bool) error { return nil }
