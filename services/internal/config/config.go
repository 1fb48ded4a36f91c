// Package config reads settings: defaults, overridden by a file, overridden by USHER_* environment variables, overridden by flags. A secret
// may be in a file, which a key with the ending `_file` names. The `koanf` tags of the struct that it fills define the names of the
// settings. Each service has its own struct. A list of structs comes from the file. This package only defines the settings that all services
// behind the gateway share.
package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
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

// Source is the origin of settings, besides the defaults.
type Source struct {
	// File is a YAML file, or empty.
	File string
	// Environ is the environment, as os.Environ returns it.
	Environ []string
	// Ignore names environment variables that are not settings.
	Ignore []string
	// Flags are settings by key, such as "scim_addr".
	Flags map[string]any
}

// Values are the settings in the sources, by key.
type Values struct {
	values    *koanf.Koanf
	variables map[string]string // the environment variables that set keys
}

// Read reads the sources. At this point, the set of valid settings is not known.
func Read(source Source) (*Values, error) {
	v := &Values{koanf.New("."), map[string]string{}}
	if source.File != "" {
		if err := v.values.Load(file.Provider(source.File), yaml.Parser()); err != nil {
			return nil, fmt.Errorf("reading the configuration file %s: %w", source.File, err)
		}
	}
	environment := env.Provider(".", env.Opt{
		Prefix:      prefix,
		EnvironFunc: func() []string { return source.Environ },
		TransformFunc: func(name, value string) (string, any) {
			if slices.Contains(source.Ignore, name) {
				return "", nil
			}
			key := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "__", "."))
			v.variables[key] = name
			return key, value
		},
	})
	if err := v.values.Load(environment, nil); err != nil {
		return nil, fmt.Errorf("reading the environment: %w", err)
	}
	if err := v.values.Load(confmap.Provider(source.Flags, "."), nil); err != nil {
		return nil, fmt.Errorf("reading the flags: %w", err)
	}
	return v, nil
}

// Fill fills settings, which contain the defaults, and returns all problems: an unknown key, a value of the wrong type, a secret's file
// that cannot be read. A setting with a problem keeps its default, or is Unread.
func (v *Values) Fill(settings any) Problems {
	k, known := v.values.Copy(), Keys(settings)
	problems := readSecrets(k, known)
	problems = append(problems, removeUnknown(k, known, v.variables)...)
	decoding := koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: settings, TagName: "koanf", ErrorUnused: true, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(","), mapstructure.TextUnmarshallerHookFunc(),
			mapstructure.DecodeHookFuncKind(textOfBool)),
	}}
	if err := k.UnmarshalWithConf("", settings, decoding); err != nil {
		problems = append(problems, explain(err)...)
	}
	return problems
}

// textOfBool writes a boolean of a file as true or false where the setting is a text. Without it, it would be 1 or 0.
func textOfBool(from, to reflect.Kind, value any) (any, error) {
	if b, ok := value.(bool); ok && from == reflect.Bool && to == reflect.String {
		return strconv.FormatBool(b), nil
	}
	return value, nil
}

// Load reads the sources into settings, which contain the defaults.
func Load(settings any, source Source) error {
	v, err := Read(source)
	if err != nil {
		return err
	}
	return v.Fill(settings).Err()
}

// fileSuffix ends the key that names a file with a secret: `database_url_file` names the file with the value of `database_url`. A secret
// with a setting for several files, such as `operator_token` with `operator_token_files`, has no such key.
const fileSuffix = "_file"

// readSecrets replaces each key that names a secret's file by the contents of the file.
func readSecrets(k *koanf.Koanf, known []Key) (problems Problems) {
	for _, key := range known {
		several := slices.ContainsFunc(known, func(other Key) bool { return other.Name == key.Name+fileSuffix+"s" })
		if _, ok := key.Default.(secret.Text); !ok || several || !k.Exists(key.Name+fileSuffix) {
			continue
		}
		path := k.String(key.Name + fileSuffix)
		k.Delete(key.Name + fileSuffix)
		if k.Exists(key.Name) {
			problems = append(problems, fmt.Errorf("%s and %s must not both be set", key.Name, key.Name+fileSuffix))
			continue
		}
		content, err := os.ReadFile(path)
		value := strings.TrimSpace(string(content))
		if err == nil && value == "" {
			// An empty file must not mean an unset secret: for a database, this would select another one.
			err = fmt.Errorf("%s is empty", path)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key.Name+fileSuffix, err))
			value = Unread.Reveal()
		}
		if err := k.Set(key.Name, value); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key.Name, err))
		}
	}
	return problems
}

