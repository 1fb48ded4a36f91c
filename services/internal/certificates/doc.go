// Package certificates lets a service prove its identity to the others. It reads the certificate of a service from a folder, and reads it
// again when it changes. It also creates such a folder for development and tests.
//
// A folder contains `ca.crt`, the trusted authorities, and for each service that runs on the machine `<service>.crt` and `<service>.key`,
// all in PEM. The certificate of a service contains the DNS name of rpc.CertificateName.
package certificates
