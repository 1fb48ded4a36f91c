package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// The attackers are this binary in a role of this name. They are a process of their own, so that they do not slow down the tenant's clock.
// assaultVariable contains the Usher to attack, an assault as JSON. They write a line of JSON, a prepared, when the database contains the
// data that they need. Then they read lines "SECONDS ATTACK" from their standard input, to its end, and answer each with a line, an
// outcome.
const (
	attackersRole   = "attackers"
	assaultVariable = "LOAD_ASSAULT"
)

// assault is what the attackers attack, with their credentials.
type assault struct {
	SCIM       string  `json:"scim"` // host:port
	Admin      string  `json:"admin"`
	GRPC       string  `json:"grpc"`
	Redis      string  `json:"redis"` // a socket; empty: there is none
	Clients    int     `json:"clients"`
	Large      account `json:"large"` // directory that gets large documents
	Many       account `json:"many"`  // directory that gets many users
	Credential string  `json:"credential"`
	Operator   string  `json:"operator"` // for actions of the operator, such as revoking a key
	Tenant     string  `json:"tenant"`   // path of a directory of another organization
}

const attackersOrganization = "attackers"

// outcome is the result of an attack.
type outcome struct {
	// Answers counts the answers of each kind: an HTTP status, a gRPC code, or the end of a connection.
	Answers map[string]int `json:"answers"`
	// Inside lists successes of the attackers that must not happen.
	Inside []string `json:"inside,omitempty"`
	CPU    float64  `json:"cpu"` // seconds that the attackers used
	Error  string   `json:"error,omitempty"`
}

// attack is one kind of overload.
type attack struct {
	name string
	// least is its shortest duration. pause is the least time between the starts of two tries of a client; 0 stands for the default pause.
	least, pause time.Duration
	// begin, if it is set, is called before the clients start, and returns the function to call after them.
	begin func(ctx context.Context) (end func(ctx context.Context) error, err error)
	// try is what a client does repeatedly. It returns the answers. n counts the tries of the client in this run.
	try func(ctx context.Context, client, n int) []string
}

// pause is the least time between the starts of two tries of a client. Without it, clients that are refused at once would spin on the cores
// that Usher needs.
const pause = 50 * time.Millisecond

// longPause is the pause of clients that try many things at once.
const longPause = time.Second

// The sizes of the attacks.
const (
	// The database contains large documents with four texts each, just below the limit, and many users, from Bulks.
	largeUsers, largeText = 150, 225 << 10
	manyBulks             = 3
	hugeBody              = 60 << 20
	slowBody              = 600 << 10 // the part of a body that is sent before the client stops
	// openEach is how many connections or calls a client has open at most.
	openEach = 50
	// sources is how many addresses the attackers have.
	sources = 4
)

// attackers is the process.
type attackers struct {
	assault
	http  *http.Client
	calls []*grpc.ClientConn // a client's own
	large []string           // ids of the large users
	all   []attack

	mu     sync.Mutex
	inside []string
}

// attackUsher runs the role for an assault, as JSON.
func attackUsher(ctx context.Context, of string, in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	a, err := newAttackers(ctx, of)
	if err != nil {
		return errors.Join(err, answers.Encode(prepared{Error: err.Error()}))
	}
	defer a.close()
	var names []string
	for _, attack := range a.all {
		names = append(names, attack.name)
	}
	if err := answers.Encode(prepared{Operations: names}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		name, length, err := parseAttack(lines.Text())
		if err != nil {
			return err
		}
		if err := answers.Encode(a.run(ctx, name, length)); err != nil {
			return err
		}
	}
	return nil
}

func formatAttack(name string, length time.Duration) string {
	return fmt.Sprintf("%g %s\n", length.Seconds(), name)
}

func parseAttack(line string) (name string, length time.Duration, err error) {
	text, name, _ := strings.Cut(line, " ")
	seconds, err := strconv.ParseFloat(text, 64)
	return name, time.Duration(seconds * float64(time.Second)), err
}

