package traced

import (
	"context"
	"encoding/binary"

	"go.opentelemetry.io/otel/trace"
)

// Quiet is the part of the successful requests that have no log line: 0 is none, 1 is all.
type Quiet float64

// Skips reports whether a success has no log line. The trace decides, so one that is in the log of one API is in those of all.
func (q Quiet) Skips(ctx context.Context) bool {
	if q <= 0 {
		return false
	}
	id := trace.SpanContextFromContext(ctx).TraceID() // random
	const bits = 53                                   // those of a float64
	// A sampler by ratio keeps the traces with small numbers. Their lines stay longest.
	return float64(binary.BigEndian.Uint64(id[8:])>>(64-bits))/(1<<bits) >= 1-float64(q)
}
