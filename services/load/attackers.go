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

// The attackers are this binary in the role of that name: a process of their own, so that the tenant's clock does not wait for
// them. The Usher is in assaultVariable, an assault as JSON. They write a line of JSON, a prepared, once the database holds what
// they need. Then they read lines "SECONDS ATTACK" from their standard input, to the end, and answer each with a line, an
// outcome.
const (
	attackersRole   = "attackers"
	assaultVariable = "LOAD_ASSAULT"
)

// assault is what attackers attack, and with what.
type assault struct {
	SCIM       string  `json:"scim"` // host:port
	Admin      string  `json:"admin"`
	GRPC       string  `json:"grpc"`
	Redis      string  `json:"redis"` // a socket; empty: there is none
	Clients    int     `json:"clients"`
	Large      account `json:"large"` // directory that gets large documents
	Many       account `json:"many"`  // directory that gets many users
	Credential string  `json:"credential"`
	Operator   string  `json:"operator"` // for what the operator does meanwhile, such as revoking a key
	Tenant     string  `json:"tenant"`   // path of a directory of others
}

const attackersOrganization = "attackers"

// outcome is what came of an attack.
type outcome struct {
	// Answers counts the answers of each kind: an HTTP status, a gRPC code, or what became of a connection.
	Answers map[string]int `json:"answers"`
	// Inside tells of what attackers got that they must not have.
	Inside []string `json:"inside,omitempty"`
	CPU    float64  `json:"cpu"` // seconds that the attackers took
	Error  string   `json:"error,omitempty"`
}

// attack is one way to be too much.
type attack struct {
	name string
	// least is how long it lasts at least, and pause the least time between the beginnings of two tries of a client; 0 is pause.
	least, pause time.Duration
	// begin, where it is set, is called before the clients, and gives what is called after them.
	begin func(ctx context.Context) (end func(ctx context.Context) error, err error)
	// try is what a client does again and again; it gives the answers. n counts the tries of the client in this run.
	try func(ctx context.Context, client, n int) []string
}

// pause is the least time between the beginnings of two tries of a client: refused at once, they would else do nothing
// but spin, on the cores that Usher needs.
const pause = 50 * time.Millisecond

// longPause is the pause of those who try many things at once.
const longPause = time.Second

// Sizes of the attacks.
const (
	// The database: large documents of four texts each, just below what may be stored; and many users, by Bulks.
	largeUsers, largeText = 150, 225 << 10
	manyBulks             = 3
	hugeBody              = 60 << 20
	slowBody              = 600 << 10 // what is sent of a body that then stands still
	// heldEach is how many connections or calls a client holds open at most.
	heldEach = 50
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

// attackUsher plays the role for an assault, as JSON.
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

// dialFrom connects from one of the attackers' addresses. They are not the tenant's.
func dialFrom(ctx context.Context, addr string, client int) (net.Conn, error) {
	from := net.IPv4(127, 0, 0, byte(2+client%sources))
	return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext(ctx, "tcp", addr)
}

// fill puts what the attacks read into the database.
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
		for errors.Is(err, errTooMany) { // each operation of a Bulk counts for the directory's rate
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

// errTooMany says that the directory sends too much a second.
var errTooMany = errors.New("status 429")

// bulkOf is a Bulk that creates users.
func bulkOf(users int, names string) string {
	operations := make([]string, users)
	for i := range operations {
		operations[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, i, userBody(names+strconv.Itoa(i)))
	}
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(operations, ",") + `]}`
}

// add sends what must be accepted, and gives the id of what was made.
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

// together is the attack that is all of them at a time.
const together = "all of them together"

// run lets all clients attack for so long.
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

// gotIn notes what must not have been.
func (a *attackers) gotIn(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.inside) < 10 {
		a.inside = append(a.inside, fmt.Sprintf(format, args...))
	}
}

// Answers that are none of the server's.
const (
	cut        = "cut off"    // the connection was refused, or closed
	unanswered = "unanswered" // until the end of the attack
	kept       = "held"       // what the client opened stays open until the end
)

// what gives an error of a connection a name.
func what(ctx context.Context, err error) string {
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return unanswered
	}
	return cut
}

// request sends one, and reads the answer to its end.
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

// head is a request's, for a raw connection.
func (a *attackers) head(method, path string, of account, length int) string {
	return fmt.Sprintf("%s /scim/v2/%s%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/scim+json\r\nContent-Length: %d\r\n\r\n",
		method, of.Directory, path, a.SCIM, of.Key, length)
}

// stall sends a part of a request over a connection of its own, and waits for what the server does about it.
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

// stalls holds as many of them as a client does, each waiting for what the server does about it.
func (a *attackers) stalls(ctx context.Context, client int, addr, part string) []string {
	return each(func(int) string { return a.stall(ctx, client, addr, part) })
}

func (a *attackers) close() {
	for _, conn := range a.calls {
		_ = conn.Close() // it has no more calls
	}
}
