package core_test

import (
	"time"
)

var signingKeyCases = []testCase{
	{"of several processes one makes the key, and all sign by it", func(f *fixture) {
		signing := make(chan string)
		for range 8 {
			process := f.another()
			go func() {
				k, err := process.SigningKey(f.Context())
				if err != nil {
					f.Error(err)
				}
				signing <- k.ID
			}()
		}
		first := <-signing
		for range 7 {
			f.equal("the key", <-signing, first)
		}
		all, err := f.core.SigningKeys(f.Context())
		f.must(err)
		f.equal("how many there are", len(all), 1)
	}},
	{"a key signs for a day, and is removed after another one", func(f *fixture) {
		const day = int64(24 * time.Hour / time.Second)
		var ids []string
		for _, now := range []int64{0, day - 1, day, 2 * day} {
			f.now.Store(now)
			k, err := f.another().SigningKey(f.Context())
			f.must(err)
			ids = append(ids, k.ID)
		}
		f.equal("the key before a day", ids[1], ids[0])
		f.equal("whether it is another one after a day", ids[2] != ids[0], true)
		all, err := f.store.SigningKeys(f.Context())
		f.must(err)
		f.equal("how many are stored", len(all), 2)
		f.equal("the newest and the one before", []string{all[0].ID, all[1].ID}, []string{ids[3], ids[2]})
	}},
}
