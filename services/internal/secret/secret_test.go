package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/secret"
)

func TestASecretNeverPrints(t *testing.T) {
	t.Parallel()
	const hush = secret.Text("hush")
	within := struct {
		Token secret.Text
		All   []secret.Text
	}{hush, []secret.Text{hush}}
	for _, value := range []any{hush, within, &within, map[string]secret.Text{"token": hush}, fmt.Errorf("opening %s", hush)} {
		var printed strings.Builder
		// %d does not fit a text: package fmt prints the value in spite of this.
		for _, format := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%d", "%t", "%10s"} {
			fmt.Fprintf(&printed, format+"\n", value)
		}
		slog.New(slog.NewTextHandler(&printed, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "value", value)
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(text)
		for _, leak := range []string{"hush", fmt.Sprintf("%x", "hush")} {
			if strings.Contains(printed.String(), leak) {
				t.Errorf("a secret is in %s", printed.String())
			}
		}
	}
}

func TestAPrintedSecretShowsWhetherThereIsOne(t *testing.T) {
	t.Parallel()
	if text := fmt.Sprintf("%s,%v", secret.Text("hush"), secret.Text("")); text != "[secret]," {
		t.Errorf("printed: %s", text)
	}
	if secret.Text("hush").Reveal() != "hush" {
		t.Error("it does not reveal itself")
	}
}
