"""Static checks of a workflow: names that nothing provides, types that do not fit."""

from paigeant.activities.checking.histories import Histories
from paigeant.activities.checking.known import Known
from paigeant.activities.checking.planning import may_add
from paigeant.activities.checking.secrets import check_secrets, require_secrets
from paigeant.activities.checking.workflow import check_workflow

__all__ = ["Histories", "Known", "check_secrets", "check_workflow", "may_add", "require_secrets"]
