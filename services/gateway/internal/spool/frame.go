package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is the length of its record and a checksum, four bytes each, little-endian, then the record. The checksum covers the length and
// the record, and no record is empty. So neither a torn end, nor an end that a crash filled with zeros, passes for a record.
const frameHeader = 8

// maxRecord limits a record, and so also how much memory a reader allocates because of a damaged length.
const maxRecord = 1 << 20

func frameSize(record []byte) int { return frameHeader + len(record) }

func appendFrame(to, record []byte) []byte {
	var header [frameHeader]byte
	binary.LittleEndian.PutUint32(header[:4], uint32(len(record))) //nolint:gosec // Append limits it
	binary.LittleEndian.PutUint32(header[4:], checksum(header[:4], record))
	return append(append(to, header[:]...), record...)
}

func checksum(length, record []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(length, table), table, record)
}

// readFrames returns the whole records at the beginning of a segment, and the bytes after the last of them. The records share the memory of
// the segment.
func readFrames(content []byte) (records [][]byte, rest []byte) {
	for len(content) >= frameHeader {
		length := binary.LittleEndian.Uint32(content[:4])
		if length == 0 || length > maxRecord || int(length) > len(content)-frameHeader {
			break
		}
		end := frameHeader + int(length)
		record := content[frameHeader:end:end]
		if checksum(content[:4], record) != binary.LittleEndian.Uint32(content[4:8]) {
			break
		}
		records = append(records, record)
		content = content[end:]
	}
	return records, content
}
