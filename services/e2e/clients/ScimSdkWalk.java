import com.fasterxml.jackson.databind.node.TextNode;
import de.captaingoldfish.scim.sdk.client.ScimClientConfig;
import de.captaingoldfish.scim.sdk.client.ScimRequestBuilder;
import de.captaingoldfish.scim.sdk.client.resources.MetaConfiguration;
import de.captaingoldfish.scim.sdk.client.response.ServerResponse;
import de.captaingoldfish.scim.sdk.common.constants.enums.Comparator;
import de.captaingoldfish.scim.sdk.common.constants.enums.HttpMethod;
import de.captaingoldfish.scim.sdk.common.constants.enums.PatchOp;
import de.captaingoldfish.scim.sdk.common.constants.enums.SortOrder;
import de.captaingoldfish.scim.sdk.common.etag.ETag;
import de.captaingoldfish.scim.sdk.common.request.PatchOpRequest;
import de.captaingoldfish.scim.sdk.common.request.PatchRequestOperation;
import de.captaingoldfish.scim.sdk.common.resources.Group;
import de.captaingoldfish.scim.sdk.common.resources.ServiceProvider;
import de.captaingoldfish.scim.sdk.common.resources.User;
import de.captaingoldfish.scim.sdk.common.resources.complex.Name;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.Email;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.Member;
import de.captaingoldfish.scim.sdk.common.response.BulkResponse;
import de.captaingoldfish.scim.sdk.common.response.BulkResponseOperation;
import de.captaingoldfish.scim.sdk.common.response.ErrorResponse;
import de.captaingoldfish.scim.sdk.common.response.ListResponse;
import de.captaingoldfish.scim.sdk.common.utils.JsonHelper;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Does with the SCIM SDK's client what an IdP does. The client holds each answer to its own schemas. */
public class ScimSdkWalk {
  private static final Checks checks = new Checks("SCIM SDK's client");

  public static void main(String[] arguments) {
    ScimClientConfig config =
        ScimClientConfig.builder()
            .httpHeaders(Map.of("Authorization", "Bearer " + System.getenv("USHER_KEY")))
            .expectedHttpResponseHeaders(Map.of("Content-Type", "application/scim+json"))
            .build();
    try (ScimRequestBuilder client = new ScimRequestBuilder(arguments[0], config)) {
      walk(client);
    } catch (RuntimeException e) {
      checks.find("the walk ends", e + " at " + e.getStackTrace()[0]);
    }
    checks.end(60);
  }

  private static void walk(ScimRequestBuilder client) {
    ServiceProvider provider = client.loadServiceProviderConfiguration();
    checks.expect("what is served is told", () -> provider.getPatchConfig().isSupported(), provider);
    // Not by answered: of what the client put together itself it cannot tell whether it is SCIM.
    ServerResponse<MetaConfiguration> discovered = client.loadMetaConfiguration().sendRequest();
    checks.expect("discovery", () -> discovered.isSuccess() && discovered.getResource() != null, discovered.getResponseBody());

    List<String> ids = new ArrayList<>();
    for (String name : List.of("ann", "bob", "cy", "dee", "eve")) {
      ServerResponse<User> created =
          answered("creating a user", client.create(User.class, "/Users").setResource(user(name)).sendRequest(), 201);
      ids.add(created.getResource().getId().orElseThrow());
      checks.expect("a created user is returned", () -> name.equals(userName(created)), created.getResponseBody());
    }
    String ann = ids.get(0);
    ServerResponse<User> twice =
        answered("creating a user twice", client.create(User.class, "/Users").setResource(user("ANN")).sendRequest(), 409);
    checks.expect(
        "a user twice is uniqueness",
        () -> twice.getErrorResponse().getScimType().orElse("").equals("uniqueness"),
        twice.getResponseBody());

    ServerResponse<User> read = answered("reading a user", client.get(User.class, "/Users", ann).sendRequest(), 200);
    String etag =
        read.getHttpHeaders().entrySet().stream().filter(h -> h.getKey().equalsIgnoreCase("ETag"))
            .findFirst().orElseThrow().getValue();
    answered("reading a user that is known",
        client.get(User.class, "/Users", ann).setETagForIfNoneMatch(etag).sendRequest(), 304);

    User changed = read.getResource();
    changed.setTitle("Boss");
    ServerResponse<User> replaced =
        answered("replacing a user",
            client.update(User.class, "/Users", ann).setETagForIfMatch(etag).setResource(changed).sendRequest(), 200);
    checks.expect(
        "a replaced user has its title",
        () -> replaced.getResource().getTitle().orElse("").equals("Boss"),
        replaced.getResponseBody());
    answered("replacing a user that somebody changed",
        client.update(User.class, "/Users", ann).setETagForIfMatch(etag).setResource(changed).sendRequest(), 412);

    lists(client);
    patches(client, ann);
    String crew = groups(client, ids);
    root(client);
    answered("deleting a group", client.delete(Group.class, "/Groups", crew).sendRequest(), 204);
    bulk(client);
    answered("deleting a user", client.delete(User.class, "/Users", ann).sendRequest(), 204);
    answered("reading a user that was deleted", client.get(User.class, "/Users", ann).sendRequest(), 404);
  }

