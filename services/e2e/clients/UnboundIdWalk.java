import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.client.requests.SearchRequestBuilder;
import com.unboundid.scim2.common.GenericScimResource;
import com.unboundid.scim2.common.ScimResource;
import com.unboundid.scim2.common.bulk.BulkOperation;
import com.unboundid.scim2.common.bulk.BulkOperationResult;
import com.unboundid.scim2.common.bulk.BulkResponse;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.messages.ListResponse;
import com.unboundid.scim2.common.messages.PatchOperation;
import com.unboundid.scim2.common.messages.SortOrder;
import com.unboundid.scim2.common.types.Email;
import com.unboundid.scim2.common.types.EnterpriseUserExtension;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.Manager;
import com.unboundid.scim2.common.types.Member;
import com.unboundid.scim2.common.types.Name;
import com.unboundid.scim2.common.types.ResourceTypeResource;
import com.unboundid.scim2.common.types.SchemaResource;
import com.unboundid.scim2.common.types.ServiceProviderConfigResource;
import com.unboundid.scim2.common.types.UserResource;
import com.unboundid.scim2.common.utils.JsonUtils;
import jakarta.ws.rs.client.Client;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import jakarta.ws.rs.client.ClientResponseContext;
import jakarta.ws.rs.client.ClientResponseFilter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.glassfish.jersey.apache5.connector.Apache5ConnectorProvider;
import org.glassfish.jersey.client.ClientConfig;

/**
 * Does with the UnboundID SCIM 2 SDK's client what an IdP does. Each answer is read into the SDK's types, which refuse an
 * attribute that they do not know.
 */
public class UnboundIdWalk {
  private static final String DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";

  private final Checks checks = new Checks("UnboundID SCIM 2 SDK's client");
  private final ScimService client;
  private ClientResponseContext last; // the answer that the client read last

  public static void main(String[] arguments) {
    // HttpURLConnection, which Jersey takes by itself, has no PATCH.
    Client http = ClientBuilder.newClient(new ClientConfig().connectorProvider(new Apache5ConnectorProvider()));
    try {
      new UnboundIdWalk(http, arguments[0]).walk();
    } finally {
      http.close();
    }
  }

  private UnboundIdWalk(Client http, String baseUrl) {
    ClientRequestFilter key = request -> request.getHeaders().putSingle("Authorization", "Bearer " + System.getenv("USHER_KEY"));
    ClientResponseFilter keep = (request, response) -> last = response;
    client = new ScimService(http.register(key).register(keep).target(baseUrl));
  }

  private void walk() {
    try {
      discovery();
      List<UserResource> users = users();
      lists(users);
      pages(users);
      patches(users.get(0));
      List<String> groups = groups(users);
      root(groups);
      bulk();
      endings(users);
    } catch (ScimException | RuntimeException e) {
      checks.find("the walk ends", e + " at " + e.getStackTrace()[0]);
    }
    checks.end(170);
  }

  private void discovery() throws ScimException {
    ServiceProviderConfigResource config = client.getServiceProviderConfig();
    checks.expect("PATCH is served", () -> config.getPatch().isSupported(), config);
    checks.expect("filters are served", () -> config.getFilter().isSupported() && config.getFilter().getMaxResults() > 0, config);
    checks.expect("sorting is served", () -> config.getSort().isSupported(), config);
    checks.expect("ETags are served", () -> config.getEtag().isSupported(), config);
    checks.expect("Bulk is served", () -> config.getBulk().isSupported() && config.getBulk().getMaxOperations() > 0, config);
    checks.expect("cursors are served", () -> config.getPagination().supportsCursorPagination(), config);
    checks.expect(
        "bearer tokens are told of",
        () -> config.getAuthenticationSchemes().get(0).getType().equals("oauthbearertoken"),
        config);

    ListResponse<ResourceTypeResource> types = client.getResourceTypes();
    Set<String> named = new HashSet<>();
    for (ResourceTypeResource type : types) {
      named.add(type.getName());
      checks.expect(
          "the resource type " + type.getName() + " is at its address",
          () -> read(() -> client.getResourceType(type.getId())).equals(type),
          type);
    }
    checks.expect("users and groups are resource types", () -> named.equals(Set.of("User", "Group")), types);

    ListResponse<SchemaResource> schemas = client.getSchemas();
    Set<String> defined = new HashSet<>();
    for (SchemaResource schema : schemas) {
      defined.add(schema.getId());
      checks.expect(
          "the schema " + schema.getId() + " is at its address",
          () -> read(() -> client.getSchema(schema.getId())).equals(schema),
          schema);
    }
    for (ResourceTypeResource type : types) {
      checks.expect(
          "the schema of " + type.getName() + " is defined",
          () -> defined.contains(type.getSchema().toString()),
          schemas);
    }
    refused("a resource type that is not there", 404, null, () -> client.getResourceType("Toaster"));
    refused("a schema that is not there", 404, null, () -> client.getSchema("urn:example:Toaster"));
  }

