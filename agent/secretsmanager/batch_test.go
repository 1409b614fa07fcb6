package secretsmanager_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/secretsmanager"
)

func always(c *secretsmanager.Config) { c.BatchAbove = 0 }

func never(c *secretsmanager.Config) { c.BatchAbove = -1 }

// how are the ways to ask that what holds of one holds of the other too.
var how = map[string]func(*secretsmanager.Config){"singly": never, "in a batch": always}

func TestBatchAbove(t *testing.T) {
	tests := []struct {
		name          string
		above, asked  int
		single, batch int
	}{
		{"as many as the bound", 10, 10, 10, 0},
		{"more than the bound", 10, 11, 0, 1},
		{"a full batch", 10, 20, 0, 1},
		{"more than a batch", 10, 21, 0, 2},
		{"one, where batches are on", 0, 1, 0, 1},
		{"never", -1, 45, 45, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			refs := put(aws, test.asked)
			s := open(t, aws.URL, func(c *secretsmanager.Config) { c.BatchAbove = test.above })
			s.wantMany(t, refs)
			want := map[string]int{}
			if test.single > 0 {
				want[single] = test.single
			}
			if test.batch > 0 {
				want[batch] = test.batch
			}
			wantCalls(t, aws.Server, want)
		})
	}
}

func TestBatchDenied(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 45)
	aws.Always(batch, agenttest.Refuse(400, "AccessDeniedException",
		"User: arn:aws:sts::123456789012:assumed-role/app/app is not authorized to perform: secretsmanager:BatchGetSecretValue because no identity-based policy allows the action"))
	s := open(t, aws.URL)
	s.wantMany(t, refs)
	s.wantMany(t, refs)
	wantCalls(t, aws.Server, map[string]int{batch: aws.Operations()[batch], single: 90})
	if n := aws.Operations()[batch]; n > 3 {
		t.Errorf("%d batches: a role that may not is asked again", n)
	}
	text := s.log.String()
	if n := strings.Count(text, "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want one:\n%s", n, text)
	}
	if !strings.Contains(text, "secretsmanager:BatchGetSecretValue") {
		t.Errorf("the warning does not name the permission:\n%s", text)
	}
}

func TestBatchRefusedFallsBackAtOnce(t *testing.T) {
	tests := []struct {
		name, code string
		status     int
	}{
		{"throttled", "ThrottlingException", 400},
		{"throttled under another name", "TooManyRequestsException", 429},
		{"throttled by the limit of requests", "RequestLimitExceeded", 400},
		{"a name that batches do not take", "InvalidParameterException", 400},
		{"no such operation", "UnknownOperationException", 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			refs := put(aws, 45)
			aws.Always(batch, agenttest.Refuse(test.status, test.code, "Rate exceeded"))
			s := open(t, aws.URL)
			s.wantMany(t, refs)
			wantCalls(t, aws.Server, map[string]int{batch: 3, single: 45})
			if strings.Contains(s.log.String(), "level=WARN") {
				t.Errorf("it warns of what passes by itself: %s", s.log)
			}
		})
	}
}

// TestBatchWhereSinglesAreThrottled: once a single call is, what is asked for
// together goes in batches, which have a quota of their own, until one passes.
func TestBatchWhereSinglesAreThrottled(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 8)
	s := open(t, aws.URL, func(c *secretsmanager.Config) { c.BatchAbove = 10 })
	aws.Always(single, agenttest.Refuse(400, "ThrottlingException", "Rate exceeded"))
	for _, r := range s.fetch(t.Context(), t, refs...) {
		if agent.AsError(r.Err).Kind != agent.Throttled {
			t.Fatalf("%v", r.Err)
		}
	}
	if n := aws.Operations()[batch]; n != 0 {
		t.Fatalf("%d batches before anything was throttled", n)
	}
	steps := []struct {
		name   string
		asked  int
		passes bool
		batch  int
	}{
		{"half of them", 4, false, 0},
		{"more than half", 5, false, 1},
		{"one passes", 1, true, 0},
		{"all, after that", 8, true, 0},
	}
	for _, step := range steps {
		if step.passes {
			aws.Always(single, nil)
		}
		before := aws.Operations()[batch]
		for _, r := range s.fetch(t.Context(), t, refs[:step.asked]...) {
			if passes := step.passes || step.batch > 0; (r.Err == nil) != passes {
				t.Errorf("%s: %v", step.name, r.Err)
			}
		}
		if n := aws.Operations()[batch] - before; n != step.batch {
			t.Errorf("%s: %d batches, want %d", step.name, n, step.batch)
		}
	}
}

func TestBatchRetriesOutages(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 20)
	aws.On(batch, func(c agenttest.Call) agenttest.Fault {
		if c.Number == 1 {
			return agenttest.Refuse(500, "InternalServiceError", "An error occurred on the server side.")
		}
		return nil
	})
	open(t, aws.URL).wantMany(t, refs)
	wantCalls(t, aws.Server, map[string]int{batch: 2})
}

