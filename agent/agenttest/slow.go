package agenttest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"time"
)

// Drip sends the answer byte by byte, one each interval.
func Drip(interval time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		whole := record(r, answer)
		copyHeader(w, whole)
		w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
		w.WriteHeader(whole.Code)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for _, b := range whole.Body.Bytes() {
			if _, err := w.Write([]byte{b}); err != nil {
				return
			}
			http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	}
}

// bomb is 64 MiB of JSON, which take 64 KiB on the wire.
const bomb = 64 << 20

// Bomb answers with a little that becomes very much once it is decompressed.
func Bomb() Fault {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	z.Write([]byte(`{"SecretString": "`))
	filler := bytes.Repeat([]byte("x"), 1<<20)
	for range bomb / len(filler) {
		z.Write(filler)
	}
	z.Write([]byte(`"}`))
	z.Close()
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(body.Bytes())
	}
}

// Redirect sends the client to another address.
func Redirect(url string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, url, http.StatusTemporaryRedirect)
	}
}

// maxSkew is how far a signature's time may be off (AWS general reference,
// signing requests).
const maxSkew = 5 * time.Minute

// Skew has the server's clock be ahead of the client's: what is not signed with
// about that time is refused, with the time in the answer's header.
func Skew(ahead time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		now := time.Now().Add(ahead)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || now.Sub(signed).Abs() > maxSkew {
			refuse(w, http.StatusBadRequest, "InvalidSignatureException", "Signature expired: it is not of this server's time")
			return
		}
		answer.ServeHTTP(w, r)
	}
}
