package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// overviewStage is a stage with an organization as the console shows it.
type overviewStage struct {
	*stage
	directories []string // their ids; the large one is the first
}

const (
	smallDirectories, usersOfSmall = 49, 5
	overviewRules                  = 20
	// openEvents is how many failed events nobody has acknowledged. As many are acknowledged.
	openEvents = 100_000
	// talliesPerHour is how many tallies a directory has in each hour: one for each gateway, and one for each restart.
	talliesPerHour, hoursOfTallies = "4", "720"
	// ignoredAttributes is the most that are stored for a directory.
	ignoredAttributes = "100"
)

// eventReasons are the reasons of the failed events, in turns.
var eventReasons = []string{
	"SCIM_UNIQUENESS", "SCIM_INVALID_VALUE", "SCIM_INVALID_SYNTAX", "SCIM_INVALID_PATH", "SCIM_NO_TARGET", "SCIM_MUTABILITY", "NOT_FOUND", "CONFLICT",
}

// withoutStatistics keeps PostgreSQL from analyzing the tables by itself.
const withoutStatistics = `DO $$
	DECLARE t record;
	BEGIN
		FOR t IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE 'usher%' LOOP
			EXECUTE format('ALTER TABLE %I.%I SET (autovacuum_enabled = false)', t.schemaname, t.tablename);
		END LOOP;
	END $$`

// The statements that fill tables. The arguments are the organization and the ids of its directories, the large one first. Those of
// fillEvents are also the reasons, and the number of events: half of them are of the large directory, and each second one is acknowledged.
const (
	fillTallies = `INSERT INTO usher_failedevents.tallies (organization_id, directory_id, hour, id, accepted, failed, rate_limited)
		SELECT $1, d.id, last.hour - ago * 3600000000, '01900000-0000-7000-a000-' || lpad(to_hex(n), 12, '0'), 1000, 10, n
		FROM unnest($2::text[]) d (id), generate_series(1, ` + talliesPerHour + `) n, generate_series(0, ` + hoursOfTallies + `::bigint - 1) ago,
			(SELECT (extract(epoch FROM now()))::bigint / 3600 * 3600000000 AS hour) last`
	fillActivity = `INSERT INTO usher_failedevents.activity (organization_id, directory_id, last_message_time, last_accepted_time, last_failed_time)
		SELECT $1, d.id, now.time, now.time, now.time
		FROM unnest($2::text[]) d (id), (SELECT (extract(epoch FROM now()) * 1000000)::bigint AS time) now
		ON CONFLICT DO NOTHING`
	fillEvents = `INSERT INTO usher_failedevents.events (organization_id, id, directory_id, message_id, source, time, operation, resource_id,
			status, reason, scim_type, detail, remedy, admin_action, trace_id, acknowledge_time, acknowledged_by, subject, subject_key,
			conflicting_resource_id, conflicting_name, conflicting_key)
		SELECT $1, '01900000-0000-7000-b000-' || lpad(to_hex(n), 12, '0'),
			($2::text[])[CASE WHEN n / 2 % 2 = 0 THEN 1 ELSE 1 + n / 4 % cardinality($2) END],
			'01900000-0000-7000-c000-' || lpad(to_hex(n), 12, '0'), 1, now.time - n * 12000000::bigint, 'POST /Users', '', 409,
			($3::text[])[1 + n / 8 % cardinality($3)], 'uniqueness',
			'another user has the userName that the message contains, and a directory has each userName only once', 'Remove the other user.',
			'Nothing.', lpad(to_hex(n), 32, '0'), CASE WHEN n % 2 = 0 THEN 0 ELSE now.time END, CASE WHEN n % 2 = 0 THEN '' ELSE 'admin' END,
			'person.' || n, md5('person.' || n), '', '', ''
		FROM generate_series(0, $4::integer - 1) n, (SELECT (extract(epoch FROM now()) * 1000000)::bigint AS time) now`
	fillIgnored = `INSERT INTO usher_identity.message_counts (organization_id, directory_id, kind, name, messages, first_time, last_time,
			last_message_id)
		SELECT $1, d.id, 2, 'ignored' || n, 1000, now.time, now.time, '01900000-0000-7000-c000-000000000000'
		FROM unnest($2::text[]) d (id), generate_series(1, ` + ignoredAttributes + `) n,
			(SELECT (extract(epoch FROM now()) * 1000000)::bigint AS time) now`
)

// fill creates the database, with the large directory, the small ones, rules, and what the messages of a month leave behind.
func (s *overviewStage) fill(ctx context.Context) (err error) {
	if err := s.server.create(ctx, overviewDatabase, templateDatabase); err != nil {
		return err
	}
	if err := s.server.execute(ctx, overviewDatabase, withoutStatistics); err != nil {
		return err
	}
	users := postgresFill
	users.tidy = []string{"CHECKPOINT"}
	if err := s.fillDatabase(ctx, overviewDatabase, users, s.users); err != nil {
		return err
	}
	if err := s.fillPeople(ctx); err != nil {
		return err
	}
	u, err := s.usherAt(ctx, postgresSetup, overviewDatabase, s.account, s.users)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.close()) }()
	if err := errors.Join(u.checkFill(ctx), s.createRules(ctx, u), s.createListedRules(ctx, u)); err != nil {
		return err
	}
	s.directories = []string{s.account.Directory}
	for n := range smallDirectories {
		if err := s.addSmall(ctx, u, n); err != nil {
			return err
		}
	}
	conn, err := pgx.Connect(ctx, s.server.address(overviewDatabase))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for _, statement := range []string{fillTallies, fillActivity, fillIgnored} {
		if _, err := conn.Exec(ctx, statement, organization, s.directories); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, fillEvents, organization, s.directories, eventReasons, 2*openEvents)
	return err
}

// createRules creates rules that match the small groups of the large directory.
func (s *overviewStage) createRules(ctx context.Context, u *usher) error {
	ctx = u.asOperator(ctx)
	if _, err := rulev1.NewTenantServiceClient(u.public).CreateTenant(ctx,
		&rulev1.CreateTenantRequest{OrganizationId: organization, Tenant: &rulev1.Tenant{Id: generatorTenant}}); err != nil {
		return err
	}
	for n := range overviewRules {
		if _, err := rulev1.NewRuleServiceClient(u.public).CreateRule(ctx, &rulev1.CreateRuleRequest{OrganizationId: organization, Rule: &rulev1.Rule{
			Enabled: proto.Bool(true), Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: filledGroupID(n)}},
			Grants: []*rulev1.Grant{{TenantId: generatorTenant, RoleId: generatorRoleID}},
		}}); err != nil {
			return err
		}
	}
	return nil
}

// addSmall creates a small directory, with users and milestones.
func (s *overviewStage) addSmall(ctx context.Context, u *usher, n int) error {
	a, err := u.addDirectory(ctx, fmt.Sprintf("small %d", n), "")
	if err != nil {
		return err
	}
	s.directories = append(s.directories, a.Directory)
	small := &usher{processes: u.processes}
	small.open(a)
	defer small.connections.close()
	for i := range usersOfSmall {
		if err := small.post(ctx, "/Users", userBody(fmt.Sprintf("small-%d-%d", n, i))); err != nil {
			return err
		}
	}
	return small.post(ctx, "/Groups", groupBody)
}
