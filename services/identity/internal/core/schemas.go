package core

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Bounds of registered schemas.
const (
	maxSchemas     = 10       // per directory
	maxSchemaBytes = 64 << 10 // of a definition, as received and as stored
)

// definitionField is the place of a definition in a request.
const definitionField = "schema.definition"

// types are the resource types of a directory, with the extensions that are registered for it.
type types map[store.Type]*scim.ResourceType

// typesOf returns the types of an open or closed directory.
func (c *Core) typesOf(ctx context.Context, scope store.Scope) (types, error) {
	now := time.Now() // not the configured clock: this measures an age
	known, ok, change := c.types.find(scope, now)
	if ok {
		return known, nil
	}
	registered, err := c.store.Schemas(ctx, scope)
	if err != nil {
		return nil, err
	}
	t, err := c.extended(registered)
	if err != nil {
		return nil, err
	}
	c.types.set(scope, t, now, change)
	return t, nil
}

// extended returns the types of a directory with these schemas.
func (c *Core) extended(schemas []store.Schema) (types, error) {
	registered := make([]scim.Registered, 0, len(schemas))
	for _, s := range schemas {
		registered = append(registered, scim.Registered{Group: s.Type == store.Group, Definition: s.Definition})
	}
	t := make(types, len(c.kinds))
	for _, k := range c.kinds {
		t[k.of] = k.resource()
	}
	var err error
	t[store.User], t[store.Group], err = c.built.ExtendedTypes(registered)
	return t, err
}

// PutSchema registers a schema, in place of an existing one with the same id. permit gets the existing one, or the zero Schema, and may
// refuse. scim.ParseSchema says what a valid definition is.
func (c *Core) PutSchema(ctx context.Context, scope store.Scope, id string, of store.Type, definition []byte, permit func(before store.Schema) error) (store.Schema, error) {
	if len(definition) > maxSchemaBytes {
		return store.Schema{}, fault.Invalid(definitionField, "must have at most %d bytes as JSON", maxSchemaBytes)
	}
	parsed, err := scim.ParseSchema(definition)
	if err != nil {
		return store.Schema{}, ofDefinition(err)
	}
	if scim.Casefold(parsed.ID) != scim.Casefold(id) {
		return store.Schema{}, fault.Invalid(definitionField+".id", "differs from the schema's id in the request")
	}
	if _, err := c.directory(ctx, scope); err != nil {
		return store.Schema{}, err
	}
	now := c.config.Now().UTC().Truncate(time.Microsecond)
	s := store.Schema{Scope: scope, ID: parsed.ID, Type: of, CreateTime: now, UpdateTime: now}
	if s.Definition, err = parsed.MarshalJSON(); err != nil {
		return store.Schema{}, err
	}
	if len(s.Definition) > maxSchemaBytes {
		return store.Schema{}, fault.Invalid(definitionField, "has %d bytes as JSON once every characteristic that was left out is written; it must have at most %d",
			len(s.Definition), maxSchemaBytes)
	}
	written, err := c.store.PutSchema(ctx, s, func(before store.Schema, others []store.Schema) error {
		if err := permit(before); err != nil {
			return err
		}
		return c.beside(others, s)
	})
	if err != nil {
		return store.Schema{}, err
	}
	return written, c.outlast(ctx)
}

// beside checks whether a directory with other schemas can have a schema, too.
func (c *Core) beside(others []store.Schema, s store.Schema) error {
	if len(others) >= maxSchemas {
		return fault.New(fault.Limit, "the directory has %d schemas, which is the limit", len(others))
	}
	// A URN has one meaning in a directory, for users and for groups.
	together := slices.Clone(others)
	for i := range together {
		together[i].Type = s.Type
	}
	_, err := c.extended(append(together, s))
	return ofDefinition(err)
}

// SuggestSchemas returns schemas, by id, with the unregistered attributes among a directory's counts. PutSchema would accept all of them.
func (c *Core) SuggestSchemas(ctx context.Context, scope store.Scope, counts []store.MessageCount) ([]store.Schema, error) {
	seen := map[store.Type][]string{}
	for _, count := range counts {
		if count.Kind == store.Unregistered {
			of, attribute, _ := strings.Cut(count.Name, " ")
			seen[store.Type(of)] = append(seen[store.Type(of)], attribute)
		}
	}
	if len(seen) == 0 {
		return nil, nil
	}
	others, err := c.store.Schemas(ctx, scope)
	if err != nil {
		return nil, err
	}
	var suggested []store.Schema
	for _, of := range []store.Type{store.User, store.Group} {
		for _, parsed := range scim.Suggest(seen[of]) {
			s := store.Schema{Scope: scope, ID: parsed.ID, Type: of}
			if s.Definition, err = parsed.MarshalJSON(); err != nil {
				return nil, err
			}
			if len(s.Definition) <= maxSchemaBytes && c.beside(others, s) == nil {
				suggested, others = append(suggested, s), append(others, s)
			}
		}
	}
	slices.SortFunc(suggested, func(a, b store.Schema) int { return strings.Compare(a.ID, b.ID) })
	return suggested, nil
}

// outlast returns when no process reads a new message by the previous schemas any more.
func (c *Core) outlast(ctx context.Context) error {
	c.forget()
	if !c.config.Shared {
		return nil
	}
	// Other processes use what they read before the change for this long.
	if !wait.Sleep(ctx, remember) {
		return ctx.Err()
	}
	return nil
}

// ofDefinition converts an error in a definition to a fault that names the place.
func ofDefinition(err error) error {
	var e *scim.Error
	if !errors.As(err, &e) {
		return err
	}
	path := definitionField
	if e.Path != "" {
		path += "." + e.Path
	}
	return fault.Invalid(path, "%s", strings.TrimSuffix(e.Detail, "."))
}

// Schemas lists the registered schemas of an open or closed directory, by id. It waits briefly for a new directory.
func (c *Core) Schemas(ctx context.Context, scope store.Scope) ([]store.Schema, error) {
	if _, err := c.directory(ctx, scope); err != nil && !fault.Is(err, fault.Deleted) {
		return nil, err
	}
	return c.store.Schemas(ctx, scope)
}

// DeleteSchema deletes the schema that is registered under an id.
func (c *Core) DeleteSchema(ctx context.Context, scope store.Scope, id string) error {
	if err := c.store.DeleteSchema(ctx, scope, id); err != nil {
		return err
	}
	return c.outlast(ctx)
}
