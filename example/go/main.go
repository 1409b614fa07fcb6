// Command bootstrap is an example function: it signs the message that it is
// sent, with a key that it reads from Larder. It reads the key once in init, to
// show that secrets are there before the first invocation, and again in the
// handler, which is how a function sees a rotation.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/larder-secrets/larder/agent/client"
)

// signingKey names the secret. The name, not the value, is configuration.
var signingKey = client.Secret(name())

// atInit is what the read in init came to.
var atInit string

func init() {
	atInit = "signing key read"
	if _, err := signingKey.Value(context.Background()); err != nil {
		atInit = err.Error() // it names the secret and never the value
	}
}

type request struct {
	Message string `json:"message"`
}

type response struct {
	Message   string `json:"message"`
	Signature string `json:"signature"` // HMAC-SHA256, in hex
	AtInit    string `json:"at_init"`
}

func sign(ctx context.Context, r request) (*response, error) {
	key, err := signingKey.Value(ctx)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(r.Message))
	return &response{r.Message, hex.EncodeToString(mac.Sum(nil)), atInit}, nil
}

func name() string {
	if name := os.Getenv("SIGNING_KEY"); name != "" {
		return name
	}
	return "signing-key"
}

func main() { lambda.Start(sign) }
