package scim

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// TypeMemory remembers what ExtendedTypes gave for the same definitions: to build the types of a directory that has as many
// attributes as it may takes tens of milliseconds, to find them again less than one. The zero value is ready.
type TypeMemory struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]extendedTypes
	bytes int // of the definitions whose types are known
}

type extendedTypes struct{ users, groups *ResourceType }

// mostRemembered bounds the definitions whose types are remembered, in bytes. Types take several times as much.
const mostRemembered = 16 << 20

// ExtendedTypes gives what the function of that name gives.
func (m *TypeMemory) ExtendedTypes(all []Registered) (users, groups *ResourceType, err error) {
	if len(all) == 0 {
		return UserType(), GroupType(), nil
	}
	key, size := digest(all)
	m.mu.Lock()
	known, ok := m.known[key]
	m.mu.Unlock()
	if ok {
		return known.users, known.groups, nil
	}
	if users, groups, err = ExtendedTypes(all); err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || m.bytes+size > mostRemembered {
		m.known, m.bytes = map[[sha256.Size]byte]extendedTypes{}, 0
	}
	if _, ok := m.known[key]; !ok {
		m.known[key] = extendedTypes{users, groups}
		m.bytes += size
	}
	return users, groups, nil
}

// digest tells lists of definitions apart.
func digest(all []Registered) (key [sha256.Size]byte, size int) {
	hash := sha256.New()
	for _, r := range all {
		head := binary.BigEndian.AppendUint64(nil, uint64(len(r.Definition)))
		if r.Group {
			head = append(head, 1)
		} else {
			head = append(head, 0)
		}
		hash.Write(head)
		hash.Write(r.Definition)
		size += len(r.Definition)
	}
	hash.Sum(key[:0])
	return key, size
}
