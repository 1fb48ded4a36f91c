package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

// Hop is the minimum of a gateway with a service behind it: an HTTP server that calls a gRPC server, in another process, which reads a map.
// It does not authenticate, check or count anything.

// hopStoreVariable tells the HTTP server where the gRPC server is.
const hopStoreVariable = "LOAD_HOP_STORE"

// hopPage is the number of users of a page, here and in the measured Usher. hopMembers is the number of members in a part of a large group,
// as in identity.
const hopPage, hopMembers = 100, 2000

// hopStore is the gRPC server.
type hopStore struct {
	identityv1.UnimplementedResourceServiceServer
	users map[string][]byte
	page  []*identityv1.Resource
	part  []byte
}

func (h hopStore) GetResource(_ context.Context, r *identityv1.GetResourceRequest) (*identityv1.GetResourceResponse, error) {
	document, ok := h.users[r.GetId()]
	if !ok {
		return nil, status.Error(codes.NotFound, "there is no such user")
	}
	return &identityv1.GetResourceResponse{Resource: &identityv1.Resource{Id: r.GetId(), Version: 1, Document: document}}, nil
}

func (h hopStore) ListResources(context.Context, *identityv1.ListResourcesRequest) (*identityv1.ListResourcesResponse, error) {
	return &identityv1.ListResourcesResponse{Result: &identityv1.ListResult{TotalResults: proto.Int64(int64(len(h.users))), Resources: h.page}}, nil
}

// ReadResourceStream sends a group in parts, with as many members as its id says.
func (h hopStore) ReadResourceStream(r *identityv1.ReadResourceStreamRequest, stream grpc.ServerStreamingServer[identityv1.ReadResourceStreamResponse]) error {
	members, err := strconv.Atoi(r.GetId())
	for ; members > 0 && err == nil; members -= hopMembers {
		err = stream.Send(&identityv1.ReadResourceStreamResponse{Part: h.part})
	}
	return err
}

func serveHopStore(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	store := hopStore{users: map[string][]byte{}}
	for n := range 1000 {
		id, document := filledID(n), []byte(userBody(fmt.Sprint(n)))
		store.users[id] = document
		if n < hopPage {
			store.page = append(store.page, &identityv1.Resource{Id: id, Version: 1, Document: document})
		}
	}
	for n := range hopMembers {
		store.part = fmt.Appendf(store.part, `,{"value":"%[1]s","$ref":"http://127.0.0.1:8080/scim/v2/%[1]s/Users/%[1]s","type":"User","display":"Person %[2]d"}`,
			filledID(n), 100_000+n)
	}
	server := grpc.NewServer()
	identityv1.RegisterResourceServiceServer(server, store)
	stop := context.AfterFunc(ctx, server.Stop)
	defer stop()
	if err := announce(addresses{Service: listener.Addr().String()}); err != nil {
		return err
	}
	return server.Serve(listener)
}

func serveHopFace(ctx context.Context) error {
	conn, err := grpc.NewClient(os.Getenv(hopStoreVariable), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	resources := identityv1.NewResourceServiceClient(conn)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if members, ok := strings.CutPrefix(r.URL.Path, hopGroup); ok {
			if err := hopParts(r.Context(), resources, members, w); err != nil {
				panic(http.ErrAbortHandler) // the client sees an incomplete answer
			}
			return
		}
		body, err := hopAnswer(r.Context(), resources, strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(body) // the client would notice
	})}
	var closing sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { closing.Go(func() { _ = server.Close() }) }) // it can only return that a connection is closed
	defer func() { stop(); closing.Wait() }()
	if err := announce(addresses{SCIM: listener.Addr().String()}); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// hopAnswer returns the document of a user, or a page of users if no user is named.
func hopAnswer(ctx context.Context, resources identityv1.ResourceServiceClient, id string) ([]byte, error) {
	if id != "" {
		found, err := resources.GetResource(ctx, &identityv1.GetResourceRequest{Id: id})
		return found.GetResource().GetDocument(), err
	}
	found, err := resources.ListResources(ctx, &identityv1.ListResourcesRequest{})
	if err != nil {
		return nil, err
	}
	body := []byte(`{"Resources":[`)
	for i, resource := range found.GetResult().GetResources() {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, resource.GetDocument()...)
	}
	return append(body, "]}"...), nil
}

// hopGroup begins the path of a large group; the number of its members follows.
const hopGroup = "/groups/"

func hopParts(ctx context.Context, resources identityv1.ResourceServiceClient, members string, w io.Writer) error {
	stream, err := resources.ReadResourceStream(ctx, &identityv1.ReadResourceStreamRequest{Id: members})
	if err != nil {
		return err
	}
	for {
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(next.GetPart()); err != nil {
			return err
		}
	}
}

// hop is a running Hop.
type hop struct {
	store, api  *process
	connections *connections
}

func startHop(ctx context.Context, folder string) (h *hop, err error) {
	h = &hop{}
	if h.store, err = startProcess(ctx, folder, "hop-store", hopStoreRole); err != nil {
		return nil, err
	}
	if h.api, err = startProcess(ctx, folder, "hop-api", hopAPIRole, hopStoreVariable+"="+h.store.Service); err != nil {
		return nil, errors.Join(err, h.store.stop())
	}
	h.connections = connect(h.api.SCIM, "")
	return h, nil
}

// whoHop is its name in the tables.
const whoHop = "Hop"

func (h *hop) operations(c options) []*operation {
	return []*operation{
		h.operation(c, getUser, func(n int) string { return "/" + filledID(n%1000) }),
		h.operation(c, pageOfUsers, func(int) string { return "/" }),
	}
}

func (h *hop) operation(c options, name string, path func(n int) string) *operation {
	return &operation{
		who: whoHop, name: name, cpu: func() time.Duration { return cpuOf(h.api.pid(), h.store.pid()) },
		take: c.byClients(func(ctx context.Context, client, n int) error {
			_, err := h.connections.send(ctx, client, http.MethodGet, path(client+n*c.clients), "", http.StatusOK, false)
			return err
		}),
	}
}

// readGroup is the operation in which one client reads a large group. Its rate is in MB per second.
func (h *hop) readGroup(ctx context.Context, c options, members int) (*operation, error) {
	path := hopGroup + strconv.Itoa(members)
	body, err := h.connections.send(ctx, 0, http.MethodGet, path, "", http.StatusOK, true)
	if err != nil {
		return nil, err
	}
	o := h.operation(c.alone(), readGroup(members), func(int) string { return path })
	o.megabytes = megabytesOf(body)
	o.take = times(o.megabytes, o.take)
	return o, nil
}

func (h *hop) close() error {
	h.connections.close()
	return errors.Join(h.api.stop(), h.store.stop())
}
