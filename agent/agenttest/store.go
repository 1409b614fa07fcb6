package agenttest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Region is where the secrets of [AWS] are, and Account whose, unless their ARN
// says otherwise.
const (
	Region  = "us-east-1"
	Account = "123456789012"
)

const current, previous = "AWSCURRENT", "AWSPREVIOUS"

// Version is one version of a secret, as Secrets Manager writes it.
type Version struct {
	ARN           string
	Name          string
	VersionID     string `json:"VersionId"`
	VersionStages []string
	CreatedDate   float64 // seconds since 1970
	SecretString  *string `json:",omitempty"`
	SecretBinary  []byte  `json:",omitempty"`
}

// ARN returns the ARN of the secret called name that [AWS.Put] makes.
func ARN(region, name string) string {
	return "arn:aws:secretsmanager:" + region + ":" + Account + ":secret:" + name + "-AbCdEf"
}

// store is what Secrets Manager holds: versions by ARN, and what else leads to
// an ARN.
type store struct {
	mu       sync.Mutex // guards all below
	versions map[string][]Version
	names    map[string]string // account, region and name -> ARN
	partial  map[string]string // an ARN without its suffix -> ARN
	made     int
}

func newStore() *store {
	return &store{versions: map[string][]Version{}, names: map[string]string{}, partial: map[string]string{}}
}

// Put stores text as the current and only version of the secret called name.
func (s *store) Put(name, text string) Version {
	return s.PutVersion(Version{Name: name, SecretString: &text})
}

// PutVersion stores v in the place of all others of its ARN; of what is missing
// but the value, it makes something up.
func (s *store) PutVersion(v Version) Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.ARN == "" {
		v.ARN = ARN(Region, v.Name)
	}
	v = s.complete(v)
	s.versions[v.ARN] = []Version{v}
	s.names[nameKey(v.ARN, v.Name)] = v.ARN
	s.partial[v.ARN[:len(v.ARN)-len("-AbCdEf")]] = v.ARN
	return v
}

// Rotate stores text as a new version of the secret called name, which becomes
// the current one; the one before is kept as the previous one.
func (s *store) Rotate(name, text string) Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.names[nameKey(ARN(Region, name), name)]
	var kept []Version
	for _, v := range s.versions[arn] {
		if slices.Contains(v.VersionStages, current) {
			v.VersionStages = []string{previous}
			kept = append(kept, v)
		} else if !slices.Contains(v.VersionStages, previous) {
			kept = append(kept, v)
		}
	}
	v := s.complete(Version{ARN: arn, Name: name, SecretString: &text})
	s.versions[arn] = append(kept, v)
	return v
}

// Stage stores text as a new version of the secret called name, which carries
// only stage, such as AWSPENDING; another version loses it.
func (s *store) Stage(name, text, stage string) Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.names[nameKey(ARN(Region, name), name)]
	versions := slices.Clone(s.versions[arn])
	for i, v := range versions {
		versions[i].VersionStages = slices.DeleteFunc(slices.Clone(v.VersionStages), func(s string) bool { return s == stage })
	}
	v := s.complete(Version{ARN: arn, Name: name, SecretString: &text, VersionStages: []string{stage}})
	s.versions[arn] = append(versions, v)
	return v
}

// Delete removes the secret called name.
func (s *store) Delete(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := nameKey(ARN(Region, name), name)
	arn := s.names[key]
	delete(s.names, key)
	delete(s.versions, arn)
	delete(s.partial, strings.TrimSuffix(arn, arn[max(0, len(arn)-7):]))
}

// Recreate removes the secret called name and makes it anew, with another ARN, as
// Secrets Manager does.
func (s *store) Recreate(name, text string) Version {
	s.Delete(name)
	arn := ARN(Region, name)
	return s.PutVersion(Version{ARN: arn[:len(arn)-6] + rand.Text()[:6], Name: name, SecretString: &text})
}

// complete makes up what v lacks. s.mu is held.
func (s *store) complete(v Version) Version {
	s.made++
	if v.VersionID == "" {
		v.VersionID = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.made)
	}
	if v.VersionStages == nil {
		v.VersionStages = []string{current}
	}
	if v.CreatedDate == 0 {
		v.CreatedDate = float64(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	}
	return v
}

// find looks up what call asks of the secret id.
func (s *store) find(call Call, id string) (Version, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, arn := range []string{id, s.partial[id], s.names[call.account()+":"+call.Region+":"+id]} {
		for _, v := range s.versions[arn] {
			if call.asksFor(v) {
				return v, true
			}
		}
	}
	return Version{}, false
}

// asksFor reports whether v is the version that the call asks for.
func (c Call) asksFor(v Version) bool {
	stage := c.Stage
	if stage == "" && c.VersionID == "" {
		stage = current
	}
	return (c.VersionID == "" || c.VersionID == v.VersionID) && (stage == "" || slices.Contains(v.VersionStages, stage))
}

// nameKey is under what name leads to arn: to those who ask as its account, in
// its region.
func nameKey(arn, name string) string {
	parts := strings.Split(arn, ":")
	return parts[4] + ":" + parts[3] + ":" + name
}