  private static void lists(ScimRequestBuilder client) {
    ServerResponse<ListResponse<User>> found =
        answered("filtering users",
            client.list(User.class, "/Users").filter("userName", Comparator.EQ, "BOB").build().get().sendRequest(), 200);
    checks.expect("a filter finds one user", () -> found.getResource().getTotalResults() == 1, found.getResponseBody());
    ServerResponse<ListResponse<User>> sorted =
        answered(
            "sorting users",
            client.list(User.class, "/Users").sortBy("userName").sortOrder(SortOrder.DESCENDING)
                .startIndex(2).count(2).attributes("userName").get().sendRequest(),
            200);
    checks.expect("a page of sorted users", () -> names(sorted).equals(List.of("dee", "cy")), sorted.getResponseBody());
    // Without a count, which the client takes for how many to read in all.
    ServerResponse<ListResponse<User>> all = client.list(User.class, "/Users").get().getAll();
    checks.expect(
        "all pages have all users",
        () -> all.isSuccess() && Set.copyOf(names(all)).equals(Set.of("ann", "bob", "cy", "dee", "eve")),
        all.getHttpStatus() + " " + names(all));
    ServerResponse<ListResponse<User>> searched =
        answered("searching users",
            client.list(User.class, "/Users").filter("emails.value", Comparator.EW, "@example.com").build().post().sendRequest(), 200);
    checks.expect("a search finds all users", () -> searched.getResource().getTotalResults() == 5, searched.getResponseBody());
  }

  private static void patches(ScimRequestBuilder client, String ann) {
    ServerResponse<User> patched =
        answered(
            "changing a user",
            client
                .patch(User.class, "/Users", ann)
                .addOperation().op(PatchOp.REPLACE).path("name.givenName").value("Anna").next()
                .op(PatchOp.ADD).path("emails").valueNode(Email.builder().type("home").value("ann@home").primary(true).build()).next()
                .op(PatchOp.REMOVE).path("title").build()
                .sendRequest(),
            200);
    User user = patched.getResource();
    checks.expect(
        "a part was replaced",
        () -> user.getName().orElseThrow().getGivenName().orElse("").equals("Anna"),
        patched.getResponseBody());
    checks.expect("a value was added", () -> user.getEmails().size() == 2, patched.getResponseBody());
    checks.expect(
        "one value is primary",
        () -> user.getEmails().stream().filter(e -> e.isPrimary()).count() == 1,
        patched.getResponseBody());
    checks.expect("a value was removed", () -> user.getTitle().isEmpty(), patched.getResponseBody());
    ServerResponse<User> wrong =
        answered("changing what is not there",
            client.patch(User.class, "/Users", ann).addOperation().op(PatchOp.ADD).path("shoeSize").valueNode(new TextNode("43")).build().sendRequest(), 400);
    checks.expect(
        "what is not there is invalidPath",
        () -> wrong.getErrorResponse().getScimType().orElse("").equals("invalidPath"),
        wrong.getResponseBody());
  }

  private static String groups(ScimRequestBuilder client, List<String> ids) {
    Group group = Group.builder().displayName("Crew").members(List.of(member(ids.get(0)), member(ids.get(1)))).build();
    ServerResponse<Group> created =
        answered("creating a group", client.create(Group.class, "/Groups").setResource(group).sendRequest(), 201);
    String crew = created.getResource().getId().orElseThrow();
    ServerResponse<Group> patched =
        client.patch(Group.class, "/Groups", crew)
            .addOperation().op(PatchOp.ADD).path("members").valueNode(member(ids.get(2))).next()
            .op(PatchOp.REMOVE).path("members[value eq \"" + ids.get(0) + "\"]").build()
            .sendRequest();
    checks.expect(
        "changing a group",
        () -> Set.of(200, 204).contains(patched.getHttpStatus()),
        patched.getHttpStatus() + " " + patched.getResponseBody());
    ServerResponse<Group> read = answered("reading a group", client.get(Group.class, "/Groups", crew).sendRequest(), 200);
    Set<String> members = read.getResource().getMembers().stream().map(m -> m.getValue().orElse("")).collect(Collectors.toSet());
    checks.expect("the group has its members", () -> members.equals(Set.of(ids.get(1), ids.get(2))), read.getResponseBody());
    ServerResponse<User> user = answered("reading a member", client.get(User.class, "/Users", ids.get(2)).sendRequest(), 200);
    checks.expect("a member has its group", () -> user.getResource().getGroups().size() == 1, user.getResponseBody());
    return crew;
  }

