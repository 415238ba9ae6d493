"""Searching runs through GraphQL: both spellings of a filter, orders, folders, trees, refusals."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from sqlalchemy.dialects import postgresql, sqlite

from tests.client import GraphQL
from tests.server.filters.trees import comparisons
from trackql_server.filters import fields, spell, tree
from trackql_server.filters.fields import Kind
from trackql_server.filters.tree import Comparison, Entity, Moment, Node, Operator, Span
from trackql_server.graphql.conditions import RunFilter, read
from trackql_server.graphql.scalars import SCALARS, write_value
from trackql_server.models import Lifecycle
from trackql_server.models.columns import instant
from trackql_server.store.search.predicates import Predicates
from trackql_server.store.search.scope import Scope, runs

CREATE = "mutation($input: CreateRunInput!) { createRun(input: $input) { id experimentId } }"
LOG = "mutation($input: LogMetricsInput!) { logMetrics(input: $input) { points } }"
RUNS = """query($ids: [ID!], $folder: String, $filter: String, $where: RunFilter,
                $order: [RunOrder!], $first: Int = 50, $after: String, $tree: Boolean = false,
                $lifecycle: LifecycleFilter = ACTIVE, $search: String) {
  runs(experimentIds: $ids, folder: $folder, filter: $filter, where: $where, orderBy: $order,
       first: $first, after: $after, tree: $tree, lifecycle: $lifecycle, search: $search) {
    nodes { id name } totalCount pageInfo { hasNextPage endCursor } } }"""


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What is asked of databases meanwhile, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(*given: Any) -> None:
        # What is left to merge after a restart is looked for in the background.
        if not given[2].startswith("BEGIN") and "open_chunks > " not in given[2]:
            sent.append((given[2], given[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


# Both spellings are one.

CAMEL = {
    Operator.EQ: ("eq", "ne"),
    Operator.LT: ("lt", ""),
    Operator.LE: ("le", ""),
    Operator.GT: ("gt", ""),
    Operator.GE: ("ge", ""),
    Operator.LIKE: ("like", "notLike"),
    Operator.ILIKE: ("ilike", "notIlike"),
    Operator.MATCHES: ("matches", "notMatches"),
    Operator.CONTAINS: ("contains", "notContains"),
    Operator.IN: ("in", "notIn"),
    Operator.BETWEEN: ("between", "notBetween"),
}


def typed(node: Node) -> dict[str, Any]:
    """A filter as typed input."""
    match node:
        case tree.All(parts):
            return {"and": [typed(part) for part in parts]}
        case tree.Any(parts):
            return {"or": [typed(part) for part in parts]}
        case tree.Not(part):
            return {"not": typed(part)}
    field = node.field
    own: dict[str, Any] = {"of": field.relation.name}
    told = condition(node)
    match field.entity:
        case Entity.METRIC:
            assert field.statistic is not None
            return {"metric": {**own, "key": field.key, "statistic": field.statistic.name, **told}}
        case Entity.TAG:
            return {"tag": {**own, "key": field.key, **told}}
        case Entity.DATASET:
            return {"dataset": {**own, "name": field.key.upper(), **told}}
        case Entity.PARAM | Entity.CONFIG:
            name, key = ("param", "key") if field.entity is Entity.PARAM else ("config", "path")
            if node.values and isinstance(node.values[0], bool):
                told = {"flag": node.values[0]}
            elif node.values and isinstance(node.values[0], float):
                told = {"number": told}
            return {name: {**own, key: field.key, **told}}
    match fields.kind(field):
        case Kind.TIME:
            return {"time": {**own, "name": field.key.upper(), **told}}
        case Kind.DURATION:
            return {"duration": {**own, **told}}
        case Kind.NUMBER:
            return {"droppedPoints": {**own, **told}}
    return {"attribute": {**own, "name": field.key.upper(), **told}}


def condition(node: Comparison) -> dict[str, Any]:
    if node.operator is Operator.NULL:
        return {"exists": node.negated}
    if isinstance(node.values[0], Span) and node.field.key != "duration":
        return {"within": -node.values[0].ms}
    values = [written(value) for value in node.values]
    several = node.operator in (Operator.IN, Operator.BETWEEN)
    return {CAMEL[node.operator][node.negated]: values if several else values[0]}


def written(value: tree.Scalar) -> Any:
    match value:
        case Moment(ms):
            return instant(ms).isoformat()
        case Span(ms):
            return ms if abs(ms) < 2**53 else str(ms)
        case float():
            return write_value(value)
    return value


def expressible(node: Comparison) -> bool:
    """Whether typed input has the comparison; what it lacks it says by others."""
    values, operator = node.values, node.operator
    if not values:
        return True
    if isinstance(values[0], bool):
        return operator is Operator.EQ and not node.negated
    match fields.kind(node.field):
        case Kind.TIME if any(isinstance(value, Span) for value in values):
            return operator is Operator.GT
        case Kind.TIME:
            return operator is not Operator.IN
        case Kind.DURATION:
            return operator not in (Operator.EQ, Operator.IN) and not node.negated
    return True


def joined(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return several.map(tree.All) | several.map(tree.Any) | parts.map(tree.Not)


@strawberry.type
class Spelled:
    @strawberry.field
    def same(self, text: str, where: RunFilter) -> bool:
        found = [read(None, text), read(where, None)]
        assert found[0] == found[1]
        for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
            compiled = [sql(node).compile(dialect=dialect) for node in found]
            assert str(compiled[0]) == str(compiled[1])
            assert compiled[0].params == compiled[1].params
        return True


def sql(node: Node) -> Any:
    """The condition of a filter, with expressions as if they had matched nothing."""
    scope = Scope(["a", "b"], Lifecycle.ACTIVE, instant(10**12), instant(10**12 - 60_000))
    patterns = [each for each in tree.comparisons(node) if each.operator is Operator.MATCHES]
    matched: dict[Comparison, list[str]] = {each: ["x"] for each in patterns}
    return Predicates(scope, sqlite=True, matched=matched).holds(node, runs())


schema = strawberry.Schema(Spelled, scalar_overrides=SCALARS)


@given(node=st.recursive(comparisons().filter(expressible), joined, max_leaves=6))
def test_both_spellings_become_one_statement(node: Node) -> None:
    answer = schema.execute_sync(
        "query($text: String!, $where: RunFilter!) { same(text: $text, where: $where) }",
        {"text": spell.spell(node), "where": typed(node)},
    )
    assert answer.errors is None
    assert answer.data == {"same": True}


async def test_both_spellings_are_sent_alike(graphql: GraphQL) -> None:
    made = await populate(graphql)
    ids = [made["experiment"]]
    pairs: list[tuple[str, dict[str, Any]]] = [
        ("metrics.loss.min < 3", {"metric": {"key": "loss", "statistic": "MIN", "lt": 3}}),
        ("metrics.loss != NaN", {"metric": {"key": "loss", "ne": "NaN"}}),
        (
            "params.lr >= 2 AND NOT (tags.team = 'red')",
            {
                "and": [
                    {"param": {"key": "lr", "number": {"ge": 2}}},
                    {"not": {"tag": {"key": "team", "eq": "red"}}},
                ]
            },
        ),
        ("config.o.on = true", {"config": {"path": "o.on", "flag": True}}),
        ("name ~ '1$' OR name = '2'", {
            "or": [
                {"attribute": {"name": "NAME", "matches": "1$"}},
                {"attribute": {"name": "NAME", "eq": "2"}},
            ]
        }),
    ]  # fmt: skip
    for text, where in pairs:
        with statements() as first:
            found = (await graphql(RUNS, ids=ids, filter=text))["runs"]
        with statements() as second:
            same = (await graphql(RUNS, ids=ids, where=where))["runs"]
        assert found == same
        assert found["nodes"]
        assert first == second


# What is found.


async def populate(graphql: GraphQL) -> dict[str, str]:
    """Runs 0 to 5 of experiment sweep/a, 1 nested in 0 and 2 in 1, and one run elsewhere."""
    made: dict[str, str] = {}
    losses: list[Any] = [5, "NaN", 1, None, "Infinity", 1]
    for number, loss in enumerate(losses):
        run = {
            "experimentName": "sweep/a",
            "name": str(number),
            "parentRunId": made[str(number - 1)] if number in (1, 2) else None,
            "startTime": f"2026-01-0{number + 1}T00:00:00Z",
            "params": [
                {"key": "lr", "value": ["0.5", "2", "10", "a", "b", "é"][number]},
                {"key": "o", "value": "{}", "config": {"on": number % 2 == 0, "n": number}},
            ],
            "tags": [{"key": "team", "value": "red" if number < 2 else "blue"}],
        }
        created = (await graphql(CREATE, input=run))["createRun"]
        made[str(number)], made["experiment"] = created["id"], created["experimentId"]
        if loss is not None:
            points = [{"key": "loss", "value": loss}]
            await graphql(LOG, input={"runId": created["id"], "metrics": points})
    other = {"experimentName": "other", "name": "other"}
    made["other"] = (await graphql(CREATE, input=other))["createRun"]["id"]
    return made


async def names(graphql: GraphQL, **given: Any) -> str:
    """The names of the runs found, page by page; `totalCount` says as many."""
    found: list[str] = []
    after = None
    while True:
        page = (await graphql(RUNS, first=2, after=after, **given))["runs"]
        found += [run["name"] for run in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert page["totalCount"] == len(found)
    return " ".join(found)


async def test_what_is_found_in_which_order(graphql: GraphQL) -> None:
    made = await populate(graphql)
    ids = [made["experiment"]]

    async def found(**given: Any) -> str:
        return await names(graphql, ids=ids, **given)

    assert await found() == "5 4 3 2 1 0"
    loss = [{"by": "metrics.loss"}]
    assert await found(order=loss) == "2 5 0 4 1 3"
    assert await found(order=[{"by": "metrics.loss DESC"}]) == "4 0 5 2 1 3"
    assert await found(order=[{"by": "metrics.loss", "direction": "DESC"}]) == "4 0 5 2 1 3"
    assert await found(order=[*loss, {"field": "START_TIME"}]) == "5 2 0 4 1 3"
    assert await found(order=[{"by": "params.lr"}]) == "0 1 2 3 4 5"
    assert await found(order=[{"by": "params.lr DESC"}]) == "2 1 0 5 4 3"
    assert await found(filter="metrics.loss != 1", order=loss) == "0 4 1"
    both = {"tag": {"key": "team", "eq": "blue"}}
    assert await found(filter="params.lr > 0", where=both) == "2"
    assert await found(filter="children.name = '2'") == "1"
    assert await found(filter="parent.tags.team = 'red'") == "2 1"
    assert await found(search="3") == "3"
    assert await found(filter="") == await found(where={}) == "5 4 3 2 1 0"
    assert await found(where={"or": []}) == ""


async def test_what_is_easily_got_wrong(graphql: GraphQL) -> None:
    made = await populate(graphql)

    async def found(filter: str) -> str:
        return await names(graphql, ids=[made["experiment"]], filter=filter)

    everything = "5 4 3 2 1 0"
    assert await found("metrics.loss.sum = NaN") == await found("metrics.loss.mean = NaN") == "1"
    assert await found("dropped_points != NaN") == everything
    assert await found("NOT (dropped_points = NaN)") == everything
    assert await found("status CONTAINS 'ING'") == everything
    # Letters that Unicode, unlike ASCII, takes for a capital or small one of others.
    finish = "mutation($id: ID!) { finishRun(input: {id: $id, status: KILLED}) { id } }"
    await graphql(finish, id=made["3"])
    assert await found("status CONTAINS 'k'") == await found("status ILIKE 'k%'") == "3"
    assert await found("status CONTAINS '\u212a'") == await found("status ILIKE '\u212a%'") == ""
    assert await found("name !~ 'no such name'") == await found("name ~ ''") == everything
    assert await found("tags.team !~ 'no such team'") == everything


async def test_folders_and_all_experiments(graphql: GraphQL) -> None:
    await populate(graphql)
    await graphql(CREATE, input={"experimentName": "sweep", "name": "within"})
    await graphql(CREATE, input={"experimentName": "sweeper", "name": "beside"})
    assert await names(graphql, folder="sweep") == "within 5 4 3 2 1 0"
    assert await names(graphql, folder="sweep/a") == "5 4 3 2 1 0"
    assert await names(graphql, folder="none") == ""
    assert await names(graphql) == "beside within other 5 4 3 2 1 0"
    refused = await graphql.refused(RUNS, ids=["0"], folder="sweep")
    assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "folder")


async def test_trees_stay_whole(graphql: GraphQL) -> None:
    made = await populate(graphql)
    ids = [made["experiment"]]
    assert await names(graphql, ids=ids, tree=True) == "5 4 3 0"
    # Found for a run within it, whatever it has itself: sorted by what it has.
    order = [{"by": "metrics.loss"}]
    given = {"ids": ids, "tree": True, "order": order}
    assert await names(graphql, filter="metrics.loss = NaN", **given) == "0"
    assert await names(graphql, filter="metrics.loss = 1", **given) == "5 0"
    assert await names(graphql, filter="name = '2'", **given) == "0"
    # Whose outermost run is in the trash stands for itself.
    trash = "mutation($id: ID!) { deleteRun(input: {id: $id}) { id } }"
    await graphql(trash, id=made["0"])
    assert await names(graphql, ids=ids, tree=True) == "5 4 3 2 1"
    assert await names(graphql, ids=ids, lifecycle="DELETED") == "0"
    assert await names(graphql, ids=ids, lifecycle="ALL", tree=True) == "5 4 3 0"


# What it costs.


async def test_a_page_costs_as_many_statements_however_long_it_is(graphql: GraphQL) -> None:
    made = await populate(graphql)
    document = """query($ids: [ID!], $first: Int!) {
      runs(experimentIds: $ids, first: $first, filter: "params.o IS NOT NULL",
           orderBy: [{by: "metrics.loss"}, {by: "params.lr"}]) {
        totalCount nodes { id parent { id } %s } } }"""
    keyed = """params { nodes { key value } } tags { nodes { key value } }
      metrics(keys: ["loss"]) { nodes { key last { value } } }"""
    for selection, most in (("", 4), (keyed, 7)):
        sent = []
        for first in (3, 5):
            with statements() as given:
                await graphql(document % selection, ids=[made["experiment"]], first=first)
            sent.append(len(given))
        assert sent[0] == sent[1] <= most


async def test_what_is_not_selected_costs_nothing(graphql: GraphQL) -> None:
    made = await populate(graphql)
    with statements() as sent:
        await graphql("query($ids: [ID!]) { runs(experimentIds: $ids) { nodes { id name } } }",
                      ids=[made["experiment"]])  # fmt: skip
    assert len(sent) == 2
    for statement, _ in sent:
        for table in ("metric_series", "param", "tag", "config_value", "count("):
            assert f"FROM {table}" not in statement
            assert f"JOIN {table}" not in statement
        assert "count(" not in statement


# What is refused, before anything is asked of the database.

TOO_DEEP: dict[str, Any] = {}
for _ in range(60):
    TOO_DEEP = {"not": TOO_DEEP}
MANY = [{"tag": {"key": "a", "eq": str(number)}} for number in range(201)]


def metric(**given: Any) -> dict[str, Any]:
    return {"metric": {"key": "a", **given}}


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"filter": "metrics.a >"}, "INVALID_FILTER", "filter"),
    ({"filter": "nothing = 1"}, "INVALID_FILTER", "filter"),
    ({"filter": "metrics.a = 'text'"}, "INVALID_FILTER", "filter"),
    ({"filter": "(" * 60 + "name = 'a'" + ")" * 60}, "INVALID_FILTER", "filter"),
    ({"filter": f"metrics.a IN ({', '.join(['1'] * 1_001)})"}, "INVALID_FILTER", "filter"),
    ({"filter": f"name = '{'a' * 50_000}'"}, "INVALID_FILTER", "filter"),
    ({"filter": "name ~ '((a{100}){100}){100}'"}, "INVALID_FILTER", "filter"),
    ({"filter": "name ~ '(unclosed'"}, "INVALID_FILTER", "filter"),
    ({"filter": r"name ~ '(a)\1'"}, "INVALID_FILTER", "filter"),
    ({"filter": " OR ".join(["name = 'a'"] * 201)}, "INVALID_FILTER", "filter"),
    ({"where": TOO_DEEP}, "INVALID_FILTER", "where"),
    ({"where": {"or": MANY}}, "INVALID_FILTER", "where"),
    ({"where": metric(**{"in": [1] * 1_001})}, "INVALID_FILTER", "where.metric.in"),
    ({"where": metric(notIn=[])}, "INVALID_FILTER", "where.metric.notIn"),
    ({"where": metric(between=[1])}, "INVALID_FILTER", "where.metric.between"),
    ({"where": metric(notBetween=[1, 2, 3])}, "INVALID_FILTER", "where.metric.notBetween"),
    ({"where": metric(gt="NaN")}, "INVALID_FILTER", "where.metric.gt"),
    ({"where": {"metric": {"key": "", "gt": 1}}}, "INVALID_FILTER", "where.metric.key"),
    ({"where": {"and": [{}, {"or": [{"not": metric(lt="NaN")}]}]}}, "INVALID_FILTER",
     "where.and[1].or[0].not.metric.lt"),
    ({"where": {"tag": {"key": "a\0", "eq": "b"}}}, "INVALID_FILTER", "where.tag.eq"),
    ({"where": {"tag": {"key": "a", "eq": "b\0"}}}, "INVALID_FILTER", "where.tag.eq"),
    ({"where": {"tag": {"key": "a", "like": "b" * 1_001}}}, "INVALID_FILTER", "where.tag.like"),
    ({"where": {"tag": {"key": "a", "notLike": "b" * 1_001}}}, "INVALID_FILTER",
     "where.tag.notLike"),
    ({"where": {"tag": {"key": "a", "matches": "(a{999}){999}"}}}, "INVALID_FILTER",
     "where.tag.matches"),
    ({"where": {"param": {"key": "a", "number": {"eq": "Infinity"}}}}, "INVALID_FILTER",
     "where.param.number.eq"),
    ({"where": {"attribute": {"name": "STATUS", "eq": "DONE"}}}, "INVALID_FILTER",
     "where.attribute.eq"),
    ({"where": {"attribute": {"name": "STATUS", "exists": True}}}, "INVALID_FILTER",
     "where.attribute.exists"),
    ({"where": {"time": {"name": "END_TIME", "within": -1}}}, "INVALID_FILTER",
     "where.time.within"),
    ({"where": {"duration": {"gt": -1}}}, "INVALID_FILTER", "where.duration.gt"),
    ({"where": {"duration": {"between": [1]}}}, "INVALID_FILTER", "where.duration.between"),
    ({"where": {"droppedPoints": {"lt": "NaN"}}}, "INVALID_FILTER", "where.droppedPoints.lt"),
    ({"filter": "name = ", "where": metric(lt="NaN")}, "INVALID_FILTER", "filter"),
    ({"order": [{"by": "nothing"}]}, "INVALID_FILTER", "orderBy[0]"),
    ({"order": [{"by": "metrics.a UP"}]}, "INVALID_FILTER", "orderBy[0]"),
    ({"order": [{"by": "parent.name"}]}, "INVALID_FILTER", "orderBy[0]"),
    ({"order": [{}]}, "INVALID_FILTER", "orderBy"),
    ({"order": [{"by": "name", "field": "NAME"}]}, "INVALID_FILTER", "orderBy"),
    ({"order": [{"by": "name ASC", "direction": "ASC"}]}, "INVALID_FILTER", "orderBy"),
    ({"order": [{"by": "name"}, {"field": "NAME"}]}, "INVALID_FILTER", "orderBy"),
    ({"order": [{"by": f"metrics.m{n}"} for n in range(9)]}, "INVALID_FILTER", "orderBy"),
    ({"first": -1}, "INVALID_INPUT", "first"),
    ({"first": 1_001}, "INVALID_INPUT", "first"),
    ({"after": "forged"}, "INVALID_INPUT", "after"),
    ({"ids": [str(number) for number in range(10_001)]}, "INVALID_INPUT", "experimentIds"),
    ({"where": {"nothing": {}}}, "INVALID_INPUT", "where"),
    ({"where": metric(gt=True)}, "INVALID_INPUT", "where.metric.gt"),
    ({"where": metric(statistic="MEDIAN")}, "INVALID_INPUT", "where.metric.statistic"),
    ({"where": {"tag": {"eq": "a"}}}, "INVALID_INPUT", "where.tag"),
]  # fmt: skip


async def test_bad_input_is_refused_before_anything_is_sent(graphql: GraphQL) -> None:
    for bad, code, argument in BAD:
        with statements() as sent:
            refused = await graphql.refused(RUNS, **{"ids": ["0"], **bad})
        told = (refused["code"], refused.get("argument"))
        assert told == (code, argument), (str(bad)[:200], refused)
        assert not sent, str(bad)[:200]
        if code == "INVALID_FILTER" and argument == "filter":
            assert refused["position"] >= 0


@pytest.mark.parametrize("levels", [100, 400, 1_000, 100_000])
async def test_absurd_nesting_is_refused(graphql: GraphQL, levels: int) -> None:
    where = '{"and":[' * levels + "{}" + "]}" * levels
    variable = "query($where: RunFilter) { runs(experimentIds: [0], where: $where) { totalCount } }"
    body = f'{{"query": "{variable}", "variables": {{"where": {where}}}}}'
    inline = where.replace('"', "")
    asked = f'{{"query": "{{ runs(experimentIds: [0], where: {inline}) {{ totalCount }} }}"}}'
    for content in (body, asked):
        with statements() as sent:
            reply = await graphql.http.post(
                "/graphql", content=content, headers={"content-type": "application/json"}
            )
        [error] = reply.json()["errors"]
        assert error["extensions"]["code"] != "INTERNAL", error
        assert not sent


async def test_a_cursor_of_another_order_is_refused(graphql: GraphQL) -> None:
    made = await populate(graphql)
    ids = [made["experiment"]]
    order = [{"by": "metrics.loss"}]
    page = (await graphql(RUNS, ids=ids, first=1, order=order))["runs"]
    stale = page["pageInfo"]["endCursor"]
    for other in ([{"by": "metrics.loss DESC"}], [{"by": "metrics.loss.min"}], None):
        with statements() as sent:
            refused = await graphql.refused(RUNS, ids=ids, first=1, order=other, after=stale)
        assert (refused["code"], refused["argument"]) == ("INVALID_INPUT", "after")
        assert not sent


async def test_a_cursor_stays_short_whatever_runs_are_sorted_by(graphql: GraphQL) -> None:
    for end in "ab":
        run = {"experimentName": "e", "name": end, "description": "x" * 100_000 + end}
        await graphql(CREATE, input=run)
    given = {"folder": "e", "order": [{"by": "description DESC"}], "first": 1}
    page = (await graphql(RUNS, **given))["runs"]
    after = page["pageInfo"]["endCursor"]
    assert len(after) < 1_000
    rest = (await graphql(RUNS, after=after, **given))["runs"]
    assert [page["nodes"][0]["name"], rest["nodes"][0]["name"]] == ["b", "a"]


async def test_what_is_large_but_allowed_is_answered(graphql: GraphQL) -> None:
    made = await populate(graphql)
    ids = [made["experiment"], *(f"none{number}" for number in range(9_999))]
    texts = [f"{number:0300}" for number in range(1_000)]
    many: list[dict[str, Any]] = [
        {"tag": {"key": "team", "notIn": texts}},
        {"param": {"key": "lr", "notIn": texts}},
        {"attribute": {"name": "DESCRIPTION", "notIn": texts}},
        metric(notIn=list(range(1_000))),
        {"config": {"path": "o.n", "exists": True}},
    ]
    assert await names(graphql, ids=ids, where={"and": [*many[:3], many[4]]}) == "5 4 3 2 1 0"
    assert await names(graphql, ids=ids, where={"or": [many[3], {"not": many[3]}]}) == "5 4 3 2 1 0"
    alternatives = {"or": [{"tag": {"key": f"k{n}", "ne": "a"}} for n in range(200)]}
    assert await names(graphql, ids=ids[:1], where=alternatives) == ""
