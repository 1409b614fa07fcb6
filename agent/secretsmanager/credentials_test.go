package secretsmanager_test

import (
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/secretsmanager"
)

// TestExpiredCredentialsAreReloadedOnce: many calls fail together, one of them
// asks for others, and each is made once more.
func TestExpiredCredentialsAreReloadedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		operation string
		change    func(*secretsmanager.Config)
		calls     int
	}{"singly": {single, never, 8}, "in a batch": {batch, always, 1}} {
		t.Run(name, func(t *testing.T) {
			aws, container := agenttest.NewAWS(t), agenttest.NewCredentials(t)
			refs := put(aws, 8)
			agenttest.SetenvAll(t, container.Environment(aws.URL))
			s, err := tryOpen(t, test.change)
			if err != nil {
				t.Fatal(err)
			}
			s.wantMany(t, refs)
			aws.Expire("KEY-1")
			container.Rotate()
			aws.Forget()
			s.wantMany(t, refs)
			if n := container.Asked(); n != 2 {
				t.Errorf("credentials were asked for %d times, want twice", n)
			}
			if n := len(aws.Calls(test.operation)); n <= test.calls || n > 2*test.calls {
				t.Errorf("%d calls, want more than %d, and each made once more at most", n, test.calls)
			}

			aws.Expire("KEY-2") // and there are no others
			aws.Forget()
			e := s.wantError(t, refs[0], agent.Unavailable, "ExpiredTokenException")
			if text := e.Error(); strings.Count(text, "expired") > 1 || e.Hint == "" {
				t.Errorf("the error: %s", text)
			}
			if n := len(aws.Calls(test.operation)); n > 1 {
				t.Errorf("%d calls with credentials that have expired, and there are no others", n)
			}
		})
	}
}

// TestExpiredCredentialsOfTheEnvironment: nothing could be loaded anew.
func TestExpiredCredentialsOfTheEnvironment(t *testing.T) {
	aws := agenttest.NewAWS(t)
	aws.Put("a", planted)
	s := open(t, aws.URL)
	aws.Expire("AKIDEXAMPLE")
	s.wantError(t, named("a"), agent.Unavailable, "ExpiredTokenException")
	wantCalls(t, aws.Server, map[string]int{single: 1})
}

const role = "arn:aws:iam::210987654321:role/reader"

// TestRoles: a name means the secret of the role's account, the role is assumed
// once, and again where its credentials, or those that signed for it, expire.
func TestRoles(t *testing.T) {
	aws, container := agenttest.NewAWS(t), agenttest.NewCredentials(t)
	agenttest.SetenvAll(t, container.Environment(aws.URL))
	s, err := tryOpen(t, func(c *secretsmanager.Config) { c.AWS.Roles = []string{role} })
	if err != nil {
		t.Fatal(err)
	}
	own, theirs := planted+"-own", planted+"-theirs"
	aws.Put("a", own)
	aws.PutVersion(agenttest.Version{Name: "a", ARN: strings.Replace(agenttest.ARN(agenttest.Region, "a"), agenttest.Account, "210987654321", 1), SecretString: &theirs})
	asRole := asking("a", "roleArn="+strings.NewReplacer(":", "%3A", "/", "%2F").Replace(role))

	one, other := s.want(t, named("a"), own), s.want(t, asRole, theirs)
	if one.Aliases[0] == other.Aliases[0] {
		t.Errorf("both are %s", one.Aliases[0])
	}
	s.want(t, asRole, theirs)
	wantCalls(t, aws.Server, map[string]int{"AssumeRole": 1, single: 3})

	aws.Expire("ROLE2109876543210001")
	s.want(t, asRole, theirs)
	wantCalls(t, aws.Server, map[string]int{"AssumeRole": 2, single: 5})

	aws.Expire("ROLE2109876543210002")
	aws.Expire("KEY-1") // which would sign for the third
	container.Rotate()
	s.want(t, asRole, theirs)

	aws.Always("AssumeRole", agenttest.RefuseXML(403, "AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/app/f is not authorized to perform: sts:AssumeRole on resource: "+role))
	aws.Expire("ROLE2109876543210003")
	if e := s.wantError(t, asRole, agent.Denied, "AccessDenied"); e.Action != "sts:AssumeRole" {
		t.Errorf("the error of a role that may not be assumed: %+v", e)
	}
}

// TestIdentity: it changes with the credentials, and is theirs who calls.
func TestIdentity(t *testing.T) {
	aws, container := agenttest.NewAWS(t), agenttest.NewCredentials(t)
	aws.Put("a", planted)
	agenttest.SetenvAll(t, container.Environment(aws.URL))
	s, err := tryOpen(t)
	if err != nil {
		t.Fatal(err)
	}
	identity := s.Backend.(agent.Identifier).Identity
	if got := identity(); got != "" {
		t.Errorf("before the first call %q", got)
	}
	s.want(t, named("a"), planted)
	if got := identity(); got != "KEY-1" {
		t.Errorf("after it %q", got)
	}
	container.Rotate()
	aws.Expire("KEY-1")
	s.want(t, named("a"), planted)
	if got := identity(); got != "KEY-2" {
		t.Errorf("after others were loaded %q", got)
	}
}

// TestPlaces: what a reference depends on is known without asking.
func TestPlaces(t *testing.T) {
	place := source(&log{}).Place
	tests := []struct {
		ref   agent.Reference
		place string
	}{
		{named("a"), ""},
		{asking("a", "versionStage=AWSPREVIOUS"), ""},
		{named(agenttest.ARN("eu-west-1", "a")), "eu-west-1"},
		{asking("a", "roleArn="+role), role},
		{asking(agenttest.ARN("eu-west-1", "a"), "roleArn="+role), "eu-west-1 " + role},
		{asking("a", "%zz"), ""},
	}
	for _, test := range tests {
		if got := place(test.ref); got != test.place {
			t.Errorf("%s depends on %q, want %q", test.ref, got, test.place)
		}
	}
}
