// Package rpc defines how Usher's services call each other: the interceptors on both sides of every call, in one process and between
// processes alike. It maps errors to statuses and back, admits only the callers that the contract allows, validates requests, transmits the
// principal and the message ID, keeps deadlines, and turns a panic into an error.
//
// It belongs to no service, and does not depend on the services' own RPCs.
package rpc
