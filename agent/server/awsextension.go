package server

import (
	"net/http"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// getSecretValueOutput is the body that AWS's Parameters and Secrets extension
// answers: what encoding/json makes of the output type of the AWS SDK for Go v2,
// in its order, with null for what is missing.
type getSecretValueOutput struct {
	ARN            *string
	CreatedDate    *time.Time
	Name           *string
	SecretBinary   []byte
	SecretString   *string
	VersionID      *string `json:"VersionId"`
	VersionStages  []string
	ResultMetadata struct{}
}

// secretsManagerGet answers GET /secretsmanager/get?secretId=…, as AWS's
// extension does, and with its agent's two further parameters.
func (s *Server) secretsManagerGet(w http.ResponseWriter, r *http.Request) {
	given, err := awsParameters(r, "secretId", "versionStage", "versionId", "refreshNow", "roleArn")
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "InvalidParameterException", err.Error())
		return
	}
	if given["secretId"] == "" {
		refuse(w, r, http.StatusBadRequest, "InvalidParameterException", "missing parameter secretId")
		return
	}
	ref := agent.Reference{Scheme: s.config.Backend, ID: plus(given["secretId"])}
	q, err := ask(ref, given, "refreshNow", extensionForm)
	if err != nil {
		fail(w, r, err)
		return
	}
	s.answer(w, r, q)
}

var extensionForm = inJSON("AWS's extension", output)

func output(secret *agent.Secret) getSecretValueOutput {
	out := getSecretValueOutput{
		ARN:           present(secret.ARN),
		Name:          present(secret.Name),
		VersionID:     present(secret.Version),
		VersionStages: secret.Stages,
	}
	if !secret.Created.IsZero() {
		out.CreatedDate = &secret.Created
	}
	if secret.Binary {
		out.SecretBinary = secret.Value.Reveal()
	} else {
		text := string(secret.Value.Reveal())
		out.SecretString = &text
	}
	return out
}

func present(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
