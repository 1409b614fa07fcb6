package lambdatest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// functionProcess is the name under which the function's process is reported.
const functionProcess = "function"

// Config says what to run and under which limits. Only Function is required;
// every other zero value means the default given with the field.
type Config struct {
	// Function is the command line of the function's process, its bootstrap.
	Function []string

	// Extensions are the paths of the external extensions. As in
	// /opt/extensions, a file's base name is the extension's name. A path that
	// cannot be started fails INIT, as a stray file there does in Lambda.
	Extensions []string

	// Env holds the function's configured variables. The function and the
	// extensions see them, and they override the platform's defaults, such as
	// AWS_REGION, AWS_SESSION_TOKEN or AWS_LAMBDA_INITIALIZATION_TYPE, but not
	// where the local Lambda is found: AWS_LAMBDA_RUNTIME_API and
	// LAMBDATEST_CLOCK. An empty value leaves the variable set, but empty.
	Env map[string]string

	// Unset names defaults that are to be absent altogether.
	Unset []string

	// Dir is the working directory of every process and the function's
	// LAMBDA_TASK_ROOT. The default is the caller's working directory.
	Dir string

	// Addr is the loopback address to listen on. The default is 127.0.0.1:0, a
	// free port.
	Addr string

	FunctionName    string // default "function"
	FunctionVersion string // default "$LATEST"
	Handler         string // default "bootstrap"
	AccountID       string // default "123456789012"
	MemoryMB        int    // default 128; announced, not enforced

	// Timeout is the function's: it covers the handler and, after it, the
	// extensions. The default is 3 s.
	Timeout time.Duration

	// InitTimeout limits an INIT outside of an invocation. The default is 10 s,
	// and 15 min with SnapStart.
	InitTimeout time.Duration

	// ShutdownTimeout is the time between the start of a shutdown and SIGKILL
	// where there are external extensions. The default is 2 s.
	ShutdownTimeout time.Duration

	// Freeze stops every process with SIGSTOP while the environment is idle and
	// continues it before the next event. Managed Instances never freeze, so
	// the two exclude each other.
	Freeze bool

	// SnapStart takes a snapshot after INIT, which every invocation of a new
	// environment begins with the restore of: see Restore. INIT is never part of
	// an invocation then, and one that fails fails the invocation that needed
	// it. Credentials are not among the variables but asked for at
	// AWS_CONTAINER_CREDENTIALS_FULL_URI with the token
	// "local-authorization-token". Each INIT and each restore makes them others:
	// the access key id is "local-access-key-id-1" at the first INIT,
	// "local-access-key-id-2" after the restore, and so on. They expire six hours
	// after they were asked for, by the shifted Clock. SnapStart implies Freeze
	// and excludes ManagedInstances.
	SnapStart bool

	// ManagedInstances applies the rules of Lambda Managed Instances: an
	// extension may register for SHUTDOWN only and invocations run concurrently.
	ManagedInstances bool

	// Concurrency is the number of simultaneous invocations with
	// ManagedInstances. The default is 10.
	Concurrency int

	// RefuseRegister, when set, is the answer to every registration.
	RefuseRegister *Refusal

	// Output receives every line of every process as it comes, prefixed with
	// the process's name. One line is one Write; Writes do not overlap. The
	// lines are kept for Processes in any case. A Write that blocks holds up
	// the process that printed the line.
	Output io.Writer
}

// Refusal is an error answer of the Extensions API.
type Refusal struct {
	Status       int    // default 403
	ErrorType    string // default "Extension.RegistrationRefused"
	ErrorMessage string // default "registration refused"
}

// normalise fills in the defaults and reports every mistake.
func (c *Config) normalise() error {
	c.Env = maps.Clone(c.Env)
	c.Function = slices.Clone(c.Function)
	c.Extensions = slices.Clone(c.Extensions)
	c.Unset = slices.Clone(c.Unset)

	fallback(&c.Addr, "127.0.0.1:0")
	fallback(&c.FunctionName, "function")
	fallback(&c.FunctionVersion, "$LATEST")
	fallback(&c.Handler, "bootstrap")
	fallback(&c.AccountID, "123456789012")
	fallback(&c.MemoryMB, 128)
	fallback(&c.Timeout, 3*time.Second)
	if c.SnapStart {
		fallback(&c.InitTimeout, snapStartInit)
	}
	fallback(&c.InitTimeout, 10*time.Second)
	fallback(&c.ShutdownTimeout, 2*time.Second)
	if c.ManagedInstances {
		fallback(&c.Concurrency, 10)
	}
	c.Freeze = c.Freeze || c.SnapStart
	if c.RefuseRegister != nil {
		refusal := *c.RefuseRegister
		fallback(&refusal.Status, 403)
		fallback(&refusal.ErrorType, "Extension.RegistrationRefused")
		fallback(&refusal.ErrorMessage, "registration refused")
		c.RefuseRegister = &refusal
	}
	var dirErr error
	c.Dir, dirErr = workingDirectory(c.Dir)
	return errors.Join(c.checkProcesses(), dirErr, c.checkAddr(), c.checkNumbers(), c.checkEnv())
}

func fallback[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// functionARN is the ARN under which the function is invoked.
func (c *Config) functionARN() string {
	region := "us-east-1"
	if r := c.Env["AWS_REGION"]; r != "" {
		region = r
	}
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", region, c.AccountID, c.FunctionName)
}
