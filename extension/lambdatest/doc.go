// Package lambdatest is a local AWS Lambda for trying out extensions and
// functions as what they are in production: processes. It serves the Runtime
// API, the Extensions API and the invoke endpoint on one loopback address,
// starts the real binaries with the environment each may see, and takes them
// through INIT, INVOKE and SHUTDOWN under Lambda's time limits.
//
//	local, err := lambdatest.New(lambdatest.Config{
//		Function:   []string{"./bootstrap"},
//		Extensions: []string{"./larder"},
//		Env:        map[string]string{"LARDER_SECRETS": "db-password"},
//		Output:     os.Stderr,
//	})
//	if err != nil {
//		return err
//	}
//	defer local.Close()
//
//	response, err := local.Invoke(ctx, []byte(`{"name":"world"}`))
//	if err != nil {
//		return err // the local Lambda failed, not the function
//	}
//	fmt.Println(string(response.Payload), response.FunctionError, response.Fault)
//
// The same function answers over HTTP, as the AWS CLI asks:
//
//	aws lambda invoke --endpoint-url "$URL" --function-name function out.json
//
// With Config.SnapStart, INIT ends in a snapshot: the processes stand still until
// they are restored, later and with other credentials. Only a binary that reads
// the shift from LAMBDATEST_CLOCK, see ShiftClock, believes in the later time.
//
//	if _, err := local.Init(ctx); err != nil {
//		return err
//	}
//	err := local.Restore(ctx, lambdatest.RestoreOptions{ClockJump: 48 * time.Hour})
//	if err != nil {
//		return err
//	}
//	response, err := local.Invoke(ctx, nil) // in the processes that INIT has started
//
// It is not a sandbox: processes run with the caller's rights, file system and
// network, without memory or CPU limits. A snapshot is no copy of memory, and
// serves one environment: Restore says what else sets it apart from Lambda's. Nor
// is this the Telemetry API or the rest of the Lambda service: there are no
// asynchronous invocations, no response streaming to the caller and no scaling
// beyond one environment.
package lambdatest
