"""Makes up names for runs: adjective, noun, number."""

from __future__ import annotations

import os

ADJECTIVES = """
able agile alert amber ample apt azure bold brave brief bright brisk calm candid clear clever
cobalt cool coral crisp curious daring deft eager early easy fair fancy fast fine firm fleet fond
free fresh gentle glad golden grand green happy hardy honest humble ivory jolly keen kind lively
loyal lucid lucky mellow merry mild modest neat nimble noble olive patient plucky polite proud pure
quick quiet rapid ready rosy royal ruby serene sharp shy silent silver sleek smart smooth snug solid
spry steady still sunny swift tidy true vivid warm wise witty young zesty
"""
NOUNS = """
acorn alder anchor ant aspen badger bay beacon bear beech birch bison bloom boulder breeze brook
canyon cedar cliff cloud clover comet coral cove crane creek cricket dawn deer delta dove dune eagle
elm ember falcon fern field finch fjord flame flint forest fox garden geyser glade grove gull harbor
hare hawk hazel heron hill island ivy jay juniper kite lagoon lake lark laurel leaf lily linden lynx
maple marsh meadow mesa moon moss newt oak ocean orchid otter owl panda pebble pine plum pond poppy
quail raven reef ridge river robin sail seal shore sparrow spruce star stone stream summit swan
thistle tide trail trout tulip valley violet wave willow wolf wren
"""


def name() -> str:
    """A name that is easy to say and rarely made twice."""
    raw = os.urandom(6)
    adjectives, nouns = ADJECTIVES.split(), NOUNS.split()
    adjective = adjectives[int.from_bytes(raw[:2], "big") % len(adjectives)]
    noun = nouns[int.from_bytes(raw[2:4], "big") % len(nouns)]
    return f"{adjective}-{noun}-{int.from_bytes(raw[4:], 'big') % 1000}"
