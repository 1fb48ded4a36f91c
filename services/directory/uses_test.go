package directory_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func (b *bundle) record(r *directoryv1.RecordUsesRequest) error {
	_, err := directoryv1.NewUseServiceClient(b.channel.As(commonv1.Caller_CALLER_GATEWAY)).RecordUses(
		rpc.WithPrincipal(b.Context(), &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}), r)
	return err
}

func keyUse(secret, address string, at time.Time) *directoryv1.KeyUse {
	digest := sha256.Sum256([]byte(secret))
	return &directoryv1.KeyUse{KeyDigest: digest[:], UseTime: timestamppb.New(at), Address: address}
}

func TestKeysAndCredentialsSayWhenTheyWereUsedLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory()
	id := made.GetDirectory().GetId()
	credential := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true}})
	last := func() string {
		key, credential := b.listedKey(id), b.listedCredential()
		return fmt.Sprint(key.GetLastUseTime().AsTime().Sub(b.clock.Now().Truncate(time.Minute)), key.GetLastUseAddress(), " ",
			credential.GetLastUseTime().AsTime().Sub(b.clock.Now().Truncate(time.Minute)), credential.GetLastUseAddress())
	}
	if key := b.listedKey(id); key.GetLastUseTime() != nil || key.GetLastUseAddress() != "" {
		t.Errorf("an unused key: %v", key)
	}
	uses := func(at time.Time, address string) *directoryv1.RecordUsesRequest {
		return &directoryv1.RecordUsesRequest{Uses: []*directoryv1.KeyUse{
			keyUse(made.GetSecret(), address, at), keyUse(credential.GetSecret(), address, at), keyUse("unknown", address, at),
		}}
	}
	must(t, b.record(uses(b.clock.Now(), "192.0.2.1")))
	equal(t, "to the minute", last(), "0s192.0.2.1 0s192.0.2.1")
	must(t, b.record(uses(b.clock.Now().Add(-time.Minute), "192.0.2.2")))
	equal(t, "after an older use", last(), "0s192.0.2.1 0s192.0.2.1")
	b.clock.advance(time.Minute)
	must(t, b.record(uses(b.clock.Now().Add(time.Hour), "2001:db8::1")))
	equal(t, "by a gateway whose clock is ahead", last(), "0s2001:db8::1 0s2001:db8::1")
	b.clock.advance(time.Minute)
	must(t, b.record(uses(b.clock.Now(), "")))
	equal(t, "a later use", last(), "0s 0s")
	refused(t, "an address that is none", b.record(uses(b.clock.Now(), "here")), fault.InvalidRequest)
	refused(t, "too many", b.record(&directoryv1.RecordUsesRequest{Uses: make([]*directoryv1.KeyUse, 1001)}), fault.InvalidRequest)
}

// The feed of directories does not send refusals: they would wake all services that follow it.
func TestADirectoryCountsWhatItRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory().GetDirectory()
	now := b.clock.Now().UTC().Truncate(time.Microsecond)
	const other, unknown = directoryv1.RefusalReason_REFUSAL_REASON_OTHER_DIRECTORY, directoryv1.RefusalReason_REFUSAL_REASON_UNKNOWN_KEY
	refusal := func(id string, count int64, reason directoryv1.RefusalReason, at time.Time) *directoryv1.DirectoryRefusals {
		return &directoryv1.DirectoryRefusals{DirectoryId: id, Count: count, LastReason: reason, LastTime: timestamppb.New(at)}
	}
	must(t, b.record(&directoryv1.RecordUsesRequest{Refusals: []*directoryv1.DirectoryRefusals{
		refusal(made.GetId(), 2, unknown, now.Add(-time.Second)), refusal(ids.New(), 5, unknown, now), refusal(made.GetId(), 1, other, now),
	}}))
	r, err := b.directories.GetDirectory(b.operator(), &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: made.GetId()})
	must(t, err)
	got := r.GetDirectory()
	equal(t, "the refusals", []any{got.GetRefusedCount(), got.GetLastRefusalReason(), got.GetLastRefusalTime().AsTime()}, []any{int64(3), other, now})
	equal(t, "the etag", got.GetEtag(), made.GetEtag())
	feed, err := b.feed.WatchDirectories(rpc.WithPrincipal(t.Context(), &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}), &directoryv1.WatchDirectoriesRequest{})
	must(t, err)
	first, err := feed.Recv()
	must(t, err)
	equal(t, "in the feed", []any{first.GetDirectory().GetRefusedCount(), first.GetRevision(), first.GetCaughtUp()}, []any{0, 1, true})
}

func TestAKeyNamesItsCreator(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	id := b.directory().GetDirectory().GetId()
	first := b.listedKey(id)
	equal(t, "the creator of the first key", first.GetCreatedByKind().String()+" "+first.GetCreatedBy(), "PRINCIPAL_KIND_OPERATOR operator")
	admin := rpc.WithPrincipal(t.Context(), &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_ADMIN, Subject: "ann", OrganizationId: "acme", Scopes: 1 << commonv1.Scope_SCOPE_MANAGE_DIRECTORIES,
	})
	_, err := b.keys.RotateApiKey(admin, &directoryv1.RotateApiKeyRequest{OrganizationId: "acme", DirectoryId: id, Id: first.GetId()})
	must(t, err)
	equal(t, "the creator of a rotated key", b.listedKey(id).GetCreatedByKind().String()+" "+b.listedKey(id).GetCreatedBy(), "PRINCIPAL_KIND_ORGANIZATION_ADMIN ann")
}
