package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticks is how many units of CPU time Linux counts per second.
const ticks = 100

// cpuOf returns the CPU time that processes and their children have used, including those that have ended. It works on Linux; elsewhere it
// is 0.
func cpuOf(pids ...int) (sum time.Duration) {
	for _, pid := range pids {
		// Without this file, it has ended.
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		// The name is in brackets and may contain anything; utime, stime, cutime and cstime are the 12th to 15th field after it.
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		for i := 11; i < 15 && i < len(fields); i++ {
			n, _ := strconv.ParseInt(fields[i], 10, 64) // it is a number
			sum += time.Duration(n) * time.Second / ticks
		}
	}
	return sum
}

// peakOf returns the peak resident memory of a process since its start or forgetPeak, in bytes. It works on Linux; elsewhere it is 0.
func peakOf(pid int) int64 {
	// Without this file, it has ended.
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "\nVmHWM:")
	rest, _, _ = strings.Cut(rest, " kB")
	kib, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64) // it is a number
	return kib << 10
}

// forgetPeak resets the peak of a process to its present resident memory.
func forgetPeak(pid int) error {
	err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not on Linux
	}
	return err
}

// family returns a process and its children.
func family(pid int) []int {
	all := []int{pid}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is valid
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// busy returns the CPU time that the whole machine has used since it was started.
func busy() (sum time.Duration) {
	text, _ := os.ReadFile("/proc/stat") // without it, the time is not known
	line, _, _ := strings.Cut(string(text), "\n")
	// "cpu", then user, nice, system, idle, iowait, irq and softirq.
	for i, field := range strings.Fields(line) {
		if i >= 1 && i <= 7 && i != 4 && i != 5 {
			n, _ := strconv.ParseInt(field, 10, 64) // it is a number
			sum += time.Duration(n) * time.Second / ticks
		}
	}
	return sum
}

// ownCPU returns the CPU time that this process has used.
func ownCPU() time.Duration { return cpuOf(os.Getpid()) }
