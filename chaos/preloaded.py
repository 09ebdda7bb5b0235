"""What workers load later than at their import: loaded once, before they are forked."""

from __future__ import annotations

import paigeant.security.plain
import paigeant.stores.postgresql
import paigeant.stores.sqlite
import paigeant.transports.rabbitmq
import paigeant.transports.redis  # noqa: F401
