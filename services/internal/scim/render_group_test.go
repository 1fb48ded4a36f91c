package scim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

func TestAGroupInPagesIsTheGroupAtOnce(t *testing.T) {
	t.Parallel()
	group := GroupType()
	made, err := group.New([]byte(`{"schemas":["`+GroupSchema+`"],"externalId":"x1","displayName":"A"}`), Options{})
	requireNoError(t, err)
	e := Envelope{ID: "g1", BaseURL: "https://scim.example.com/scim/v2/d1", Version: 7}
	all := make([]Member, 0, 5)
	for i := range cap(all) {
		all = append(all, Member{Value: fmt.Sprintf("u%d", i), Type: "User", Display: "Anna \"A\""})
	}
	for _, asked := range []struct{ attributes, excluded []string }{
		{nil, nil},
		{nil, []string{"members"}},
		{nil, []string{"members.$ref", "meta"}},
		{[]string{"members"}, nil},
		{[]string{"members.value"}, nil},
		{[]string{"displayName", "meta.version"}, nil},
		{nil, []string{"displayName"}},
	} {
		p, err := ParseProjection(asked.attributes, asked.excluded)
		requireNoError(t, err)
		for n := range len(all) + 1 {
			members := all[:n]
			want, err := group.RenderGroup(nil, made.Document.JSON(), e, members, p)
			requireNoError(t, err)
			var read struct {
				ID      string
				Members []struct{ Value string }
			}
			if err := json.Unmarshal(want, &read); err != nil || read.ID != "g1" {
				t.Fatalf("%v: %s", err, want)
			}
			if shown := len(read.Members); shown != n && shown != 0 || shown == 0 && n > 0 && p.Includes("members") {
				t.Fatalf("%d of %d members are shown: %s", shown, n, want)
			}
			for first := range n + 1 {
				r, err := group.NewGroupRenderer(made.Document.JSON(), e, p)
				requireNoError(t, err)
				got := r.End(r.Members(r.Members(r.Begin(nil), members[:first]), members[first:]))
				if !bytes.Equal(got, want) {
					t.Fatalf("in pages %s\nat once  %s", got, want)
				}
			}
		}
	}
}
