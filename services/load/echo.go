package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// echo is the least: HTTP to a server that makes one gRPC call to a server that looks into a map.
type echo struct {
	grpc    *grpc.Server
	conn    *grpc.ClientConn
	http    *http.Server
	url     string
	client  *http.Client
	serving sync.WaitGroup
}

func startEcho() (*echo, error) {
	e := &echo{grpc: grpc.NewServer(), client: client(64)}
	healthv1.RegisterHealthServer(e.grpc, health.NewServer())
	listen := func() (net.Listener, error) {
		return (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	}
	inner, err := listen()
	if err != nil {
		return nil, err
	}
	outer, err := listen()
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	e.conn, err = grpc.NewClient(inner.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, errors.Join(err, inner.Close(), outer.Close())
	}
	check := healthv1.NewHealthClient(e.conn)
	e.http = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := check.Check(r.Context(), &healthv1.HealthCheckRequest{})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintln(w, answer.GetStatus()) // the client would notice
	})}
	e.url = "http://" + outer.Addr().String()
	e.serving.Go(func() { _ = e.grpc.Serve(inner) }) // ends with close
	e.serving.Go(func() { _ = e.http.Serve(outer) })
	return e, nil
}

func (e *echo) call(ctx context.Context, _ int64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := e.client.Do(request)
	if err != nil {
		return err
	}
	return drain(response, http.StatusOK)
}

func (e *echo) close() error {
	err := errors.Join(e.http.Close(), e.conn.Close())
	e.grpc.Stop()
	e.serving.Wait()
	return err
}
