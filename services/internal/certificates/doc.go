// Package certificates is how a service proves to the others which one it is: it reads a service's certificate from a
// folder, anew when it changes, and makes such a folder for development and tests.
//
// A folder holds `ca.crt`, whom to trust, and for each service that runs beside it `<service>.crt` and `<service>.key`, all
// in PEM. A service's certificate carries the DNS name of rpc.CertificateName.
package certificates