func TestBatchPartialErrors(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 18)
	aws.Refuse("secret/denied", "AccessDeniedException", "User: arn:aws:sts::1:assumed-role/app/app is not authorized to perform: secretsmanager:GetSecretValue on resource: secret/denied")
	aws.Refuse("secret/key", "AccessDeniedException", "Access to KMS is not allowed")
	s := open(t, aws.URL)
	missing, denied, key := named("secret/is-not-there"), named("secret/denied"), named("secret/key")
	results := s.fetch(t.Context(), t, append([]agent.Reference{missing, denied}, append(refs[:18:18], key)...)...)
	wantError(t, missing, results[0], agent.NotFound, "ResourceNotFoundException")
	if e := wantError(t, denied, results[1], agent.Denied, "AccessDeniedException"); e.Action != "secretsmanager:GetSecretValue" {
		t.Errorf("Action = %q", e.Action)
	}
	if e := wantError(t, key, results[20], agent.Denied, "AccessDeniedException"); e.Action != "kms:Decrypt" {
		t.Errorf("Action = %q", e.Action)
	}
	for i, r := range results[2:20] {
		if r.Err != nil || string(r.Secret.Value.Reveal()) != valueOf(i) {
			t.Errorf("%s: %v", refs[i], r.Err)
		}
	}
	for _, call := range aws.Calls(single) {
		t.Errorf("%v was asked for again, singly", call.IDs)
	}
}

func TestBatchPages(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 20)
	aws.Paginate(7)
	open(t, aws.URL).wantMany(t, refs)
	wantCalls(t, aws.Server, map[string]int{batch: 3})
	for i, token := range []string{"", "7", "14"} {
		if call := aws.Calls(batch)[i]; call.NextToken != token || len(call.IDs) != 20 {
			t.Errorf("call %d asks with token %q for %d secrets, want %q", i, call.NextToken, len(call.IDs), token)
		}
	}
}

func TestBatchPagesWithoutEnd(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 20)
	aws.Always(batch, agenttest.Edit(func(b *agenttest.Batch) {
		b.SecretValues, b.NextToken = nil, "again"
	}))
	open(t, aws.URL).wantMany(t, refs)
	if n := aws.Operations()[batch]; n > 20 {
		t.Errorf("%d pages were asked for, and there are at most 20 entries", n)
	}
}

// TestBatchEdited: what a batch does not answer as asked is asked for singly.
func TestBatchEdited(t *testing.T) {
	tests := []struct {
		name   string
		edit   func(*agenttest.Batch)
		single []string
	}{
		{"entries left out", func(b *agenttest.Batch) {
			b.SecretValues = slices.Delete(b.SecretValues, 3, 5)
		}, []string{"secret/03-of-many", "secret/04-of-many"}},
		{"another order", func(b *agenttest.Batch) { slices.Reverse(b.SecretValues) }, nil},
		{"the previous version", func(b *agenttest.Batch) {
			old := planted + "-old"
			b.SecretValues[0].VersionStages = []string{"AWSPREVIOUS"}
			b.SecretValues[0].SecretString = &old
		}, []string{"secret/00-of-many"}},
		{"a version without a stage", func(b *agenttest.Batch) { b.SecretValues[1].VersionStages = nil }, []string{"secret/01-of-many"}},
		{"both versions", func(b *agenttest.Batch) {
			previous, old := b.SecretValues[0], planted+"-old"
			previous.VersionStages, previous.SecretString = []string{"AWSPREVIOUS"}, &old
			b.SecretValues = append([]agenttest.Version{previous}, b.SecretValues...)
		}, nil},
		{"another secret", func(b *agenttest.Batch) {
			b.SecretValues[2].Name = "other"
			b.SecretValues[2].ARN = agenttest.ARN(agenttest.Region, "other")
		}, []string{"secret/02-of-many"}},
		{"an error for another secret", func(b *agenttest.Batch) {
			b.Errors = append(b.Errors, agenttest.BatchError{SecretID: "other", ErrorCode: "InternalServiceError"})
		}, nil},
		{"nothing", func(b *agenttest.Batch) { b.SecretValues = b.SecretValues[:0] }, []string{
			"secret/00-of-many", "secret/01-of-many", "secret/02-of-many", "secret/03-of-many", "secret/04-of-many", "secret/05-of-many",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			refs := put(aws, 6)
			aws.Always(batch, agenttest.Edit(test.edit))
			open(t, aws.URL, always).wantMany(t, refs)
			var asked []string
			for _, call := range aws.Calls(single) {
				asked = append(asked, call.IDs...)
			}
			slices.Sort(asked)
			if !slices.Equal(asked, test.single) {
				t.Errorf("asked singly for %q, want %q", asked, test.single)
			}
		})
	}
}

// TestBatchAsksOnceForEach: the service's answer to a name that stands twice in
// a request is not documented.
func TestBatchAsksOnceForEach(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 3)
	s := open(t, aws.URL, always)
	asked := []agent.Reference{refs[0], refs[1], refs[0], refs[2], refs[0], named(agenttest.ARN(agenttest.Region, refs[1].ID)), asking(refs[2].ID, "versionStage=AWSCURRENT")}
	for i, r := range s.fetch(t.Context(), t, asked...) {
		want := valueOf([]int{0, 1, 0, 2, 0, 1, 2}[i])
		if r.Err != nil || string(r.Secret.Value.Reveal()) != want {
			t.Errorf("%s: %v", asked[i], r.Err)
		}
	}
	wantCalls(t, aws.Server, map[string]int{batch: 1})
	if ids := aws.Calls(batch)[0].IDs; len(ids) != 4 {
		t.Errorf("asked for %q", ids)
	}
}

func TestBatchIsForPlainQuestionsAlone(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 3)
	v := aws.PutVersion(agenttest.Version{Name: "staged", SecretBinary: []byte(planted), VersionStages: []string{"AWSCURRENT", "blue"}})
	s := open(t, aws.URL, always)
	asked := append(refs, asking("staged", "versionStage=blue"), asking("staged", "versionId="+v.VersionID), asking("staged", "versionStage=AWSCURRENT"))
	for i, r := range s.fetch(t.Context(), t, asked...) {
		if r.Err != nil {
			t.Errorf("%s: %v", asked[i], r.Err)
		}
	}
	wantCalls(t, aws.Server, map[string]int{batch: 1, single: 2})
}
