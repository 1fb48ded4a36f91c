package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/page"
)

func TestSizesAreBounded(t *testing.T) {
	t.Parallel()
	for requested, want := range map[int32]int{-1: 100, 0: 100, 1: 1, 1000: 1000, 1001: 1000, 1<<31 - 1: 1000} {
		if got := page.Size(requested); got != want {
			t.Errorf("%d gives %d, want %d", requested, got, want)
		}
	}
}

func TestAListAcceptsItsOwnToken(t *testing.T) {
	t.Parallel()
	after := []string{"a\"b", "ü"}
	got, err := page.After(page.Token(after, "users", "acme"), 2, "users", "acme")
	if err != nil || fmt.Sprint(got) != fmt.Sprint(after) {
		t.Errorf("got %q, %v", got, err)
	}
	got, err = page.After("", 2, "users", "acme")
	if err != nil || fmt.Sprintf("%q", got) != `["" ""]` {
		t.Errorf("the beginning is %q, %v", got, err)
	}
}

func TestATokenOfAnotherListIsRefused(t *testing.T) {
	t.Parallel()
	token := page.Token([]string{"a"}, "users", "acme", "")
	for name, try := range map[string]func() ([]string, error){
		"another list":              func() ([]string, error) { return page.After(token, 1, "groups", "acme", "") },
		"another organization":      func() ([]string, error) { return page.After(token, 1, "users", "other", "") },
		"another filter":            func() ([]string, error) { return page.After(token, 1, "users", "acme", "x") },
		"filters that run together": func() ([]string, error) { return page.After(token, 1, "users", "", "acme") },
		"more parts":                func() ([]string, error) { return page.After(token, 2, "users", "acme", "") },
		"nonsense":                  func() ([]string, error) { return page.After("nonsense", 1, "users", "acme", "") },
		"base64 of nonsense":        func() ([]string, error) { return page.After("bm9uc2Vuc2U", 1, "users", "acme", "") },
		"a token that was cut":      func() ([]string, error) { return page.After(token[:len(token)-4], 1, "users", "acme", "") },
	} {
		if _, err := try(); !fault.Is(err, fault.PageToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.ContainsAny(token, "+/=&?") {
		t.Errorf("%s is not fit for an address", token)
	}
}

func TestAnItemAfterThePageMeansThatThereIsMore(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{2: "[1 2] true", 3: "[1 2 3] false", 4: "[1 2 3] false"} {
		items, more := page.Cut([]int{1, 2, 3}, size)
		if got := fmt.Sprint(items, more); got != want {
			t.Errorf("a page of %d is %s, want %s", size, got, want)
		}
	}
}