// removeUnknown removes the keys that are not settings. variables are the environment variables that set keys.
func removeUnknown(k *koanf.Koanf, known []Key, variables map[string]string) (problems Problems) {
	for _, key := range k.Keys() {
		if slices.ContainsFunc(known, func(k Key) bool { return k.Name == key || strings.HasPrefix(k.Name, key+".") }) {
			continue
		}
		k.Delete(key)
		if name, found := variables[key]; found {
			problems = append(problems, fmt.Errorf("%s is not a setting: no key has the name %s", name, key))
		} else {
			problems = append(problems, fmt.Errorf("%s is not a setting", key))
		}
	}
	for _, key := range known {
		list, ok := k.Get(key.Name).([]any)
		if !ok || !isListOfStructs(reflect.TypeOf(key.Default)) {
			continue
		}
		pruned, unknown := withoutUnknown(key.Name, list, reflect.TypeOf(key.Default).Elem())
		problems = append(problems, unknown...)
		if err := k.Set(key.Name, pruned); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key.Name, err))
		}
	}
	return problems
}

// withoutUnknown returns a copy of a list of structs without the keys that a struct does not have. path is the key of the list.
func withoutUnknown(path string, list []any, element reflect.Type) (pruned []any, problems Problems) {
	fields := map[string]reflect.Type{}
	for i := range element.NumField() {
		fields[element.Field(i).Tag.Get("koanf")] = element.Field(i).Type
	}
	for i, value := range list {
		values, ok := value.(map[string]any)
		if !ok {
			pruned = append(pruned, value) // the decoder refuses it
			continue
		}
		kept := map[string]any{}
		for name, value := range values {
			key := fmt.Sprintf("%s[%d].%s", path, i, name)
			field, known := fields[name]
			if !known {
				problems = append(problems, fmt.Errorf("%s is not a setting", key))
				continue
			}
			if inner, ok := value.([]any); ok && isListOfStructs(field) {
				below, unknown := withoutUnknown(key, inner, field.Elem())
				value, problems = below, append(problems, unknown...)
			}
			kept[name] = value
		}
		pruned = append(pruned, kept)
	}
	return pruned, problems
}

func isListOfStructs(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// explain returns a problem for each line of a decoding error.
func explain(err error) (problems Problems) {
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* "))
		if line != "" && !strings.HasPrefix(line, "decoding failed") && !strings.Contains(line, "error(s) decoding") {
			problems = append(problems, errors.New(line))
		}
	}
	return problems
}

// Unread is the value of a secret whose file cannot be read; a check reports no other problem of it. No header can contain its first
// character, so it opens nothing if a caller uses it in spite of the problem.
const Unread secret.Text = "\x00a secret whose file cannot be read"

// Key is one setting, for documentation.
type Key struct {
	Name    string
	Default any
	Doc     string
}

// Keys lists the settings of a struct with the defaults, by their `koanf` and `doc` tags. The keys of a list of structs are the list itself,
// and then those of each element, such as oidc[0].name; oidc[].name stands for an element of an empty list.
func Keys(defaults any) []Key { return keys("", reflect.Indirect(reflect.ValueOf(defaults))) }

func keys(parent string, v reflect.Value) []Key {
	var all []Key
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("koanf")
		if name == "" || name == "-" {
			continue
		}
		if name == ",squash" { // its keys are those of its parent
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
		if !isListOfStructs(field.Type) {
			continue
		}
		if v.Field(i).Len() == 0 {
			all = append(all, keys(name+"[]", reflect.Zero(field.Type.Elem()))...)
		}
		for n := range v.Field(i).Len() {
			all = append(all, keys(fmt.Sprintf("%s[%d]", name, n), v.Field(i).Index(n))...)
		}
	}
	return all
}