  private List<UserResource> users() throws ScimException {
    List<UserResource> all = new ArrayList<>();
    for (String name : List.of("ann", "bob", "cy", "dee", "eve")) {
      UserResource user = client.create("Users", user(name));
      checks.expect("creating a user is 201", () -> last.getStatus() == 201, last.getStatus());
      checks.expect("a created user has what was sent", () -> bare(user).equals(user(name)), user);
      checks.expect("a created user is of its type", () -> user.getMeta().getResourceType().equals("User"), user);
      checks.expect(
          "Location is meta.location",
          () -> last.getHeaderString("Location").equals(user.getMeta().getLocation().toString()),
          last.getHeaders());
      checks.expect(
          "ETag is meta.version",
          () -> last.getHeaderString("ETag").equals(user.getMeta().getVersion()),
          last.getHeaders());
      checks.expect(
          "an answer is SCIM",
          () -> last.getMediaType().isCompatible(ScimService.MEDIA_TYPE_SCIM_TYPE),
          last.getHeaders());
      checks.expect("a user is at its location", () -> read(() -> client.retrieve(user)).equals(user), user);
      checks.expect(
          "a user is at its id",
          () -> read(() -> client.retrieve("Users", user.getId(), UserResource.class)).equals(user),
          user);
      all.add(user);
    }
    refused("a userName twice", 409, "uniqueness", () -> client.create("Users", user("ANN")));
    refused("a user without a userName", 400, "invalidValue", () -> client.create("Users", new UserResource().setTitle("Boss")));
    refused("a user that is not there", 404, null, () -> client.retrieve("Users", "none", UserResource.class));

    UserResource ann = all.get(0);
    refused("reading a user that is known", 304, null, () -> client.retrieveRequest(ann).ifNoneMatch().invoke());
    UserResource some = client.retrieveRequest(ann).attributes("userName").invoke();
    checks.expect(
        "attributes leaves the others out",
        () -> some.getUserName().equals("ann") && some.getId() != null && some.getEmails() == null,
        some);
    UserResource rest = client.retrieveRequest(ann).excludedAttributes("emails", DEPARTMENT).invoke();
    checks.expect(
        "excludedAttributes leaves these out",
        () -> rest.getUserName().equals("ann")
            && rest.getEmails() == null
            && enterprise(rest).getDepartment() == null
            && enterprise(rest).getEmployeeNumber() != null,
        rest);

    ann.setTitle("Boss");
    UserResource replaced = client.replaceRequest(ann).ifMatch().invoke();
    checks.expect("a replaced user has its title", () -> bare(replaced).equals(bare(ann)), replaced);
    checks.expect(
        "a replaced user has another version",
        () -> !replaced.getMeta().getVersion().equals(ann.getMeta().getVersion()),
        replaced);
    refused("replacing a user that somebody changed", 412, null, () -> client.replaceRequest(ann).ifMatch().invoke());
    refused("changing a user that somebody changed", 412, null,
        () -> client.modifyRequest(ann).ifMatch().replaceValue("title", "Chief").invoke());
    refused("deleting a user that somebody changed", 412, null,
        () -> client.deleteRequest(ann).ifMatch(ann.getMeta().getVersion()).invoke());
    ann.setTitle(null);
    UserResource without = client.replace(ann);
    checks.expect("what a replacement lacks is gone", () -> without.getTitle() == null, without);
    all.set(0, without);
    return all;
  }