func newAttackers(ctx context.Context, of string) (*attackers, error) {
	a := &attackers{}
	if err := json.Unmarshal([]byte(of), &a.assault); err != nil {
		return nil, fmt.Errorf("%s: %w", assaultVariable, err)
	}
	a.http = &http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, addr string) (net.Conn, error) { return dialFrom(ctx, addr, 0) },
		MaxIdleConnsPerHost: a.Clients,
	}}
	for client := range a.Clients {
		conn, err := grpc.NewClient("passthrough:///"+a.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return dialFrom(ctx, addr, client) }))
		if err != nil {
			return nil, err
		}
		a.calls = append(a.calls, conn)
	}
	if err := a.fill(ctx); err != nil {
		return nil, err
	}
	a.all = append(a.overHTTP(), a.overGRPC()...)
	return a, nil
}

// dialFrom connects from one of the attackers' addresses, which are not the tenant's.
func dialFrom(ctx context.Context, addr string, client int) (net.Conn, error) {
	from := net.IPv4(127, 0, 0, byte(2+client%sources))
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext(ctx, "tcp", addr)
}

// fill writes the data that the attacks read to the database.
func (a *attackers) fill(ctx context.Context) error {
	var filling sync.WaitGroup
	var large, many error
	filling.Go(func() { large = a.fillLarge(ctx) })
	filling.Go(func() { many = a.fillMany(ctx) })
	filling.Wait()
	return errors.Join(large, many)
}

