"""What a dispute may ask for, which evidence counts, and what an admin may decide."""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from app.edge.gateways.amounts import Operation
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import amounts_of, check_payable
from app.edge.notifications.model import DisputeFacts
from app.foundation.errors import FieldError, Invalid
from app.foundation.money import Money
from app.market.disputes.model import (
    Complaint,
    DamageReport,
    Dispute,
    NewEvidence,
    OpenDispute,
    Side,
)
from app.money.escrow.model import Pot

# Names of folders and a file, none of them `..` or hidden, and no scheme such as `https:`.
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
# The characters that RFC 3986 allows in an address: no blanks, no quotes, nothing that ends a tag.
_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


def of_guest(request: OpenDispute) -> Complaint:
    """The guest's complaint. Raises Invalid for empty evidence, and for files that are none."""
    return _complaint(Side.GUEST, request, request.claimed)


def of_host(request: DamageReport) -> Complaint:
    """The host's complaint. Raises Invalid for empty evidence, and for files that are none."""
    return _complaint(Side.HOST, request, request.claimed)


def check_evidence(evidence: NewEvidence, *, at: str = "") -> None:
    """Check that evidence has a text or files, and that each file is a valid reference.

    Raises Invalid, which names each bad field with the prefix `at`.
    """
    errors = list(_file_errors(evidence.files, f"{at}files"))
    if not evidence.text.strip() and not evidence.files:
        errors.append(FieldError(field=f"{at}text", message="give a text, files, or both"))
    if errors:
        raise Invalid("; ".join(f"{e.field}: {e.message}" for e in errors[:5]), errors=errors)


def claimed(complaint: Complaint, pot: Pot) -> int:
    """How much of a pot is asked for, in minor units. Raises Invalid if the pot holds less."""
    if complaint.claimed is None:
        return pot.left
    _check_currency("claimed", complaint.claimed, pot.currency)
    if not 0 < complaint.claimed.amount <= pot.left:
        message = f"must be above zero, and at most the {pot.money(pot.left)} that are held"
        raise Invalid.field("claimed.amount", message)
    if complaint.claimed.amount < pot.left:
        _check_share("claimed.amount", complaint.claimed, pot.gateway)
    return complaint.claimed.amount


def to_guest(decided: Money, dispute: Dispute, gateway: GatewayName) -> int:
    """What the guest gets of a disputed pot by an admin's decision, in minor units.

    What is held, and what was claimed, may not be an amount that the gateway could pay, after a
    bank has taken a part: it may be decided all the same, and is cut.

    Raises Invalid if the side that opened the dispute would get more than it asked for, or if the
    gateway could not pay the guest this amount.
    """
    _check_currency("toGuest", decided, dispute.currency)
    least, most = 0, dispute.held
    if dispute.side is Side.GUEST:
        most = dispute.claimed
    else:
        least = dispute.held - dispute.claimed
    if not least <= decided.amount <= most:
        raise Invalid.field(
            "toGuest.amount",
            f"must be from {least} to {most}: the {dispute.side} claimed {dispute.claimed} "
            f"of {dispute.held}",
        )
    if decided.amount in (least, most):
        refunds = amounts_of(gateway, Operation.REFUND, dispute.currency)
        return refunds.share(decided.amount)
    check_payable("toGuest.amount", decided, operation=Operation.REFUND, gateway=gateway)
    return decided.amount


def facts(dispute: Dispute) -> DisputeFacts:
    """The facts of a mail about a dispute."""
    stated = DisputeFacts(
        pot=dispute.pot,
        held=dispute.money(dispute.held),
        claimed=dispute.money(dispute.claimed),
    )
    if dispute.to_guest is not None:
        stated["to_guest"] = dispute.money(dispute.to_guest)
    return stated


def _complaint(side: Side, request: OpenDispute | DamageReport, claimed: Money | None) -> Complaint:
    if request.evidence:
        check_evidence(request.evidence, at="evidence.")
    return Complaint(side=side, reason=request.reason, claimed=claimed, evidence=request.evidence)


def _file_errors(files: Sequence[str], field: str) -> Iterable[FieldError]:
    for index, file in enumerate(files):
        if not _KEY.fullmatch(file) and not _is_address(file):
            yield FieldError(
                field=f"{field}[{index}]",
                message="is neither an https:// address nor a key like uploads/window.jpg",
            )


def _is_address(file: str) -> bool:
    """Whether this is an https address with a host name, and without a user name or password."""
    if not _ADDRESS.fullmatch(file):
        return False
    try:
        parts = urlsplit(file)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is none
        return False


def _check_share(field: str, money: Money, gateway: GatewayName) -> None:
    """Check that a gateway could pay a share like this. Raises Invalid, which says what would do.

    No matter whether it is too little to be sent alone: a host's shares may go together.
    """
    if flaw := amounts_of(gateway, Operation.REFUND, money.currency).flaw_of_steps(money):
        raise Invalid.field(field, f"cannot be paid by {gateway.title()}: {flaw}")


def _check_currency(field: str, money: Money, currency: str) -> None:
    if money.currency != currency:
        raise Invalid.field(f"{field}.currency", f"must be {currency}")
