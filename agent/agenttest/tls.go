package agenttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TLSFault is what goes wrong with new connections of a server with TLS.
type TLSFault int

const (
	TLSWorks     TLSFault = iota
	TLSBreaks             // the handshake fails
	TLSWrongHost          // the certificate is trusted, and another host's
)

// SetTLS lets fault go wrong with new connections from now on; it closes those
// that are open.
func (s *Server) SetTLS(fault TLSFault) {
	s.mu.Lock()
	s.tls = fault
	s.mu.Unlock()
	s.CloseIdle()
}

func (s *Server) handshake(*tls.ClientHelloInfo) (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.tls {
	case TLSBreaks:
		return nil, errors.New("the handshake fails on demand")
	case TLSWrongHost:
		return &tls.Config{Certificates: []tls.Certificate{otherHost()}}, nil
	default:
		return nil, nil
	}
}

// CAFile writes the certificates of a server with TLS to a file, for
// AWS_CA_BUNDLE: its own, and the one of [TLSWrongHost].
func (s *Server) CAFile(t testing.TB) string {
	t.Helper()
	var text bytes.Buffer
	for _, certificate := range [][]byte{s.http.Certificate().Raw, otherHost().Certificate[0]} {
		if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: certificate}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// otherHost is a certificate of a host that no test asks.
var otherHost = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"elsewhere.invalid"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})
