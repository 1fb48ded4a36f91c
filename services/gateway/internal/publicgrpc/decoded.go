package publicgrpc

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What a call reserves of the memory in flight.
const (
	// callBytes is what every call reserves: for itself, a request of smallRequest and an answer of smallAnswer.
	callBytes = 16 << 10
	// smallRequest is the largest request, in bytes, that callBytes is enough for, whatever it holds. A check has some 200 bytes.
	smallRequest = 256
	// smallAnswer is the largest answer, in bytes, that callBytes is enough for.
	smallAnswer = 4 << 10
	// copies of an answer are in memory until it is sent: decoded and encoded.
	copies = 2
)

// What decoding takes of memory, in bytes. It takes most where a list of many things grows: what the list had before is
// garbage then, and counts until it is collected.
const (
	valueBytes   = 96  // of a value, besides its own bytes
	messageBytes = 160 // of a message, besides its values
	// unknownCopies is how often the bytes of a value are copied that the contract does not know: one after another is added to
	// those that came before.
	unknownCopies = 6
)

// decodedBytes is how much memory decoding a message takes at most. It reads each tag of the encoded message once, and
// decodes nothing. What cannot be decoded counts up to where that shows. deepest is how deep messages may lie in messages.
func decodedBytes(message protoreflect.MessageDescriptor, data []byte, deepest int) int64 {
	total := int64(messageBytes)
	for deepest > 0 && len(data) > 0 {
		number, kind, tag := protowire.ConsumeTag(data)
		if tag < 0 {
			return total
		}
		size := protowire.ConsumeFieldValue(number, kind, data[tag:])
		if size < 0 {
			return total
		}
		total += valueBytes
		switch field := message.Fields().ByNumber(number); {
		case field == nil:
			total += unknownCopies * int64(tag+size)
		case field.Message() != nil && kind == protowire.BytesType:
			value, _ := protowire.ConsumeBytes(data[tag:])
			total += decodedBytes(field.Message(), value, deepest-1)
		default:
			total += int64(size)
		}
		data = data[tag+size:]
	}
	return total
}
