package cli

import (
	"regexp"
)

// people searches and reads a user of an open directory, and the groups around the user.
func (x *terminal) people(user, name string) {
	x.t.Helper()
	quoted := regexp.QuoteMeta(name)
	want(x.t, x.run(0, "user", "list", name[:3]), `USER NAME +DISPLAY NAME +EMAIL`, user+` +`+quoted)
	if all := x.json("user", "list", "--state", "active", "--limit", "3")["users"].([]any); len(all) != 3 {
		x.t.Errorf("user list --limit 3 lists %d", len(all))
	}
	if all := x.json("user", "list", "--limit", "0")["users"].([]any); len(all) != 12 {
		x.t.Errorf("user list --limit 0 lists %d", len(all))
	}
	want(x.t, x.run(0, "user", "document", name), `^\{"schemas":\[.*"userName":"`+quoted+`"`)
	group := x.json("user", "groups", user)["groups"].([]any)[0].(map[string]any)["group"].(map[string]any)
	id, displayName := group["id"].(string), group["displayName"].(string)
	want(x.t, x.run(0, "user", "groups", name), `THROUGH DISPLAY NAME +CARRIED`, id+` +`+regexp.QuoteMeta(displayName))
	x.run(1, "user", "update", name, "--active=false")
	want(x.t, x.err, `USER_NOT_DETACHED`)
	x.run(1, "user", "deactivate", name)
	want(x.t, x.err, `USER_NOT_DETACHED`)
	x.run(0, "user", "role-values", "x")

	want(x.t, x.run(0, "group", "list", displayName[:2]), id)
	want(x.t, x.run(0, "group", "get", displayName), `DIRECT USERS COUNT +ALL USERS COUNT`, id)
	want(x.t, x.run(0, "group", "members", id, "--names"), user+` +user +`+quoted)
	want(x.t, x.run(0, "group", "members", id), `ID +TYPE +CARRIED`)
	want(x.t, x.run(0, "group", "nested", id, "--members"), `ID +DISPLAY NAME`)
	want(x.t, x.run(0, "group", "nested", id, "--containers"), `ID +DISPLAY NAME`)
}
