package server

import (
	"encoding/json"
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
	reading, err := s.read(r.Context(), ref, given, "refreshNow")
	if err != nil {
		fail(w, r, err)
		return
	}
	writeJSON(w, r, reading, output(reading.Secret))
}

// writeJSON answers with what was read, in a shape of AWS's.
func writeJSON(w http.ResponseWriter, r *http.Request, reading agent.Reading, shape any) {
	body, err := json.Marshal(shape)
	if err != nil {
		fail(w, r, &agent.Error{
			Kind: agent.Invalid, Status: http.StatusBadGateway, Code: "InternalFailure",
			Message: "the backend's answer cannot be written as JSON",
		})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	setReading(w.Header(), reading)
	w.Write(body)
}

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
