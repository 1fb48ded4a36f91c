package rediskv

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/usher-scim/usher/services/internal/doctor"
)

// oldestMajor and oldestMinor are the oldest version of Redis that has all commands.
const oldestMajor, oldestMinor = 6, 2

// nothing is a key that does not exist.
const nothing = "usher:doctor"

// Examine looks at the Redis at an address. mostSkew is the greatest difference between clocks with which all works well. It writes
// nothing: each command with which it tries a right has nothing to do, such as deleting a key that does not exist.
func Examine(ctx context.Context, url string, mostSkew time.Duration, r *doctor.Report) {
	c := Config{URL: url, Timeout: doctor.Within}
	options, err := c.complete()
	if err != nil {
		return // it is a problem of the settings
	}
	logging.Disable()
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }() // it was only read
	x := &examination{ctx, client, r}
	for _, lack := range lacks(options) {
		x.say(doctor.Warning, "redis-security", "Redis is reachable over the network without "+lack+": anybody who can write to it can make Usher slow and change the rates of directories, but cannot give anybody access", "")
	}
	if err := client.Ping(ctx).Err(); err != nil {
		x.say(doctor.Error, "redis-reachable", "Redis does not answer. Usher works without it: keys are looked up in the directory service, and each gateway counts rates on its own ("+reason(err)+")", "")
		return
	}
	x.say(doctor.OK, "redis-reachable", "it answers", "")
	x.about()
	x.commands()
	x.clock(mostSkew)
}

type examination struct {
	ctx    context.Context //nolint:containedctx // of the look, which is one call
	client *redis.Client
	report *doctor.Report
}

func (x *examination) say(level doctor.Level, check, message, command string) {
	page := doctor.PageRedis
	if level == doctor.OK {
		page = ""
	}
	x.report.Add(doctor.Finding{Level: level, Check: check, Subject: "Redis", Message: message, Command: command, Page: page})
}

// reason returns the text of an error on one line.
func reason(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// about looks at the version, the role and the memory of the server.
func (x *examination) about() {
	text, err := x.client.Info(x.ctx).Result()
	if err != nil {
		x.say(doctor.Skipped, "redis-version", "the server does not say what it is: "+reason(err), "")
		return
	}
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	var major, minor int
	version := info["redis_version"]
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		x.say(doctor.Skipped, "redis-version", fmt.Sprintf("the version %q has an unknown form", version), "")
	} else if major < oldestMajor || major == oldestMajor && minor < oldestMinor {
		x.say(doctor.Error, "redis-version", fmt.Sprintf("Redis %s is older than %d.%d, and lacks commands that Usher needs", version, oldestMajor, oldestMinor), "")
	} else {
		x.say(doctor.OK, "redis-version", "Redis "+version, "")
	}
	if role := info["role"]; role == "slave" {
		x.say(doctor.Error, "redis-role", "this server is a replica, which another one writes to: use the address of the primary", "")
	}
	x.memory(info)
}

// memory compares the used memory with its limit.
func (x *examination) memory(info map[string]string) {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(info[name], 10, 64) // 0: unknown, as for a service without it
		return n
	}
	used, most, of, policy := number("used_memory"), number("maxmemory"), "maxmemory", info["maxmemory_policy"]
	evicts := most > 0 && policy != "noeviction"
	if most == 0 {
		most, of = number("total_system_memory"), "the machine's memory, and there is no maxmemory"
	}
	if most == 0 {
		x.say(doctor.Skipped, "redis-memory", "the server does not say how much memory it may use", "")
		return
	}
	text := fmt.Sprintf("%s of %s are used (%s)", doctor.Bytes(used), doctor.Bytes(most), of)
	switch {
	case evicts: // what Usher stores may get lost
		x.say(doctor.OK, "redis-memory", text+"; old keys make room for new ones", "")
	case used*10 >= most*9:
		x.say(doctor.Warning, "redis-memory", text+": when it is full, it refuses writes, and Usher works without it", "redis-cli CONFIG SET maxmemory-policy allkeys-lru")
	default:
		x.say(doctor.OK, "redis-memory", text, "")
	}
}

// commands tries the commands that Usher uses. Redis checks rights, memory and its role before it looks at keys and arguments.
func (x *examination) commands() {
	const noScript = "0000000000000000000000000000000000000000"
	var refused []string
	var cause error
	for _, command := range [][]any{
		{"get", leasePrefix + nothing}, {"pttl", leasePrefix + nothing}, {"set", leasePrefix + nothing, "", "xx", "px", 1},
		{"del", leasePrefix + nothing}, {probeCommand, probeKey, 0, 1}, {"evalsha", noScript, 1, "rate:usher:" + nothing},
	} {
		err := x.client.Do(x.ctx, command...).Err()
		if err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT") || redis.HasErrorPrefix(err, "invalid expire") {
			continue
		}
		if cause == nil {
			cause = err
		}
		refused = append(refused, strings.ToUpper(fmt.Sprint(command[0])))
	}
	if cause == nil {
		x.say(doctor.OK, "redis-commands", "the commands that Usher uses are allowed", "")
		return
	}
	x.say(doctor.Error, "redis-commands", fmt.Sprintf("Redis refuses commands that Usher uses: %s (%s). Usher works without Redis until it accepts them", strings.Join(refused, ", "), reason(cause)),
		"redis-cli ACL LOG")
}

func (x *examination) clock(most time.Duration) {
	before := time.Now()
	theirs, err := x.client.Time(x.ctx).Result()
	if err != nil {
		x.say(doctor.Skipped, "clock", "Redis does not tell its time: "+reason(err), "")
		return
	}
	x.report.Add(doctor.Clock("Redis", theirs, before, time.Now(), most))
}
