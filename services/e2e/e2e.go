// Package e2e tests Usher whole: every service, real HTTP and gRPC, in one process and with the services over loopback
// TCP, and as a process that is killed.
package e2e
