package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// overHTTP returns the attacks on the SCIM API.
func (a *attackers) overHTTP() []attack {
	const group, user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g"`,
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u"`
	huge := []byte(group + `,"x":[0` + strings.Repeat(",0", hugeBody/2) + `]}`)
	nested := strings.TrimSuffix(strings.Repeat("[],", (1<<20-1000)/3), ",")
	nestedUser, nestedPatch := []byte(user+`,"x":[`+nested+`]}`), []byte(patch(`"replace","path":"title","value":[`+nested+`]`))
	var phones []string
	for i := range 200 {
		phones = append(phones, fmt.Sprintf(`{"type":"work","value":"%d%s"}`, i, strings.Repeat("7", 1000)))
	}
	growing := strings.Join(phones, ",")
	var terms []string
	for i := range 60 {
		terms = append(terms, fmt.Sprintf(`displayName co "nobody %d"`, i))
	}
	of := func(d account, path string) string { return "/scim/v2/" + d.Directory + path }
	scan := of(a.Many, "/Users?count=1000&filter="+url.QueryEscape(strings.Join(terms, " or ")))
	get := func(ctx context.Context, client int, d account, path string) []string {
		return []string{a.request(ctx, client, http.MethodGet, of(d, path), d.Key, nil)}
	}
	all := []attack{
		{name: "groups of 60 MiB of numbers", try: func(ctx context.Context, client, _ int) []string {
			return []string{a.request(ctx, client, http.MethodPost, of(a.Large, "/Groups"), a.Large.Key, huge)}
		}},
		{name: "bodies of 1 MiB of empty arrays", try: func(ctx context.Context, client, n int) []string {
			if (client+n)%2 == 0 {
				return []string{a.request(ctx, client, http.MethodPost, of(a.Many, "/Users"), a.Many.Key, nestedUser)}
			}
			return []string{a.request(ctx, client, http.MethodPatch, of(a.Large, "/Users/"+a.large[0]), a.Large.Key, nestedPatch)}
		}},
		{name: "pages of documents of 900 KB", try: func(ctx context.Context, client, n int) []string {
			return get(ctx, client, a.Large, []string{
				"/Users?count=1000", "/Users?count=1000&filter=" + url.QueryEscape(`timezone co "no"`), "/Users?count=1000&sortBy=nickName",
			}[(client+n)%3])
		}},
		{name: "a user that grows by PATCH", try: func(ctx context.Context, client, n int) []string {
			// Each one adds values that do not exist yet.
			body := patch(`"add","path":"phoneNumbers","value":[` + strings.ReplaceAll(growing, `work","value":"`, fmt.Sprintf(`work","value":"%d.%d.`, client, n)) + `]`)
			return []string{a.request(ctx, client, http.MethodPatch, of(a.Large, "/Users/"+a.large[1+client%8]), a.Large.Key, []byte(body))}
		}},
		{name: "uploads of 64 MiB that stand still", try: func(ctx context.Context, client, _ int) []string {
			return []string{a.stall(ctx, client, a.SCIM, a.head(http.MethodPost, "/Groups", a.Large, 64<<20)+group+strings.Repeat(" ", slowBody))}
		}},
		{name: "one byte of bodies of 1 MiB", pause: longPause, try: func(ctx context.Context, client, _ int) []string {
			return a.stalls(ctx, client, a.SCIM, a.head(http.MethodPost, "/Users", a.Large, 1<<20)+"{")
		}},
		{name: "readers who do not read", try: a.doNotRead},
		{name: "keys that nobody knows", try: a.guess},
		{name: "filters and orders without an index", try: func(ctx context.Context, client, n int) []string {
			if n%2 == 0 {
				return []string{a.request(ctx, client, http.MethodGet, scan, a.Many.Key, nil)}
			}
			return get(ctx, client, a.Many, "/Users?count=1000&sortBy=name.familyName&sortOrder=descending")
		}},
		a.revoked(),
	}
	if a.Redis != "" {
		all = append(all, a.forged())
	}
	return all
}

