// Package config reads settings: defaults, overridden by a file, overridden by USHER_* environment variables, overridden by
// flags. A secret may come from a file, named by its key and `_file`. It knows no setting; the struct that it fills has them,
// by `koanf` tags.
package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/usher-scim/usher/services/internal/secret"
)

// prefix begins the names of the environment variables: USHER_GATEWAY__RATE_PER_SECOND is gateway.rate_per_second.
const prefix = "USHER_"

// Source is where settings come from, besides the defaults.
type Source struct {
	// File is a YAML file, or empty.
	File string
	// Environ is the environment, as os.Environ gives it.
	Environ []string
	// Ignore names environment variables that are not settings.
	Ignore []string
	// Flags are settings by key, such as "scim_addr".
	Flags map[string]any
}

// Load fills settings, which hold the defaults. An unknown key and a value of the wrong kind are errors that name the key.
func Load(settings any, source Source) error {
	k := koanf.New(".")
	if source.File != "" {
		if err := k.Load(file.Provider(source.File), yaml.Parser()); err != nil {
			return fmt.Errorf("reading the configuration file %s: %w", source.File, err)
		}
	}
	environment := env.Provider(".", env.Opt{
		Prefix:      prefix,
		EnvironFunc: func() []string { return source.Environ },
		TransformFunc: func(name, value string) (string, any) {
			if slices.Contains(source.Ignore, name) {
				return "", nil
			}
			return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "__", ".")), value
		},
	})
	if err := k.Load(environment, nil); err != nil {
		return fmt.Errorf("reading the environment: %w", err)
	}
	if err := k.Load(confmap.Provider(source.Flags, "."), nil); err != nil {
		return fmt.Errorf("reading the flags: %w", err)
	}
	if err := readSecrets(k, settings); err != nil {
		return err
	}
	decoding := koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: settings, TagName: "koanf", ErrorUnused: true, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(","), mapstructure.TextUnmarshallerHookFunc()),
	}}
	if err := k.UnmarshalWithConf("", settings, decoding); err != nil {
		return explain(err)
	}
	return nil
}

// fileSuffix ends the key that names a file with a secret: `operator_token_file` is where `operator_token` is read from.
const fileSuffix = "_file"

// readSecrets replaces each key that names a secret's file by what is in the file.
func readSecrets(k *koanf.Koanf, settings any) error {
	for _, key := range Keys(settings) {
		if _, ok := key.Default.(secret.Text); !ok || !k.Exists(key.Name+fileSuffix) {
			continue
		}
		path := k.String(key.Name + fileSuffix)
		k.Delete(key.Name + fileSuffix)
		if k.Exists(key.Name) {
			return fmt.Errorf("configuration: only one of %s and %s may be set", key.Name, key.Name+fileSuffix)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("configuration: %s: %w", key.Name+fileSuffix, err)
		}
		value := strings.TrimSpace(string(content))
		if value == "" {
			// As if nothing were set, which for a database means another one.
			return fmt.Errorf("configuration: %s: %s is empty", key.Name+fileSuffix, path)
		}
		if err := k.Set(key.Name, value); err != nil {
			return err
		}
	}
	return nil
}

// explain says what is wrong in one line a problem.
func explain(err error) error {
	var lines []string
	for _, line := range strings.Split(err.Error(), "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* "))
		if line != "" && !strings.HasPrefix(line, "decoding failed") && !strings.Contains(line, "error(s) decoding") {
			lines = append(lines, line)
		}
	}
	return errors.New("configuration: " + strings.Join(lines, "; "))
}

// Key is one setting, for documentation.
type Key struct {
	Name    string
	Default any
	Doc     string
}

// Keys lists the settings of a struct that holds the defaults, by their `koanf` and `doc` tags.
func Keys(defaults any) []Key { return keys("", reflect.Indirect(reflect.ValueOf(defaults))) }

func keys(parent string, v reflect.Value) []Key {
	var all []Key
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("koanf")
		if name == "" || name == "-" {
			continue
		}
		if name == ",squash" { // its keys are its parent's
			all = append(all, keys(parent, v.Field(i))...)
			continue
		}
		if parent != "" {
			name = parent + "." + name
		}
		if field.Type.Kind() == reflect.Struct {
			all = append(all, keys(name, v.Field(i))...)
			continue
		}
		all = append(all, Key{Name: name, Default: v.Field(i).Interface(), Doc: field.Tag.Get("doc")})
	}
	return all
}
