"""What every resolver gets beside its arguments."""

import strawberry

from trackql_server.graphql.loaders import Loaders

Info = strawberry.Info[Loaders, None]
