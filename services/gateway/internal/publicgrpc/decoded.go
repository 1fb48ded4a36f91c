package publicgrpc

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The memory in flight that a call reserves.
const (
	// callBytes is what every call reserves: for itself, a request of smallRequest and an answer of smallAnswer.
	callBytes = 16 << 10
	// smallRequest is the largest request, in bytes, for which callBytes is enough, whatever it contains. A check has about 200 bytes.
	smallRequest = 256
	// smallAnswer is the largest answer, in bytes, for which callBytes is enough.
	smallAnswer = 4 << 10
	// copies is how many copies of an answer are in memory until it is sent: decoded and encoded.
	copies = 2
)

// The memory that decoding takes, in bytes. Decoding needs the most memory while a long list grows: the old copy of the list counts until
// the garbage collector frees it.
const (
	valueBytes   = 96  // of a value, besides its own bytes
	messageBytes = 160 // of a protobuf message, besides its values
	numberBytes  = 8   // of a number in a list
	// unknownCopies is how often the bytes of an unknown field are copied: each one is appended to the earlier ones.
	unknownCopies = 6
)

// decodedBytes returns an upper bound of the memory that decoding a protobuf message takes. It reads each tag of the encoded message once,
// and decodes nothing. If the encoding is invalid, only the part before the fault counts. deepest is the greatest nesting depth.
func decodedBytes(message protoreflect.MessageDescriptor, data []byte, deepest int) int64 {
	var packed int64
	return decodedWithin(message, data, deepest, &packed)
}

// decodedWithin is decodedBytes for a message in others. packed counts the bytes of packed lists so far in the whole request: a message
// that comes in several parts is one message, and so is a list in these parts.
func decodedWithin(message protoreflect.MessageDescriptor, data []byte, deepest int, packed *int64) int64 {
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
		case field.IsList() && isNumber(field.Kind()) && kind == protowire.BytesType:
			// Each part of a packed list copies the earlier parts. A value can have a single byte.
			*packed += int64(size)
			total += numberBytes * *packed
		case field.Message() != nil && kind == protowire.BytesType:
			value, _ := protowire.ConsumeBytes(data[tag:])
			total += decodedWithin(field.Message(), value, deepest-1, packed)
		default:
			total += int64(size)
		}
		data = data[tag+size:]
	}
	return total
}

// isNumber reports whether lists of a kind are packed.
func isNumber(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	default:
		return true
	}
}
