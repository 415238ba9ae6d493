"""What an operation may cost, computed before any resolver runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_scalar_type,
    value_from_ast_untyped,
)
from graphql.pyutils import Undefined

from trackql_server.errors import CostLimit

# How many items a list is taken to have that no argument bounds.
ASSUMED = 10


@dataclass(frozen=True, slots=True)
class Limits:
    depth: int = 20
    aliases: int = 200
    tokens: int = 5_000
    cost: int = 1_000_000


def check_shape(document: DocumentNode, limits: Limits) -> None:
    """Refuses a document that nests too deep or has too many aliases, fragments unfolded."""
    shapes = _Shapes(document)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        depth, aliases = shapes.measure(definition.selection_set)
        if depth > limits.depth:
            raise CostLimit(
                f"The operation nests {depth} levels deep, more than the {limits.depth} allowed; "
                "ask for inner objects by id in a request of their own.",
                limit="depth",
            )
        if aliases > limits.aliases:
            raise CostLimit(
                f"The operation has {aliases} aliases, more than the {limits.aliases} allowed; "
                "use a field that takes many ids or keys, or send several requests.",
                limit="aliases",
            )


class _Shapes:
    """Depth and aliases of selection sets; each fragment is measured once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = _fragments(document)
        self._known: dict[str, tuple[int, int]] = {}

    def measure(self, selections: SelectionSetNode | None) -> tuple[int, int]:
        if selections is None:
            return 0, 0
        depth = aliases = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                inner, more = self.measure(node.selection_set)
                inner += 1
                more += node.alias is not None
            elif isinstance(node, InlineFragmentNode):
                inner, more = self.measure(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                inner, more = self._fragment(node.name.value)
            depth = max(depth, inner)
            aliases += more
        return depth, aliases

    def _fragment(self, name: str) -> tuple[int, int]:
        if name not in self._known:
            self._known[name] = (0, 0)  # a cycle ends here; validation refuses it
            if fragment := self._fragments.get(name):
                self._known[name] = self.measure(fragment.selection_set)
        return self._known[name]


@dataclass(slots=True, eq=False)
class _Selection:
    leaves: int = 0
    fields: list["_Field"] = field(default_factory=list)
    spreads: list["_Selection"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Field:
    selection: _Selection
    listed: bool
    first: object = None  # a number, a variable's node, or None
    keys: object = None  # what names the items one by one, so that `first` is not the bound
    sizes: tuple[object, ...] = ()


class Plan:
    """The cost of one operation as a function of its variables: values resolved, lists full."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self._schema = schema
        self._fragments = _fragments(document)
        self._spreads: dict[str, _Selection] = {}
        root = schema.get_root_type(operation.operation)
        self._selection = _Selection()
        self._fill(self._selection, operation.selection_set, root)
        self._varies = any(True for _ in self._variables(self._selection, set()))
        self._constant = 0 if self._varies else self._evaluate({})

    def cost(self, variables: Mapping[str, object]) -> int:
        return self._evaluate(variables) if self._varies else self._constant

    def check(self, variables: Mapping[str, object], limits: Limits) -> None:
        cost = self.cost(variables)
        if cost > limits.cost:
            raise CostLimit(
                f"The operation may resolve {cost:,} values, more than the {limits.cost:,} "
                "allowed; lower `first`, name fewer ids or keys, or send several requests.",
                limit="cost",
            )

    def _fill(
        self, into: _Selection, selections: SelectionSetNode, parent: GraphQLNamedType | None
    ) -> None:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                self._add_field(into, node, parent)
            elif isinstance(node, InlineFragmentNode):
                self._fill(into, node.selection_set, self._narrowed(node, parent))
            elif isinstance(node, FragmentSpreadNode):
                into.spreads.append(self._spread(node.name.value))

    def _add_field(
        self, into: _Selection, node: FieldNode, parent: GraphQLNamedType | None
    ) -> None:
        assert is_composite_type(parent)
        definition = self._schema.get_field(parent, node.name.value)
        if definition is None or node.selection_set is None:
            into.leaves += 1
            return
        chosen = _field(node, definition)
        self._fill(chosen.selection, node.selection_set, get_named_type(definition.type))
        into.fields.append(chosen)

    def _narrowed(
        self, node: InlineFragmentNode | FragmentDefinitionNode, parent: GraphQLNamedType | None
    ) -> GraphQLNamedType | None:
        condition = node.type_condition
        return self._schema.get_type(condition.name.value) if condition else parent

    def _spread(self, name: str) -> _Selection:
        if name not in self._spreads:
            selection = self._spreads[name] = _Selection()
            fragment = self._fragments[name]
            self._fill(selection, fragment.selection_set, self._narrowed(fragment, None))
        return self._spreads[name]

    def _variables(self, selection: _Selection, seen: set[_Selection]) -> Iterator[VariableNode]:
        if selection in seen:
            return
        seen.add(selection)
        for inner in selection.spreads:
            yield from self._variables(inner, seen)
        for chosen in selection.fields:
            for value in (chosen.first, chosen.keys, *chosen.sizes):
                if isinstance(value, VariableNode):
                    yield value
            yield from self._variables(chosen.selection, seen)

    def _evaluate(self, variables: Mapping[str, object]) -> int:
        known: dict[tuple[_Selection, int | None], int] = {}

        def selected(selection: _Selection, bound: int | None) -> int:
            key = (selection, bound)
            if key not in known:
                known[key] = (
                    selection.leaves
                    + sum(selected(inner, bound) for inner in selection.spreads)
                    + sum(chosen(each, bound) for each in selection.fields)
                )
            return known[key]

        def chosen(each: _Field, bound: int | None) -> int:
            given = _bound(each, variables)
            if not each.listed:
                return 1 + selected(each.selection, given)
            times = given if given is not None else bound if bound is not None else ASSUMED
            return times * (1 + selected(each.selection, None))

        return selected(self._selection, None)


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def _field(node: FieldNode, definition: GraphQLField) -> _Field:
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    values: dict[str, object] = {}
    for name, argument in definition.args.items():
        # Lists of ids or names say how many are asked for; others filter, or say where to resume.
        if name != "first" and not (
            _is_list(argument.type) and is_scalar_type(get_named_type(argument.type))
        ):
            continue
        if (value := given.get(name)) is not None:
            values[name] = (
                value if isinstance(value, VariableNode) else value_from_ast_untyped(value)
            )
        elif argument.default_value is not Undefined:
            values[name] = argument.default_value
    return _Field(
        _Selection(),
        listed=_is_list(definition.type),
        first=values.pop("first", None),
        keys=values.get("keys", values.get("ids")),
        # A table has as many columns as it is asked for, of however many experiments.
        sizes=(values["columns"],) if "columns" in values else tuple(values.values()),
    )


def _bound(each: _Field, variables: Mapping[str, object]) -> int | None:
    """How many items the field may have, where its arguments say so."""
    first = _value(each.first, variables)
    if isinstance(first, int):
        keys = _value(each.keys, variables)
        return max(0, min(first, len(keys)) if isinstance(keys, list) else first)
    product = None
    for size in each.sizes:
        value = _value(size, variables)
        if isinstance(value, list):
            product = (1 if product is None else product) * len(value)
    return product


def _value(value: object, variables: Mapping[str, object]) -> object:
    return variables.get(value.name.value) if isinstance(value, VariableNode) else value


def _is_list(type_: object) -> bool:
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)