// doNotRead requests a page of large documents, and reads nothing of it.
func (a *attackers) doNotRead(ctx context.Context, client, n int) []string {
	if n == openEach {
		<-ctx.Done()
		return nil
	}
	conn, err := raw(ctx, client, a.SCIM)
	if err != nil {
		return []string{what(ctx, err)}
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10) // otherwise the system reads for it
	}
	if _, err := io.WriteString(conn, a.head(http.MethodGet, "/Users?count=1000", a.Large, 0)); err != nil {
		return []string{what(ctx, err)}
	}
	return []string{kept}
}

// guess tries keys of the right form, each one once, each from a different forwarded address.
func (a *attackers) guess(ctx context.Context, client, n int) []string {
	key := bearer.APIKey.New().Reveal()
	answer := a.request(ctx, client, http.MethodGet, a.Tenant+"/Users?count=1", key, nil, "X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", client, n%256))
	a.mustBeOut(answer, "a key that was made up")
	return []string{answer}
}

// mustBeOut records an answer that an attacker must not get.
func (a *attackers) mustBeOut(answer, who string) {
	if strings.HasPrefix(answer, "2") || answer == "404" || answer == "OK" {
		a.gotIn("%s was answered %s", who, answer)
	}
}

const (
	// revokedLeast is long enough for a revocation to complete while requests with the key are in flight.
	revokedLeast = 8 * time.Second
	// revokedAfter is when the key is revoked.
	revokedAfter = 2 * time.Second
)