  private void lists(List<UserResource> users) throws ScimException {
    List<String> everybody = List.of("ann", "bob", "cy", "dee", "eve");
    Map<Filter, List<String>> filters = Map.ofEntries(
        Map.entry(Filter.eq("userName", "BOB"), List.of("bob")),
        Map.entry(Filter.ne("userName", "bob"), List.of("ann", "cy", "dee", "eve")),
        Map.entry(Filter.co("userName", "e"), List.of("dee", "eve")),
        Map.entry(Filter.sw("name.familyName", "le"), everybody),
        Map.entry(Filter.ew("emails.value", "CY@example.com"), List.of("cy")),
        Map.entry(Filter.gt("userName", "cy"), List.of("dee", "eve")),
        Map.entry(Filter.ge("userName", "cy"), List.of("cy", "dee", "eve")),
        Map.entry(Filter.lt("userName", "cy"), List.of("ann", "bob")),
        Map.entry(Filter.le("userName", "cy"), List.of("ann", "bob", "cy")),
        Map.entry(Filter.pr(DEPARTMENT), everybody),
        Map.entry(Filter.pr("title"), List.of()),
        Map.entry(Filter.eq("active", true), everybody),
        Map.entry(Filter.eq("id", users.get(3).getId()), List.of("dee")),
        Map.entry(Filter.eq("externalId", "x-eve"), List.of("eve")),
        Map.entry(Filter.eq(DEPARTMENT, "Ships"), everybody),
        Map.entry(Filter.gt("meta.created", "2020-01-01T00:00:00Z"), everybody),
        Map.entry(Filter.and(Filter.sw("userName", "e"), Filter.eq("active", true)), List.of("eve")),
        Map.entry(Filter.or(Filter.eq("userName", "ann"), Filter.eq("userName", "cy")), List.of("ann", "cy")),
        Map.entry(Filter.not(Filter.or(Filter.eq("userName", "ann"), Filter.eq("userName", "cy"))), List.of("bob", "dee", "eve")),
        Map.entry(Filter.hasComplexValue("emails", Filter.and(Filter.eq("type", "work"), Filter.sw("value", "dee@"))), List.of("dee")));
    for (Map.Entry<Filter, List<String>> filter : filters.entrySet()) {
      String text = filter.getKey().toString().replace(users.get(3).getId(), "dee's");
      ListResponse<UserResource> found =
          search().filter(filter.getKey()).sort("userName", SortOrder.ASCENDING).invoke(UserResource.class);
      checks.expect(
          "filter " + text,
          () -> names(found).equals(filter.getValue()) && found.getTotalResults() == filter.getValue().size(),
          found);
      ListResponse<UserResource> posted =
          search().filter(filter.getKey()).sort("userName", SortOrder.ASCENDING).invokePost(UserResource.class);
      checks.expect("search " + text, () -> names(posted).equals(filter.getValue()), posted);
    }
    for (String wrong : List.of("userName eq", "userName is \"ann\"", "(userName eq \"ann\"", "emails[type eq \"work\"")) {
      refused("the filter " + wrong, 400, "invalidFilter", () -> search().filter(wrong).invoke(UserResource.class));
    }
    ListResponse<UserResource> some = search().attributes("userName").invokePost(UserResource.class);
    checks.expect(
        "a search gives the attributes asked for",
        () -> some.getResources().get(0).getEmails() == null && names(some).contains("ann"),
        some);
    ListResponse<UserResource> rest = search().excludedAttributes("emails").invoke(UserResource.class);
    checks.expect(
        "a list leaves attributes out",
        () -> rest.getResources().get(0).getEmails() == null && rest.getResources().get(0).getName() != null,
        rest);
  }

