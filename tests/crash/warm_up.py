"""What the fork server imports and makes before it forks, so that no life has to do it again."""

import gc

import pytest  # noqa: F401  which the main module of a test run asks for

from app.edge.notifications import rules
from app.foundation.clock import is_zone
from tests.application import the_app
from tests.crash import trial  # noqa: F401  with all that it imports

the_app()
is_zone("UTC")  # reads the list of zones
for templates in (rules._HTML, rules._TEXT):
    for name in templates.list_templates():
        templates.get_template(name)
gc.freeze()  # what is here stays: no life looks through it for garbage
