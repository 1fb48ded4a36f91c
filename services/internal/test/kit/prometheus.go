package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Prometheus is a Prometheus server of one test.
type Prometheus struct {
	t       testing.TB
	address string
}

// StartPrometheus starts a server with a configuration file, which ends with the test.
func StartPrometheus(t testing.TB, configuration string) *Prometheus {
	t.Helper()
	program := Program(t, "prometheus")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Prometheus{t, listener.Addr().String()}
	_ = listener.Close() // Prometheus listens there now
	folder := t.TempDir()
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program,
		"--config.file="+configuration, "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+p.address)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it was killed, or its log says why
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = log.Close()
	})
	ready := time.NewTimer(time.Minute)
	defer ready.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := p.get("/api/v1/status/buildinfo", nil); err == nil {
			return p
		}
		select {
		case <-tick.C:
		case <-ended: // perhaps another program has taken the port
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("Prometheus has ended: %s", said)
		case <-ready.C:
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("Prometheus does not answer: %s", said)
		}
	}
}

// Sample is a value of a query with its labels.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Query evaluates an expression now. Its result must be a vector or a scalar.
func (p *Prometheus) Query(expression string) ([]Sample, error) {
	p.t.Helper()
	raw, err := p.get("/api/v1/query", url.Values{"query": {expression}})
	if err != nil {
		return nil, err
	}
	var result struct {
		ResultType string
		Result     json.RawMessage
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return nil, err
	}
	var found []struct {
		Metric map[string]string
		Value  [2]any
	}
	if result.ResultType != "vector" {
		return nil, fmt.Errorf("%s is a %s", expression, result.ResultType)
	}
	if err := json.Unmarshal(result.Result, &found); err != nil {
		return nil, err
	}
	all := make([]Sample, len(found))
	for i, one := range found {
		value, err := strconv.ParseFloat(fmt.Sprint(one.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		all[i] = Sample{one.Metric, value}
	}
	return all, nil
}

// get reads the data of an answer.
func (p *Prometheus) get(path string, query url.Values) (json.RawMessage, error) {
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.address+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s", answer.Error)
	}
	return answer.Data, nil
}