  private void pages(List<UserResource> users) throws ScimException {
    ListResponse<UserResource> page = search().sort("userName", SortOrder.DESCENDING).page(2, 2).invoke(UserResource.class);
    checks.expect("a page of sorted users", () -> names(page).equals(List.of("dee", "cy")), page);
    checks.expect(
        "a page tells where it is",
        () -> page.getTotalResults() == 5 && page.getStartIndex() == 2 && page.getItemsPerPage() == 2,
        page);
    ListResponse<UserResource> beyond = search().page(100, 2).invoke(UserResource.class);
    checks.expect("a page beyond the end is empty", () -> beyond.getTotalResults() == 5 && names(beyond).isEmpty(), beyond);
    ListResponse<UserResource> none = search().page(1, 0).invoke(UserResource.class);
    checks.expect("no resources tell how many there are", () -> none.getTotalResults() == 5 && names(none).isEmpty(), none);
    ListResponse<UserResource> before = search().page(-1, 2).invokePost(UserResource.class);
    checks.expect("an index below 1 is 1", () -> before.getStartIndex() == 1 && names(before).size() == 2, before);

    Set<String> met = new HashSet<>();
    int pages = 1;
    ListResponse<UserResource> at = search().firstPageCursorWithCount(2).invoke(UserResource.class);
    for (; at.getNextCursor() != null && pages < 10; pages++) {
      met.addAll(names(at));
      at = search().pageWithCursor(at.getNextCursor(), 2).invokePost(UserResource.class);
    }
    met.addAll(names(at));
    checks.expect("all pages by cursor have all users", () -> met.equals(Set.of("ann", "bob", "cy", "dee", "eve")), met);
    refused("a cursor that nobody gave", 400, "invalidCursor",
        () -> search().pageWithCursor("nobody", 2).invoke(UserResource.class));
    refused("more than a page by cursor", 400, "invalidCount",
        () -> search().firstPageCursorWithCount(1_000_000).invoke(UserResource.class));
    ListResponse<UserResource> filtered =
        search().filter(Filter.sw("userName", "e")).firstPageCursorWithCount(2).invoke(UserResource.class);
    checks.expect("a filter by cursor", () -> names(filtered).equals(List.of("eve")), filtered);
    ListResponse<UserResource> cut =
        search().filter(Filter.co("userName", "e")).firstPageCursorWithCount(1).invoke(UserResource.class);
    checks.expect("a page of a filter by cursor", () -> names(cut).size() == 1 && cut.getNextCursor() != null, cut);
  }

  private void patches(UserResource ann) throws ScimException {
    UserResource patched =
        client.modifyRequest(ann).ifMatch()
            .replaceValue("name.givenName", "Anna")
            .replaceValue("active", false)
            .replaceValue(DEPARTMENT, "Boats")
            .addValues("emails", email("home", "ann@home", false))
            .addValues("phoneNumbers", JsonUtils.getJsonNodeFactory().objectNode().put("type", "work").put("value", "+12015550123"))
            .replaceValue("emails[type eq \"home\"].value", "anna@home")
            .replaceValue("nickName", "Annie")
            .invoke();
    checks.expect(
        "a sub-attribute was replaced",
        () -> patched.getName().getGivenName().equals("Anna") && patched.getName().getFamilyName().equals("Lee"),
        patched);
    checks.expect("a boolean was replaced", () -> !patched.getActive(), patched);
    checks.expect(
        "an extension's attribute was replaced",
        () -> enterprise(patched).getDepartment().equals("Boats") && enterprise(patched).getEmployeeNumber().equals("7"),
        patched);
    checks.expect("a value was added", () -> patched.getEmails().size() == 2 && patched.getPhoneNumbers().size() == 1, patched);
    checks.expect(
        "the value that a filter finds was replaced",
        () -> patched.getEmails().stream().anyMatch(e -> e.getValue().equals("anna@home")),
        patched);
    checks.expect("an absent attribute was replaced", () -> patched.getNickName().equals("Annie"), patched);
    checks.expect(
        "a change has another version",
        () -> !patched.getMeta().getVersion().equals(ann.getMeta().getVersion()),
        patched);

    ArrayNode emails = JsonUtils.getJsonNodeFactory().arrayNode().addPOJO(email("work", "a@example.com", true));
    UserResource less =
        client.modifyRequest(patched).ifMatch()
            .removeValues("emails[type eq \"home\" and value ew \"@home\"]")
            .removeValues("nickName")
            .removeValues("name.givenName")
            .removeValues("phoneNumbers")
            .removeValues(DEPARTMENT)
            .replaceValue("active", true)
            .addOperation(PatchOperation.replace("emails", emails))
            .invoke();
    checks.expect(
        "values were removed",
        () -> less.getNickName() == null
            && less.getPhoneNumbers() == null
            && less.getName().getGivenName() == null
            && enterprise(less).getDepartment() == null,
        less);
    checks.expect("all values were replaced", () -> less.getEmails().equals(List.of(email("work", "a@example.com", true))), less);

    ObjectNode several = JsonUtils.getJsonNodeFactory().objectNode().put("title", "Boss");
    several.putObject("name").put("givenName", "Ann");
    checks.expect("a change without a path", () -> {
      UserResource one = read(() -> client.modifyRequest(less).addOperation(PatchOperation.replace(several)).invoke());
      return one.getTitle().equals("Boss")
          && one.getName().getGivenName().equals("Ann")
          && one.getName().getFamilyName().equals("Lee");
    }, less);
    UserResource manager = client.modifyRequest(less).attributes("userName").replaceValue("title", "Chief").invoke();
    checks.expect(
        "a change gives the attributes asked for",
        () -> manager.getUserName().equals("ann") && manager.getTitle() == null,
        manager);

    refused("changing an attribute that no schema has", 400, "invalidPath",
        () -> client.modifyRequest(ann).replaceValue("shoeSize", "43").invoke());
    refused("changing a read-only attribute", 400, "mutability",
        () -> client.modifyRequest(ann).replaceValue("meta.created", "2020-01-01T00:00:00Z").invoke());
    refused("removing a required attribute", 400, "mutability",
        () -> client.modifyRequest(ann).removeValues("userName").invoke());
    refused("replacing a boolean by a text", 400, "invalidValue",
        () -> client.modifyRequest(ann).replaceValue("active", "perhaps").invoke());
    refused("taking another's name", 409, "uniqueness", () -> client.modifyRequest(ann).replaceValue("userName", "Bob").invoke());
    refused("changing a user that is not there", 404, null,
        () -> client.modifyRequest("Users", "none").replaceValue("title", "Chief").invoke(UserResource.class));
  }

