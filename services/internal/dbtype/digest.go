package dbtype

import (
	"crypto/sha256"
	"fmt"
)

// Digest returns a scanner of a SHA-256 in a column of bytes.
func Digest(d *[sha256.Size]byte) *ByteDigest { return (*ByteDigest)(d) }

// ByteDigest is a SHA-256 in a column.
type ByteDigest [sha256.Size]byte

func (d *ByteDigest) Scan(value any) error {
	raw, ok := value.([]byte)
	if !ok {
		return fmt.Errorf("a digest is stored as %T", value)
	}
	return d.ScanBytes(raw)
}

func (d *ByteDigest) ScanBytes(raw []byte) error {
	if len(raw) != len(d) {
		return fmt.Errorf("a digest is stored in %d bytes", len(raw))
	}
	copy(d[:], raw)
	return nil
}
