package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// store is a Secrets Manager in which every secret exists, and which takes its
// time to answer. Its value says which version it is.
type store struct {
	address string
	latency time.Duration
	ca      []byte // in PEM; nil without TLS
	server  *http.Server

	version     atomic.Int64 // of all secrets
	down        atomic.Bool  // no call is answered
	connections atomic.Int64 // that were ever made

	mu    sync.Mutex // guards calls
	calls map[string]int
}

// newStore starts one on a port of its own.
func newStore(latency time.Duration, secure bool) (*store, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &store{address: l.Addr().String(), latency: latency, calls: map[string]int{}}
	s.version.Store(1)
	s.server = &http.Server{Handler: s, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}}
	if secure {
		certificate, err := s.certificate()
		if err != nil {
			return nil, err
		}
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	go s.server.Serve(l)
	return s, nil
}

func (s *store) close() { s.server.Close() }

func (s *store) url() string {
	if s.ca != nil {
		return "https://" + s.address
	}
	return "http://" + s.address
}

// env are the variables that lead AWS's libraries there; ca is where its
// certificate stands.
func (s *store) env(ca string) []string {
	env := []string{
		"AWS_ENDPOINT_URL=" + s.url(), "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_SESSION_TOKEN=" + token,
	}
	if s.ca != nil {
		env = append(env, "AWS_CA_BUNDLE="+ca)
	}
	return env
}

// certificate makes a key, and a certificate that signs itself.
func (s *store) certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a store for measurements"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	s.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// forget begins to count anew.
func (s *store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	s.connections.Store(0)
}

// counted says how many calls of each operation there were, and connections.
func (s *store) counted() (calls map[string]int, total, connections int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls = map[string]int{}
	for operation, n := range s.calls {
		calls[operation] = n
		total += n
	}
	return calls, total, int(s.connections.Load())
}

// secretValue is how the service writes a secret.
type secretValue struct {
	ARN, Name     string
	VersionID     string `json:"VersionId"`
	SecretString  string
	VersionStages []string
	CreatedDate   float64
}

func (s *store) secret(name string) secretValue {
	version := s.version.Load()
	return secretValue{
		ARN: "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + name + "-abc123", Name: name,
		VersionID: fmt.Sprintf("00000000-0000-4000-8000-%012d", version), SecretString: valueOf(name, version),
		VersionStages: []string{"AWSCURRENT"}, CreatedDate: 1.7e9,
	}
}

// valueOf is a value of 24 bytes, or what the name asks for.
func valueOf(name string, version int64) string {
	switch {
	case strings.HasPrefix(name, "big"):
		return strings.Repeat("x", 60_000)
	case strings.HasPrefix(name, "json"):
		return `{"user":"app","password":"` + plainValue(version) + `","host":"db.example.com","port":5432,"options":{"tls":true}}`
	default:
		return plainValue(version)
	}
}

func plainValue(version int64) string { return fmt.Sprintf("value-of-a-secret-%06d", version) }

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if operation == "" { // what AWS's agent asks STS as it starts
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>`+
			`<Arn>arn:aws:iam::123456789012:user/bench</Arn><UserId>AIDAEXAMPLE</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		return
	}
	s.mu.Lock()
	s.calls[operation]++
	s.mu.Unlock()
	var asked struct {
		SecretID     string   `json:"SecretId"`
		SecretIDList []string `json:"SecretIdList"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if s.down.Load() {
		<-r.Context().Done()
		return
	}
	time.Sleep(s.latency)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch operation {
	case "GetSecretValue":
		json.NewEncoder(w).Encode(s.secret(asked.SecretID))
	case "DescribeSecret":
		secret := s.secret(asked.SecretID)
		json.NewEncoder(w).Encode(map[string]any{
			"ARN": secret.ARN, "Name": secret.Name, "VersionIdsToStages": map[string][]string{secret.VersionID: secret.VersionStages},
		})
	case "BatchGetSecretValue":
		answer := struct{ SecretValues []secretValue }{}
		for _, name := range asked.SecretIDList {
			answer.SecretValues = append(answer.SecretValues, s.secret(name))
		}
		json.NewEncoder(w).Encode(answer)
	default:
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"UnknownOperationException"}`)
	}
}
