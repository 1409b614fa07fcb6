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
// It is not a sandbox: processes run with the caller's rights, file system and
// network, without memory or CPU limits. Nor is it the Telemetry API, SnapStart
// or the rest of the Lambda service: there are no asynchronous invocations, no
// response streaming to the caller and no scaling beyond one environment.
package lambdatest
