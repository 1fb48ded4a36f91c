package pgdb

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/wait"
)

// listenRetry is the delay between a broken connection and the next one.
const listenRetry = time.Second

// Listen calls heard with each payload that NOTIFY sends to a channel, one after the other, on its own connection, until the context
// ends. It misses what is sent while the connection is down: poll as well.
func (p *DB) Listen(ctx context.Context, channel string, heard func(payload string)) {
	for {
		_ = p.listen(ctx, channel, heard) // polling continues meanwhile
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
