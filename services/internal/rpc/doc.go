// Package rpc is how Usher's services talk: the interceptors that every call passes on both sides, in one process and
// between processes alike. It maps errors to statuses and back, admits only the callers that the contract allows,
// validates requests, carries the principal and the message ID, keeps deadlines, and turns a panic into an error.
//
// It belongs to no service and knows none of their messages.
package rpc
