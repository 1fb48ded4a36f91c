package oidc

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestOnlyAPathOfThisOriginIsReturnedTo(t *testing.T) {
	t.Parallel()
	for path, allowed := range map[string]bool{
		"/": true, "/organizations?page=2&x=%2F%2Fevil#here": true, "/a//b": true, "/" + strings.Repeat("a", 1023): true,
		"": false, "organizations": false, "//evil.example": false, "///evil.example": false, "https://evil.example": false,
		`/\evil.example`: false, `/a\b`: false, "/\t/evil.example": false, "/a\nb": false, "/a b": false, "/é": false, "/%zz": false,
		"/" + strings.Repeat("a", 1024): false, "\x00/": false,
	} {
		if err := CheckReturnTo(path); (err == nil) != allowed || err != nil && !errors.Is(err, WrongReturnTo) {
			t.Errorf("%q: %v", path, err)
		}
	}
	w := newWorld(t)
	_, _, err := w.Begin(t.Context(), "acme", redirectURL, "//evil.example")
	refused(t, err, WrongReturnTo)
}

func TestAnAttemptFitsIntoACookie(t *testing.T) {
	t.Parallel()
	for _, character := range []string{`"`, "<", "&", "a"} {
		token := strings.Repeat("s", 43)
		a := Attempt{strings.Repeat("p", 63), token, token, token, 1 << 40, "/" + strings.Repeat(character, longestReturnTo-1), strings.Repeat("o", 63)}
		text := a.Encode()
		if got, err := DecodeAttempt(text); err != nil || got != a || len(text) > longestAttempt {
			t.Errorf("%d bytes: %v, %v", len(text), got, err)
		}
	}
}

func TestAnAttemptThatWasChangedIsRefused(t *testing.T) {
	t.Parallel()
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for text, want := range map[string]Refusal{
		"": Malformed, "%": Malformed, encode("{"): Malformed, encode("[]"): Malformed, encode("{}"): Malformed, encode(`{"s":1}`): Malformed,
		encode(`{"s":"a","n":"b"}`): Malformed, strings.Repeat("a", longestAttempt+1): Malformed,
		encode(`{"s":"a","n":"b","v":"c"}`):                  WrongReturnTo,
		encode(`{"s":"a","n":"b","v":"c","r":"//evil"}`):     WrongReturnTo,
		encode(`{"p":"x","s":"a","n":"b","v":"c","r":"/x"}`): "",
	} {
		if _, err := DecodeAttempt(text); RefusalOf(err) != want {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzDecodeAttempt(f *testing.F) {
	f.Add(Attempt{"acme", "s", "n", "v", 1, "/x", ""}.Encode())
	f.Add("e30")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := DecodeAttempt(text)
		if err != nil {
			if a.State != "" && RefusalOf(err) == Malformed || RefusalOf(err) == "" {
				t.Errorf("%+v, %v", a, err)
			}
			return
		}
		if again, err := DecodeAttempt(a.Encode()); err == nil && again != a {
			t.Errorf("%+v became %+v", a, again)
		}
		origin, _ := url.Parse("https://usher.example/sign-in/acme/callback")
		if to, err := origin.Parse(a.ReturnTo); err != nil || to.Host != origin.Host || to.Scheme != "https" {
			t.Errorf("%q leads to %v, %v", a.ReturnTo, to, err)
		}
	})
}
