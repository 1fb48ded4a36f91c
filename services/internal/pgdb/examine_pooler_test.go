package pgdb

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/doctor/doctortest"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// testPooler is a connection pooler. It refuses settings of sessions, drops them, or passes them on; and it gives each client a session of
// its own, or all clients the same one.
type testPooler struct {
	url             string
	refuses, passes bool
	shared          *pgconn.HijackedConn
	turn            sync.Mutex // at shared
}

// startPooler starts a pooler before a server, and returns the URL of the database through it.
func startPooler(t *testing.T, p *testPooler, shares bool) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if shares {
		if p.shared, err = p.connect(map[string]string{"search_path": "library"}); err != nil {
			t.Fatal(err)
		}
	}
	var serving sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() {
		stop()
		_ = listener.Close()
		serving.Wait()
		if p.shared != nil {
			_ = p.shared.Conn.Close()
		}
	})
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				defer func() { _ = conn.Close() }()
				_ = p.serve(conn) // it ends when the client leaves
			})
		}
	})
	return fmt.Sprintf("postgres://app@%s/app?sslmode=disable", listener.Addr())
}

// connect opens a session of the server.
func (p *testPooler) connect(settings map[string]string) (*pgconn.HijackedConn, error) {
	config, err := pgconn.ParseConfig(p.url)
	if err != nil {
		return nil, err
	}
	for name, value := range settings {
		config.RuntimeParams[name] = value
	}
	conn, err := pgconn.ConnectConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	return conn.Hijack()
}

func (p *testPooler) serve(conn net.Conn) error {
	client := pgproto3.NewBackend(conn, conn)
	hello, err := client.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	settings := hello.(*pgproto3.StartupMessage).Parameters
	delete(settings, "user")
	delete(settings, "database")
	if p.refuses {
		client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: lock_timeout"})
		return client.Flush()
	}
	if !p.passes {
		settings = nil
	}
	server := p.shared
	if server == nil {
		if server, err = p.connect(settings); err != nil {
			return err
		}
		defer func() { _ = server.Conn.Close() }()
	}
	client.Send(&pgproto3.AuthenticationOk{})
	for name, value := range server.ParameterStatuses {
		client.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	client.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{1, 2, 3, 4}})
	client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for err = client.Flush(); err == nil; {
		err = p.relay(client, server)
	}
	return err
}

// relay passes on what a client asks, until it is the next one's turn.
func (p *testPooler) relay(client *pgproto3.Backend, server *pgconn.HijackedConn) error {
	for asked := false; !asked; {
		message, err := client.Receive()
		if err != nil {
			return err
		}
		switch message.(type) {
		case *pgproto3.Terminate:
			return net.ErrClosed
		case *pgproto3.Query, *pgproto3.Sync:
			asked = true
		}
		p.turn.Lock()
		server.Frontend.Send(message)
		err = server.Frontend.Flush()
		if err != nil || !asked {
			p.turn.Unlock()
			if err != nil {
				return err
			}
			continue
		}
		defer p.turn.Unlock()
	}
	for {
		message, err := server.Frontend.Receive()
		if err != nil {
			return err
		}
		client.Send(message)
		if _, ended := message.(*pgproto3.ReadyForQuery); ended {
			return client.Flush()
		}
	}
}

func TestAConnectionPoolerIsFound(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	url := server.Database("app")
	if err := Migrate(t.Context(), url, shelves()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		pooler *testPooler
		shares bool
		want   [][]string
	}{
		"that refuses settings": {&testPooler{url: url, refuses: true}, false, [][]string{{"error | database-pooler", "refuses the settings"}}},
		"that shares sessions":  {&testPooler{url: url}, true, [][]string{{"error | database-pooler", "transaction mode"}, {"error | database-pooler", "drops settings", "lock_timeout"}}},
		"that drops settings":   {&testPooler{url: url}, false, [][]string{{"error | database-pooler", "drops settings", "search_path"}}},
		"that changes nothing":  {&testPooler{url: url, passes: true}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &doctor.Report{}
			ExamineServer(patient(t), startPooler(t, c.pooler, c.shares), "database", []Schema{shelves()}, 4*time.Second, r)
			doctortest.Finds(t, r.Findings(), c.want...)
			if name == "that drops settings" {
				r := &doctor.Report{}
				ExamineSchema(patient(t), startPooler(t, &testPooler{url: url}, false), "library database", shelves(), false, r)
				doctortest.Finds(t, r.Findings(), []string{"skipped | database-schema", "see database-pooler"})
			}
		})
	}
}