  private static void root(ScimRequestBuilder client) {
    // The client has no type for either: of a group, as of a user, only the id is read.
    ServerResponse<ListResponse<User>> all =
        answered("searching all", client.list(User.class, "").attributes("id").post().sendRequest(), 200);
    checks.expect("a search of all has users and groups", () -> all.getResource().getTotalResults() == 6, all.getResponseBody());
    ServerResponse<ListResponse<User>> either =
        answered("filtering all",
            client.list(User.class, "/").filter("userName eq \"eve\" or displayName eq \"Crew\"").get().sendRequest(), 200);
    checks.expect("a filter of either type", () -> either.getResource().getTotalResults() == 2, either.getResponseBody());

    // The client knows no cursors, but passes one on.
    Set<String> met = new HashSet<>();
    String cursor = "";
    int pages = 0;
    do {
      ServerResponse<ListResponse<User>> page =
          answered("a page by cursor", client.list(User.class, "").custom("cursor", cursor).count(4).get().sendRequest(), 200);
      page.getResource().getListedResources().forEach(one -> met.add(one.getId().orElseThrow()));
      cursor = JsonHelper.readJsonDocument(page.getResponseBody()).path("nextCursor").asText();
    } while (!cursor.isEmpty() && ++pages < 10);
    checks.expect("all pages by cursor have all", () -> met.size() == 6, met);
  }

  private static void bulk(ScimRequestBuilder client) {
    Group group = Group.builder().displayName("Bulk").members(List.of(member("bulkId:flo"))).build();
    ServerResponse<BulkResponse> created =
        answered(
            "a bulk request",
            client.bulk()
                .bulkRequestOperation("/Groups").method(HttpMethod.POST).bulkId("crew").data(group).next()
                .bulkRequestOperation("/Users").method(HttpMethod.POST).bulkId("flo").data(user("flo")).next()
                .bulkRequestOperation("/Users").method(HttpMethod.POST).bulkId("twin").data(user("ANN")).sendRequest(),
            200);
    checks.expect(
        "a bulk request tells of each operation",
        () -> statuses(created).equals(List.of(201, 201, 409)),
        created.getResponseBody());
    checks.expect(
        "an operation that failed tells why",
        () -> created.getResource().getByBulkId("twin").orElseThrow()
            .getResponse(ErrorResponse.class).orElseThrow().getScimType().orElse("").equals("uniqueness"),
        created.getResponseBody());
    String crew = location(created, "crew");
    String flo = location(created, "flo");
    ServerResponse<Group> read =
        answered("reading what a bulk request created", client.get(crew, Group.class).sendRequest(), 200);
    checks.expect(
        "a reference to what is created later",
        () -> flo.endsWith("/" + read.getResource().getMembers().get(0).getValue().orElse("")),
        read.getResponseBody());

    PatchRequestOperation title = PatchRequestOperation.builder().op(PatchOp.REPLACE).path("title").value("Boss").build();
    PatchOpRequest boss = PatchOpRequest.builder().operations(List.of(title)).build();
    String path = flo.substring(flo.indexOf("/Users/"));
    ServerResponse<BulkResponse> ended =
        answered(
            "a bulk request that ends early",
            client.bulk().failOnErrors(1)
                .bulkRequestOperation(path).method(HttpMethod.PATCH).data(boss).next()
                .bulkRequestOperation(path).method(HttpMethod.DELETE).version(ETag.builder().weak(true).tag("99").build()).next()
                .bulkRequestOperation(path).method(HttpMethod.DELETE).sendRequest(),
            200);
    checks.expect("failOnErrors ends a bulk request", () -> statuses(ended).equals(List.of(200, 412)), ended.getResponseBody());
    ServerResponse<BulkResponse> deleted =
        answered(
            "deleting in bulk",
            client.bulk()
                .bulkRequestOperation(path).method(HttpMethod.DELETE).next()
                .bulkRequestOperation(crew.substring(crew.indexOf("/Groups/"))).method(HttpMethod.DELETE).sendRequest(),
            200);
    checks.expect("all was deleted in bulk", () -> statuses(deleted).equals(List.of(204, 204)), deleted.getResponseBody());
  }

  private static User user(String name) {
    return User.builder()
        .userName(name)
        .name(Name.builder().givenName(name).familyName("Lee").build())
        .emails(List.of(Email.builder().type("work").value(name + "@example.com").primary(true).build()))
        .active(true)
        .build();
  }

  private static Member member(String id) {
    return Member.builder().value(id).type("User").build();
  }

  private static String userName(ServerResponse<User> r) {
    return r.getResource().getUserName().orElse("");
  }

  private static List<Integer> statuses(ServerResponse<BulkResponse> r) {
    return r.getResource().getBulkResponseOperations().stream().map(BulkResponseOperation::getStatus).collect(Collectors.toList());
  }

  private static String location(ServerResponse<BulkResponse> r, String bulkId) {
    return r.getResource().getByBulkId(bulkId).orElseThrow().getLocation().orElseThrow();
  }

  private static List<String> names(ServerResponse<ListResponse<User>> r) {
    return r.getResource().getListedResources().stream().map(u -> u.getUserName().orElse("")).collect(Collectors.toList());
  }

  /** Checks a status, and that the client took an answer with a body for one of SCIM. */
  private static <R extends ServerResponse<?>> R answered(String what, R r, int status) {
    checks.expect(what, () -> r.getHttpStatus() == status, r.getHttpStatus() + " " + r.getResponseBody());
    if (status != 204 && status != 304) {
      checks.expect(what + ", as SCIM", r::isValidScimResponse, r.getHttpHeaders() + " " + r.getResponseBody());
    }
    return r;
  }
}
