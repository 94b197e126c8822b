"""People: their roles, and who is asking."""

from enum import StrEnum
from uuid import UUID

import msgspec


class Role(StrEnum):
    GUEST = "guest"
    HOST = "host"
    ADMIN = "admin"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking: what an access token says of its holder. `request.user` in every route."""

    id: UUID
    roles: tuple[Role, ...]
