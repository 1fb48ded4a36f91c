package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// connections are the HTTP connections of the clients to one server, one per client. Unlike an http.Client, they have no pool, no second
// goroutine and no redirects, because a generator beside the server takes processor time from it.
type connections struct {
	addr, header string
	mu           sync.Mutex
	by           map[int]*connection
}

type connection struct {
	net.Conn
	in  *bufio.Reader
	out *bufio.Writer
}

// connect creates connections. header contains lines for each request, each with CRLF at its end.
func connect(addr, header string) *connections {
	return &connections{addr: addr, header: header, by: map[int]*connection{}}
}

func (c *connections) of(ctx context.Context, client int) (*connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn := c.by[client]; conn != nil {
		return conn, nil
	}
	dialled, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return nil, err
	}
	conn := &connection{dialled, bufio.NewReaderSize(dialled, 32<<10), bufio.NewWriterSize(dialled, 32<<10)}
	c.by[client] = conn
	return conn, nil
}

// answerWithin is how long a server may take to answer.
const answerWithin = time.Minute

// send sends a request and reads the answer to its end. The status must be want. It returns the body if keep is set.
func (c *connections) send(ctx context.Context, client int, method, path, body string, want int, keep bool) ([]byte, error) {
	conn, err := c.of(ctx, client)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return nil, err
	}
	fmt.Fprintf(conn.out, "%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n", method, path, c.addr, c.header, len(body))
	_, _ = conn.out.WriteString(body) // Flush returns the error
	if err := conn.out.Flush(); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(conn.in, nil)
	if err != nil {
		return nil, err
	}
	var kept []byte
	if keep || response.StatusCode != want {
		kept, err = io.ReadAll(response.Body)
	} else {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%s %s: status %d, want %d: %s", method, strings.SplitN(path, "?", 2)[0], response.StatusCode, want, kept)
	}
	return kept, err
}

// drop closes a client's connection after an incomplete answer. The next request opens another one.
func (c *connections) drop(client int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn := c.by[client]; conn != nil {
		_ = conn.Close() // it cannot be used any more
		delete(c.by, client)
	}
}

func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.by {
		_ = conn.Close() // everything was read
	}
}
