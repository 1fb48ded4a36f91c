package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// A process that is told to stop does so at once and in order, though somebody watches over gRPC and over REST: also a gateway
// that is stopped alone, while the service that is watched goes on.
func TestItStopsWhileSomebodyWatches(t *testing.T) {
	t.Parallel()
	for name, topology := range topologies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := deploy(t, plan{split: topology.split})
			stream, err := p.access().WatchAccess(p.ctx(), &rulev1.WatchAccessRequest{OrganizationId: demo})
			if err != nil {
				t.Fatal(err)
			}
			request, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.addrs.Admin+"/api/v1/organizations/demo/access:watch", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+p.token)
			watched := make(chan error, 1)
			go func() {
				response, err := http.DefaultClient.Do(request)
				if err == nil {
					_, err = io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
				watched <- err
			}()
			// The feed has nothing, so the first thing that both hear is this change.
			d := p.newDirectory(nil)
			d.group("Designers", d.user("ann"))
			if _, err := stream.Recv(); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			stop := func(process *process) {
				if err := process.terminate(); err != nil {
					t.Errorf("%s ended with %v", process.name, err)
				}
			}
			if gateway := p.processes["gateway"]; gateway != nil {
				stop(gateway)
				delete(p.processes, "gateway")
			}
			var stopping sync.WaitGroup
			for _, process := range p.processes {
				stopping.Go(func() { stop(process) })
			}
			stopping.Wait()
			// The limit is the settings' 15 seconds; a stop that waits for watchers reaches it.
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			for err = nil; err == nil; {
				_, err = stream.Recv()
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Error("the watch was left hanging")
			}
			<-watched
		})
	}
}