  /** Leaves three groups: Crew of cy and the group Deck, Deck of dee, and Empty. */
  private List<String> groups(List<UserResource> users) throws ScimException {
    GroupResource deck = client.create("Groups", new GroupResource().setDisplayName("Deck").setMembers(member(users.get(3))));
    GroupResource crew =
        client.create("Groups", new GroupResource().setDisplayName("Crew").setMembers(member(users.get(0)), member(users.get(1))));
    checks.expect("a created group is at its location", () -> read(() -> client.retrieve(crew)).equals(crew), crew);
    checks.expect("a created group has its members", () -> members(crew).equals(ids(users.subList(0, 2))), crew);
    GroupResource bare = client.retrieveRequest(crew).excludedAttributes("members").invoke();
    checks.expect("a group without its members", () -> bare.getMembers() == null && bare.getDisplayName().equals("Crew"), bare);

    GroupResource patched =
        client.modifyRequest(crew).ifMatch().attributes("members")
            .addValues("members", member(users.get(2)), new Member().setValue(deck.getId()).setType("Group"))
            .removeValues("members[value eq \"" + users.get(0).getId() + "\"]")
            .invoke();
    checks.expect(
        "a change of members",
        () -> members(patched).equals(Set.of(users.get(1).getId(), users.get(2).getId(), deck.getId())),
        patched);
    checks.expect(
        "a member that is a group is of that type",
        () -> patched.getMembers().stream().anyMatch(m -> m.getValue().equals(deck.getId())
            && m.getType().equals("Group")
            && m.getRef().toString().endsWith("/Groups/" + deck.getId())),
        patched);
    GroupResource read = client.retrieve(crew);
    read.setDisplayName("All hands");
    read.getMembers().removeIf(m -> m.getValue().equals(users.get(1).getId()));
    GroupResource replaced = client.replaceRequest(read).ifMatch().invoke();
    checks.expect(
        "a replaced group has its members",
        () -> members(replaced).equals(Set.of(users.get(2).getId(), deck.getId()))
            && replaced.getDisplayName().equals("All hands"),
        replaced);
    refused("a group in a circle", 400, "invalidValue",
        () -> client.modifyRequest(deck).addValues("members", new Member().setValue(crew.getId()).setType("Group")).attributes("id").invoke());
    refused("a member that is not there", 400, "invalidValue",
        () -> client.modifyRequest(deck).addValues("members", new Member().setValue("none")).attributes("id").invoke());
    refused("a group without a name", 400, "invalidValue",
        () -> client.create("Groups", new GroupResource().setMembers(member(users.get(0)))));

    UserResource dee = client.retrieve(users.get(3));
    checks.expect(
        "a user has its groups",
        () -> dee.getGroups().stream().map(g -> g.getValue() + g.getType()).collect(Collectors.toSet())
            .equals(Set.of(deck.getId() + "direct", crew.getId() + "indirect")),
        dee);
    Map<String, Set<String>> filters = Map.of(
        "displayName eq \"deck\"", Set.of("Deck"),
        "members.value eq \"" + users.get(3).getId() + "\"", Set.of("Deck"),
        "members[type eq \"Group\"]", Set.of("All hands"),
        "displayName pr and not (displayName sw \"D\")", Set.of("All hands"));
    for (Map.Entry<String, Set<String>> filter : filters.entrySet()) {
      ListResponse<GroupResource> found = client.searchRequest("Groups").filter(filter.getKey()).invoke(GroupResource.class);
      checks.expect(
          "filter " + filter.getKey().replace(users.get(3).getId(), "dee's"),
          () -> found.getResources().stream().map(GroupResource::getDisplayName).collect(Collectors.toSet()).equals(filter.getValue()),
          found);
    }
    GroupResource empty = client.create("Groups", new GroupResource().setDisplayName("Empty"));
    return List.of(crew.getId(), deck.getId(), empty.getId());
  }

