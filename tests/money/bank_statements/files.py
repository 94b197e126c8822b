"""Files as banks send them, with our own data: camt.053 of any version, MT940 in two styles."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

IBAN: Final = "DE89370400440532013000"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An entry to be written in a file. `amount` is signed; several `parts` make a batch."""

    amount: Decimal
    on: date
    reference: str = ""
    text: str = ""
    bank_reference: str = ""
    is_reversal: bool = False
    status: str = "BOOK"
    parts: tuple[tuple[Decimal | None, str], ...] = ()


def camt(
    *lines: Line,
    version: int = 8,
    opening: Decimal = Decimal(0),
    closing: Decimal | None = None,
    currency: str = "EUR",
    account: str = IBAN,
    number: str = "S1",
) -> bytes:
    """A camt.053 with one statement."""
    booked = sum((line.amount for line in lines if line.status == "BOOK"), opening)
    end = booked if closing is None else closing
    on = lines[0].on if lines else date(2026, 11, 2)
    entries = "".join(_entry(line, version, currency) for line in lines)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02}">
<BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-03T06:00:00+01:00</CreDtTm></GrpHdr>
<Stmt>
<Id>{number}</Id>
<ElctrncSeqNb>17</ElctrncSeqNb>
<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>{currency}</Ccy></Acct>
{_balance("OPBD", opening, currency, on)}
{_balance("CLBD", end, currency, on)}
{_balance("CLAV", end, currency, on)}
{entries}
</Stmt>
</BkToCstmrStmt>
</Document>
""".encode()


def _balance(kind: str, amount: Decimal, currency: str, on: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(amount, currency)}"
        f"<Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def _amount(amount: Decimal, currency: str) -> str:
    direction = "DBIT" if amount < 0 else "CRDT"
    return f'<Amt Ccy="{currency}">{abs(amount)}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'


def _entry(line: Line, version: int, currency: str) -> str:
    status = f"<Cd>{line.status}</Cd>" if version >= 8 else line.status
    parts = line.parts or ((line.amount, line.reference),)
    batch = f"<Btch><NbOfTxs>{len(parts)}</NbOfTxs></Btch>" if line.parts else ""
    details = "".join(_details(*part, line, version, currency) for part in parts)
    reversal = "<RvslInd>true</RvslInd>" if line.is_reversal else ""
    reference = f"<AcctSvcrRef>{line.bank_reference}</AcctSvcrRef>" if line.bank_reference else ""
    return (
        f"<Ntry>{_amount(line.amount, currency)}{reversal}<Sts>{status}</Sts>\n"
        f"<BookgDt><Dt>{line.on}</Dt></BookgDt><ValDt><Dt>{line.on}</Dt></ValDt>{reference}"
        "<BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd>\n"
        f"<NtryDtls>{batch}{details}</NtryDtls></Ntry>\n"
    )


def _details(
    amount: Decimal | None, reference: str, line: Line, version: int, currency: str
) -> str:
    name = "<Nm>Stripe</Nm>"
    party = f"<Pty>{name}</Pty>" if version >= 8 else name
    sized = ""
    if amount is not None and line.parts:
        sized = (
            f'<AmtDtls><TxAmt><Amt Ccy="{currency}">{abs(amount)}</Amt></TxAmt></AmtDtls>'
            if version == 2
            else f'<Amt Ccy="{currency}">{abs(amount)}</Amt>'
        )
    return (
        f"<TxDtls><Refs><EndToEndId>{reference or 'NOTPROVIDED'}</EndToEndId></Refs>{sized}"
        f"<RltdPties><Dbtr>{party}</Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>{line.text}</Ustrd></RmtInf></TxDtls>"
    )


def mt940(
    *lines: Line,
    style: str = "plain",
    opening: Decimal = Decimal(0),
    closing: Decimal | None = None,
    currency: str = "EUR",
    account: str = IBAN,
    number: str = "00017/001",
    **tags: Any,
) -> bytes:
    """An MT940 with one statement.

    `german` has `?20` subfields cut after 27 characters and CR LF; `plain` has /EREF/ and lines cut
    after 65 characters in a SWIFT envelope.
    """
    end = sum((line.amount for line in lines), opening) if closing is None else closing
    on = lines[0].on if lines else date(2026, 11, 2)
    fields = [
        ":20:STARTUMS",
        f":25:{account}",
        f":28C:{number}",
        f":60F:{_mt_balance(opening, currency, on)}",
        *(field for line in lines for field in _mt_entry(line, style)),
        f":62F:{_mt_balance(end, currency, on)}",
        *(f":{tag.removeprefix('t')}:{text}" for tag, text in tags.items()),
    ]
    if style == "german":
        return "\r\n".join([*fields, "-", ""]).encode("cp1252")
    head = "{1:F01ABNANL2AXXXX0000000000}{2:O9400600261103ABNANL2AXXXX00000000002611030600N}{4:"
    return "\n".join([head, *fields, "-}", ""]).encode()


def _mt_number(amount: Decimal) -> str:
    whole, _, fraction = str(abs(amount)).partition(".")
    return f"{whole},{fraction}"


def _mt_balance(amount: Decimal, currency: str, on: date) -> str:
    mark = "D" if amount < 0 else "C"
    return f"{mark}{on:%y%m%d}{currency}{_mt_number(amount)}"


def _mt_entry(line: Line, style: str) -> list[str]:
    if line.is_reversal:
        mark = "RC" if line.amount < 0 else "RD"
    else:
        mark = "D" if line.amount < 0 else "C"
    own = line.reference[:16] if len(line.reference) <= 16 and line.reference else "NONREF"
    bank = f"//{line.bank_reference}" if line.bank_reference else ""
    entry = f":61:{line.on:%y%m%d}{line.on:%m%d}{mark}{_mt_number(line.amount)}NTRF{own}{bank}"
    if style == "german":
        purpose = f"EREF+{line.reference or 'NOTPROVIDED'} SVWZ+{line.text}"
        pieces = [purpose[at : at + 27] for at in range(0, len(purpose), 27)]
        said = "166?00GUTSCHRIFT" + "".join(
            f"?{20 + number}{piece}" for number, piece in enumerate(pieces[:10])
        )
        said += "?32STRIPE TECHNOLOGY"
    else:
        said = f"/EREF/{line.reference}/REMI/{line.text}/NAME/STRIPE"
    cut = "\n".join(said[at : at + 65] for at in range(0, len(said), 65))
    return [entry, f":86:{cut}"]
