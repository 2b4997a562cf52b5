import json
from pathlib import Path

from approval_tui import ApprovalWorkflow


def draft(task: dict[str, object]) -> dict[str, object]:
    limit = 5000 if "previous_rejection" in task else 9000
    return {"policy": task["policy"], "max_amount_without_approval": limit}


def apply_changes(draft: dict[str, object]) -> int:
    return Path("policy.json").write_text(json.dumps(draft))


workflow = ApprovalWorkflow(draft=draft, execute=apply_changes, max_retries=2)