  private void root(List<String> groups) throws ScimException {
    ListResponse<GenericScimResource> all = client.searchRequest("").attributes("id").invokePost(GenericScimResource.class);
    checks.expect(
        "a search of all has users and groups",
        () -> all.getTotalResults() == 8 && ids(all.getResources()).size() == 8,
        all);
    ListResponse<GenericScimResource> found =
        client.searchRequest("").filter(Filter.eq("meta.resourceType", "Group")).invoke(GenericScimResource.class);
    checks.expect("a list of all, of one type", () -> ids(found.getResources()).equals(Set.copyOf(groups)), found);
    ListResponse<GenericScimResource> either =
        client.searchRequest("").filter(Filter.or(Filter.eq("userName", "eve"), Filter.eq("displayName", "Empty")))
            .invokePost(GenericScimResource.class);
    checks.expect("a filter of either type", () -> either.getTotalResults() == 2, either);
    ListResponse<GenericScimResource> page = client.searchRequest("").firstPageCursorWithCount(3).invokePost(GenericScimResource.class);
    checks.expect("a search of all by cursor", () -> page.getResources().size() == 3, page);
  }

  private void bulk() throws ScimException {
    UserResource flo = user("flo");
    flo.setExtension(new EnterpriseUserExtension().setManager(new Manager().setValue("bulkId:gil")));
    Member reference = new Member().setValue("bulkId:flo").setType("User");
    BulkResponse created = client.bulkRequest().append(
        BulkOperation.post("/Groups", new GroupResource().setDisplayName("Bulk").setMembers(reference)).setBulkId("crew"),
        BulkOperation.post("/Users", flo).setBulkId("flo"),
        BulkOperation.post("/Users", user("gil")).setBulkId("gil"),
        BulkOperation.post("/Users", user("ANN")).setBulkId("twin"),
        BulkOperation.patch("/Users/bulkId:gil", PatchOperation.replace("title", "Boss"))).invoke();
    checks.expect(
        "a bulk request tells of each operation",
        () -> statuses(created).equals(List.of("201", "201", "201", "409", "200")),
        created);
    checks.expect(
        "an operation that failed tells why",
        () -> created.getOperations().get(3).getResponseAsScimResource().toString().contains("uniqueness"),
        created);
    List<BulkOperationResult> results = created.getOperations();
    GroupResource crew = client.retrieve("Groups", id(results.get(0)), GroupResource.class);
    checks.expect("a reference to what is created later", () -> members(crew).equals(Set.of(id(results.get(1)))), crew);
    UserResource stored = client.retrieve("Users", id(results.get(1)), UserResource.class);
    checks.expect(
        "a reference within an extension",
        () -> enterprise(stored).getManager().getValue().equals(id(results.get(2))),
        stored);
    UserResource gil = client.retrieve("Users", id(results.get(2)), UserResource.class);
    checks.expect("a reference in a path", () -> "Boss".equals(gil.getTitle()), gil);
    checks.expect("a result has the version", () -> results.get(4).getVersion().equals(gil.getMeta().getVersion()), created);

    UserResource renamed = bare(gil);
    renamed.setNickName("G");
    BulkResponse changed = client.bulkRequest().append(
        BulkOperation.put("/Users/" + gil.getId(), renamed).setVersion(gil.getMeta().getVersion()),
        BulkOperation.put("/Users/" + gil.getId(), renamed).setVersion(results.get(2).getVersion()),
        BulkOperation.delete("/Users/" + id(results.get(1))),
        BulkOperation.delete("/Users/" + gil.getId()),
        BulkOperation.delete("/Users/" + gil.getId()),
        BulkOperation.delete("/Groups/" + crew.getId())).invoke();
    checks.expect(
        "replacing and deleting in bulk",
        () -> statuses(changed).equals(List.of("200", "412", "204", "204", "404", "204")),
        changed);
    checks.expect("nothing is left of it", () -> read(() -> search().invoke(UserResource.class)).getTotalResults() == 5, changed);
  }

