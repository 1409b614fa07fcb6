package parameterstore

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/larder-secrets/larder/agent"
)

// TestAnswer: what may be taken for an answer, in the shapes of the service that
// its emulators do not have.
func TestAnswer(t *testing.T) {
	const reference = "/aws/reference/secretsmanager/db"
	value := aws.String("the value")
	for name, test := range map[string]struct {
		q       question
		p       *types.Parameter
		version string // empty: it is none
	}{
		"a parameter":         {question{ref: agent.Reference{ID: "a"}}, &types.Parameter{Name: aws.String("a"), Value: value, Version: 3}, "3"},
		"by ARN":              {question{ref: agent.Reference{ID: "arn:a"}}, &types.Parameter{Name: aws.String("a"), ARN: aws.String("arn:a"), Value: value, Version: 3}, "3"},
		"another":             {question{ref: agent.Reference{ID: "b"}}, &types.Parameter{Name: aws.String("a"), Value: value, Version: 3}, ""},
		"none":                {question{ref: agent.Reference{ID: "b"}}, nil, ""},
		"empty":               {question{ref: agent.Reference{ID: "a"}}, &types.Parameter{Name: aws.String("a"), Value: aws.String("")}, ""},
		"a version":           {question{ref: agent.Reference{ID: "a"}, version: "2"}, &types.Parameter{Name: aws.String("a"), Selector: aws.String(":2"), Value: value, Version: 2}, "2"},
		"another version":     {question{ref: agent.Reference{ID: "a"}, version: "2"}, &types.Parameter{Name: aws.String("a"), Value: value, Version: 3}, ""},
		"a label":             {question{ref: agent.Reference{ID: "a"}, label: "Dev"}, &types.Parameter{Name: aws.String("a"), Selector: aws.String(":Dev"), Value: value, Version: 2}, "2"},
		"another label":       {question{ref: agent.Reference{ID: "a"}, label: "Dev"}, &types.Parameter{Name: aws.String("a"), Selector: aws.String(":Test"), Value: value, Version: 2}, ""},
		"a secret":            {question{ref: agent.Reference{ID: reference}}, &types.Parameter{Name: aws.String(reference), Value: value, SourceResult: aws.String(`{"name":"db","versionId":"e8e2811a","versionStages":["AWSCURRENT"]}`)}, "e8e2811a"},
		"a secret, untold of": {question{ref: agent.Reference{ID: reference}}, &types.Parameter{Name: aws.String(reference), Value: value, SourceResult: aws.String("{")}, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			delivered := 0
			test.q.deliver = func(r agent.Result) {
				delivered++
				switch {
				case test.version == "" && r.Err == nil:
					t.Errorf("it is taken: %+v", r.Secret)
				case test.version != "" && (r.Err != nil || r.Secret.Version != test.version):
					t.Errorf("%+v, want version %s", r, test.version)
				}
			}
			test.q.answer(test.p)
			if delivered != 1 {
				t.Errorf("delivered %d times", delivered)
			}
		})
	}
}
