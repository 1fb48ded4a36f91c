package e2e

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/usher-scim/usher/gen"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// mostOfAScrape is how many bytes of metrics one process shows at most.
const mostOfAScrape = 300 << 10

// Whatever clients send to any address of any API, metrics stay small enough to be read every few seconds.
func TestMetricsStaySmallAfterAnyTraffic(t *testing.T) {
	t.Parallel()
	u := startUsher(t, topology{}, nil)
	d := u.newDirectory(nil)
	ann := d.user("ann")
	before := len(u.metrics())
	callEverything(u)
	requestEverything(u)
	unkeyed := *d
	unkeyed.key = "nonsense"
	for _, path := range []string{
		"/Users", "/Users/" + ann, "/Users/" + unknownID, "/Groups", "/Groups/" + unknownID, "/Users/.search", "/Groups/.search", "/.search", "/Bulk", "/Me",
		"/Schemas", "/Schemas/x", "/ResourceTypes", "/ResourceTypes/x", "/ServiceProviderConfig", "/nothing", "/Users/" + ann + "/more", "/" + strings.Repeat("x", 300),
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			for _, sender := range []*directory{d, &unkeyed} {
				if _, err := sender.try(t.Context(), method, path, `{"schemas":[1]}`); err != nil && method != "HEAD" {
					t.Errorf("%s %s: %v", method, path, err)
				}
			}
		}
	}
	shown := u.metrics()
	t.Logf("%d bytes before, %d after, in %d lines", before, len(shown), strings.Count(shown, "\n"))
	if len(shown) > mostOfAScrape {
		t.Errorf("the metrics have %d bytes", len(shown))
	}
	for _, must := range []string{
		`rpc_server_call_duration_seconds_count{rpc_method="usher.identity.v1.ResourceService/WriteResource"}`,
		`rpc_server_calls_total{rpc_method="usher.rule.v1.AccessService/CheckAccess",rpc_response_status_code="INVALID_ARGUMENT"}`,
		`usher_gateway_requests_total{api="scim",route="POST /scim/v2/{directory_id}/Users",status_class="2xx"}`,
		`usher_gateway_request_duration_seconds_bucket{api="admin",le="0.25"}`,
	} {
		if !strings.Contains(shown, must) {
			t.Errorf("there is no %s", must)
		}
	}
}

const unknownID = "01890000-0000-7000-8000-000000000000"

// callEverything calls each RPC of the public gRPC API without a token, and with nothing in the request. It leaves watches at once.
func callEverything(u *usher) {
	u.t.Helper()
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for s := range file.Services().Len() {
			methods := file.Services().Get(s).Methods()
			for m := range methods.Len() {
				method := methods.Get(m)
				if !rpc.Public(fullMethod(method)) || method.IsStreamingServer() {
					continue
				}
				request, reply := newMessage(u.t, method.Input()), newMessage(u.t, method.Output())
				_ = u.conn.Invoke(u.t.Context(), fullMethod(method), request, reply) // it has no token
				_ = u.conn.Invoke(u.ctx(), fullMethod(method), request, reply)       // nearly all requests need a field
			}
		}
		return true
	})
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// requestEverything sends requests to each address of the admin REST: good ones, bad ones and such without a token.
func requestEverything(u *usher) {
	u.t.Helper()
	var api struct {
		Paths map[string]map[string]json.RawMessage
	}
	u.must(json.Unmarshal(gen.OpenAPI, &api))
	type request struct{ method, path, token string }
	var all []request
	for path, methods := range api.Paths {
		if strings.HasSuffix(path, ":watch") {
			continue
		}
		for method := range methods {
			for _, id := range []string{demo, unknownID, "%00"} {
				all = append(all, request{strings.ToUpper(method), parameter.ReplaceAllString(path, id), u.token})
			}
			all = append(all, request{strings.ToUpper(method), parameter.ReplaceAllString(path, demo), "nonsense"}, request{"BREW", path, u.token})
		}
	}
	todo := make(chan request, len(all))
	for _, r := range all {
		todo <- r
	}
	close(todo)
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for r := range todo {
				sent, err := http.NewRequestWithContext(u.t.Context(), r.method, "http://"+u.addrs.Admin+r.path, strings.NewReader(`{"timeout":"0.001s"}`))
				if err != nil {
					continue // it cannot be sent
				}
				sent.Header.Set("Authorization", "Bearer "+r.token)
				if response, err := http.DefaultClient.Do(sent); err == nil {
					_ = response.Body.Close()
				}
			}
		})
	}
	senders.Wait()
}