  private void endings(List<UserResource> users) throws ScimException {
    UserResource cy = users.get(2);
    client.delete(cy);
    checks.expect("deleting a user is 204", () -> last.getStatus() == 204, last.getStatus());
    refused("reading a user that was deleted", 404, null, () -> client.retrieve(cy));
    refused("deleting a user twice", 404, null, () -> client.delete(cy));
    ListResponse<GroupResource> left = client.search("Groups", "members.value eq \"" + cy.getId() + "\"", GroupResource.class);
    checks.expect("a deleted user is in no group", () -> left.getTotalResults() == 0, left);
    UserResource again = client.create("Users", user("cy"));
    checks.expect("a deleted user that comes back is a new one", () -> !again.getId().equals(cy.getId()), again);
    refused("a user's endpoint with an unknown method", 501, null, () -> client.retrieve(ScimService.ME_URI, UserResource.class));
  }

  private SearchRequestBuilder search() {
    return client.searchRequest("Users");
  }

  private static UserResource user(String name) {
    UserResource user = new UserResource().setUserName(name).setName(new Name().setGivenName(name).setFamilyName("Lee"))
        .setEmails(email("work", name + "@example.com", true)).setActive(true);
    user.setExternalId("x-" + name);
    user.setExtension(new EnterpriseUserExtension().setDepartment("Ships").setEmployeeNumber("7"));
    return user;
  }

  /** A user as it was sent: without what the server adds. */
  private static UserResource bare(UserResource user) {
    try {
      UserResource copy = JsonUtils.nodeToValue(user.asGenericScimResource().getObjectNode(), UserResource.class);
      copy.setId(null);
      copy.setMeta(null);
      return copy;
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static Email email(String type, String value, boolean primary) {
    return new Email().setType(type).setValue(value).setPrimary(primary);
  }

  private static EnterpriseUserExtension enterprise(UserResource user) {
    return user.getExtension(EnterpriseUserExtension.class);
  }

  private static Member member(UserResource user) {
    return new Member().setValue(user.getId()).setType("User");
  }

  private static List<String> names(ListResponse<UserResource> found) {
    return found.getResources().stream().map(UserResource::getUserName).collect(Collectors.toList());
  }

  private static Set<String> ids(List<? extends ScimResource> all) {
    return all.stream().map(ScimResource::getId).collect(Collectors.toSet());
  }

  private static Set<String> members(GroupResource group) {
    return group.getMembers().stream().map(Member::getValue).collect(Collectors.toSet());
  }

  private static List<String> statuses(BulkResponse response) {
    return response.getOperations().stream().map(BulkOperationResult::getStatus).collect(Collectors.toList());
  }

  private static String id(BulkOperationResult result) {
    return result.getLocation().substring(result.getLocation().lastIndexOf('/') + 1);
  }

  /** A request that the client throws a ScimException for, where it was refused. */
  private interface Request<T> {
    T send() throws ScimException;
  }

  private interface Refused {
    void send() throws ScimException;
  }

  private static <T> T read(Request<T> request) {
    try {
      return request.send();
    } catch (ScimException e) {
      throw new IllegalStateException(e.getScimError().toString(), e);
    }
  }

  /** Checks that a request is refused, with a status and a scimType. */
  private void refused(String what, int status, String scimType, Refused request) {
    try {
      request.send();
      checks.expect(what, () -> false, "it was carried out");
    } catch (ScimException e) {
      checks.expect(
          what,
          () -> e.getScimError().getStatus() == status && (scimType == null || scimType.equals(e.getScimError().getScimType())),
          e.getScimError());
    }
  }
}
