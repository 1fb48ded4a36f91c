package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/app"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

// subject is Usher in one process on SQLite, with one directory full of users.
type subject struct {
	app    *app.App
	folder string
	client *http.Client
	base   string
	key    string

	users        []string // ids
	small, large string   // ids of groups of 10 and of 10,000 members
	created      atomic.Int64
}

func startSubject(ctx context.Context, c config) (s *subject, err error) {
	s = &subject{client: client(c.clients)}
	if s.folder, err = os.MkdirTemp("", "usher-load-"); err != nil {
		return nil, err
	}
	settings := app.DevelopmentDefaults()
	settings.DataDir = s.folder
	settings.SCIMAddr, settings.AdminAddr, settings.GRPCAddr, settings.OpsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	t, err := telemetry.New(ctx, telemetry.Config{Logs: io.Discard})
	if err != nil {
		return nil, err
	}
	if s.app, err = app.Start(ctx, settings, app.Options{Telemetry: t, OpenAPI: []byte("{}"), Now: time.Now}); err != nil {
		return nil, err
	}
	if err := s.createDirectory(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.fill(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("filling the directory: %w", err), s.close())
	}
	return s, nil
}

func (s *subject) createDirectory(ctx context.Context) error {
	token, err := os.ReadFile(filepath.Join(s.folder, "bootstrap-token"))
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(s.app.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+strings.TrimSpace(string(token)))
	r, err := directoryv1.NewDirectoryServiceClient(conn).CreateDirectory(ctx,
		&directoryv1.CreateDirectoryRequest{OrganizationId: "demo", DisplayName: "load"})
	s.base, s.key = r.GetBaseUrl(), r.GetApiKey()
	return errors.Join(err, conn.Close())
}

// fill creates the users and the two groups.
func (s *subject) fill(ctx context.Context, c config) error {
	s.users = make([]string, c.users)
	var clients sync.WaitGroup
	var next atomic.Int64
	failures := make(chan error, 16)
	for range 16 {
		clients.Go(func() {
			for n := next.Add(1) - 1; n < int64(c.users); n = next.Add(1) - 1 {
				id, err := s.post(ctx, "/Users", userBody(n))
				if err != nil {
					failures <- err
					return
				}
				s.users[n] = id
			}
		})
	}
	clients.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	s.created.Store(int64(c.users))
	var err error
	if s.small, err = s.post(ctx, "/Groups", groupBody("small", s.users[:10])); err != nil {
		return err
	}
	s.large, err = s.post(ctx, "/Groups", groupBody("large", s.users[:min(len(s.users), 10_000)]))
	return err
}

// userBody is a user of some 700 bytes, as IdPs send them.
func userBody(n int64) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"ext-%[1]d","userName":"person.%[1]d@example.com",
"active":true,"displayName":"Person %[1]d","name":{"givenName":"Person","familyName":"Number %[1]d","formatted":"Person %[1]d"},
"title":"Engineer","preferredLanguage":"en-US","emails":[{"primary":true,"type":"work","value":"person.%[1]d@example.com"}],
"phoneNumbers":[{"type":"work","value":"+1 555 %[1]d"}],"addresses":[{"type":"work","locality":"Berlin","country":"DE"}],
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%[1]d","department":"Research"}}`, n)
}

func groupBody(name string, members []string) string {
	var list []map[string]string
	for _, id := range members {
		list = append(list, map[string]string{"value": id})
	}
	text, _ := json.Marshal(map[string]any{ // strings always marshal
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name, "members": list,
	})
	return string(text)
}

func (s *subject) send(ctx context.Context, method, path, body string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.base+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.key)
	request.Header.Set("Content-Type", "application/scim+json")
	return s.client.Do(request)
}

// post creates a resource and gives its id.
func (s *subject) post(ctx context.Context, path, body string) (string, error) {
	response, err := s.send(ctx, http.MethodPost, path, body)
	if err != nil {
		return "", err
	}
	location := response.Header.Get("Location")
	return location[strings.LastIndexByte(location, '/')+1:], drain(response, http.StatusCreated)
}

func (s *subject) do(method string, path func(n int64) string, body func(n int64) string, want int) func(context.Context, int64) error {
	return func(ctx context.Context, n int64) error {
		response, err := s.send(ctx, method, path(n), body(n))
		if err != nil {
			return err
		}
		return drain(response, want)
	}
}

// operations are what is measured. A member is added and removed in turns, so that the group keeps its size.
func (s *subject) operations() []*operation {
	nothing := func(int64) string { return "" }
	at := func(path string) func(int64) string { return func(int64) string { return path } }
	user := func(n int64) string { return "/Users/" + s.users[n%int64(len(s.users))] }
	member := func(n int64) string {
		id := s.users[len(s.users)-1-int(n/2%int64(len(s.users)/2))]
		op := `"add","path":"members","value":[{"value":"` + id + `"}]`
		if n%2 == 1 {
			op = `"remove","path":"members[value eq \"` + id + `\"]"`
		}
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":` + op + `}]}`
	}
	return []*operation{
		{name: "create a user", do: s.do(http.MethodPost, at("/Users"),
			func(int64) string { return userBody(s.created.Add(1)) }, http.StatusCreated)},
		{name: "get a user", do: s.do(http.MethodGet, user, nothing, http.StatusOK)},
		{name: "filter userName eq", do: s.do(http.MethodGet, func(n int64) string {
			return fmt.Sprintf("/Users?filter=userName+eq+%%22person.%d@example.com%%22", n%int64(len(s.users)))
		}, nothing, http.StatusOK)},
		{name: "PATCH one attribute", do: s.do(http.MethodPatch, user, func(n int64) string {
			return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"title","value":"t%d"}]}`, n)
		}, http.StatusOK)},
		{name: "page of 100 users", do: s.do(http.MethodGet, at("/Users?startIndex=1&count=100"), nothing, http.StatusOK)},
		{name: "a member of 10", do: s.do(http.MethodPatch, at("/Groups/"+s.small), member, http.StatusNoContent)},
		{name: "a member of 10,000", do: s.do(http.MethodPatch, at("/Groups/"+s.large), member, http.StatusNoContent)},
	}
}

func (s *subject) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return errors.Join(s.app.Stop(ctx), os.RemoveAll(s.folder))
}