func (a *attackers) fillLarge(ctx context.Context) error {
	text := strings.Repeat("x", largeText)
	rate := time.NewTicker(allowed)
	defer rate.Stop()
	for i := range largeUsers {
		body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"large-%d","title":%q,"nickName":%q,"timezone":%q,"locale":%q}`,
			i, text, text, text, text)
		id, err := a.add(ctx, a.Large, "/Users", body, http.StatusCreated)
		if err != nil {
			return fmt.Errorf("adding a large user: %w", err)
		}
		a.large = append(a.large, id)
		<-rate.C
	}
	return nil
}

func (a *attackers) fillMany(ctx context.Context) error {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for i := range manyBulks {
		bulk := bulkOf(1000, fmt.Sprintf("many-%d-", i))
		_, err := a.add(ctx, a.Many, "/Bulk", bulk, http.StatusOK)
		for errors.Is(err, errTooMany) { // each operation of a Bulk counts for the rate of the directory
			select {
			case <-again.C:
				_, err = a.add(ctx, a.Many, "/Bulk", bulk, http.StatusOK)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return fmt.Errorf("adding many users: %w", err)
		}
	}
	return nil
}

// errTooMany says that the directory exceeds its rate.
var errTooMany = errors.New("status 429")

// bulkOf returns a Bulk that creates users.
func bulkOf(users int, names string) string {
	operations := make([]string, users)
	for i := range operations {
		operations[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, i, userBody(names+strconv.Itoa(i)))
	}
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(operations, ",") + `]}`
}

// add sends a request that must succeed, and returns the id of the created resource.
func (a *attackers) add(ctx context.Context, to account, path, body string, want int) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.SCIM+"/scim/v2/"+to.Directory+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+to.Key)
	request.Header.Set("Content-Type", "application/scim+json")
	response, err := a.http.Do(request)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // it was read
	if err == nil && response.StatusCode == http.StatusTooManyRequests {
		err = errTooMany
	}
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("status %d, want %d: %.500s", response.StatusCode, want, answer)
	}
	if err != nil {
		return "", err
	}
	return idOf(answer)
}

// together is the attack that consists of all others at the same time.
const together = "all of them together"

// run lets all clients attack for some time.
func (a *attackers) run(ctx context.Context, name string, length time.Duration) outcome {
	var attacks []attack
	for _, one := range a.all {
		if one.name == name || name == together {
			attacks = append(attacks, one)
			length = max(length, one.least)
		}
	}
	if len(attacks) == 0 {
		return outcome{Error: fmt.Sprintf("there is no attack %q", name)}
	}
	cpu := ownCPU()
	counts := make([]map[string]int, a.Clients)
	var clients sync.WaitGroup
	during, stop := context.WithTimeout(ctx, length)
	defer stop()
	var ends []func(context.Context) error
	for _, one := range attacks {
		if one.begin == nil {
			continue
		}
		end, err := one.begin(ctx)
		if err != nil {
			return outcome{Error: err.Error()}
		}
		ends = append(ends, end)
	}
	for client := range a.Clients {
		counts[client] = map[string]int{}
		mine := attacks[client%len(attacks)]
		clients.Go(func() {
			tick := time.NewTicker(max(pause, mine.pause))
			defer tick.Stop()
			for n := 0; during.Err() == nil; n++ {
				for _, answer := range mine.try(during, client, n) {
					counts[client][answer]++
				}
				select {
				case <-tick.C:
				case <-during.Done():
				}
			}
		})
	}
	clients.Wait()
	all := outcome{Answers: map[string]int{}}
	for _, end := range ends {
		if err := end(ctx); err != nil {
			all.Error = err.Error()
		}
	}
	a.http.CloseIdleConnections()
	for _, of := range counts {
		for answer, n := range of {
			all.Answers[answer] += n
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	all.Inside, a.inside = a.inside, nil
	all.CPU = (ownCPU() - cpu).Seconds()
	return all
}

// gotIn records a success that must not happen.
func (a *attackers) gotIn(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.inside) < 10 {
		a.inside = append(a.inside, fmt.Sprintf(format, args...))
	}
}

// Results that are not answers of the server.
const (
	cut        = "cut off"    // the connection was refused or closed
	unanswered = "unanswered" // until the end of the attack
	kept       = "open"       // the connection or call stays open until the end
)

// what returns the name of a connection's error.
func what(ctx context.Context, err error) string {
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return unanswered
	}
	return cut
}

// request sends a request, and reads the answer to its end.
func (a *attackers) request(ctx context.Context, client int, method, path, key string, body []byte, header ...string) string {
	var content io.Reader = http.NoBody
	if len(body) > 0 {
		content = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+a.SCIM+path, content)
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/scim+json")
	for pair := range slices.Chunk(header, 2) {
		request.Header.Set(pair[0], pair[1])
	}
	response, err := a.http.Do(request)
	if err != nil {
		return what(ctx, err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close() // it was read
	if err != nil {
		return what(ctx, err)
	}
	return strconv.Itoa(response.StatusCode)
}

// raw opens a connection that is closed when the attack ends.
func raw(ctx context.Context, client int, addr string) (net.Conn, error) {
	conn, err := dialFrom(ctx, addr, client)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, nil
}

// head returns the head of a request, for a raw connection.
func (a *attackers) head(method, path string, of account, length int) string {
	return fmt.Sprintf("%s /scim/v2/%s%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/scim+json\r\nContent-Length: %d\r\n\r\n",
		method, of.Directory, path, a.SCIM, of.Key, length)
}

// stall sends part of a request on its own connection, and waits for the reaction of the server.
func (a *attackers) stall(ctx context.Context, client int, addr, part string) string {
	conn, err := raw(ctx, client, addr)
	if err != nil {
		return what(ctx, err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, part); err != nil {
		return what(ctx, err)
	}
	return statusOf(ctx, conn)
}

// statusOf reads the status of an answer.
func statusOf(ctx context.Context, conn net.Conn) string {
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return what(ctx, err)
	}
	return strconv.Itoa(response.StatusCode)
}

// stalls runs openEach stalls at the same time.
func (a *attackers) stalls(ctx context.Context, client int, addr, part string) []string {
	return each(func(int) string { return a.stall(ctx, client, addr, part) })
}

func (a *attackers) close() {
	for _, conn := range a.calls {
		_ = conn.Close() // there are no more calls
	}
}
