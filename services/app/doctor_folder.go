package app

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

// Free space of the data folder's disk, below which the doctor complains: both as a part, in percent, and in bytes.
const (
	littleSpacePercent, littleSpace = 5, 1 << 30
	noSpacePercent, noSpace         = 1, 100 << 20
)

// examineFolder looks at the data folder, its disk, and the SQLite files of this process.
func (s Settings) examineFolder(r *doctor.Report) {
	say := func(level doctor.Level, check, message, command string) {
		page := doctor.PageDisk
		if level == doctor.OK || level == doctor.Skipped {
			page = ""
		}
		r.Add(doctor.Finding{Level: level, Check: check, Subject: "data folder", Message: message, Command: command, Page: page})
	}
	info, err := os.Stat(s.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		say(doctor.OK, "data-folder", "there is no folder "+s.DataDir+" yet: the start of the process creates it", "")
		return
	case err != nil:
		say(doctor.Error, "data-folder", "the folder cannot be read: "+err.Error(), "ls -ld "+s.DataDir)
		return
	case !info.IsDir():
		return // a problem of the settings
	case info.Mode().Perm()&0o077 != 0:
		say(doctor.Warning, "data-folder", "other users of this machine may open "+s.DataDir+", which contains personal data", "chmod 700 "+s.DataDir)
	default:
		say(doctor.OK, "data-folder", s.DataDir+" is for its owner alone; "+owner(filepath.Join(s.DataDir, lockFile)), "")
	}
	level, message, err := space(s.DataDir)
	if err != nil {
		say(doctor.Skipped, "disk-space", "the disk does not tell its free space: "+err.Error(), "")
	} else {
		say(level, "disk-space", message, "df -h "+s.DataDir)
	}
	for _, service := range services[:len(services)-1] {
		if s.runs(service) && s.databaseURL(service) == "" {
			name := rpc.CallerName(service)
			sqlitedb.Examine(filepath.Join(s.DataDir, name+".db"), name+" database", r)
		}
	}
}

// owner says which process serves from a data folder. It reads the list of all locks, because to try the lock would keep a process from
// starting at this moment.
func owner(lock string) string {
	var stat unix.Stat_t
	locks, err := os.Open("/proc/locks")
	if err != nil || unix.Stat(lock, &stat) != nil {
		return "whether a process serves from it is not known"
	}
	defer func() { _ = locks.Close() }() // it was only read
	inode := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 5 && fields[1] == "FLOCK" && fields[5] == inode {
			return "process " + fields[4] + " serves from it"
		}
	}
	return "no process serves from it"
}

// space measures the free space of the disk of a folder, for this user.
func space(folder string) (doctor.Level, string, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return "", "", err
	}
	size := uint64(stat.Bsize) //nolint:gosec // a block has a positive size
	level, text := spaceOf(stat.Bavail*size, stat.Blocks*size)
	return level, text, nil
}

func spaceOf(free, total uint64) (doctor.Level, string) {
	level := doctor.OK
	switch percent := free * 100 / max(total, 1); {
	case percent < noSpacePercent || free < noSpace:
		level = doctor.Error
	case percent < littleSpacePercent || free < littleSpace:
		level = doctor.Warning
	}
	text := fmt.Sprintf("%s of %s are free", doctor.Bytes(int64(free)), doctor.Bytes(int64(total))) //nolint:gosec // no disk is so large
	if level != doctor.OK {
		text += ": when the disk is full, Usher stores nothing any more, and answers with errors"
	}
	return level, text
}

// examineListeners looks for listeners that other machines reach without TLS.
func (s Settings) examineListeners(r *doctor.Report) {
	warn := func(key, message string) {
		r.Add(doctor.Finding{Level: doctor.Warning, Check: "listener", Subject: key, Message: message, Page: doctor.PageListeners})
	}
	fine := true
	if s.runs(gatewayService) && s.TLSCertFile == "" && !s.behindProxy() {
		for _, l := range []struct{ key, addr, what string }{
			{"scim_addr", s.SCIMAddr, "API keys and personal data"}, {"admin_addr", s.AdminAddr, "sessions and personal data"}, {"grpc_addr", s.GRPCAddr, "credentials and personal data"},
		} {
			if open(l.addr) {
				fine = false
				warn(l.key, fmt.Sprintf("other machines reach %s without TLS, so everybody on the network can read %s. Set tls_cert_file and tls_key_file, listen on loopback, "+
					"or put a proxy that ends TLS before it and name this proxy in trusted_proxies", l.addr, l.what))
			}
		}
	}
	host, _, _ := net.SplitHostPort(s.OpsAddr)
	ip, _ := netip.ParseAddr(host)
	switch everywhere := host == "" || ip.IsUnspecified(); {
	case open(s.OpsAddr) && s.Profiles:
		fine = false
		warn("ops_addr", fmt.Sprintf("other machines reach %s, which shows profiles (/debug/pprof/) to everybody: they show what the process does, and cost it time. Listen on loopback, or set profiles to false", s.OpsAddr))
	case everywhere:
		fine = false
		warn("ops_addr", fmt.Sprintf("%s listens on all networks of this machine, without authentication: listen on loopback, or in the network of your monitoring alone", s.OpsAddr))
	}
	if fine {
		message := "no listener is open to other machines without TLS"
		if s.behindProxy() && s.TLSCertFile == "" {
			message = "trusted_proxies names a proxy, which must end TLS; make sure that no other machine reaches the listeners"
		}
		r.Add(doctor.Finding{Level: doctor.OK, Check: "listener", Subject: "listeners", Message: message})
	}
}

// open reports whether other machines can reach an address.
func open(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "localhost" {
		return false // an address that is none is a problem of the settings
	}
	ip, err := netip.ParseAddr(host)
	return err != nil || !ip.IsLoopback()
}

// behindProxy reports whether the settings name a proxy on another machine.
func (s Settings) behindProxy() bool {
	all, err := prefixes(s.TrustedProxies)
	return err == nil && slices.ContainsFunc(all, func(p netip.Prefix) bool { return !p.Addr().IsLoopback() })
}

// hosts are the names at which clients reach the public listeners. Behind a proxy, they are those of the proxy.
func (s Settings) hosts() (hosts []string) {
	if s.behindProxy() {
		return nil
	}
	for _, address := range []string{s.PublicURL, s.AdminURL} {
		if u, err := url.Parse(address); err == nil && u.Hostname() != "" && !slices.Contains(hosts, u.Hostname()) {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}
