"""Group operations in one statement, which is a transaction by itself: for servers with a round trip each.

Rows that are not as expected are left unchanged, and processed by the judging path. Loaded on demand: a database in a
file has no round trips, and needs neither this nor the dialect of PostgreSQL.
"""

from typing import TYPE_CHECKING

from paigeant.on_demand import on_demand

if TYPE_CHECKING:
    from paigeant.sql.statements.at_once.claim import claim_at_once, claim_fits
    from paigeant.sql.statements.at_once.commit import commits_fit, record_at_once
    from paigeant.sql.statements.at_once.start import start_at_once, starts_fit
else:
    __getattr__, __dir__ = on_demand(
        __name__,
        {
            "paigeant.sql.statements.at_once.claim": "claim_at_once claim_fits",
            "paigeant.sql.statements.at_once.commit": "commits_fit record_at_once",
            "paigeant.sql.statements.at_once.start": "start_at_once starts_fit",
        },
    )

__all__ = ["claim_at_once", "claim_fits", "commits_fit", "record_at_once", "start_at_once", "starts_fit"]
