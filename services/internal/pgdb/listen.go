package pgdb

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/wait"
)

// listenRetry is the pause between a connection that broke and the next one.
const listenRetry = time.Second

// Listen calls heard with what is sent on a channel by NOTIFY, one after another, on a connection of its own, until the context
// ends. What is sent while the connection is down is lost: who must know polls as well.
func (p *DB) Listen(ctx context.Context, channel string, heard func(payload string)) {
	for {
		_ = p.listen(ctx, channel, heard) // polling goes on meanwhile
		if !wait.Sleep(ctx, listenRetry) {
			return
		}
	}
}

func (p *DB) listen(ctx context.Context, channel string, heard func(payload string)) (err error) {
	conn, err := pgx.ConnectConfig(ctx, p.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		err = errors.Join(err, conn.Close(closing))
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return err
	}
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		heard(notification.Payload)
	}
}
