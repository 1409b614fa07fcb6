// Package agent keeps a function's secrets within arm's reach: it names them
// ([Reference]), fetches them from where they live ([Backend]) and holds them
// ([Cache]) so that a reader on the same machine never waits for an API call.
//
//	cache := agent.New(agent.Config{
//		Sources: map[string]agent.Source{"file": file.Source("secrets.json")},
//		Secrets: []agent.Spec{{Reference: agent.Reference{Scheme: "file", ID: "my-api-key"}}},
//	})
//	defer cache.Close()
//	cache.Prefetch(ctx)
//	reading, err := cache.Get(ctx, agent.Reference{Scheme: "file", ID: "my-api-key"}, agent.Cached)
//
// It knows nothing of Lambda, of HTTP or of any particular store: package
// extension speaks to Lambda, agent/server answers requests, and each store is
// a package of its own beside this one.
package agent

// Version is Larder's version, as printed by `larder version` and sent to AWS
// in the User-Agent header.
const Version = "0.1.0"
