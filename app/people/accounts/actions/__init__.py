"""The verbs of accounts: create and change; open, refresh and end sessions; hash passwords."""

from app.people.accounts.actions.accounts import (
    change_account,
    create_account,
    find_credentials,
    find_missing,
    read_account,
)
from app.people.accounts.actions.passwords import (
    check_strength,
    hash_password,
    password_fits,
)
from app.people.accounts.actions.sessions import (
    SESSION_LIVES_FOR,
    actor_of,
    end_session,
    find_session,
    forget_old,
    list_sessions,
    log_out,
    open_session,
    open_session_of,
    read_standing,
    record_refused,
    record_refused_step_up,
    refresh,
    step_up,
)
from app.people.accounts.actions.users import (
    disable,
    enable,
    end_sessions,
    list_users,
    make_admin,
)

__all__ = [
    "SESSION_LIVES_FOR",
    "actor_of",
    "change_account",
    "check_strength",
    "create_account",
    "disable",
    "enable",
    "end_session",
    "end_sessions",
    "find_credentials",
    "find_missing",
    "find_session",
    "forget_old",
    "hash_password",
    "list_sessions",
    "list_users",
    "log_out",
    "make_admin",
    "open_session",
    "open_session_of",
    "password_fits",
    "read_account",
    "read_standing",
    "record_refused",
    "record_refused_step_up",
    "refresh",
    "step_up",
]
