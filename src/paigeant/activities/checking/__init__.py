"""What can be known of a workflow before it runs: names that nothing provides, types that do not fit."""

from paigeant.activities.checking.known import Known
from paigeant.activities.checking.workflow import check_workflow

__all__ = ["Known", "check_workflow"]