// revoked sends Bulks and slow bodies that continue after their key was revoked. Nothing may be written after RevokeApiKey has answered.
func (a *attackers) revoked() attack {
	var of account         // with the key to revoke
	var over chan struct{} // closed when it is revoked
	bulk := map[int][]byte{}
	for client := range a.Clients {
		bulk[client] = []byte(bulkOf(200, fmt.Sprintf("revoked-%d-", client)))
	}
	begin := func(ctx context.Context) (func(context.Context) error, error) {
		conn, err := grpc.NewClient(a.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		operator := withToken(ctx, a.Operator)
		made, err := directoryv1.NewDirectoryServiceClient(conn).CreateDirectory(operator,
			&directoryv1.CreateDirectoryRequest{OrganizationId: attackersOrganization, Directory: &directoryv1.Directory{DisplayName: proto.String("revoked")}})
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		of, over = account{made.GetDirectory().GetId(), made.GetSecret()}, make(chan struct{})
		keys := directoryv1.NewApiKeyServiceClient(conn)
		listed, err := keys.ListApiKeys(operator, &directoryv1.ListApiKeysRequest{OrganizationId: attackersOrganization, DirectoryId: of.Directory})
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		other, err := keys.CreateApiKey(operator, &directoryv1.CreateApiKeyRequest{OrganizationId: attackersOrganization, DirectoryId: of.Directory, ApiKey: &directoryv1.ApiKey{DisplayName: "other"}})
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		valid := account{of.Directory, other.GetSecret()}
		var before int
		done := make(chan error, 1)
		go func() { // ends with the revocation; the function at the end waits for it
			select {
			case <-time.After(revokedAfter):
			case <-ctx.Done():
			}
			_, err := keys.RevokeApiKey(operator, &directoryv1.RevokeApiKeyRequest{
				OrganizationId: attackersOrganization, DirectoryId: of.Directory, Id: listed.GetApiKeys()[0].GetId(),
			})
			if err == nil {
				before, err = a.written(ctx, valid)
			}
			close(over)
			done <- err
		}()
		return func(ctx context.Context) error {
			err := <-done
			if err == nil {
				var after int
				if after, err = a.written(ctx, valid); err == nil && after != before {
					a.gotIn("%d users were written with a key after its revocation had answered", after-before)
				}
			}
			return errors.Join(err, conn.Close())
		}, nil
	}
	try := func(ctx context.Context, client, n int) []string {
		if client%2 == 0 {
			return []string{a.request(ctx, client, http.MethodPost, "/scim/v2/"+of.Directory+"/Bulk", of.Key, bulk[client])}
		}
		return []string{a.slowly(ctx, client, of, over, userBody(fmt.Sprintf("revoked-%d-%d", client, n)))}
	}
	return attack{name: "a key that is revoked under way", least: revokedLeast, begin: begin, try: try}
}

// slowly sends the second half of a user after the key was revoked.
func (a *attackers) slowly(ctx context.Context, client int, of account, over <-chan struct{}, body string) string {
	conn, err := raw(ctx, client, a.SCIM)
	if err != nil {
		return what(ctx, err)
	}
	defer conn.Close()
	half := len(body) / 2
	if _, err := io.WriteString(conn, a.head(http.MethodPost, "/Users", of, len(body))+body[:half]); err != nil {
		return what(ctx, err)
	}
	select {
	case <-over:
	case <-ctx.Done():
		return unanswered
	}
	return finish(ctx, conn, body[half:])
}

// written returns how many users of a directory match a filter. Such totals are always counted anew.
func (a *attackers) written(ctx context.Context, of account) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.SCIM+"/scim/v2/"+of.Directory+"/Users?count=0&filter="+
		url.QueryEscape(`userName sw "person.revoked"`), http.NoBody)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+of.Key)
	for again := time.NewTicker(200 * time.Millisecond); ; {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // it was read
		if err == nil && response.StatusCode == http.StatusOK {
			again.Stop()
			var list struct{ TotalResults int }
			err = json.Unmarshal(answer, &list)
			return list.TotalResults, err
		}
		// A directory that has used up its rate or its share is asked again. A write after the revocation would still show a little later.
		if err == nil && response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
			err = fmt.Errorf("counting users: status %d: %.300s", response.StatusCode, answer)
		}
		if err != nil {
			return 0, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// forged writes key leases to Redis that the directory service did not issue. Write access to Redis must open nothing.
func (a *attackers) forged() attack {
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: a.Redis})
	tenant := strings.TrimPrefix(a.Tenant, "/scim/v2/")
	key := func(digest keylease.Digest) string { return "usher:lease:" + hex.EncodeToString(digest[:]) }
	known, _ := bearer.APIKey.Parse(a.Many.Key) // the directory service created it
	try := func(ctx context.Context, who, n int) []string {
		secret := bearer.APIKey.New()
		lease := keylease.Lease{OrganizationID: siegeOrganization, DirectoryID: tenant, KeyID: "forged", Until: time.Now().Add(4 * time.Second)}
		at := a.Tenant
		switch n % 3 {
		case 0: // with the forger's own signature
			lease.Signature = keylease.Signature{KeyID: "forged", MAC: keylease.MAC([]byte("mine"), secret.Digest(), lease)}
		case 1: // a copy of a valid key lease for another key
			at = "/scim/v2/" + a.Many.Directory
			_ = a.request(ctx, who, http.MethodGet, at+"/Users?count=0", a.Many.Key, nil) // it stores the key lease in Redis
			copied := client.Get(ctx, key(known.Digest())).Val()
			var real keylease.Lease
			if json.Unmarshal([]byte(copied), &real) == nil {
				lease = real
			}
		}
		value, err := json.Marshal(lease)
		if err == nil {
			err = client.Set(ctx, key(secret.Digest()), value, 5*time.Second).Err()
		}
		if err != nil {
			return []string{what(ctx, err)}
		}
		answer := a.request(ctx, who, http.MethodGet, at+"/Users?count=1", secret.Reveal(), nil)
		a.mustBeOut(answer, "a key with a lease that was forged in Redis")
		return []string{answer}
	}
	return attack{name: "leases forged in Redis", try: try}
}

// finish sends the rest of a request, and reads the status of the answer.
func finish(ctx context.Context, conn net.Conn, rest string) string {
	if _, err := io.WriteString(conn, rest); err != nil {
		return what(ctx, err)
	}
	return statusOf(ctx, conn)
}
